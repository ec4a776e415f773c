"""Intervals for numbers made of sums over time, by blocks that all columns share.

Whatever is compared (a model and its baselines, a hit and a forecast, several instruments at one time) is resampled
together, so that what the sides have in common cancels. Labels that overlap are kept together by blocks at least as
long as a label reaches.

Source of the resampling: Politis and Romano, "The Stationary Bootstrap" (1994).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.bootstrap import Interval, automatic_block_length, block_starts, percentile_interval
from tradewright.analytics.sample_size import labels_alive

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Sums of the columns, f8[c, k], one row a resample -> the number, f8[c]; NaN where it is not defined.
Statistic = Callable[[Floats], Floats]

_CHUNK_VALUES = 1 << 20


@dataclass(frozen=True, slots=True)
class Resampling:
    """How intervals are made.

    ``n`` resamples with a ``seed``; ``confidence`` of the interval; ``cells`` is the most steps of time that are drawn
    from: longer series are first summed over that many stretches.
    """

    n: int = 1000
    seed: int = 0
    confidence: float = 0.95
    cells: int = 1000


@dataclass(frozen=True, slots=True)
class TimeSums:
    """Sums of some columns at each time, f8[m, k], ascending; ``block`` the mean length of a block in rows."""

    sums: Floats
    block: float

    def interval(self, statistic: Statistic, resampling: Resampling) -> Interval:
        """Return the number over all rows with its percentile interval; NaN bounds under two rows."""
        return self.intervals({"it": statistic}, resampling)["it"]

    def intervals(self, statistics: Mapping[str, Statistic], resampling: Resampling) -> dict[str, Interval]:
        """Return several numbers with their intervals, from the same resamples."""
        with np.errstate(divide="ignore", invalid="ignore"):
            whole = self.sums.sum(axis=0, keepdims=True)
            estimates = {name: float(statistic(whole)[0]) for name, statistic in statistics.items()}
            if len(self.sums) < 2 or not np.isfinite(self.sums).all():
                unknown = (math.nan, math.nan, resampling.confidence, 1.0)
                return {name: Interval(value, *unknown) for name, value in estimates.items()}
            drawn = _drawn(self._coarse(resampling.cells), resampling)
            return {
                name: percentile_interval(estimates[name], statistic(drawn), resampling.confidence)
                for name, statistic in statistics.items()
            }

    def _coarse(self, cells: int) -> TimeSums:
        width = -(-len(self.sums) // cells)
        if width == 1:
            return self
        starts = np.arange(0, len(self.sums), width)
        return replace(self, sums=np.add.reduceat(self.sums, starts), block=max(self.block / width, 1.0))


def sums_over_labels(start: Ints, end: Ints, columns: Floats, watched: Floats) -> TimeSums:
    """Sum columns over the rows of each start time, with blocks at least as long as a label reaches.

    Parameters
    ----------
    start, end : i8[n]
        Life of the label of each row, ns UTC, in any order.
    columns : f8[n, k]
        What is to be summed.
    watched : f8[n]
        The quantity of interest, for the length of the blocks.
    """
    times, place = np.unique(start, return_inverse=True)
    rows = np.column_stack([columns, watched])
    sums: Floats = np.column_stack([np.bincount(place, column, len(times)) for column in rows.T]).astype(np.float64)
    length = max(automatic_block_length(sums[:, -1]), labels_alive(start, end))
    return TimeSums(sums[:, :-1], _fitting(length, len(times)))


def sums_over_periods(columns: Floats, watched: Floats) -> TimeSums:
    """Take columns f8[m, k] of numbers that do not overlap, one row a period, in the order of time."""
    return TimeSums(columns, _fitting(automatic_block_length(watched), len(columns)))


def paired_difference(
    left: Floats, right: Floats, start: Ints, end: Ints, resampling: Resampling | None = None
) -> Interval:
    """Return the mean of ``left - right`` with its interval, for two judgements of the same rows.

    Hits (0 or 1) of two models give the difference of their accuracies; net returns that of their means.

    Parameters
    ----------
    left, right : f8[n]
        Row by row about the same thing.
    start, end : i8[n]
        Life of the label of each row, ns UTC; rows may overlap and several may share a time.
    """
    difference = left - right
    columns = np.column_stack([difference, np.ones(len(difference))])
    sums = sums_over_labels(start, end, columns, difference)
    return sums.interval(lambda total: total[:, 0] / total[:, 1], resampling or Resampling())


def resampled_sums(columns: Floats, block: float, count: int, rng: np.random.Generator) -> Floats:
    """Draw ``count`` series of the same length by blocks and return the sums of each, f8[count, k].

    The draw is that of `bootstrap.stationary_resamples`; only the sums are formed.
    """
    m = len(columns)
    starts, origin = block_starts(m, block, count, rng)
    # How often each row is drawn, of the series written twice so that blocks may run over its end.
    begins = starts // m * (2 * m) + origin
    ends = begins + np.diff(starts, append=m * count)
    change = np.bincount(begins, minlength=2 * m * count) - np.bincount(ends, minlength=2 * m * count)
    twice = np.cumsum(change).reshape(count, 2 * m)
    drawn: Floats = (twice[:, :m] + twice[:, m:]).astype(np.float64) @ columns
    return drawn


def _drawn(cells: TimeSums, resampling: Resampling) -> Floats:
    rng = np.random.default_rng(resampling.seed)
    per_chunk = max(1, _CHUNK_VALUES // len(cells.sums))
    counts = [min(per_chunk, resampling.n - at) for at in range(0, resampling.n, per_chunk)]
    return np.concatenate([resampled_sums(cells.sums, cells.block, count, rng) for count in counts])


def _fitting(length: float, rows: int) -> float:
    """Return a block length that leaves a few blocks to draw from, at least 1."""
    return max(1.0, min(length, rows / 3.0))
