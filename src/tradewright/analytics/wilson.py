"""Intervals for shares: hits out of tries."""

from __future__ import annotations

import math
from statistics import NormalDist

from tradewright.core.types.errors import UsageError

_NORMAL = NormalDist()


def wilson_interval(hits: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return the bounds of Wilson's score interval for a share; (0, 1) for no tries.

    Tries that overlap count for less than one: give the effective number of them, and the hits scaled alike.

    Parameters
    ----------
    hits, n : float
        0 <= hits <= n; need not be whole.
    confidence : float
        Two-sided.

    Raises
    ------
    UsageError
        If a number is out of range.

    References
    ----------
    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22 (1927).
    """
    z = _quantile(confidence)
    if not 0.0 <= hits <= n:
        what = f"{hits:g} hits of {n:g} tries"
        raise UsageError(what, where="hits", fix="Give a number from 0 to the number of tries")
    if n == 0.0:
        return 0.0, 1.0
    share = hits / n
    scale = 1.0 + z * z / n
    centre = (share + z * z / (2.0 * n)) / scale
    half = z / scale * math.sqrt(share * (1.0 - share) / n + (z / (2.0 * n)) ** 2)
    # At the ends the bound is the share itself, which rounding would miss.
    low = 0.0 if hits == 0.0 else max(centre - half, 0.0)
    high = 1.0 if hits == n else min(centre + half, 1.0)
    return low, high


def tries_for_half_width(share: float, half_width: float, confidence: float = 0.95) -> int:
    """Return the tries after which a share is known to plus or minus ``half_width``, by the normal approximation.

    Raises
    ------
    UsageError
        If a number is out of range.
    """
    z = _quantile(confidence)
    if not (0.0 <= share <= 1.0 and half_width > 0.0):
        what = f"share {share:g} known to {half_width:g}"
        raise UsageError(what, where="half_width", fix="Give a share from 0 to 1 and a width above 0")
    return max(1, math.ceil(z * z * share * (1.0 - share) / half_width**2))


def _quantile(confidence: float) -> float:
    if not 0.0 < confidence < 1.0:
        raise UsageError(f"confidence is {confidence}", where="confidence", fix="Give a share between 0 and 1")
    return _NORMAL.inv_cdf(0.5 + confidence / 2.0)
