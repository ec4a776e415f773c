"""Order flow: who pressed, the buyers or the sellers. From quotes, from trades, or as well as bars can tell."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import (
    AGGRESSOR,
    ASK,
    ASK_SIZE,
    BID,
    BID_SIZE,
    BUY_VOLUME,
    CLOSE,
    PRICE,
    SIZE,
    VOLUME,
)
from tradewright.core.types.events import EventKind
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.parameters import whole_number
from tradewright.features.window_nb import moments_window, push_moments_nb, push_sum_nb, sum_window


@inlined
def quote_flow_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: last bid, ask, bid size, ask size, then a window of the quotes' contributions."""
    bid, ask = fields[BID, i], fields[ASK, i]
    bid_size, ask_size = fields[BID_SIZE, i], fields[ASK_SIZE, i]
    was_bid, was_ask, was_bid_size, was_ask_size = state[0], state[1], state[2], state[3]
    state[0], state[1], state[2], state[3] = bid, ask, bid_size, ask_size
    if math.isnan(was_bid):
        return math.nan
    flow = 0.0
    if bid >= was_bid:
        flow += bid_size
    if bid <= was_bid:
        flow -= was_bid_size
    if ask <= was_ask:
        flow -= ask_size
    if ask >= was_ask:
        flow += was_ask_size
    return push_sum_nb(state, 4, int(params[0]), flow)


def quote_flow_imbalance(period: int = 20) -> Feature:
    """Order-flow imbalance of the best quotes over the last ``period`` changes of them, in traded units.

    Cont, Kukanov and Stoikov (2014): size that came to the bid, or left the ask, counts up; the opposite counts down; a
    price that moved counts with its whole size. Reads quotes. First value at index ``period``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    n = whole_number("period", period, 1)
    state = (math.nan, math.nan, 0.0, 0.0, *sum_window(n))
    return Feature("order_flow.quotes.cks.v1", quote_flow_step_nb, (float(n),), state, n, reads=EventKind.QUOTE)


@inlined
def depth_imbalance_step_nb(_state: Floats, _params: Floats, fields: Floats, i: int) -> float:
    """Return the difference of the two sizes as a share of their sum."""
    total = fields[BID_SIZE, i] + fields[ASK_SIZE, i]
    return float((fields[BID_SIZE, i] - fields[ASK_SIZE, i]) / total) if total > 0.0 else 0.0


def depth_imbalance() -> Feature:
    """(bid size - ask size) / (bid size + ask size) of the newest quote, -1 to 1; 0 where nothing is shown."""
    return Feature("depth_imbalance.best.v1", depth_imbalance_step_nb, (), (), 0, reads=EventKind.QUOTE)


@inlined
def trade_flow_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: last price, last side, then windows of signed and of all sizes."""
    n = int(params[0])
    price, size, side = fields[PRICE, i], fields[SIZE, i], fields[AGGRESSOR, i]
    if side == 0.0:
        side = state[1]
        if price > state[0]:
            side = 1.0
        elif price < state[0]:
            side = -1.0
    side = 1.0 if side > 0.0 else (-1.0 if side < 0.0 else 0.0)
    state[0], state[1] = price, side
    signed = push_sum_nb(state, 2, n, side * size)
    total = push_sum_nb(state, 5 + n, n, size)
    return 0.0 if total == 0.0 else float(signed / total)


def trade_flow_imbalance(period: int = 100) -> Feature:
    """(bought - sold) / traded over the last ``period`` trades, by who took: -1 to 1; 0 where nothing was traded.

    A trade of unknown side has that of its price change, or of the trade before where the price stood still (tick
    rule); before any change it counts for neither. Reads trades. First value at index ``period - 1``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    n = whole_number("period", period, 1)
    state = (math.nan, 0.0, *sum_window(n), *sum_window(n))
    return Feature(
        "order_flow.trades.tick_rule.v1", trade_flow_step_nb, (float(n),), state, n - 1, reads=EventKind.TRADE
    )


@inlined
def bar_flow_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: last close, then windows of changes, of signed volumes and of volumes."""
    n = int(params[0])
    x = fields[CLOSE, i]
    last = state[0]
    state[0] = x
    if math.isnan(last):
        return math.nan
    _, squares = push_moments_nb(state, 1, n, x - last)
    if math.isnan(squares):
        return math.nan
    traded = fields[VOLUME, i]
    bought = fields[BUY_VOLUME, i]
    signed = 2.0 * bought - traded
    if math.isnan(bought):
        deviation = math.sqrt(squares / (n - 1))
        signed = traded * math.erf((x - last) / deviation / math.sqrt(2.0)) if deviation > 0.0 else 0.0
    total_signed = push_sum_nb(state, 5 + 2 * n, n, signed)
    total = push_sum_nb(state, 8 + 3 * n, n, traded)
    return 0.0 if total == 0.0 else float(total_signed / total)


def bar_flow_imbalance(period: int = 20) -> Feature:
    """(bought - sold) / volume over the last ``period`` bars, by who took: -1 to 1; 0 where nothing was traded.

    From the volume that takers bought, where the source knows it. Where it does not, a bar's volume is divided by bulk
    volume classification (Easley, Lopez de Prado and O'Hara, 2012): the share bought is the normal distribution
    function of the close's change, in units of its standard deviation over ``period`` bars; half, where no price has
    changed. First value at index 2 ``period`` - 1.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 2.
    """
    n = whole_number("period", period, 2)
    state = (math.nan, *moments_window(n), *sum_window(n), *sum_window(n))
    return Feature("order_flow.bars.bulk.v1", bar_flow_step_nb, (float(n),), state, 2 * n - 1)
