"""A distribution as the model keeps it: mean, median, 90th percentile, count, and a sketch of its quantiles."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tradewright.core.types.execution_costs import PROBABILITIES

Floats = NDArray[np.float64]
_DIGITS = 6  # of a basis point or a millisecond: far below what is measured, and files stay readable
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Distribution(BaseModel):
    """One measured quantity. ``n`` samples; ``quantiles`` stand at `PROBABILITIES`, ascending."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n: Annotated[int, Field(ge=0)]  # 0: nobody measured it
    mean: Finite
    p50: Finite
    p90: Finite
    quantiles: tuple[Finite, ...]

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if len(self.quantiles) != len(PROBABILITIES) or any(np.diff(self.quantiles) < 0.0):
            msg = f"quantiles must be {len(PROBABILITIES)} ascending numbers"
            raise ValueError(msg)
        return self

    def at(self, probability: float) -> float:
        """Return the quantile at a probability, linear between those kept."""
        return float(np.interp(probability, PROBABILITIES, self.quantiles))

    def interval(self, probability: float) -> tuple[float, float] | None:
        """Return the 95 % interval of a quantile by order statistics; None where nobody measured.

        The ranks of n independent samples: Hahn and Meeker, "Statistical Intervals" (1991), 5.2, normal approximation.
        Samples that follow each other closely, or weigh differently, make it too narrow.
        """
        if self.n == 0:
            return None
        off = 1.96 * (probability * (1.0 - probability) / self.n) ** 0.5
        return self.at(probability - off), self.at(probability + off)

    def share_above(self, value: float) -> float:
        """Return the share of samples above a value."""
        lower, upper = self.quantiles[0], self.quantiles[-1]
        if value >= upper or value < lower:
            return 0.0 if value >= upper else 1.0
        below = float(np.interp(value, *_strictly_rising(self.quantiles)))
        return 1.0 - below


def _strictly_rising(quantiles: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Return quantiles and probabilities of which equal ones keep the highest probability."""
    values, probabilities = np.array(quantiles), np.array(PROBABILITIES)
    last = np.append(np.diff(values) > 0.0, True)
    return values[last], probabilities[last]


def distribution_of(values: Floats, weights: Floats | None = None) -> Distribution:
    """Return the distribution of samples, f8[n]; ``weights`` f8[n] say how long each held (all alike if not given).

    Raises
    ------
    ValueError
        Without samples, or where one is not finite or no weight is above zero.
    """
    weights = np.ones(len(values)) if weights is None else weights
    if not len(values) or not np.isfinite(values).all() or not weights.sum() > 0.0:
        msg = "a distribution needs finite samples and a weight above zero"
        raise ValueError(msg)
    order = np.argsort(values, kind="stable")
    values, weights = values[order], weights[order]
    total = float(weights.sum())
    reached = (np.cumsum(weights) - 0.5 * weights) / total  # middle of each sample's share
    quantiles = np.interp(PROBABILITIES, reached, values)
    quantiles[0], quantiles[-1] = values[0], values[-1]
    found = [round(float(q), _DIGITS) for q in np.maximum.accumulate(quantiles)]
    p50, p90 = (found[PROBABILITIES.index(p)] for p in (0.5, 0.9))
    mean = round(float((values * weights).sum() / total), _DIGITS)
    return Distribution(n=len(values), mean=mean, p50=p50, p90=p90, quantiles=tuple(found))
