"""Where time buckets begin and end: on the clock of UTC, or counted from each session's open."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.calendar import Calendar
from tradewright.core.types.errors import UsageError
from tradewright.data.timeframe import DAY, timeframe_name

Stamps = NDArray[np.int64]
_WEEK = 7 * DAY
#: 1970-01-05 was a Monday; weeks begin there, everything shorter at the epoch.
_FIRST_MONDAY = 4 * DAY
_NONE = np.empty(0, np.int64)


class SessionTable(Protocol):
    """When a market was open: ``[opens[k], closes[k])``, i8[k] ns UTC, ascending, not overlapping."""

    @property
    def opens(self) -> Stamps:
        """Opening times."""

    @property
    def closes(self) -> Stamps:
        """Closing times."""


@dataclass(frozen=True, slots=True)
class SessionSpans:
    """The plainest session table."""

    opens: Stamps
    closes: Stamps


@dataclass(frozen=True, slots=True)
class TimeGrid:
    """Buckets ``[start, end)`` of ``size_ns``.

    Without sessions a bucket starts at ``origin_ns`` plus a whole number of sizes. With sessions the count begins
    anew at each open, and the last bucket of a session ends at its close: an early close makes it short. Time
    outside the sessions lies in no bucket.

    Parameters
    ----------
    size_ns : int
        Length of a bucket.
    origin_ns : int
        Start of any one bucket, ns UTC; unused with sessions.
    opens, closes : NDArray[np.int64]
        Sessions, i8[k] ns UTC; empty: none.
    """

    size_ns: int
    origin_ns: int = 0
    opens: Stamps = field(default_factory=_NONE.copy)
    closes: Stamps = field(default_factory=_NONE.copy)

    def __post_init__(self) -> None:
        if self.size_ns <= 0:
            what = f"a bar of {self.size_ns} ns is not possible"
            raise UsageError(what, where="size_ns", fix="Give a length above zero, such as 5m.")
        if len(self.opens) != len(self.closes):
            what = f"{len(self.opens)} opens do not fit {len(self.closes)} closes"
            raise UsageError(what, where="sessions", fix="Give an open and a close for each session.")
        if np.any(self.closes <= self.opens) or np.any(self.opens[1:] < self.closes[:-1]):
            what = "a session ends before it begins, or begins before the one before it has ended"
            raise UsageError(what, where="sessions", fix="Give sessions in order of time that do not overlap.")

    @property
    def name(self) -> str:
        """The length as people write it: ``5m``."""
        return timeframe_name(self.size_ns)


def utc_grid(size_ns: int) -> TimeGrid:
    """Return buckets counted from 1970-01-01 00:00 UTC; whole weeks from Monday 1970-01-05.

    Raises
    ------
    UsageError
        If the size is not above zero.
    """
    return TimeGrid(size_ns, _FIRST_MONDAY if size_ns > 0 and size_ns % _WEEK == 0 else 0)


def session_grid(size_ns: int, sessions: SessionTable) -> TimeGrid:
    """Return buckets counted from each session's open.

    Raises
    ------
    UsageError
        If the size is not above zero, or the table is empty, unordered or overlaps.
    """
    if len(sessions.opens) == 0:
        raise UsageError("the table holds no sessions", where="sessions", fix="Give those of the bars' time range.")
    opens, closes = (np.ascontiguousarray(a, dtype=np.int64) for a in (sessions.opens, sessions.closes))
    return TimeGrid(size_ns, 0, opens, closes)


def day_sessions(calendar: Calendar, first_ns: int, last_ns: int) -> SessionSpans:
    """Return the trading days of a calendar that touch ``[first_ns, last_ns]`` as sessions without a pause.

    For markets that trade around the clock: an FX day runs from 17:00 to 17:00 New York, and is 23 or 25 hours
    long when the clock changes.
    """
    starts = calendar.day_starts(first_ns, last_ns)
    return SessionSpans(starts[:-1], starts[1:])
