"""Whose time a session lives in."""

from __future__ import annotations

from collections import deque
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
    """Our clock beside the venue's.

    For a venue that plays a recording it begins at the venue's time and runs at our pace: how long to wait for an
    answer is a matter of real seconds, however fast the recording goes, and whoever asks such a venue what happened
    since some time asks too early rather than too late.

    Parameters
    ----------
    wall_ns : callable
        ns UTC.
    follows : bool
        Whether the venue plays a recording, so that its time is taken over.
    """

    def __init__(self, wall_ns: Callable[[], int], *, follows: bool) -> None:
        self._wall_ns, self._follows = wall_ns, follows
        self._ahead: int | None = None if follows else 0
        self._last = 0
        self.drift_ms = float("nan")  # our clock less the venue's
        self._recent: deque[float] = deque(maxlen=60)

    def now_ns(self) -> int:
        """Return the time, ns UTC; never earlier than before."""
        if self._ahead is None:
            return self._wall_ns()
        self._last = max(self._last, self._wall_ns() + self._ahead)
        return self._last

    def compare(self, asked_ns: int, venue_ns: int, answered_ns: int, *, tells_late: bool = False) -> float:
        """Take in the venue's clock, asked and answered by ours (`now_ns`); return the drift in ms.

        Half of the round trip is taken to be the way back. A venue that ``tells_late`` (whole seconds, or the time of
        its newest quote) is behind its own clock by what nobody knows: of the last 60 answers the least late counts.
        """
        middle = (asked_ns + answered_ns) // 2
        if self._ahead is None:
            self._ahead = venue_ns - middle
        self._recent.append((middle - venue_ns) / 1e6)
        self.drift_ms = 0.0 if self._follows else min(self._recent) if tells_late else self._recent[-1]
        return self.drift_ms
