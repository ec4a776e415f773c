"""Intervals by the stationary block bootstrap.

Blocks of random length keep the dependence between days that drawing single days would destroy (Politis and
Romano, "The Stationary Bootstrap", 1994). The mean block length is chosen from the data (Politis and White
2004, corrected by Patton, Politis and White 2009).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.returns import DAYS_PER_YEAR
from tradewright.core.types.errors import UsageError

Floats = NDArray[np.float64]

#: Return series, f8[n, c], one in each column -> named numbers, f8[c] each; NaN where not defined.
Statistics = Callable[[Floats], Mapping[str, Floats]]

_CHUNK_VALUES = 1 << 18  # of one chunk of resamples: bounds memory and stays in cache
_MAX_UNDEFINED = 0.05
_FLAT = 1e-15


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its percentile interval.

    ``estimate`` is the number of the original series. ``undefined`` is the share of resamples without a
    value; above 5 % the bounds are NaN. A bound can be infinite where resamples had nothing to divide by.
    """

    estimate: float
    lower: float
    upper: float
    confidence: float
    undefined: float


@dataclass(frozen=True, slots=True)
class HeadlineStatistics:
    """The headline ratios of many return series at once, with the conventions of `ratios` and `drawdown`.

    Drawdown and Calmar are of daily equity here, so their estimates may lie above those of a run's every
    stamp. A return of -1 or less ends a series at zero.

    Parameters
    ----------
    periods_per_year : float
        Returns a year.
    years : float
        Length of the series in years of 365 days, for the growth a year.
    risk_free : float
        Return of one period without risk; also Sortino's target.
    """

    periods_per_year: float
    years: float
    risk_free: float = 0.0

    def __call__(self, returns: Floats) -> Mapping[str, Floats]:
        """Return the numbers of each column of ``returns``, f8[n, c]; n is at least 1."""
        growth, worst = _growth_and_drawdown(returns)
        n = len(returns)
        scale = math.sqrt(self.periods_per_year)
        mean = np.add.reduce(returns, axis=0) / n
        centred = returns - mean
        squares = np.einsum("ij,ij->j", centred, centred)
        spread = np.sqrt(squares / (n - 1)) if n > 1 else np.full(len(mean), np.nan)
        flat = np.maximum(np.abs(mean) * 1e-12, _FLAT)
        spread = np.where(spread <= flat, 0.0, spread)
        below = np.subtract(returns, self.risk_free, out=centred)
        np.minimum(below, 0.0, out=below)
        downside = np.sqrt(np.einsum("ij,ij->j", below, below) / n)
        downside = np.where(downside <= _FLAT, 0.0, downside)
        excess = mean - self.risk_free
        cagr = np.full(len(mean), np.nan)
        if self.years * DAYS_PER_YEAR >= 1.0:
            with np.errstate(over="ignore"):  # too large for a double is inf, as in ratios.cagr
                cagr = growth ** (1.0 / self.years) - 1.0
        return {
            "total_return": growth - 1.0,
            "cagr": cagr,
            "volatility": spread * scale,
            "sharpe": np.where(spread > 0.0, _over(excess, spread), np.nan) * scale,
            "sortino": _over(np.where(np.abs(excess) > _FLAT, excess, 0.0), downside) * scale,
            "max_drawdown": worst,
            "calmar": _over(cagr, -worst),
        }


def block_bootstrap(
    returns: Floats,
    statistics: Statistics,
    block: float | None = None,
    n: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Interval]:
    """Give each number of a return series an interval.

    Parameters
    ----------
    returns : f8[m]
        One return a period.
    statistics : Statistics
        What to compute, for many series at once.
    block : float, optional
        Mean block length, 1 to m; without it `automatic_block_length`.
    n : int
        Resamples.
    seed : int
        Of the generator; same inputs, same seed, same intervals.
    confidence : float
        Share of the resamples between the bounds; these are resampled values themselves, never between two.

    Returns
    -------
    dict
        By the names ``statistics`` gives. Under two returns the bounds are NaN; for none there is no name to
        give and the result is empty.

    Raises
    ------
    UsageError
        ``block``, ``n`` or ``confidence`` is out of range.
    """
    _check(block, n, confidence, len(returns))
    if len(returns) == 0:
        return {}
    returns = np.ascontiguousarray(returns, dtype=np.float64)
    estimates = {name: float(values[0]) for name, values in statistics(returns[:, np.newaxis]).items()}
    if len(returns) == 1 or not np.isfinite(returns).all():
        nan = math.nan
        return {name: Interval(value, nan, nan, confidence, 1.0) for name, value in estimates.items()}
    mean_length = automatic_block_length(returns) if block is None else block
    samples = {name: np.empty(n) for name in estimates}
    rng = np.random.default_rng(seed)
    per_chunk = max(1, _CHUNK_VALUES // len(returns))
    for start in range(0, n, per_chunk):
        count = min(per_chunk, n - start)
        for name, values in statistics(stationary_resamples(returns, mean_length, count, rng)).items():
            samples[name][start : start + count] = values
    return {name: percentile_interval(value, samples[name], confidence) for name, value in estimates.items()}


def stationary_resamples(returns: Floats, block: float, count: int, rng: np.random.Generator) -> Floats:
    """Draw ``count`` series of the same length, one in each column; f8[m, count].

    Every day starts a new block with probability ``1 / block``, at a random day of the original; otherwise
    the original's next day follows, the first after the last.
    """
    m = len(returns)
    starts, origin = block_starts(m, block, count, rng)
    rows = np.repeat(origin - starts, np.diff(starts, append=m * count))
    rows += np.arange(m * count)
    # No block is longer than the series, so twice the series is enough to run over its end.
    drawn = np.concatenate((returns, returns)).take(rows)
    return np.ascontiguousarray(drawn.reshape(count, m).T)


def block_starts(
    m: int, block: float, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw where the blocks of ``count`` series of length ``m``, one after the other, start and come from; i8[b] each.

    No block is longer than a series, and each series starts with a new one.
    """
    is_start = rng.random(m * count) < 1.0 / block
    # Blocks have no memory: that each series starts with a new one changes nothing else.
    is_start[::m] = True
    starts = np.flatnonzero(is_start)
    return starts, rng.integers(0, m, size=len(starts))


def automatic_block_length(returns: Floats) -> float:
    """Choose the mean block length: the longer of those for the returns and for their squares.

    The squares are looked at because volatility comes in clusters while returns hardly depend on each other;
    drawdown and volatility intervals would be too narrow otherwise.
    """
    return max(politis_white_length(returns), politis_white_length(returns**2))


def politis_white_length(series: Floats) -> float:
    """Return the mean block length that is best for the mean of ``series``, in [1, max].

    Politis and White, "Automatic Block-Length Selection for the Dependent Bootstrap", Econometric Reviews 23
    (2004), with the constant for the stationary bootstrap of Patton, Politis and White's correction (2009). 1
    where the series does not vary or has under 4 values.
    """
    n = len(series)
    if n < 4:
        return 1.0
    centred = series - series.mean()
    variance = float(centred @ centred) / n
    if not variance > 0.0:
        return 1.0
    window = max(5, math.ceil(math.sqrt(math.log10(n))))
    max_lag = min(math.ceil(math.sqrt(n)) + window, n - 1)
    covariance = np.array([float(centred[: n - k] @ centred[k:]) / n for k in range(max_lag + 1)])
    limit = 2.0 * math.sqrt(math.log10(n) / n)
    bandwidth = min(2 * max(_last_lag(np.abs(covariance[1:]) / variance, limit, window), 1), max_lag)
    lags = np.arange(1, bandwidth + 1)
    weights = np.minimum(1.0, 2.0 * (1.0 - lags / bandwidth))  # flat top
    weighted = weights * covariance[1 : bandwidth + 1]
    spectrum = covariance[0] + 2.0 * float(weighted.sum())
    slope = 2.0 * float((lags * weighted).sum())
    longest = math.ceil(min(3.0 * math.sqrt(n), n / 3.0))
    if spectrum == 0.0:
        return float(longest)
    length = math.cbrt(n * (slope / spectrum) ** 2)  # (2 g^2 / D)^(1/3) n^(1/3) with D = 2 spectrum^2
    return min(max(length, 1.0), float(longest))


def _last_lag(correlation: Floats, limit: float, window: int) -> int:
    """Return the smallest lag after which ``window`` correlations in a row are insignificant."""
    is_small = correlation < limit
    for lag in range(len(correlation) - window + 1):
        if is_small[lag : lag + window].all():
            return lag
    significant = np.flatnonzero(~is_small)
    return int(significant[-1]) + 1 if len(significant) else 0


def _growth_and_drawdown(returns: Floats) -> tuple[Floats, Floats]:
    """Return final growth and deepest drawdown of each column; all columns step through time together."""
    columns = returns.shape[1]
    growth = np.ones(columns)
    peak = np.ones(columns)
    worst = np.ones(columns)  # lowest equity / peak so far
    ratio = np.empty(columns)
    for row in np.maximum(returns + 1.0, 0.0):
        growth *= row
        np.maximum(peak, growth, out=peak)
        np.divide(growth, peak, out=ratio)
        np.minimum(worst, ratio, out=worst)
    return growth, worst - 1.0


def _over(numerator: Floats, denominator: Floats) -> Floats:
    """Divide; by zero: ``inf`` where the numerator is positive, else NaN."""
    result = np.where(numerator > 0.0, np.inf, np.nan)
    np.divide(numerator, denominator, out=result, where=denominator > 0.0)
    return result


def percentile_interval(estimate: float, samples: Floats, confidence: float) -> Interval:
    """Return an estimate with the percentile interval of its resamples, f8[n]; its bounds are resamples themselves."""
    known = np.sort(samples[~np.isnan(samples)])
    undefined = 1.0 - len(known) / len(samples)
    if undefined > _MAX_UNDEFINED:
        return Interval(estimate, math.nan, math.nan, confidence, undefined)
    tail = (1.0 - confidence) / 2.0
    last = len(known) - 1
    lower = float(known[math.floor(tail * last)])
    upper = float(known[math.ceil((1.0 - tail) * last)])
    return Interval(estimate, lower, upper, confidence, undefined)


def _check(block: float | None, n: int, confidence: float, length: int) -> None:
    if block is not None and length > 0 and not 1.0 <= block <= length:
        what = f"mean block length is {block}"
        raise UsageError(what, where="block", fix=f"Give 1 to {length}, the number of returns")
    if n < 1:
        what = f"number of resamples is {n}"
        raise UsageError(what, where="n", fix="Give 1 or more")
    if not 0.0 < confidence < 1.0:
        what = f"confidence is {confidence}"
        raise UsageError(what, where="confidence", fix="Give a share between 0 and 1")
