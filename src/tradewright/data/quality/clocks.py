"""Rules about clocks: whole files in the wrong time zone, months an hour off, hours lost at a clock change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from tradewright.data.quality.coverage import Gaps
from tradewright.data.quality.findings import Spot, Subject, moment
from tradewright.data.quality.series import Series, runs
from tradewright.data.quality.slots import Slots
from tradewright.data.timeframe import DAY, SECOND

_MINUTE, _HOUR = 60 * SECOND, 3600 * SECOND
#: A whole file is shifted when this share of its blocks of trade is.
_WHOLE = 0.9
#: Blocks in a row that must be shifted alike, sessions or weeks; holes in between that are bridged.
_LEAST_SESSIONS, _LEAST_WEEKS, _BRIDGE = 3, 2, 3
#: A shorter pause within a day parts no blocks.
_LUNCH = 3 * _HOUR
#: Zones whose clock changes lose or repeat an hour in files kept in local time.
_ZONES = ("America/New_York", "Europe/London", "Europe/Berlin", "Australia/Sydney")


@dataclass(frozen=True, slots=True)
class Shifted:
    """What clocks were found wrong: findings, and the spans (ns UTC) in which nothing else about time can be said."""

    spots: list[Spot]
    spans: list[tuple[int, int]]


def shifts(series: Series) -> Shifted:
    """Find blocks of trade that begin and end too early or too late by the same time.

    Both ends count: bars are missing at one and hang over at the other. A missing first hour alone is a gap, a bar
    after the close alone a closing stamp. Bars longer than an hour stand too coarse for this.
    """
    slots = series.slots
    if slots is None or len(series) < 3:
        return Shifted([], [])
    if series.interval >= DAY:
        return _shifted_dates(series, slots)
    if series.interval > _HOUR:
        return Shifted([], [])
    block, shift = _shift_of_blocks(series, slots)
    if len(block) == 0:
        return Shifted([], [])
    share = np.count_nonzero(shift) / len(shift)
    if share >= _WHOLE:
        row = np.zeros(1, np.int64)
        detail = _whole_text(series, slots, block, shift)
        return Shifted([Spot("time_zone", "time", row, [detail], series.ends[-1:])], [_span(series, 0, len(series))])
    return _partly(series, slots, block, shift)


def _shift_of_blocks(series: Series, slots: Slots) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the blocks that have bars, and how far those stand from where they belong, ns; both i8[k]."""
    traded = series.volume > 0
    n_traded = int(np.count_nonzero(traded))
    # Stamps without volume say nothing of when a market was open.
    ts = series.ts[traded] if len(traded) > n_traded > len(traded) / 2 else series.ts
    opens, closes = _trading_spans(slots)
    middle = (closes[:-1] + opens[1:]) // 2
    edges = np.concatenate([[0], np.searchsorted(ts, middle), [len(ts)]])
    block = np.flatnonzero(np.diff(edges) > 0)
    early = ts[edges[block]] - opens[block]
    late = ts[edges[block + 1] - 1] - closes[block]
    same = np.sign(early) == np.sign(late)
    shift = np.where(same, np.sign(early) * np.minimum(np.abs(early), np.abs(late)), 0)
    unit = max(series.interval, 15 * _MINUTE)
    shift = (np.rint(shift / unit) * unit).astype(np.int64)
    return block, np.where(np.abs(shift) >= max(unit, 30 * _MINUTE), shift, 0)


def _trading_spans(slots: Slots) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return first and last slot of each block, those with only a lunch break in between as one; i8[k]."""
    begins = np.concatenate([[True], slots.first[1:] - slots.last[:-1] - slots.interval > _LUNCH])
    return slots.first[begins], slots.last[np.concatenate([begins[1:], [True]])]


def _whole_text(series: Series, slots: Slots, block: NDArray[np.int64], shift: NDArray[np.int64]) -> str:
    opens, _ = _trading_spans(slots)
    zone = ZoneInfo(slots.sessions.zone)
    sample = np.linspace(0, len(block) - 1, min(len(block), 400)).astype(np.int64)
    offsets = np.array([_offset(int(opens[block[i]]), zone) for i in sample])
    values, counts = np.unique(shift[sample], return_counts=True)
    if np.mean(offsets == shift[sample]) >= _WHOLE and np.any(offsets):
        fix = f"they look like local times of {slots.sessions.zone} read as UTC"
    else:
        common = int(values[np.argmax(counts)])
        fix = f"they look {abs(common) / _HOUR:g} h too {'late' if common > 0 else 'early'}"
    first = int(series.ts[0])
    return f"the bars do not fit the sessions of {slots.sessions.name} (the first is {moment(first)} UTC): {fix}"


def _partly(series: Series, slots: Slots, block: NDArray[np.int64], shift: NDArray[np.int64]) -> Shifted:
    """Say each run of blocks that is shifted alike."""
    is_weeks = float(np.median(slots.counts)) * series.interval > 2 * DAY
    least = _LEAST_WEEKS if is_weeks else _LEAST_SESSIONS
    index, details, ends, rules, spans = [], [], [], [], []
    opens, _ = _trading_spans(slots)
    edges = np.concatenate([opens[1:], [np.iinfo(np.int64).max]])
    for value in np.unique(shift[shift != 0]).tolist():
        starts, lengths = _bridged(shift == value, least)
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
            low = int(np.searchsorted(series.ts, opens[block[start]] - 12 * _HOUR))
            high = int(np.searchsorted(series.ts, min(edges[block[start + length - 1]], series.ends[-1]) - 6 * _HOUR))
            high = max(high, low + 1)
            span = _span(series, low, high)
            spans.append(span)
            index.append(low)
            ends.append(span[1])
            rules.append("daylight_saving" if abs(value) == _HOUR else "time_zone")
            too = "late" if value > 0 else "early"
            details.append(f"bars stand {abs(value) / _HOUR:g} h too {too} from here until {moment(span[1])} UTC")
    spots = []
    for rule in ("daylight_saving", "time_zone"):
        of = [i for i, r in enumerate(rules) if r == rule]
        rows, until = (np.array([v[i] for i in of], np.int64) for v in (index, ends))
        spots.append(Spot(rule, "time", rows, [details[i] for i in of], until))
    return Shifted(spots, spans)


def _bridged(flag: NDArray[np.bool_], least: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return runs of True after closing holes of a few blocks between longer runs."""
    closed = flag.copy()
    starts, lengths = runs(~flag, 1)
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        if length <= _BRIDGE and start > 0 and start + length < len(flag):
            closed[start : start + length] = True
    starts, lengths = runs(closed, least)
    enough = np.array([np.count_nonzero(flag[s : s + n]) >= least for s, n in zip(starts, lengths, strict=True)], bool)
    return starts[enough], lengths[enough]


def _span(series: Series, low: int, high: int) -> tuple[int, int]:
    return int(series.ts[low]) - DAY, int(series.ends[high - 1])


def _shifted_dates(series: Series, slots: Slots) -> Shifted:
    """Find daily bars that stand a day beside their sessions, such as Sunday for Monday."""
    if series.interval > DAY:
        return Shifted([], [])
    day = series.x // DAY
    here = float(np.mean(np.isin(day, slots.sessions.days)))
    if here > 1 - (1 - _WHOLE) / 2 or len(day) < 10:
        return Shifted([], [])
    for days in (-1, 1):
        if float(np.mean(np.isin(day - days, slots.sessions.days))) >= 0.98:
            too = "late" if days > 0 else "early"
            detail = f"the dates do not fit the sessions of {slots.sessions.name}: they look a day too {too}"
            spot = Spot("time_zone", "time", np.zeros(1, np.int64), [detail], series.ends[-1:])
            return Shifted([spot], [_span(series, 0, len(series))])
    return Shifted([], [])


def lost_hours(series: Series, holes: Gaps) -> NDArray[np.bool_]:
    """Return which gaps are exactly the hour that a clock change loses, bool[k]; for markets that never close."""
    lost = np.zeros(len(holes.after), np.bool_)
    if not series.is_always_open or series.interval > _HOUR:
        return lost
    one_hour = holes.missing * series.interval == _HOUR
    for place in np.flatnonzero(one_hour).tolist():
        lost[place] = _is_changed_hour(int(holes.begins[place]))
    return lost


def repeated_hours(subject: Subject, repeated: NDArray[np.int64]) -> list[Spot]:
    """Find among rows whose time is taken, or goes back, the hour that a clock change repeats."""
    if len(repeated) == 0 or subject.interval > _HOUR or subject.interval == 0:
        return []
    ts = np.sort(subject.frame["ts_open"].to_numpy()[repeated])
    hours = np.unique(ts // _HOUR * _HOUR)
    index, details = [], []
    for hour in hours[:1000].tolist():
        count = np.count_nonzero((ts >= hour) & (ts < hour + _HOUR))
        if count * subject.interval >= _HOUR and _is_changed_hour(hour):
            rows = repeated[np.isin(subject.frame["ts_open"].to_numpy()[repeated] // _HOUR, [hour // _HOUR])]
            index.append(int(rows.min()))
            details.append(f"the hour from {moment(hour)} is there twice, as when clocks go back")
    return [Spot("daylight_saving", "time", np.array(index, np.int64), details)]


def _is_changed_hour(start: int) -> bool:
    """Return whether an hour is one that some zone's clock change loses or repeats, in local or in universal time."""
    for name in _ZONES:
        zone = ZoneInfo(name)
        low, high = start - DAY, start + DAY
        before, after = _offset(low, zone), _offset(high, zone)
        if before == after:
            continue
        while high - low > _MINUTE:
            middle = (low + high) // 2
            if _offset(middle, zone) == before:
                low = middle
            else:
                high = middle
        change = round(high / _MINUTE) * _MINUTE
        if start in (change + before, change + after, change, change - _HOUR):
            return True
    return False


def _offset(ns: int, zone: ZoneInfo) -> int:
    """Return how far local time is ahead of UTC, ns."""
    ahead = datetime.fromtimestamp(ns // SECOND, tz=UTC).astimezone(zone).utcoffset()
    return 0 if ahead is None else int(ahead.total_seconds()) * SECOND
