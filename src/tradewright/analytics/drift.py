"""Do features still look as they did in training? Two answers, one for doubt and one for size.

Kolmogorov and Smirnov's test says whether a difference can be chance; with many rows it finds differences too small to
matter. The population stability index says how large it is, whatever chance would do. A feature drifts where both say
so, and testing many features at once is paid for by Benjamini and Hochberg's control of false discoveries.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SMALLEST_SHARE = 1e-4  # of an empty bin, so that the index stays finite


@dataclass(frozen=True, slots=True)
class DriftParams:
    """When a feature counts as drifting.

    ``false_discoveries``: share of drifting features that may be so by chance; ``psi``: smallest index that matters
    (0.1 is small, 0.25 large by the usual reading); ``bins`` of the index; ``independent``: share of the rows that
    count as independent, for features that change slowly: average uniqueness of the labels is a fair guess.
    """

    false_discoveries: float = 0.05
    psi: float = 0.2
    bins: int = 10
    independent: float = 1.0


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """One feature then and now: largest distance of the two distributions, p-values before and after control, index."""

    name: str
    distance: float
    p_value: float
    adjusted: float
    psi: float
    is_drifting: bool


def feature_drift(
    names: Sequence[str], training: Floats, recent: Floats, params: DriftParams | None = None
) -> tuple[FeatureDrift, ...]:
    """Compare every feature with its training rows, in the order of the columns.

    Parameters
    ----------
    names : sequence of str
        k names.
    training, recent : f8[n, k], f8[m, k]
        NaN is a value of its own for the index and left out of the test.
    """
    chosen = params or DriftParams()
    columns = list(zip(training.T, recent.T, strict=True))
    tests = [kolmogorov_smirnov(old, new, chosen.independent) for old, new in columns]
    adjusted = benjamini_hochberg(np.array([p for _, p in tests]))
    found = []
    for name, (old, new), (distance, p), q in zip(names, columns, tests, adjusted.tolist(), strict=True):
        index = stability_index(old, new, chosen.bins)
        drifts = q <= chosen.false_discoveries and index >= chosen.psi
        # A feature that vanished, or came into being, has nothing to test.
        drifts = drifts or (math.isnan(distance) and index >= chosen.psi)
        found.append(FeatureDrift(name, distance, p, q, index, drifts))
    return tuple(found)


def kolmogorov_smirnov(first: Floats, second: Floats, independent: float = 1.0) -> tuple[float, float]:
    """Return the largest distance of two empirical distributions, and the chance of as much between equal ones.

    The chance is the asymptotic one, with Stephens' correction for small samples; for discrete values it is too large,
    which errs towards no drift. ``independent`` is the share of the rows that count. NaN values are left out; (NaN, 1)
    where a side has none left.

    References
    ----------
    Stephens, "Use of the Kolmogorov-Smirnov, Cramer-von Mises and Related Statistics", JRSS B 32 (1970).
    """
    a, b = (np.sort(side[~np.isnan(side)]) for side in (first, second))
    if len(a) == 0 or len(b) == 0:
        return math.nan, 1.0
    values = np.concatenate([a, b])
    below_a, below_b = (np.searchsorted(side, values, side="right") / len(side) for side in (a, b))
    distance = float(np.abs(below_a - below_b).max())
    root = math.sqrt(independent * len(a) * len(b) / (len(a) + len(b)))
    return distance, _kolmogorov_tail((root + 0.12 + 0.11 / root) * distance)


def stability_index(training: Floats, recent: Floats, bins: int = 10) -> float:
    """Return the population stability index: sum of (q - p) ln(q / p) over the shares p of training and q of recent.

    The bins hold equal counts of training values; missing values have a bin of their own. Of two samples without any
    difference it is about ``bins / n + bins / m``, not zero. NaN where a side has no rows.
    """
    if len(training) == 0 or len(recent) == 0:
        return math.nan
    known = training[~np.isnan(training)]
    edges = np.unique(np.quantile(known, np.arange(1, bins) / bins)) if len(known) else np.empty(0)
    shares = []
    for side in (training, recent):
        place = np.where(np.isnan(side), len(edges) + 1, np.searchsorted(edges, side, side="left"))
        shares.append(np.maximum(np.bincount(place, minlength=len(edges) + 2) / len(side), _SMALLEST_SHARE))
    p, q = shares
    return float(((q - p) * np.log(q / p)).sum())


def benjamini_hochberg(p_values: Floats) -> Floats:
    """Return adjusted p-values f8[k]: those up to q are false discoveries in at most the share q, on average.

    Valid where tests are independent or positively dependent.

    References
    ----------
    Benjamini and Hochberg, "Controlling the False Discovery Rate", JRSS B 57 (1995).
    """
    k = len(p_values)
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * k / np.arange(1, k + 1)
    adjusted = np.empty(k)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def _kolmogorov_tail(x: float) -> float:
    """Return the chance that Kolmogorov's statistic is above ``x``."""
    if x < 0.2:  # the series converges slowly there, and its value is 1 to 12 digits
        return 1.0
    terms = (2.0 * (-1.0) ** (k - 1) * math.exp(-2.0 * k * k * x * x) for k in range(1, 101))
    return min(max(math.fsum(terms), 0.0), 1.0)
