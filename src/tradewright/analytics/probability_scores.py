"""Scores of probability forecasts: how far they were from what happened.

Outcomes are whole numbers 0 to k - 1, forecasts f8[n, k]. Both scores here are proper: the best a forecaster can do is
to say what it believes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: A probability of zero for what then happened would be infinitely wrong; it counts as this.
SMALLEST = 1e-12


@dataclass(frozen=True, slots=True)
class Decomposition:
    """Parts of a Brier score: ``reliability - resolution + uncertainty + within`` is the score exactly.

    ``reliability``: squared distance of forecasts from what happened when they were made, 0 is best; ``resolution``:
    how far the outcomes of different forecasts lie apart, the more the better; ``uncertainty``: of the outcomes
    themselves; ``within``: what forecasts that differ leave within a bin, 0 where each bin holds one forecast.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within: float


def brier_losses(forecasts: Floats, outcomes: Ints) -> Floats:
    """Return the squared error summed over the classes of each row, f8[n]; 0 is best, 2 is worst.

    Brier's own definition: for two classes it is twice the one that looks at one class only (`binary_brier`).
    """
    hits = _one_hot(forecasts, outcomes)
    losses: Floats = ((forecasts - hits) ** 2).sum(axis=1)
    return losses


def binary_brier(forecasts: Floats, hits: Floats) -> float:
    """Return the mean squared error of probabilities f8[n] of an event that happened (1) or not (0)."""
    return float(np.mean((forecasts - hits) ** 2))


def log_losses(forecasts: Floats, outcomes: Ints) -> Floats:
    """Return -log of the probability given to what happened, f8[n], in nats."""
    given = np.take_along_axis(forecasts, outcomes[:, None], axis=1)[:, 0]
    return -np.log(np.clip(given, SMALLEST, 1.0))


def skill(loss: float, reference: float) -> float:
    """Return 1 - loss / reference: 1 is perfect, 0 no better than the reference, below 0 worse; NaN for reference 0."""
    return 1.0 - loss / reference if reference > 0.0 else float("nan")


def decompose(forecasts: Floats, outcomes: Ints, bins: int = 0) -> Decomposition:
    """Split the mean of `brier_losses` into Murphy's parts, summed over the classes.

    Parameters
    ----------
    forecasts : f8[n, k]
        At least one row.
    outcomes : i8[n]
        0 to k - 1.
    bins : int
        Bins of equal width a class; 0 gives each distinct probability a bin of its own.

    References
    ----------
    Murphy, "A New Vector Partition of the Probability Score", Journal of Applied Meteorology 12 (1973); the part
    within bins is that of Stephenson, Coelho and Jolliffe (2008).
    """
    hits = _one_hot(forecasts, outcomes)
    parts = [_decompose_binary(forecasts[:, k], hits[:, k], bins) for k in range(forecasts.shape[1])]
    return Decomposition(*(float(value) for value in np.sum(parts, axis=0)))


def decompose_binary(forecasts: Floats, hits: Floats, bins: int = 0) -> Decomposition:
    """Split `binary_brier` in the same way."""
    return Decomposition(*_decompose_binary(forecasts, hits, bins))


def _decompose_binary(p: Floats, hits: Floats, bins: int) -> tuple[float, float, float, float]:
    keys = p if bins == 0 else np.minimum(np.floor(p * bins), bins - 1.0)
    _, place = np.unique(keys, return_inverse=True)
    counts = np.bincount(place).astype(np.float64)
    mean_p, mean_hit = np.bincount(place, p) / counts, np.bincount(place, hits) / counts
    base = float(hits.mean())
    n = len(p)
    reliability = float(counts @ (mean_p - mean_hit) ** 2) / n
    resolution = float(counts @ (mean_hit - base) ** 2) / n
    within = float(np.mean((p - mean_p[place]) ** 2 - 2.0 * (p - mean_p[place]) * (hits - mean_hit[place])))
    return reliability, resolution, base * (1.0 - base), within


def _one_hot(forecasts: Floats, outcomes: Ints) -> Floats:
    hits: Floats = (outcomes[:, None] == np.arange(forecasts.shape[1])[None, :]).astype(np.float64)
    return hits
