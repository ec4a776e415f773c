"""Rules about time: bars that are missing, too many, or not where bars of their length start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.data.quality.findings import Spot, moment, plural
from tradewright.data.quality.series import Series, runs
from tradewright.data.quality.slots import Slots, usual
from tradewright.data.timeframe import DAY, SECOND
from tradewright.data.times import called_days

_HOUR = 3600 * SECOND
#: Where more of the trading days than this have traded bars outside the session, these are extended hours.
_EXTENDED_SHARE = 0.5
#: A grid that fewer bars than this stand on is none; then every bar would be accused.
_GRID_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Gaps:
    """Places where bars are missing: position of the bar after, bars missing, sessions of it missing whole.

    All i8[k]; ``begins`` is where the missing part begins, ns UTC.
    """

    after: NDArray[np.int64]
    missing: NDArray[np.int64]
    whole_sessions: NDArray[np.int64]
    begins: NDArray[np.int64]


def gaps(series: Series) -> Gaps:
    """Find steps between bars that the market's closing hours do not explain."""
    at = series.uneven - 1
    steps = series.x[at + 1] - series.x[at]
    at, steps = at[steps > series.interval], steps[steps > series.interval]
    none = np.zeros(len(at), np.int64)
    if series.is_always_open:
        missing, whole = np.maximum(1, np.rint((steps - series.interval) / series.interval)).astype(np.int64), none
    elif series.slots is not None:
        missing, whole = _between(series, series.slots, at)
    else:
        lost = _unexplained(series, at, steps)
        missing, whole = np.rint(lost / series.interval).astype(np.int64), none
        missing = np.where(lost > 0, np.maximum(missing, 1), 0)
    keep = missing > 0
    return Gaps(at[keep] + 1, missing[keep], whole[keep], series.ends[at[keep]])


def _between(series: Series, slots: Slots, at: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many slots and how many whole sessions lie between bars ``at`` and the next."""
    left, right = series.x[at] + slots.interval, series.x[at + 1]
    missing = slots.before(right - slots.interval + 1) - slots.before(left)
    sessions = slots.sessions
    needed = ~sessions.is_optional
    if slots.interval >= DAY:
        return missing, missing
    opens, closes = sessions.opens[needed], sessions.closes[needed]
    whole = np.searchsorted(closes, right, side="right") - np.searchsorted(opens, left, side="left")
    return np.maximum(missing, 0), np.maximum(whole, 0)


def _unexplained(series: Series, at: NDArray[np.int64], steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each long step the time (ns) that usual closing hours, weekend or one holiday do not explain.

    For calendars of which only the trading days are known: a step into another day may hold the most common
    closing time of the series, weekends, and one holiday.
    """
    interval = series.interval
    day = called_days(series.ts, series.calendar)
    left, right = day[at], day[at + 1]
    between = np.maximum(right - left - 1, 0)
    weekdays = np.busday_count((left + 1).astype("datetime64[D]"), right.astype("datetime64[D]"))
    weekdays = np.where(right > left, np.maximum(weekdays, 0), 0)
    if interval >= DAY:
        lost = np.where(interval > DAY, steps - interval, weekdays * DAY)
        return np.where(lost > max(DAY, interval), lost, 0)
    closed = np.where(right > left, steps % DAY, 0)
    hours, counts = np.unique(closed[right > left] // _HOUR, return_counts=True)
    most = (int(hours[np.argmax(counts)]) + 1) * _HOUR if len(hours) else 0
    lost = steps - (between - weekdays) * DAY - most
    holiday = (np.abs(lost - DAY) <= 4 * _HOUR) | (lost <= 4 * _HOUR)
    lost = np.where(holiday, 0, lost)
    return np.where(right > left, lost, steps - interval)


def gap_spots(series: Series, holes: Gaps) -> list[Spot]:
    """Return gaps as findings at the bar after: bars missing in a session, and sessions missing whole."""
    ends = series.ts[holes.after]
    is_whole = holes.whole_sessions > 0
    whole, part = np.flatnonzero(is_whole), np.flatnonzero(~is_whole)
    days = [
        f"{plural(n, 'session')} missing before this one, between {moment(b)} and {moment(e)} UTC"
        for n, b, e in zip(holes.whole_sessions[whole], holes.begins[whole], ends[whole], strict=True)
    ]
    bars = [f"{plural(n, 'bar')} missing before this one" for n in holes.missing[part].tolist()]
    return [
        Spot("missing_session", "time", holes.after[whole], days, ends[whole]),
        Spot("gap", "time", holes.after[part], bars, ends[part]),
    ]


def outside(series: Series) -> list[Spot]:
    """Find bars where the market was closed: at night, on holidays, after an early close; one finding a run.

    Where most days have traded bars outside the session they are extended hours, and only said once.
    """
    slots = series.slots
    if slots is None:
        return []
    out = ~slots.is_inside(series.x)
    starts, lengths = runs(out, 1)
    if len(starts) == 0:
        return []
    starts, lengths, said = _extended(series, slots, out, starts, lengths)
    details = [_where(series, slots, int(s), int(n)) for s, n in zip(starts, lengths, strict=True)]
    return [*said, Spot("outside_session", "time", starts, details, series.ends[starts + lengths - 1])]


def _extended(
    series: Series, slots: Slots, out: NDArray[np.bool_], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[Spot]]:
    """Say extended hours once; keep what lies on days without any session."""
    if series.interval >= DAY:
        return starts, lengths, []
    traded = out & (series.volume > 0) if series.volume.any() else out
    n_days = np.count_nonzero(daily(traded, series.days))
    if n_days <= _EXTENDED_SHARE * len(series.days) or len(series.days) < 3:
        return starts, lengths, []
    day = called_days(series.ts[starts], series.calendar)
    closed = ~np.isin(day, slots.sessions.days)
    count = int(np.count_nonzero(out))
    detail = (
        f"{plural(count, 'bar')} on {plural(int(n_days), 'day')} lie outside the session: looks like extended hours"
    )
    first = starts[:1]
    said = [Spot("outside_session", "time", first, [detail], series.ends[-1:])]
    return starts[closed], lengths[closed], said


def daily(flag: NDArray[np.bool_], days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many bars of each trading day are flagged, i8[d]."""
    counts: NDArray[np.int64] = np.add.reduceat(flag.astype(np.int64), days)
    return counts


def _where(series: Series, slots: Slots, start: int, length: int) -> str:
    sessions = slots.sessions
    ts = int(series.ts[start])
    day = int(called_days(series.ts[start : start + 1], series.calendar)[0])
    index = int(np.searchsorted(sessions.days, day))
    what = plural(length, "bar")
    if index >= len(sessions) or sessions.days[index] != day:
        return f"{what} on {np.datetime64(day, 'D')}, when {sessions.name} has no session"
    close = int(sessions.closes[index])
    side = "after the early close" if sessions.is_early[index] else "after the close"
    if ts < int(sessions.opens[index]):
        return f"{what} before the open of {sessions.name} ({moment(int(sessions.opens[index]))} UTC)"
    if ts < close:
        return f"{what} in the break of {sessions.name}"
    return f"{what} {side} of {sessions.name} ({moment(close)} UTC)"


def overlaps(series: Series) -> list[Spot]:
    """Find bars that start before the one before them has ended."""
    if series.interval >= DAY:
        at = np.flatnonzero(series.ts[1:] < series.ends[:-1]) + 1
    else:
        at = series.uneven[series.ts[series.uneven] - series.ts[series.uneven - 1] < series.interval]
    return [Spot("overlap", "time", at, ["starts before the bar before it has ended"] * len(at))]


def off_grid(series: Series) -> list[Spot]:
    """Find intraday bars that do not start where the others do: at whole intervals of UTC, day or session."""
    interval = series.interval
    if interval >= DAY or len(series) < 3 or len(series.days) == 0:
        return []
    if not np.any((series.ts[series.uneven] - series.ts[series.uneven - 1]) % interval):
        return []  # all stand on the grid of the first
    grids = [np.zeros(1, np.int64)]
    if not series.is_always_open:
        grids.append(series.calendar.day_starts(int(series.ts[0]), int(series.ts[-1])))
    if series.slots is not None:
        grids.append(series.slots.first)
    best, share = None, 0.0
    for starts in grids:
        phase = _phases(series.ts, starts, interval)
        common, _ = usual(phase[:: max(1, len(phase) // 2000)])
        odd = phase != common
        on_grid = 1.0 - np.count_nonzero(odd) / len(odd)
        if best is None or on_grid > share:
            best, share = odd, on_grid
        if share == 1.0:
            return []
    if best is None:
        return []
    if share < _GRID_SHARE:
        detail = f"only {share:.0%} of the bars start at whole intervals; the times have no regular grid"
        return [Spot("off_grid", "time", np.zeros(1, np.int64), [detail], series.ends[-1:])]
    starts, lengths = runs(best, 1)
    details = [f"{plural(n, 'bar')} from here, not at a whole interval" for n in lengths.tolist()]
    return [Spot("off_grid", "time", starts, details, series.ends[starts + lengths - 1])]


def _phases(ts: NDArray[np.int64], starts: NDArray[np.int64], interval: int) -> NDArray[np.int64]:
    """Return how far past a whole interval, counted from the start before it, each time stands."""
    if len(starts) == 1:
        alone: NDArray[np.int64] = (ts - starts[0]) % interval
        return alone
    counts = np.diff(np.concatenate([np.searchsorted(ts, starts, side="left"), [len(ts)]]))
    lead = len(ts) - int(counts.sum())
    anchor = np.concatenate([np.full(lead, starts[0]), np.repeat(starts, counts)])
    phases: NDArray[np.int64] = (ts - anchor) % interval
    return phases
