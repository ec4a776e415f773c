"""Numbers of a set of trades, from the profit of each.

A trade of exactly zero is neither won nor lost but counts as a trade. A ratio without any loss is ``inf``
where something was won, else NaN; without trades everything is NaN.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def hit_rate(profits: NDArray[np.float64]) -> float:
    """Return the share of trades with a profit above zero."""
    return float(np.mean(profits > 0.0)) if len(profits) else math.nan


def profit_factor(profits: NDArray[np.float64]) -> float:
    """Return the sum of profits over the sum of losses."""
    won = float(profits[profits > 0.0].sum())
    lost = -float(profits[profits < 0.0].sum())
    return _over(won, lost)


def expectancy(profits: NDArray[np.float64]) -> float:
    """Return the mean profit of a trade, account currency."""
    return float(np.mean(profits)) if len(profits) else math.nan


def expectancy_ratio(profits: NDArray[np.float64]) -> float:
    """Return the mean profit of a trade for each unit of the mean loss.

    Equals ``(1 + mean win / mean loss) * hit rate - 1`` where no trade is exactly zero.
    """
    losses = profits[profits < 0.0]
    return _over(expectancy(profits), -float(losses.mean()) if len(losses) else 0.0)


def _over(numerator: float, denominator: float) -> float:
    if denominator == 0.0:
        return math.inf if numerator > 0.0 else math.nan
    return numerator / denominator
