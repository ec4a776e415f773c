"""Shapes in a series of sound bars that a person should look at: gaps, overlaps, runs, spikes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.core.types.calendar import Calendar
from tradewright.data.timeframe import DAY, SECOND
from tradewright.data.times import names_next_day

#: Equal flat bars in a row that look like a stuck feed.
FROZEN_BARS = 10
#: A close this many robust deviations from both neighbours is a spike; wicks are common and need more.
SPIKE_DEVIATIONS = 15.0
WICK_DEVIATIONS = 60.0
_BLOCK = 512
_HOUR = 3600 * SECOND


@dataclass(frozen=True, slots=True)
class Spot:
    """Row indexes, i8[k], and one text for each."""

    index: NDArray[np.int64]
    details: list[str]


def gaps(frame: pl.DataFrame, interval: int, calendar: Calendar) -> Spot:
    """Find steps longer than ``interval`` that the market's closing hours do not explain.

    A 24-hour, 7-day UTC calendar explains none. Elsewhere a step into another trading day may hold the usual
    closing time (the most common one of the series), weekends, and one holiday; more than that is a gap.
    """
    ts = frame["ts_open"].to_numpy()
    steps = np.diff(ts)
    at = np.flatnonzero(steps > interval)
    if len(at) == 0:
        return Spot(at, [])
    missing = steps[at] - interval
    if calendar.name != "24/7":
        missing = _unexplained(ts, at, steps[at], interval, calendar)
    found = missing > 0
    counts = np.maximum(1, np.rint(missing[found] / interval)).astype(np.int64).tolist()
    details = [f"about {n} bar{'s' if n > 1 else ''} missing before this one" for n in counts]
    return Spot(at[found] + 1, details)


def _unexplained(
    ts: NDArray[np.int64], at: NDArray[np.int64], steps: NDArray[np.int64], interval: int, calendar: Calendar
) -> NDArray[np.int64]:
    """Return for each long step the time (ns) that neither closing hours, weekend nor one holiday explain."""
    day = calendar.day_numbers(ts).astype(np.int64) + int(names_next_day(calendar))
    left, right = day[at], day[at + 1]
    between = np.maximum(right - left - 1, 0)
    weekdays = np.busday_count((left + 1).astype("datetime64[D]"), right.astype("datetime64[D]"))
    weekdays = np.where(right > left, np.maximum(weekdays, 0), 0)
    if interval >= DAY:
        lost = np.where(interval > DAY, steps - interval, weekdays * DAY)
        return np.where(lost > max(DAY, interval), lost, 0)
    closed = np.where(right > left, steps % DAY, 0)
    hours, counts = np.unique(closed[right > left] // _HOUR, return_counts=True)
    usual = (int(hours[np.argmax(counts)]) + 1) * _HOUR if len(hours) else 0
    lost = steps - (between - weekdays) * DAY - usual
    holiday = (np.abs(lost - DAY) <= 4 * _HOUR) | (lost <= 4 * _HOUR)
    lost = np.where(holiday, 0, lost)
    return np.where(right > left, lost, steps - interval)


def overlaps(frame: pl.DataFrame, interval: int) -> Spot:
    """Find bars that start before the one before them has ended."""
    if interval >= DAY:
        ends = frame["ts_event"].to_numpy()[:-1]
        at = np.flatnonzero(frame["ts_open"].to_numpy()[1:] < ends) + 1
    else:
        at = np.flatnonzero(np.diff(frame["ts_open"].to_numpy()) < interval) + 1
    return Spot(at, ["starts before the bar before it has ended"] * len(at))


def _runs(flag: NDArray[np.bool_], least: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return starts and lengths of runs of True that are at least ``least`` long."""
    edges = np.diff(np.concatenate([[False], flag, [False]]).astype(np.int8))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    lengths = ends - starts
    keep = lengths >= least
    return starts[keep], lengths[keep]


def zero_volume_runs(frame: pl.DataFrame) -> Spot:
    """Find runs of bars without volume."""
    starts, lengths = _runs(frame["volume"].to_numpy() == 0, 1)
    return Spot(starts, [f"{n} bar{'s' if n > 1 else ''} without volume from here" for n in lengths.tolist()])


def frozen_runs(frame: pl.DataFrame) -> Spot:
    """Find runs of flat bars at one price."""
    high, low, close = (frame[n].to_numpy() for n in ("high", "low", "close"))
    same = np.concatenate([[False], (high[1:] == low[1:]) & (close[1:] == close[:-1])])
    starts, lengths = _runs(same, FROZEN_BARS - 1)
    starts = np.maximum(starts - 1, 0)
    return Spot(starts, [f"price does not move for {n + 1} bars from here" for n in lengths.tolist()])


def spikes(frame: pl.DataFrame) -> Spot:
    """Find closes far from both neighbours, and wicks far from the bar's body.

    Distances are measured in robust deviations: 1.4826 x the median absolute log return of 512 bars, at
    least half of that of the whole series. A move that stays is news, not a spike.
    """
    if len(frame) < 32:
        return Spot(np.empty(0, np.int64), [])
    logs = np.log(frame.select("open", "high", "low", "close").to_numpy())
    opens, highs, lows, closes = logs.T
    back = np.diff(closes, prepend=closes[0])
    scale = _scale(back)
    there, again = back[1:-1], back[2:]
    size = np.minimum(np.abs(there), np.abs(again)) / scale[1:-1]
    # A sum this small needs opposite signs: away and back.
    returns = (np.abs(there + again) <= 0.35 * np.abs(there)) & (size > SPIKE_DEVIATIONS)
    score = np.zeros(len(closes))
    score[1:-1] = np.where(returns, size, 0.0)
    # The body reaches from the close before to the close after: a move that goes on is no wick.
    top = np.maximum.reduce([opens, closes, np.roll(closes, 1), np.roll(opens, -1)])
    bottom = np.minimum.reduce([opens, closes, np.roll(closes, 1), np.roll(opens, -1)])
    wick = np.maximum(highs - top, bottom - lows) / scale
    wick[[0, -1]] = 0.0
    score = np.maximum(score, np.where(wick > WICK_DEVIATIONS, wick, 0.0))
    at = np.flatnonzero(score)
    return Spot(at, [f"stands {s:.0f} robust deviations away from its neighbours" for s in score[at].tolist()])


def _scale(returns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the robust deviation around each return, f8[n]."""
    size = np.abs(returns)
    whole = max(float(np.median(size)), float(np.mean(size)) / 4, 1e-12)
    blocks = max(1, len(size) // _BLOCK)
    local = np.median(size[: blocks * (len(size) // blocks)].reshape(blocks, -1), axis=1)
    each = np.repeat(local, len(size) // blocks)
    each = np.append(each, np.full(len(size) - len(each), local[-1]))
    scale: NDArray[np.float64] = 1.4826 * np.maximum(each, 0.5 * whole)
    return scale
