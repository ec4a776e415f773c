"""Ratios of a return series.

What cannot be computed is NaN; nothing here ever raises for short or constant input. A ratio whose
denominator is zero is ``inf`` where the numerator is positive (nothing was ever lost) and NaN where it is
not; the Sharpe ratio of returns that do not vary is always NaN.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.returns import DAYS_PER_YEAR

#: Deviations up to this share of the largest return, or up to the rounding of ``equity / equity``, are zero.
_FLAT_SHARE = 1e-12
_FLAT = 1e-15


def deviation(returns: NDArray[np.float64]) -> float:
    """Return the standard deviation (ddof=1); NaN under two values, exactly 0 where only rounding differs."""
    if len(returns) < 2:
        return math.nan
    spread = float(np.std(returns, ddof=1))
    return 0.0 if spread <= max(_FLAT, _FLAT_SHARE * float(np.max(np.abs(returns)))) else spread


def annual_volatility(returns: NDArray[np.float64], periods_per_year: float) -> float:
    """Return the standard deviation (ddof=1) times the root of the periods a year; NaN under two returns."""
    return deviation(returns) * math.sqrt(periods_per_year)


def sharpe_ratio(returns: NDArray[np.float64], periods_per_year: float = 1.0, risk_free: float = 0.0) -> float:
    """Return mean over standard deviation (ddof=1) above ``risk_free``, times the root of the periods a year.

    Parameters
    ----------
    returns : f8[n]
        Simple returns, one a period.
    periods_per_year : float
        1 leaves the ratio per period.
    risk_free : float
        Return of one period without risk.

    Returns
    -------
    float
        NaN under two returns or where they do not vary.
    """
    spread = deviation(returns)
    if not spread > 0.0:
        return math.nan
    return (float(np.mean(returns)) - risk_free) / spread * math.sqrt(periods_per_year)


def sortino_ratio(returns: NDArray[np.float64], periods_per_year: float = 1.0, target: float = 0.0) -> float:
    """Return the mean above ``target`` over target downside deviation, times the root of the periods a year.

    The downside deviation is the root of the mean, over ALL observations, of ``min(return - target, 0)``
    squared (Rollinger and Hoffman, "Sortino: A Sharper Ratio"). No observation below the target: ``inf``
    where the mean is above it, else NaN. NaN for no returns.
    """
    if len(returns) == 0:
        return math.nan
    excess = returns - target
    downside = math.sqrt(float(np.mean(np.minimum(excess, 0.0) ** 2)))
    mean = float(np.mean(excess))
    if math.isnan(downside):
        return math.nan
    if downside <= _FLAT:
        return math.inf if mean > _FLAT else math.nan
    return mean / downside * math.sqrt(periods_per_year)


def cagr(start: float, end: float, days: float) -> float:
    """Return the compound annual growth, ``(end / start) ** (365 / days) - 1``.

    NaN where the start is not positive, the end is negative, or less than one day passed (a rate a year says
    nothing there); ``inf`` where the result is too large for a double; -1 where all was lost.
    """
    if not (start > 0.0 and end >= 0.0 and days >= 1.0):
        return math.nan
    try:
        return float((end / start) ** (DAYS_PER_YEAR / days)) - 1.0
    except OverflowError:
        return math.inf


def calmar_ratio(growth: float, max_drawdown: float) -> float:
    """Return CAGR over the absolute maximum drawdown; without a drawdown ``inf`` for growth, else NaN."""
    if max_drawdown == 0.0:
        return math.inf if growth > 0.0 else math.nan
    return growth / abs(max_drawdown)
