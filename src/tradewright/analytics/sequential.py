"""Looking every day without fooling oneself: intervals and p-values that hold at all times at once.

A fixed-sample interval that is looked at daily is wrong sooner or later. These are wider and may be looked at whenever
one likes; that is the price of peeking.

Sources: Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals
of Statistics 49 (2021); Johari, Koomen, Pekelis and Walsh, "Always Valid Inference", Operations Research 70 (2022).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.errors import UsageError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class NormalMixture:
    """Two-sided normal mixture for sums with a known or estimated variance.

    ``rho`` places where it is narrowest; `tuned` finds it. ``alpha`` is the chance ever to exclude the truth.
    """

    rho: float
    alpha: float = 0.05

    @classmethod
    def tuned(cls, variance: float, alpha: float = 0.05) -> NormalMixture:
        """Return the mixture that is narrowest about where the variance of the sum is ``variance``.

        Raises
        ------
        UsageError
            If a number is out of range.
        """
        if not (variance > 0.0 and 0.0 < alpha < 1.0):
            what = f"variance {variance:g} at a chance of {alpha:g}"
            raise UsageError(what, where="variance", fix="Give a positive variance and a chance between 0 and 1")
        log_term = 2.0 * math.log(1.0 / alpha)
        return cls(variance / (log_term + math.log1p(log_term)), alpha)

    def log_evidence(self, total: float, variance: float) -> float:
        """Return the log of the evidence against a mean of zero, after a sum and its variance."""
        return 0.5 * math.log(self.rho / (variance + self.rho)) + total**2 / (2.0 * (variance + self.rho))

    def bound(self, variance: Floats) -> Floats:
        """Return how far a sum of mean zero strays at its variances, f8[n], but for the chance ``alpha`` overall."""
        spread = variance + self.rho
        wide: Floats = np.sqrt(spread * (np.log(spread / self.rho) + 2.0 * math.log(1.0 / self.alpha)))
        return wide


def mean_sequence(values: Floats, alpha: float = 0.05, best_after: int = 100) -> tuple[Floats, Floats]:
    """Return lower and upper bounds, f8[n] each, of the mean after each value, valid at all times together.

    The variance is estimated from the values so far, so coverage is approximate for the first dozens.

    Parameters
    ----------
    values : f8[n]
        Independent, for example differences of paired daily returns.
    alpha : float
        Chance that the true mean is ever outside.
    best_after : int
        Number of values after which the bounds should be narrowest.
    """
    n = np.arange(1, len(values) + 1, dtype=np.float64)
    mean = np.cumsum(values) / n
    spread = np.maximum(np.cumsum(values**2) / n - mean**2, 0.0)
    # In units of the deviation the variance of a sum is its number of values.
    half = np.sqrt(spread) * NormalMixture.tuned(float(best_after), alpha).bound(n) / n
    half[:1] = np.inf  # one value has no deviation
    return mean - half, mean + half


def likelihood_ratio(difference: float, n: int, variance: float, prior_variance: float) -> float:
    """Return the mixture sequential probability ratio of two samples of ``n`` each, against no difference in means.

    Reject where it reaches 1 / alpha, whenever one looks.

    Parameters
    ----------
    difference : float
        Of the two means.
    n : int
        Observations a sample.
    variance, prior_variance : float
        Of one observation, and of the differences expected beforehand.
    """
    both = 2.0 * variance
    spread = both + n * prior_variance
    return math.sqrt(both / spread) * math.exp(n**2 * prior_variance * difference**2 / (2.0 * both * spread))


def always_valid_p(ratios: Floats) -> Floats:
    """Return the p-value after each likelihood ratio, f8[n]: the smallest so far of its reciprocal, at most 1."""
    found: Floats = np.minimum(np.minimum.accumulate(1.0 / ratios), 1.0)
    return found
