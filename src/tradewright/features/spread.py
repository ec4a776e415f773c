"""The bid-ask spread: as quoted, or estimated from bars (Corwin and Schultz; Roll)."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import ASK, BID, CLOSE, HIGH, LOW
from tradewright.core.types.events import EventKind
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.comoments_nb import comoments_window, push_comoments_nb
from tradewright.features.parameters import whole_number
from tradewright.features.window_nb import push_sum_nb, sum_window

_ROOT_2 = math.sqrt(2.0)
_DENOMINATOR = 3.0 - 2.0 * _ROOT_2


@inlined
def quoted_spread_step_nb(_state: Floats, _params: Floats, fields: Floats, i: int) -> float:
    """Return the spread as a share of the middle."""
    return float(2.0 * (fields[ASK, i] - fields[BID, i]) / (fields[ASK, i] + fields[BID, i]))


def quoted_spread() -> Feature:
    """(ask - bid) / middle of the newest quote; reads quotes. 0.0001 is one basis point, as in the two estimates."""
    return Feature("spread.quoted.relative.v1", quoted_spread_step_nb, (), (), 0, reads=EventKind.QUOTE)


@inlined
def corwin_schultz_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: last high, low and close, then a window of two-bar estimates."""
    n = int(params[0])
    high, low = fields[HIGH, i], fields[LOW, i]
    was_high, was_low, last = state[0], state[1], state[2]
    state[0], state[1], state[2] = high, low, fields[CLOSE, i]
    if math.isnan(last):
        return math.nan
    # what the price did while the market was closed is no spread: move this bar back over a gap
    gap = max(0.0, low - last) + min(0.0, high - last)
    high -= gap
    low -= gap
    one, two = math.log(was_high / was_low), math.log(high / low)
    both = math.log(max(high, was_high) / min(low, was_low))
    beta = one * one + two * two
    alpha = (_ROOT_2 - 1.0) * math.sqrt(beta) / _DENOMINATOR - math.sqrt(both * both / _DENOMINATOR)
    spread = max(0.0, 2.0 * (math.exp(alpha) - 1.0) / (1.0 + math.exp(alpha)))
    return push_sum_nb(state, 3, n, spread) / n


def corwin_schultz_spread(period: int = 20) -> Feature:
    """Relative spread from highs and lows of neighbouring bars, averaged over ``period`` pairs.

    Corwin and Schultz (2012), with their adjustment for gaps between bars; a negative estimate of a pair counts as 0.
    First value at index ``period``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    n = whole_number("period", period, 1)
    state = (math.nan, math.nan, math.nan, *sum_window(n))
    return Feature("spread.corwin_schultz.gaps.v1", corwin_schultz_step_nb, (float(n),), state, n)


@inlined
def roll_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: last close, last return, then a window of neighbouring returns."""
    n = int(params[0])
    x = fields[CLOSE, i]
    move = math.log(x / state[0])
    before = state[1]
    state[0], state[1] = x, move
    if math.isnan(before):
        return math.nan
    _, _, products = push_comoments_nb(state, 2, n, before, move)
    if math.isnan(products):
        return math.nan
    return 2.0 * math.sqrt(-products / (n - 1)) if products < 0.0 else 0.0


def roll_spread(period: int = 20) -> Feature:
    """Relative spread from the bounce of closes: 2 sqrt(-covariance of neighbouring log returns).

    Roll (1984); sample covariance over ``period`` pairs; 0 where it is not negative. First value at ``period + 1``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 2.
    """
    n = whole_number("period", period, 2)
    return Feature("spread.roll.v1", roll_step_nb, (float(n),), (math.nan, math.nan, *comoments_window(n)), n + 1)
