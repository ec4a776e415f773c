"""How many requests a client has left in this minute, as venues count and tell it."""

from __future__ import annotations

from collections.abc import Callable

_WINDOW_S = 60.0


class Quota:
    """A window of one minute of real time.

    Parameters
    ----------
    limit : int
        Weight allowed in a window.
    steady_s : callable
        Seconds of a clock that never runs backwards.
    """

    def __init__(self, limit: int, steady_s: Callable[[], float]) -> None:
        self.limit, self._steady_s = limit, steady_s
        self.used, self._until = 0, steady_s() + _WINDOW_S

    def take(self, weight: int = 1) -> bool:
        """Count a request; False where it is one too many."""
        if self._steady_s() >= self._until:
            self.used, self._until = 0, self._steady_s() + _WINDOW_S
        self.used += weight
        return self.used <= self.limit

    @property
    def left(self) -> int:
        """Weight that is left."""
        return max(0, self.limit - self.used)

    @property
    def reset_s(self) -> float:
        """Seconds until the window ends."""
        return max(0.0, self._until - self._steady_s())
