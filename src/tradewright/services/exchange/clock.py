"""Simulated time: recorded time that passes at a chosen speed, or only when it is told to."""

from __future__ import annotations

from collections.abc import Callable

_NS = 1e9


class SimulatedClock:
    """Maps a steady clock to the time of the recording.

    Parameters
    ----------
    start_ns : int
        Where the recording begins, ns UTC.
    speed : float
        Simulated seconds a second; 0: time stands still until `move`.
    steady_s : callable
        Seconds of a clock that never runs backwards.
    """

    def __init__(self, start_ns: int, speed: float, steady_s: Callable[[], float]) -> None:
        self.speed, self._steady_s = speed, steady_s
        self._base, self._since = start_ns, steady_s()

    def now_ns(self) -> int:
        """Return the time of the recording, ns UTC."""
        passed = max(0.0, self._steady_s() - self._since)
        return self._base + round(passed * self.speed * _NS)

    def move(self, to_ns: int, pause_s: float = 0.0) -> None:
        """Set the time, and let it stand still for some seconds."""
        self._base, self._since = to_ns, self._steady_s() + pause_s

    def wait_s(self, until_ns: int) -> float:
        """Return how many seconds it takes until a time; infinity where time stands still."""
        if self.speed <= 0.0:
            return float("inf")
        rest = max(0.0, self._since - self._steady_s())
        return rest + max(0.0, (until_ns - self.now_ns()) / _NS / self.speed)
