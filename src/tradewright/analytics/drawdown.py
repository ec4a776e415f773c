"""Drawdowns: how far and how long equity stood below its highest value so far.

The starting equity counts as a peak, so a run that only ever loses has a drawdown from its first loss on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.returns import check_curve, check_initial

_SECOND_NS = 1e9


@dataclass(frozen=True, slots=True)
class Drawdown:
    """One time under water, from a peak to the first return to it.

    ``ts_peak`` is the last stamp at the peak (the first stamp of the run where the starting equity is the
    peak); ``ts_recovery`` is None while the peak was not reached again. ``depth`` is relative to the peak and
    negative; ``depth_value`` is in account currency and positive.
    """

    depth: float
    depth_value: float
    peak: float
    trough: float
    ts_peak: int
    ts_trough: int
    ts_recovery: int | None
    ts_end: int  # recovery, or the last stamp of the run

    @property
    def seconds(self) -> float:
        """From the peak to its recovery, or to the end of the run."""
        return (self.ts_end - self.ts_peak) / _SECOND_NS

    @property
    def seconds_to_trough(self) -> float:
        """From the peak to the lowest point."""
        return (self.ts_trough - self.ts_peak) / _SECOND_NS

    @property
    def seconds_to_recovery(self) -> float:
        """From the lowest point back to the peak; NaN while not recovered."""
        return math.nan if self.ts_recovery is None else (self.ts_recovery - self.ts_trough) / _SECOND_NS


@dataclass(frozen=True, slots=True)
class Drawdowns:
    """All drawdowns of a curve.

    ``series``: f8[n], equity relative to its highest value so far, at most 0. ``worst``: deepest first, equal
    depths in order of time. ``count``: how many there were. ``longest_seconds``: the longest
    `Drawdown.seconds`, 0 where there was none.
    """

    series: NDArray[np.float64]
    worst: tuple[Drawdown, ...]
    count: int
    longest_seconds: float


def drawdown_series(equity: NDArray[np.float64], initial: float) -> NDArray[np.float64]:
    """Return equity against its highest value so far, the starting equity included, minus 1; f8[n].

    At most 0; below -1 where equity fell under zero.

    Raises
    ------
    UsageError
        ``initial`` is not positive.
    """
    check_initial(initial)
    return equity / _peaks(equity, initial) - 1.0


def max_drawdown(equity: NDArray[np.float64], initial: float) -> float:
    """Return the deepest relative drawdown, 0 or negative; 0 for an empty curve."""
    series = drawdown_series(equity, initial)
    return float(series.min()) if len(series) else 0.0


def max_drawdown_value(equity: NDArray[np.float64], initial: float) -> tuple[float, float]:
    """Return the largest drawdown in money (0 or positive) and the relative drawdown at that same point.

    The largest in money and the largest in relation to the peak are in general at different times.
    """
    check_initial(initial)
    if len(equity) == 0:
        return 0.0, 0.0
    peaks = _peaks(equity, initial)
    at = int(np.argmax(peaks - equity))
    return float(peaks[at] - equity[at]), float(equity[at] / peaks[at] - 1.0)


def drawdowns(stamps: NDArray[np.int64], equity: NDArray[np.float64], initial: float, worst: int = 10) -> Drawdowns:
    """Find every drawdown and describe the deepest.

    Parameters
    ----------
    stamps : i8[n]
        Times, ns UTC, ascending.
    equity : f8[n]
        Equity after each of them, account currency.
    initial : float
        Starting equity, account currency, positive.
    worst : int
        How many to describe.

    Raises
    ------
    DataError
        The curve is not in order or not finite.
    UsageError
        ``initial`` is not positive.
    """
    check_curve(stamps, equity)
    series = drawdown_series(equity, initial)
    edges = np.diff((series < 0.0).astype(np.int8), prepend=0, append=0)
    first = np.flatnonzero(edges == 1)
    stop = np.flatnonzero(edges == -1)
    if len(first) == 0:
        return Drawdowns(series, (), 0, 0.0)
    depths = np.minimum.reduceat(series, first)
    peak_row = np.maximum(first - 1, 0)
    end_row = np.minimum(stop, len(stamps) - 1)
    longest = float((stamps[end_row] - stamps[peak_row]).max()) / _SECOND_NS
    peaks = _peaks(equity, initial)
    order = np.argsort(depths, kind="stable")[:worst]
    found = tuple(_describe(int(first[k]), int(stop[k]), stamps, equity, peaks) for k in order)
    return Drawdowns(series, found, len(first), longest)


def _peaks(equity: NDArray[np.float64], initial: float) -> NDArray[np.float64]:
    peaks: NDArray[np.float64] = np.maximum(np.maximum.accumulate(equity), initial)
    return peaks


def _describe(
    first: int,
    stop: int,
    stamps: NDArray[np.int64],
    equity: NDArray[np.float64],
    peaks: NDArray[np.float64],
) -> Drawdown:
    """Describe the rows ``[first, stop)``, all under water."""
    trough = first + int(np.argmin(equity[first:stop]))
    peak = float(peaks[trough])
    low = float(equity[trough])
    recovery = int(stamps[stop]) if stop < len(stamps) else None
    return Drawdown(
        depth=low / peak - 1.0,
        depth_value=peak - low,
        peak=peak,
        trough=low,
        ts_peak=int(stamps[max(first - 1, 0)]),
        ts_trough=int(stamps[trough]),
        ts_recovery=recovery,
        ts_end=int(stamps[-1]) if recovery is None else recovery,
    )
