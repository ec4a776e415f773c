"""Reasons to deny an order: prices, sizes, limits, margin, and what all working orders could come to.

What only reduces a position is never refused for a loss limit.
"""

from __future__ import annotations

import numpy as np

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.compiled import compiled, inlined
from tradewright.core.kernel.ledger_nb import micro_nb
from tradewright.core.kernel.memory_nb import (
    call_nb,
    limits_nb,
    order_nb,
    position_nb,
    session_nb,
    terms_nb,
    verbs_nb,
)
from tradewright.core.kernel.settle_nb import reserve_nb

#: Value no order may have, whatever the limits say: half of what int64 holds in millionths.
_LARGEST_VALUE = 4.6e12
#: What the guard answers where it refuses nothing; 0 is what is left of a verb that broke off.
PERMITTED = -1
#: What the guard is asked about: slots are passed times 4, with one of these added.
NEW_RISK, AMENDED, EXITING = range(3)


@compiled
def leaves_nb(session: int, j: int, side: int) -> int:
    """Lots that working orders of the strategy may still buy (side 1) or sell (side -1)."""
    s = session_nb(session)[0]
    total = 0
    for k in range(position_nb(s, j).working):
        order = order_nb(s, j, k)
        if order.side == side and order.origin == c.FROM_STRATEGY and order.is_reduce_only == 0:
            total += order.lots - order.filled
    return total


@compiled
def exits_nb(session: int, j: int, side: int) -> int:
    """Lots of working reduce-only orders on a side: exits that may close the position before another order does."""
    s = session_nb(session)[0]
    total = 0
    for k in range(position_nb(s, j).working):
        order = order_nb(s, j, k)
        if order.side == side and order.is_reduce_only != 0 and order.is_canceling == 0:
            total += order.lots - order.filled
    return total


@inlined
def price_refusal_nb(session: int, j: int, k: int) -> int:
    """Look at the prices of an order: those its kind needs must be there, finite and positive."""
    s = session_nb(session)[0]
    order = order_nb(s, j, k)
    needs_limit = order.kind == c.LIMIT or order.kind == c.STOP_LIMIT
    if needs_limit and not (order.limit > 0.0 and order.limit < np.inf):
        return c.BAD_PRICE
    needs_stop = order.kind == c.STOP or order.kind == c.STOP_LIMIT
    if needs_stop and not (order.stop > 0.0 and order.stop < np.inf):
        return c.BAD_PRICE
    if order.kind == c.TRAILING_STOP and not (order.trail > 0.0 and order.trail < np.inf):
        return c.BAD_PRICE
    if order.stop_loss <= 0.0 or order.take_profit <= 0.0 or order.trail_protect <= 0.0:  # NaN: not wanted
        return c.BAD_PRICE
    return c.NO_REASON


@inlined
def slots_needed_nb(session: int, j: int, k: int) -> int:
    """Places our table needs if every working order and the new one come to their exits."""
    s = session_nb(session)[0]
    needed = 0
    for n in range(k + 1):
        order = order_nb(s, j, n)
        needed += 1
        for exit_price in (order.stop_loss, order.take_profit, order.trail_protect):
            if not np.isnan(exit_price):
                needed += 1
    return needed


@compiled
def margin_nb(session: int, j: int, added: float) -> float:
    """Return the initial margin of all positions, working orders and ``added`` value in instrument ``j``."""
    s = session_nb(session)[0]
    margin = added * terms_nb(s, j).margin_initial
    for n in range(s.n_instruments):
        position, terms = position_nb(s, n), terms_nb(s, n)
        margin += abs(position.value_micro) / c.MICRO * terms.margin_initial
        for q in range(position.working):
            margin += order_nb(s, n, q).reserve_micro / c.MICRO * terms.margin_initial
    return float(margin)


@inlined
def lot_value_nb(session: int, j: int, k: int) -> float:
    """Worst value of one lot of an order, account currency: at its own price, or at the mark with all costs."""
    s = session_nb(session)[0]
    terms, order = terms_nb(s, j), order_nb(s, j, k)
    price = position_nb(s, j).price * (1.0 + terms.expected_bps * 1e-4)
    if order.kind == c.LIMIT or order.kind == c.STOP_LIMIT:
        price = order.limit
    elif order.kind == c.STOP:
        price = order.stop
    return float(terms.unit_value * price * position_nb(s, j).fx)


@inlined
def judged_nb(session: int, j: int, k: int, about: int) -> int:
    """Ask the guard about an order; reason to refuse it, or 0."""
    s = session_nb(session)[0]
    if s.guard == 0:
        return c.NO_REASON
    verdict = call_nb(verbs_nb(s.verbs)[0].guard, session, j, 4 * k + about)
    if verdict == PERMITTED or about == EXITING:  # nothing keeps an exit back, not even a guard that broke off
        return c.NO_REASON
    return int(verdict) if verdict > 0 else c.GUARD_ERROR


@inlined
def state_refusal_nb(session: int) -> int:
    """Look at what people allow, for orders of any kind."""
    s = session_nb(session)[0]
    if s.trading_state == c.ACTIVE or s.trading_state == c.REDUCING:
        return c.NO_REASON
    return c.TRADING_HALTED if s.trading_state == c.HALTED else c.TRADING_KILLED


@compiled
def exposure_refusal_nb(session: int, j: int, k: int) -> int:
    """Look at what an order could add to the account if it and all others working were filled."""
    s = session_nb(session)[0]
    limits = limits_nb(s.limits)[0]
    position = position_nb(s, j)
    terms = terms_nb(s, j)
    order = order_nb(s, j, k)
    lot_value = lot_value_nb(session, j, k)
    if order.lots * lot_value > min(limits.max_order_value, _LARGEST_VALUE):
        return c.MAX_ORDER_VALUE
    held = position.lots
    if order.kind != c.MARKET and held * order.side < 0 and exits_nb(session, j, order.side) > 0:
        held = 0  # its exits may close the position before this order, and all of it would open a new one
    worst = held + order.side * (order.lots + leaves_nb(session, j, order.side))
    if worst < 0 and terms.is_shortable == 0:
        return c.NOT_SHORTABLE
    if abs(worst) * lot_value > limits.max_position_value:
        return c.MAX_POSITION
    if position.lots == 0 and limits.max_open_positions < s.n_instruments:
        taken = 0
        for n in range(s.n_instruments):
            if n != j and (position_nb(s, n).lots != 0 or leaves_nb(session, n, 1) + leaves_nb(session, n, -1) > 0):
                taken += 1
        if taken >= limits.max_open_positions:
            return c.MAX_OPEN_POSITIONS
    # a closing part frees what it closes, but only what no other working order is already set to close
    free = max(0, -order.side * held - leaves_nb(session, j, order.side))
    closing = min(order.lots, free)
    added = (order.lots - closing) * lot_value
    freed = closing * terms.unit_value * position.price * position.fx
    exposure = (s.gross_micro + s.reserved_micro) / c.MICRO + added - freed
    equity = s.equity_micro / c.MICRO
    if exposure > limits.max_leverage * equity:
        return c.MAX_LEVERAGE
    if exposure * s.margin_most > equity and margin_nb(session, j, added - freed) > equity:
        return c.INSUFFICIENT_MARGIN
    order.reserve_micro = micro_nb(added)
    return c.NO_REASON


@inlined
def risk_refusal_nb(session: int, j: int, k: int) -> int:
    """Reason to deny an order that would add risk, or 0."""
    s = session_nb(session)[0]
    if s.trading_state != c.ACTIVE:
        return c.TRADING_REDUCING
    if s.loss_state != c.CLEAR:
        return int(s.halt_reason)
    reason = exposure_refusal_nb(session, j, k)
    return reason if reason != c.NO_REASON else judged_nb(session, j, k, NEW_RISK)


@inlined
def refusal_nb(session: int, j: int, k: int) -> int:
    """Reason to deny the prepared order, or 0."""
    s = session_nb(session)[0]
    position = position_nb(s, j)
    terms = terms_nb(s, j)
    order = order_nb(s, j, k)
    reason = price_refusal_nb(session, j, k)
    if reason == c.NO_REASON:
        reason = state_refusal_nb(session)
    if reason != c.NO_REASON:
        return reason
    if order.is_reduce_only != 0:
        if position.lots * order.side >= 0:
            return c.NOTHING_TO_REDUCE
        order.lots = min(order.lots, abs(position.lots))
    if order.lots < max(terms.min_lots, 1):
        return c.BELOW_MINIMUM_SIZE
    if order.lots > terms.max_lots:
        return c.ABOVE_MAXIMUM_SIZE
    if order.ts_expire <= s.now:
        return c.ALREADY_EXPIRED
    if slots_needed_nb(session, j, k) > s.n_slots - 1:  # one is kept for flattening
        return c.ORDER_TABLE_FULL
    if order.is_reduce_only != 0:
        return judged_nb(session, j, k, EXITING)
    if position.lots * order.side < 0 and order.lots + leaves_nb(session, j, order.side) <= abs(position.lots):
        # should another order close the position first, nothing is left for this one to do
        if exits_nb(session, j, order.side) > 0 or terms.is_shortable == 0:
            order.is_reduce_only = 1
        return judged_nb(session, j, k, EXITING)
    return risk_refusal_nb(session, j, k)


@compiled
def dearer_refusal_nb(session: int, j: int, k: int, spare: int) -> int:
    """Look at a working order at its new, higher price as if it were new and the old one gone."""
    s = session_nb(session)[0]
    old, new = order_nb(s, j, k), order_nb(s, j, spare)
    position = position_nb(s, j)
    lots, left, reserve = old.lots, new.lots - new.filled, old.reserve_micro
    old.lots = old.filled
    reserve_nb(session, j, k, 0)
    reason = c.NO_REASON
    if position.lots * new.side >= 0 or left + leaves_nb(session, j, new.side) > abs(position.lots):
        new.lots = left
        reason = exposure_refusal_nb(session, j, spare)
        new.lots = left + new.filled
    old.lots = lots
    # until the venue has answered either price may be the one that counts
    reserve_nb(session, j, k, max(reserve, new.reserve_micro) if reason == c.NO_REASON else reserve)
    return reason
