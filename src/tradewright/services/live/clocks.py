"""Whose time a session lives in."""

from __future__ import annotations

from collections.abc import Callable


class MarketClock:
    """The time of a recording: it stands still between events and never goes back."""

    def __init__(self, start_ns: int) -> None:
        self._now = start_ns

    def now_ns(self) -> int:
        """Return the time, ns UTC."""
        return self._now

    def move(self, now_ns: int) -> None:
        """Let an event set the time."""
        self._now = max(self._now, now_ns)


class VenueClock:
    """Our clock, set by the venue's where it plays a recording: each look at the venue's clock sets the offset anew.

    Parameters
    ----------
    wall_ns : callable
        ns UTC.
    follows : bool
        Whether the venue's time is taken over; otherwise it is only compared.
    """

    def __init__(self, wall_ns: Callable[[], int], *, follows: bool) -> None:
        self._wall_ns, self._follows = wall_ns, follows
        self._ahead = self._last = 0
        self.drift_ms = float("nan")  # our clock less the venue's

    def now_ns(self) -> int:
        """Return the time, ns UTC; never earlier than before."""
        self._last = max(self._last, self._wall_ns() + self._ahead)
        return self._last

    def compare(self, asked_ns: int, venue_ns: int, answered_ns: int) -> float:
        """Take in the venue's clock, asked and answered by ours (`now_ns`); return the drift in ms.

        Half of the round trip is taken to be the way back.
        """
        middle = (asked_ns + answered_ns) // 2
        if self._follows:
            self._ahead += venue_ns - middle
            self.drift_ms = 0.0
        else:
            self.drift_ms = (middle - venue_ns) / 1e6
        return self.drift_ms

    def move(self, now_ns: int) -> None:
        """Let an event of a venue that plays a recording set the time forward."""
        if self._follows and now_ns > self.now_ns():
            self._ahead += now_ns - self._last
