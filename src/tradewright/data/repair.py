"""Explicit ways to deal with missing bars; never applied by themselves, and every filled row carries a mark.

A filled bar is no market event: nothing traded, and an order could not have been filled on it at a price that was
quoted. The marks are kept beside the frame and not in it, because the columns of a canonical frame are fixed and
hashed: the store never holds a bar that a source did not send.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.core.types.calendar import Calendar
from tradewright.core.types.errors import UsageError
from tradewright.data.kinds import Kind, canonical
from tradewright.data.quality.coverage import Gaps, gaps
from tradewright.data.quality.findings import Subject
from tradewright.data.quality.series import Series, series_of
from tradewright.data.timeframe import DAY
from tradewright.data.times import day_bounds

#: ``none`` leaves gaps; ``forward`` puts flat bars at the last close with no volume; ``drop_session`` removes the
#: sessions that a gap touches (whole trading days of markets that never close).
Policy = Literal["none", "forward", "drop_session"]
POLICIES: tuple[Policy, ...] = ("none", "forward", "drop_session")


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a policy made of a frame.

    Parameters
    ----------
    policy : str
        Which one.
    frame : polars.DataFrame
        Canonical, ascending.
    marks : u1[n]
        1 where the row was filled in, 0 where a source sent it.
    dropped_days : i8[k]
        Trading days that were removed, days since 1970.
    dropped_rows : int
        How many rows they had.
    """

    policy: Policy
    frame: pl.DataFrame
    marks: NDArray[np.uint8]
    dropped_days: NDArray[np.int64]
    dropped_rows: int


def fill_gaps(frame: pl.DataFrame, interval: int, calendar: Calendar, policy: Policy = "none") -> Repaired:
    """Deal with the bars that are missing between the first and the last.

    What is missing is what the rules ``gap`` and ``missing_session`` find: bars of sessions, never the hours a market
    is closed. A filled bar uses nothing later than itself: it stands at the last close before it and is seen at its
    own end.

    Parameters
    ----------
    frame : polars.DataFrame
        Sound bars, ascending in time.
    interval : int
        Length of a bar, ns.
    calendar : Calendar
        Of the instrument.
    policy : "none", "forward" or "drop_session"
        What to do.

    Raises
    ------
    UsageError
        If there is no such policy, or it cannot be applied to bars longer than a day.
    """
    if policy not in POLICIES:
        raise UsageError(f"'{policy}' is not a policy for gaps", fix=f"Allowed: {', '.join(POLICIES)}.")
    same = Repaired(policy, frame, np.zeros(len(frame), np.uint8), np.empty(0, np.int64), 0)
    if policy == "none" or len(frame) < 2:
        return same
    if interval > DAY:
        raise UsageError(f"'{policy}' needs bars of a day or less", fix="Use the policy none.")
    series = series_of(Subject("", Kind.BARS, frame, 1, interval, calendar))
    holes = gaps(series)
    if len(holes.after) == 0:
        return same
    return _forward(frame, series, holes) if policy == "forward" else _without_sessions(frame, series, holes)


def _forward(frame: pl.DataFrame, series: Series, holes: Gaps) -> Repaired:
    opens, sources = [], []
    for after in holes.after.tolist():
        missing = _missing_slots(series, int(series.x[after - 1]), int(series.x[after]))
        opens.append(missing)
        sources.append(np.full(len(missing), after - 1, np.int64))
    x, source = np.concatenate(opens), np.concatenate(sources)
    if series.interval == DAY:
        starts, ends = day_bounds(x // DAY, 1, series.calendar)
        starts, ends = _at_usual_hour(series, starts, ends)
    else:
        starts, ends = x, x + series.interval
    close = series.close[source]
    flat = dict.fromkeys(("open", "high", "low", "close"), close)
    columns = {"ts_open": starts, "ts_event": ends, "ts_seen": ends, **flat, "volume": np.zeros(len(x))}
    filled = canonical(pl.DataFrame(columns), Kind.BARS)
    both = pl.concat([frame.with_columns(mark=pl.lit(0, pl.UInt8)), filled.with_columns(mark=pl.lit(1, pl.UInt8))])
    both = both.sort("ts_open", maintain_order=True)
    return Repaired("forward", both.drop("mark"), both["mark"].to_numpy(), np.empty(0, np.int64), 0)


def _missing_slots(series: Series, left: int, right: int) -> NDArray[np.int64]:
    """Return the expected starts between two bars, on the grid (coordinates)."""
    interval = series.interval
    if series.slots is None:
        return np.arange(left + interval, right - interval + 1, interval, dtype=np.int64)
    slots = series.slots
    low = max(int(np.searchsorted(slots.first, left, side="right")) - 1, 0)
    high = int(np.searchsorted(slots.first, right, side="right"))
    parts = [
        slots.first[b] + interval * np.arange(slots.required[b], dtype=np.int64)
        for b in range(low, high)
        if slots.required[b]
    ]
    expected = np.concatenate(parts) if parts else np.empty(0, np.int64)
    found: NDArray[np.int64] = expected[(expected >= left + interval) & (expected <= right - interval)]
    return found


def _at_usual_hour(
    series: Series, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Move daily bars to where the others stand in their day, such as at the open instead of midnight."""
    begins = series.calendar.day_starts(int(series.ts[0]), int(series.ts[-1]))
    inside = series.ts - begins[np.searchsorted(begins, series.ts, side="right") - 1]
    shift, length = int(np.median(inside)), int(np.median(series.ends - series.ts))
    return (starts, ends) if shift == 0 else (starts + shift, starts + shift + length)


def _without_sessions(frame: pl.DataFrame, series: Series, holes: Gaps) -> Repaired:
    missing = [_missing_slots(series, int(series.x[a - 1]), int(series.x[a])) for a in holes.after.tolist()]
    days = _days_of(series, series.x)
    keep = ~np.isin(days, _days_of(series, np.concatenate(missing)))
    kept = frame.filter(pl.Series(keep))
    dropped = np.unique(days[~keep])
    return Repaired("drop_session", kept, np.zeros(len(kept), np.uint8), dropped, int(np.count_nonzero(~keep)))


def _days_of(series: Series, x: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the trading day of each bar start on the grid, ascending; -1 outside of all sessions."""
    if series.interval == DAY:
        return np.floor_divide(x, DAY)
    if series.slots is None:
        return series.calendar.day_numbers(x).astype(np.int64)
    sessions = series.slots.sessions
    # The first bar of a grid may begin before the open; its end lies inside.
    index = sessions.at(x)
    index = np.where(index < 0, sessions.at(x + series.interval - 1), index)
    return np.where(index >= 0, sessions.days[np.maximum(index, 0)], -1)
