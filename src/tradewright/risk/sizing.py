"""How much to trade: pure rules from equity, stop distance, volatility and the record of past trades.

Every rule answers with a share of equity that is risked or held, or with whole lots; none ever rounds risk up. What a
rule cannot know is an error or NaN, never a default.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.errors import UsageError

Floats = NDArray[np.float64]


def whole_lots(size: Fraction, lot: Fraction, min_lots: int = 1, max_lots: int | None = None) -> int:
    """Return a size in units as whole lots of the same sign, towards zero; 0 where it is below the smallest order."""
    lots = abs(size) // lot
    if max_lots is not None:
        lots = min(lots, max_lots)
    return 0 if lots < min_lots else int(lots) * (1 if size > 0 else -1)


def fixed_risk_units(equity: Fraction, risk: Fraction, entry: Fraction, stop: Fraction, fx: Fraction) -> Fraction:
    """Return the units that lose ``risk`` x equity if the stop fills at its price; 0 where that is not defined.

    Parameters
    ----------
    equity : Fraction
        Account currency.
    risk : Fraction
        Share of equity to lose at the stop, 0.01 = 1 %.
    entry, stop : Fraction
        Instrument's currency.
    fx : Fraction
        Account currency per unit of the instrument's.
    """
    distance = abs(entry - stop) * fx
    return max(equity, Fraction(0)) * risk / distance if distance > 0 else Fraction(0)


def affordable_lots(lots: int, free_equity: Fraction, lot_margin: Fraction) -> int:
    """Return as many of the lots as the free equity covers with ``lot_margin`` each, towards zero."""
    if lot_margin <= 0:
        return lots
    most = max(free_equity, Fraction(0)) // lot_margin
    return max(min(abs(lots), int(most)), 0) * (1 if lots > 0 else -1)


def volatility_weight(target_year: float, volatility: float, periods_per_year: float) -> float:
    """Return the share of equity whose volatility is ``target_year``, given the deviation of one period's return."""
    if not (volatility > 0.0 and math.isfinite(volatility)):
        return math.nan
    return target_year / (volatility * math.sqrt(periods_per_year))


def kelly_fraction(win_rate: float, payoff: float) -> float:
    """Return Kelly's share of equity to risk: p - (1 - p)/b; 0 where the edge is not positive, never below.

    Parameters
    ----------
    win_rate : float
        p, from 0 to 1.
    payoff : float
        b, mean gain over mean loss, above zero.

    Raises
    ------
    UsageError
        If a number is out of range.

    References
    ----------
    Kelly, "A New Interpretation of Information Rate" (1956); Thorp, "The Kelly Criterion in Blackjack, Sports Betting
    and the Stock Market" (2006).
    """
    if not (0.0 <= win_rate <= 1.0 and payoff > 0.0 and math.isfinite(payoff)):
        what = f"win rate {win_rate:g} and payoff {payoff:g}"
        raise UsageError(what, where="kelly", fix="Give a rate from 0 to 1 and a payoff above 0.")
    return max(0.0, win_rate - (1.0 - win_rate) / payoff)


def kelly_risk(win_rate_low: float, payoff_low: float, share: float = 0.5, cap: float = 0.01) -> float:
    """Return the share of equity to risk on a trade: ``share`` of Kelly at the lower bounds of its evidence, capped.

    A record that does not prove an edge gives 0: no trade, and never one the other way round.
    """
    if payoff_low <= 0.0:
        return 0.0
    return min(share * kelly_fraction(win_rate_low, payoff_low), cap)


def correlation_scale(correlation: Floats) -> float:
    """Return by how much positions of equal risk shrink so that together they risk no more than independent ones.

    With risks r and correlations c the whole risks r x root(sum of c); independent ones, r x root(n). Negative
    correlations count as none: a hedge is not relied on. Above 0, at most 1.

    Parameters
    ----------
    correlation : NDArray[np.float64]
        f8[n, n], symmetric, ones on the diagonal.

    Raises
    ------
    UsageError
        If it is no correlation matrix.
    """
    n = len(correlation)
    is_matrix = correlation.shape == (n, n) and n > 0 and bool(np.isfinite(correlation).all())
    if not is_matrix or not np.allclose(np.diag(correlation), 1.0) or bool((np.abs(correlation) > 1.0 + 1e-9).any()):
        raise UsageError(
            "no correlation matrix", where="sizing.correlation", fix="Ones on the diagonal, -1 to 1 beside."
        )
    return float(min(1.0, math.sqrt(n / np.maximum(correlation, 0.0).sum())))
