"""Where bars are expected: the grid of a bar length laid over the sessions of a market."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.calendar import Calendar
from tradewright.core.types.errors import UsageError
from tradewright.data.sessions import ALWAYS, Sessions, sessions_between, sessions_name
from tradewright.data.timeframe import DAY
from tradewright.data.times import called_days


@dataclass(frozen=True, slots=True)
class Slots:
    """Expected starts of bars in blocks: slots of a block are ``first + k * interval`` for ``k`` below ``counts``.

    A block is a session, a half of one with a lunch break, or a week of sessions that touch each other.

    Parameters
    ----------
    sessions : Sessions
        What the grid was laid over.
    opens, closes : i8[m]
        Begin and end of each block (coordinate, see `coordinates`).
    interval : int
        Length of a bar, ns.
    first, counts : i8[m]
        First slot of each block and how many there are.
    required : i8[m]
        ``counts``, but 0 where a market may as well have been closed.
    """

    sessions: Sessions
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]
    interval: int
    first: NDArray[np.int64]
    counts: NDArray[np.int64]
    required: NDArray[np.int64]

    @property
    def last(self) -> NDArray[np.int64]:
        """Last slot of each block, i8[m]."""
        return self.first + (self.counts - 1) * self.interval

    def before(self, x: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many required slots lie before each coordinate, i8[k]."""
        total = np.concatenate([[0], np.cumsum(self.required)])
        block = np.searchsorted(self.first, x, side="right") - 1
        known = np.maximum(block, 0)
        inside = -((self.first[known] - x) // self.interval)  # rounded up
        return np.where(block < 0, 0, total[known] + np.clip(inside, 0, self.required[known]))

    def is_inside(self, x: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return for ascending coordinates whether their bar touches a block, required or not; bool[n]."""
        low = np.searchsorted(x, self.opens - self.interval, side="right")
        high = np.searchsorted(x, self.closes, side="left")
        edges = np.zeros(len(x) + 1, np.int64)
        np.add.at(edges, low, 1)
        np.add.at(edges, high, -1)
        return np.cumsum(edges)[:-1] > 0


def coordinates(ts_open: NDArray[np.int64], interval: int, calendar: Calendar) -> NDArray[np.int64]:
    """Return where bars stand on the grid, i8[n]: their start; for daily bars the date of their trading day."""
    if interval < DAY:
        return ts_open
    return called_days(ts_open, calendar) * DAY


def slots_of(ts_open: NDArray[np.int64], interval: int, calendar: Calendar) -> Slots | None:
    """Lay the grid that most bars stand on over the sessions of their calendar.

    Intraday bars are counted from the session's open (9:30, 10:30, ...) or from the full hour (9:00, 10:00, ...),
    whichever the bars themselves do.

    Parameters
    ----------
    ts_open : i8[n]
        Starts of bars, ns UTC, ascending, at least one.
    interval : int
        Length of a bar, ns.
    calendar : Calendar
        Trading days; names the sessions (`sessions.sessions_name`).

    Returns
    -------
    Slots or None
        None where no sessions are known, trade never stops, or a bar is longer than a day.
    """
    name = sessions_name(calendar)
    if name in ("", ALWAYS) or interval > DAY or len(ts_open) == 0:
        return None
    try:
        sessions = sessions_between(name, int(ts_open[0]) - 4 * DAY, int(ts_open[-1]) + 4 * DAY)
    except UsageError:
        return None  # times before an exchange's holidays are known; what is known must do
    if interval == DAY:
        ones = np.ones(len(sessions), np.int64)
        days = sessions.days * DAY
        return Slots(sessions, days, days + DAY, interval, days, ones, ones - sessions.is_optional)
    opens, closes, optional = _blocks(sessions)
    first = _first_slots(ts_open, interval, opens)
    counts = -((first - closes) // interval)
    return Slots(sessions, opens, closes, interval, first, counts, np.where(optional, 0, counts))


def _blocks(sessions: Sessions) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return spans of uninterrupted trade: sessions cut at their breaks, and joined where they touch."""
    has_break = sessions.break_starts > 0
    opens = np.concatenate([sessions.opens, sessions.break_ends[has_break]])
    closes = np.concatenate([np.where(has_break, sessions.break_starts, sessions.closes), sessions.closes[has_break]])
    optional = np.concatenate([sessions.is_optional, sessions.is_optional[has_break]])
    by_time = np.argsort(opens)
    opens, closes, optional = opens[by_time], closes[by_time], optional[by_time]
    begins = np.concatenate([[True], (opens[1:] > closes[:-1]) | (optional[1:] != optional[:-1])])
    ends = np.concatenate([begins[1:], [True]])
    return opens[begins], closes[ends], optional[begins]


def _first_slots(ts: NDArray[np.int64], interval: int, opens: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the slot that holds each open, on the grid that more bars stand on."""
    sample = ts[:: max(1, len(ts) // 20_000)]
    block = np.maximum(np.searchsorted(opens, sample, side="right") - 1, 0)
    from_open, share_open = usual((sample - opens[block]) % interval)
    from_hour, share_hour = usual(sample % interval)
    if share_open >= share_hour:
        return opens - (interval - from_open if from_open else 0)
    return opens - (opens - from_hour) % interval


def usual(phases: NDArray[np.int64]) -> tuple[int, float]:
    """Return the most common value, of equally common ones the smallest, and its share."""
    found, counts = np.unique(phases, return_counts=True)
    at = int(np.argmax(counts))
    return int(found[at]), float(counts[at] / len(phases))
