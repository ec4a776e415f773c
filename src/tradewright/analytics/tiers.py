"""Forecasts by how sure they are: what each tier of confidence was worth.

A forecast belongs to the highest tier whose threshold the probability of its favoured direction (up or down, whichever
is likelier) reaches; below all of them it belongs to none. A flat outcome is a miss: nobody can trade on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.reliability import Bins, reliability_bins
from tradewright.analytics.wilson import wilson_interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tier:
    """A tier: its name and the smallest probability in it."""

    name: str
    threshold: float


#: In ascending order.
TIERS = (Tier("low", 0.55), Tier("medium", 0.6), Tier("high", 0.7))


@dataclass(frozen=True, slots=True)
class TierScore:
    """What became of the forecasts of one tier.

    ``precision``: share in which the favoured direction came, with ``low`` and ``high`` of its Wilson interval on the
    effective count; ``mae``: mean absolute error of the probability, that is the distance of forecast and frequency
    over the tier's bins; ``n`` forecasts worth ``effective``. NaN where there are none.
    """

    tier: Tier
    precision: float
    low: float
    high: float
    mae: float
    n: int
    effective: float
    bins: Bins


def favoured(p_up: Floats, p_down: Floats) -> tuple[Floats, Ints]:
    """Return the probability f8[n] and the sign i8[n] of the likelier direction; up where both are equal."""
    is_down = p_down > p_up
    return np.where(is_down, p_down, p_up), np.where(is_down, -1, 1).astype(np.int64)


def tier_numbers(probability: Floats, tiers: Sequence[Tier] = TIERS) -> Ints:
    """Return of each forecast the place of its tier, i8[n]; -1 for none, NaN included."""
    thresholds = np.array([tier.threshold for tier in tiers])
    numbers: Ints = np.searchsorted(thresholds, probability, side="right").astype(np.int64) - 1
    return np.where(np.isnan(probability), -1, numbers)


def tier_scores(
    probability: Floats,
    hits: Floats,
    unique: Floats | None = None,
    tiers: Sequence[Tier] = TIERS,
    confidence: float = 0.95,
) -> tuple[TierScore, ...]:
    """Judge each tier, in the order given.

    Parameters
    ----------
    probability, hits : f8[n]
        Of the favoured direction; 1 where it came, else 0.
    unique : f8[n], optional
        Uniqueness of each forecast's label; 1 where they do not overlap.
    tiers : sequence of Tier
        With ascending thresholds.
    confidence : float
        Of the intervals.
    """
    weight = np.ones(len(probability)) if unique is None else unique
    numbers = tier_numbers(probability, tiers)
    return tuple(
        _score(tier, probability[numbers == k], hits[numbers == k], weight[numbers == k], confidence)
        for k, tier in enumerate(tiers)
    )


def _score(tier: Tier, probability: Floats, hits: Floats, weight: Floats, confidence: float) -> TierScore:
    bins = reliability_bins(probability, hits, weight, confidence=confidence)
    n, effective = len(hits), float(weight.sum())
    precision = float(hits.mean()) if n else float("nan")
    low, high = wilson_interval(min(precision * effective, effective), effective, confidence) if n else (np.nan, np.nan)
    return TierScore(tier, precision, low, high, bins.error, n, effective, bins)
