"""Drawn costs: what a fill pays where an instrument has distributions instead of fixed terms.

A draw is a function of the instrument's seed and the order's id alone, so that it does not matter who asks, when, or
how often: a partly filled order keeps its luck, and the loop and the session agree.
See docs/decisions/0011-drawn-costs.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.compiled import compiled, inlined
from tradewright.core.kernel.memory_nb import book_nb, costs_nb, ints_nb, order_nb, table_nb, terms_nb, venue_nb
from tradewright.core.types.execution_costs import PROBABILITIES, SESSIONS

_N = len(PROBABILITIES)
_N_SESSIONS = len(SESSIONS)
_COLUMNS = 3 * _N + 2
_SPREAD, _SLIPPAGE, _LATENESS, _FILLED = range(4)
_STEP, _MIX_1, _MIX_2 = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_S30, _S27, _S31, _S11 = (np.uint64(n) for n in (30, 27, 31, 11))
_GRID = np.array(PROBABILITIES)


@inlined
def uniform_nb(seed: int, order: int, stream: int) -> float:
    """Draw in [0, 1) of one order: SplitMix64 of a counter (Steele, Lea, Flood, OOPSLA 2014)."""
    z = np.uint64(seed) + np.uint64(4 * order + stream + 1) * _STEP
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return float((z ^ (z >> _S31)) >> _S11) * 2.0**-53


@inlined
def quantile_nb(table: Any, session: int, first: int, u: float) -> float:
    """Look up the quantile at ``u`` in a row of the table, linear between those kept."""
    q = 0
    while q < _N - 2 and u >= _GRID[q + 1]:
        q += 1
    low, high = table[session, first + q], table[session, first + q + 1]
    return float(low + (high - low) / (_GRID[q + 1] - _GRID[q]) * (u - _GRID[q]))


@inlined
def session_at_nb(costs: Any, now: int) -> int:
    """Find the session a time lies in."""
    starts = ints_nb(costs.starts, costs.n_starts)
    at = np.searchsorted(starts, now, side="right") - 1
    return int(ints_nb(costs.labels, costs.n_starts)[at]) if at >= 0 else _N_SESSIONS - 1


@compiled
def drawn_price_nb(venue: int, j: int, k: int, price: float) -> float:
    """Price of a fill that takes liquidity, costs drawn.

    As with fixed terms: half the spread unless the price is a quote, slippage only on orders without a limit, and an
    order with a limit never pays beyond it. A bracket's target that becomes a market order pays both.
    """
    v = venue_nb(venue)[0]
    order = order_nb(v, j, k)
    costs = costs_nb(terms_nb(v, j).costs)[0]
    table = table_nb(costs.table, _N_SESSIONS, _COLUMNS)
    session = session_at_nb(costs, v.opened)  # of a bar: an open pays what was usual when it was made
    bps = 0.0
    if np.isnan(book_nb(v, j).bid):
        bps = quantile_nb(table, session, 0, uniform_nb(costs.seed, order.id, _SPREAD))
    has_limit = order.kind == c.LIMIT or order.kind == c.STOP_LIMIT
    if has_limit and not (v.target_takes != 0 and order.origin == c.FROM_TAKE_PROFIT):
        taken = price * (1.0 + order.side * bps * 1e-4)
        return float(min(taken, order.limit) if order.side > 0 else max(taken, order.limit))
    bps += quantile_nb(table, session, _N, uniform_nb(costs.seed, order.id, _SLIPPAGE))
    bps += costs.impact_bps * np.sqrt(order.lots)
    is_entry = order.origin == c.FROM_STRATEGY and order.is_reduce_only == 0
    if is_entry and uniform_nb(costs.seed, order.id, _LATENESS) < table[session, 2 * _N]:
        bps += table[session, 2 * _N + 1]
    taken = price * (1.0 + order.side * bps * 1e-4)
    if order.kind == c.MARKET and taken * order.side > order.limit * order.side:
        return float(order.limit)  # the collar that the guard gave it
    return float(taken)


@compiled
def drawn_lots_nb(venue: int, j: int, k: int) -> int:
    """Lots of an order that will ever fill, towards zero.

    Entries alone draw: what makes a position smaller, and every exit, fills whole, because a rest of it would stand
    without protection.
    """
    v = venue_nb(venue)[0]
    order = order_nb(v, j, k)
    costs = costs_nb(terms_nb(v, j).costs)[0]
    is_entry = order.origin == c.FROM_STRATEGY and order.is_reduce_only == 0
    if costs.draws_fills == 0 or not is_entry or order.side * book_nb(v, j).position < 0:
        return int(order.lots)
    table = table_nb(costs.table, _N_SESSIONS, _COLUMNS)
    session = session_at_nb(costs, order.ts_active)
    share = quantile_nb(table, session, 2 * _N + 2, uniform_nb(costs.seed, order.id, _FILLED))
    return int(np.floor(order.lots * share + 1e-9))
