"""How much a Sharpe ratio is worth, given its length, its shape and how often one has tried.

All Sharpe ratios here are per observation, never annualised, unless said otherwise. Kurtosis is Pearson's (3
for a normal distribution), from population moments: then ``kurtosis >= 1 + skew ** 2`` and the variance of
the estimate cannot be negative. Excess kurtosis overstates the result; where it can be told, it is refused.

Sources: Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier" (2012) and "The Deflated Sharpe
Ratio" (2014); Bailey, Borwein, Lopez de Prado and Zhu, "Pseudo-Mathematics and Financial Charlatanism"
(2014).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.ratios import deviation, sharpe_ratio
from tradewright.core.types.errors import UsageError

_EULER_GAMMA = 0.5772156649015329
_NORMAL = NormalDist()
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class SharpeEstimate:
    """A Sharpe ratio per observation with what its uncertainty depends on.

    ``sharpe``: mean / standard deviation (ddof=1). ``skew``, ``kurtosis`` (Pearson): population moments.
    """

    sharpe: float
    n_obs: int
    skew: float
    kurtosis: float

    @classmethod
    def of(cls, returns: NDArray[np.float64], risk_free: float = 0.0) -> SharpeEstimate:
        """Measure a return series, f8[n]; NaN where there are under two returns or they do not vary."""
        if not deviation(returns) > 0.0:
            return cls(math.nan, len(returns), math.nan, math.nan)
        centred = returns - np.mean(returns)
        variance = float(np.mean(centred**2))
        skew = float(np.mean(centred**3)) / variance**1.5
        kurtosis = float(np.mean(centred**4)) / variance**2
        return cls(sharpe_ratio(returns, risk_free=risk_free), len(returns), skew, kurtosis)


def normal_cdf(x: float) -> float:
    """Return the distribution function of the standard normal, exact in both tails."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def probabilistic_sharpe(estimate: SharpeEstimate, benchmark: float = 0.0) -> float:
    """Return the probability that the true Sharpe ratio is above ``benchmark`` (per observation).

    Returns
    -------
    float
        In [0, 1]; NaN where the estimate is not known or rests on under two observations.

    Raises
    ------
    UsageError
        The kurtosis is below ``1 + skew ** 2``: it is not Pearson's.
    """
    if estimate.n_obs < 2 or math.isnan(estimate.sharpe):
        return math.nan
    scale = math.sqrt(_variance_term(estimate))
    distance = (estimate.sharpe - benchmark) * math.sqrt(estimate.n_obs - 1)
    if scale == 0.0:  # a two-valued distribution at its own bound: the estimate is certain
        return 0.5 if distance == 0.0 else float(distance > 0.0)
    return normal_cdf(distance / scale)


def expected_max_sharpe(n_trials: int) -> float:
    """Return the expected maximum of ``n_trials`` independent standard normals.

    Its unit is the standard deviation of the trials' Sharpe ratios. One trial has the expected maximum 0; the
    approximation for more would give minus infinity there.

    Raises
    ------
    UsageError
        ``n_trials`` is below 1.
    """
    if n_trials < 1:
        what = f"number of trials is {n_trials}"
        raise UsageError(what, where="n_trials", fix="Count the trial itself: give 1 or more")
    if n_trials == 1:
        return 0.0
    first = _NORMAL.inv_cdf(1.0 - 1.0 / n_trials)
    second = _NORMAL.inv_cdf(1.0 - 1.0 / (n_trials * math.e))
    return (1.0 - _EULER_GAMMA) * first + _EULER_GAMMA * second


def deflated_sharpe(estimate: SharpeEstimate, n_trials: int, sharpe_variance: float) -> float:
    """Return the probability that the best of ``n_trials`` is better than the best of as many worthless ones.

    Parameters
    ----------
    estimate : SharpeEstimate
        Of the best trial, per observation.
    n_trials : int
        Independent trials made, the best included.
    sharpe_variance : float
        Variance of the trials' Sharpe ratios, per observation (annual variance / periods a year).

    Raises
    ------
    UsageError
        ``n_trials`` is below 1, the variance is negative, or the kurtosis is not Pearson's.
    """
    if not sharpe_variance >= 0.0:
        what = f"variance of the trials' Sharpe ratios is {sharpe_variance}"
        raise UsageError(what, where="sharpe_variance", fix="Give zero or more")
    return probabilistic_sharpe(estimate, math.sqrt(sharpe_variance) * expected_max_sharpe(n_trials))


def min_track_record_length(estimate: SharpeEstimate, benchmark: float = 0.0, confidence: float = 0.95) -> float:
    """Return the observations needed until the Sharpe ratio is above ``benchmark`` with ``confidence``.

    ``estimate.n_obs`` is not used. ``inf`` where the ratio is not above the benchmark; NaN where it is not
    known.

    Raises
    ------
    UsageError
        ``confidence`` is outside (0.5, 1) or the kurtosis is not Pearson's.
    """
    if not 0.5 < confidence < 1.0:
        what = f"confidence is {confidence}"
        raise UsageError(what, where="confidence", fix="Give a share between 0.5 and 1")
    if math.isnan(estimate.sharpe):
        return math.nan
    if estimate.sharpe <= benchmark:
        return math.inf
    quantile = _NORMAL.inv_cdf(confidence)
    return 1.0 + _variance_term(estimate) * (quantile / (estimate.sharpe - benchmark)) ** 2


def min_backtest_length(n_trials: int, max_sharpe: float) -> float:
    """Return the years below which worthless trials are expected to show ``max_sharpe``, an ANNUAL ratio.

    Never above `min_backtest_length_bound`. 0 for one trial.

    Raises
    ------
    UsageError
        ``n_trials`` is below 1 or ``max_sharpe`` is not positive.
    """
    _check_positive(max_sharpe)
    return (expected_max_sharpe(n_trials) / max_sharpe) ** 2


def min_backtest_length_bound(n_trials: int, max_sharpe: float) -> float:
    """Return the upper bound ``2 ln(n_trials) / max_sharpe ** 2`` of `min_backtest_length`, in years."""
    _check_positive(max_sharpe)
    if n_trials < 1:
        what = f"number of trials is {n_trials}"
        raise UsageError(what, where="n_trials", fix="Count the trial itself: give 1 or more")
    return 2.0 * math.log(n_trials) / max_sharpe**2


def _check_positive(max_sharpe: float) -> None:
    if not max_sharpe > 0.0:
        what = f"Sharpe ratio to guard against is {max_sharpe}"
        raise UsageError(what, where="max_sharpe", fix="Give a positive annual ratio")


def _variance_term(estimate: SharpeEstimate) -> float:
    """Return ``1 - skew * SR + (kurtosis - 1) / 4 * SR ** 2``, at least ``(1 - skew * SR / 2) ** 2``."""
    bound = 1.0 + estimate.skew**2
    if estimate.kurtosis < bound * (1.0 - _ROUNDING):
        what = f"kurtosis {estimate.kurtosis:g} is impossible with skew {estimate.skew:g}"
        raise UsageError(what, where="kurtosis", fix=f"Give Pearson's kurtosis, here at least {bound:g}")
    sharpe = estimate.sharpe
    return max(1.0 - estimate.skew * sharpe + (estimate.kurtosis - 1.0) / 4.0 * sharpe**2, 0.0)
