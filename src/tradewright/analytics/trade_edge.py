"""What a record of trades proves about its edge: lower bounds of win rate and payoff."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.wilson import wilson_interval


@dataclass(frozen=True, slots=True)
class TradeEdge:
    """Win rate and payoff (mean gain over mean loss) of ``n`` trades, with lower bounds; NaN where undefined.

    ``loss_high`` is the upper bound of the mean loss, above zero, in the units of the returns.
    """

    n: int
    win_rate: float
    payoff: float
    win_rate_low: float
    payoff_low: float
    loss_high: float


def trade_edge(returns: NDArray[np.float64], confidence: float = 0.95) -> TradeEdge:
    """Return the edge that closed trades prove.

    The win rate's bound is Wilson's. The payoff's is the lower bound of the mean gain over the upper bound of the mean
    loss, each by the normal approximation: together more careful than ``confidence``. A trade without gain or loss
    counts as a loss of nothing.

    Parameters
    ----------
    returns : NDArray[np.float64]
        f8[n], of closed trades, net of costs.
    confidence : float
        Two-sided.
    """
    n = len(returns)
    gains, losses = returns[returns > 0.0], -returns[returns <= 0.0]
    if len(gains) < 2 or len(losses) < 2 or not losses.mean() > 0.0:
        low, _ = wilson_interval(len(gains), n, confidence)
        return TradeEdge(n, len(gains) / n if n else math.nan, math.nan, low, math.nan, math.nan)
    z = NormalDist().inv_cdf(0.5 + confidence / 2.0)
    gain_low = float(gains.mean() - z * gains.std(ddof=1) / math.sqrt(len(gains)))
    loss_high = float(losses.mean() + z * losses.std(ddof=1) / math.sqrt(len(losses)))
    low, _ = wilson_interval(len(gains), n, confidence)
    payoff = float(gains.mean() / losses.mean())
    return TradeEdge(n, len(gains) / n, payoff, low, max(gain_low, 0.0) / loss_high, loss_high)
