"""Check: the one door between a strategy's wishes and the wire.

A signal is sized, put on the tick and lot grids, and either becomes an order or is denied with a reason. Sizes
round towards zero, so rounding never adds risk. What reduces a position is never refused for a loss limit.
"""

from __future__ import annotations

import numpy as np

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.book_nb import on_grid_nb, whole_nb
from tradewright.core.kernel.compiled import compiled, inlined
from tradewright.core.kernel.ledger_nb import micro_nb
from tradewright.core.kernel.memory_nb import (
    call_nb,
    instruments_nb,
    ints_nb,
    limits_nb,
    orders_nb,
    positions_nb,
    session_nb,
    signals_nb,
    verbs_nb,
)
from tradewright.core.kernel.settle_nb import reserve_nb
from tradewright.core.kernel.submit_nb import blank_order_nb, cancel_nb, command_nb, deny_nb, submit_nb

#: Value no order may have, whatever the limits say: half of what int64 holds in millionths.
_LARGEST_VALUE = 4.6e12


@inlined
def wanted_lots_nb(session: int, j: int, size: float, unit: int) -> float:
    """Size of a signal in lots, not rounded; NaN where no price or rate is known."""
    s = session_nb(session)[0]
    position = positions_nb(s.positions, s.n_instruments)[j]
    terms = instruments_nb(s.instruments, s.n_instruments)[j]
    if unit == c.UNITS:
        return float(size * terms.lot_den / terms.lot_num)
    amount = size if unit == c.VALUE else size * (s.equity_micro / c.MICRO)
    return float(amount / (terms.unit_value * position.price * position.fx))


@compiled
def leaves_nb(session: int, j: int, side: int) -> int:
    """Lots that working orders of the strategy may still buy (side 1) or sell (side -1)."""
    s = session_nb(session)[0]
    orders = orders_nb(s.orders, s.n_instruments, s.n_slots)
    total = 0
    for k in range(positions_nb(s.positions, s.n_instruments)[j].working):
        order = orders[j, k]
        if order.side == side and order.origin == c.FROM_STRATEGY and order.is_reduce_only == 0:
            total += order.lots - order.filled
    return total


@compiled
def exits_nb(session: int, j: int, side: int) -> int:
    """Lots of working reduce-only orders on a side: exits that may close the position before another order does."""
    s = session_nb(session)[0]
    orders = orders_nb(s.orders, s.n_instruments, s.n_slots)
    total = 0
    for k in range(positions_nb(s.positions, s.n_instruments)[j].working):
        order = orders[j, k]
        if order.side == side and order.is_reduce_only != 0 and order.is_canceling == 0:
            total += order.lots - order.filled
    return total


@compiled
def cancel_exits_nb(session: int, j: int, side: int) -> None:
    """Cancel the exits of a position that a market order is about to turn: both filling would turn it too far."""
    s = session_nb(session)[0]
    orders = orders_nb(s.orders, s.n_instruments, s.n_slots)
    for k in range(positions_nb(s.positions, s.n_instruments)[j].working):
        if orders[j, k].side == side and orders[j, k].is_reduce_only != 0:
            cancel_nb(session, j, k, c.CANCELED_BY_STRATEGY)


@compiled
def to_target_nb(session: int, j: int, wanted: int) -> int:
    """Signed lots still to be traded to reach a position.

    The strategy's market orders on their way count as filled; resting orders, which may never fill, do not. Where
    what is on its way would go past the target, it is cancelled and the position alone counts.
    """
    s = session_nb(session)[0]
    position = positions_nb(s.positions, s.n_instruments)[j]
    orders = orders_nb(s.orders, s.n_instruments, s.n_slots)
    coming = 0
    for k in range(position.working):
        order = orders[j, k]
        if order.kind == c.MARKET and order.origin == c.FROM_STRATEGY and order.is_canceling == 0:
            coming += order.side * (order.lots - order.filled)
    missing = wanted - position.lots - coming
    if coming == 0 or missing == 0 or (coming > 0) == (missing > 0):
        return int(missing)
    for k in range(position.working):
        order = orders[j, k]
        if order.kind == c.MARKET and order.origin == c.FROM_STRATEGY:
            cancel_nb(session, j, k, c.CANCELED_BY_STRATEGY)
    return int(wanted - position.lots)


@inlined
def price_refusal_nb(session: int, j: int, k: int) -> int:
    """Look at the prices of an order: those its kind needs must be there, finite and positive."""
    s = session_nb(session)[0]
    order = orders_nb(s.orders, s.n_instruments, s.n_slots)[j, k]
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
    orders = orders_nb(s.orders, s.n_instruments, s.n_slots)
    needed = 0
    for n in range(k + 1):
        order = orders[j, n]
        needed += 1
        for exit_price in (order.stop_loss, order.take_profit, order.trail_protect):
            if not np.isnan(exit_price):
                needed += 1
    return needed


@compiled
def margin_nb(session: int, j: int, added: float) -> float:
    """Return the initial margin of all positions, working orders and ``added`` value in instrument ``j``."""
    s = session_nb(session)[0]
    positions = positions_nb(s.positions, s.n_instruments)
    terms = instruments_nb(s.instruments, s.n_instruments)
    orders = orders_nb(s.orders, s.n_instruments, s.n_slots)
    margin = added * terms[j].margin_initial
    for n in range(s.n_instruments):
        margin += abs(positions[n].value_micro) / c.MICRO * terms[n].margin_initial
        for q in range(positions[n].working):
            margin += orders[n, q].reserve_micro / c.MICRO * terms[n].margin_initial
    return float(margin)


@compiled
def exposure_refusal_nb(session: int, j: int, k: int) -> int:
    """Look at what an order could add to the account if it and all others working were filled."""
    s = session_nb(session)[0]
    limits = limits_nb(s.limits)[0]
    positions = positions_nb(s.positions, s.n_instruments)
    position = positions[j]
    terms = instruments_nb(s.instruments, s.n_instruments)[j]
    order = orders_nb(s.orders, s.n_instruments, s.n_slots)[j, k]
    price = position.price * (1.0 + (terms.half_spread_bps + terms.slippage_bps) * 1e-4)
    if order.kind == c.LIMIT or order.kind == c.STOP_LIMIT:
        price = order.limit
    elif order.kind == c.STOP:
        price = order.stop
    lot_value = terms.unit_value * price * position.fx
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
            if n != j and (positions[n].lots != 0 or leaves_nb(session, n, 1) + leaves_nb(session, n, -1) > 0):
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


@compiled
def refusal_nb(session: int, j: int, k: int) -> int:
    """Reason to deny the prepared order, or 0."""
    s = session_nb(session)[0]
    position = positions_nb(s.positions, s.n_instruments)[j]
    terms = instruments_nb(s.instruments, s.n_instruments)[j]
    order = orders_nb(s.orders, s.n_instruments, s.n_slots)[j, k]
    reason = price_refusal_nb(session, j, k)
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
        return c.NO_REASON
    if position.lots * order.side < 0 and order.lots + leaves_nb(session, j, order.side) <= abs(position.lots):
        # should another order close the position first, nothing is left for this one to do
        if exits_nb(session, j, order.side) > 0 or terms.is_shortable == 0:
            order.is_reduce_only = 1
        return c.NO_REASON
    if s.trading_state != c.ACTIVE:
        return int(s.halt_reason)
    return exposure_refusal_nb(session, j, k)


@inlined
def is_beyond_nb(side: int, limit: float, price: float) -> int:
    """1 where a limit order would not rest but take: its limit is beyond the last price."""
    return int(limit * side > price * side)


@compiled
def day_end_nb(session: int) -> int:
    """End of the trading day that an order sent now belongs to; at the very end of a day that is the next one."""
    s = session_nb(session)[0]
    starts = ints_nb(s.day_starts, s.n_days)
    day = s.day + 1
    while day < s.n_days and starts[day] <= s.now:
        day += 1
    return starts[day] if day < s.n_days else c.NEVER


@compiled
def dress_nb(session: int, n: int, j: int, k: int) -> None:
    """Copy the terms of signal ``n`` onto the prepared order, prices on the tick grid."""
    s = session_nb(session)[0]
    signal = signals_nb(s.signals, s.n_signals)[n]
    order = orders_nb(s.orders, s.n_instruments, s.n_slots)[j, k]
    terms = instruments_nb(s.instruments, s.n_instruments)[j]
    order.kind = signal.kind
    order.tif = signal.tif
    order.tag = signal.tag
    order.group = signal.group
    order.is_reduce_only = signal.is_reduce_only
    order.limit = on_grid_nb(signal.limit, terms.tick_num, terms.tick_den)
    order.stop = on_grid_nb(signal.stop, terms.tick_num, terms.tick_den)
    order.trail = on_grid_nb(signal.trail, terms.tick_num, terms.tick_den)
    order.stop_loss = signal.stop_loss
    order.take_profit = signal.take_profit
    order.trail_protect = signal.trail_protect
    order.attach_unit = signal.attach_unit
    if signal.tif == c.GTD:
        order.ts_expire = signal.ts_expire
    elif signal.tif == c.DAY:
        order.ts_expire = day_end_nb(session)


@compiled
def place_nb(session: int, n: int, j: int) -> None:
    """Turn one signal into an order, or into a denial."""
    s = session_nb(session)[0]
    position = positions_nb(s.positions, s.n_instruments)[j]
    if position.working >= s.n_slots:
        s.denials += 1  # no slot is left even to write the denial down
        return
    signal = signals_nb(s.signals, s.n_signals)[n]
    k = blank_order_nb(session, j)
    dress_nb(session, n, j, k)
    order = orders_nb(s.orders, s.n_instruments, s.n_slots)[j, k]
    lots = wanted_lots_nb(session, j, signal.size, signal.size_unit)
    order.side = -1 if signal.size < 0.0 else 1
    if np.isnan(position.price):
        deny_nb(session, j, k, c.NO_PRICE)
        return
    if np.isnan(position.fx):
        deny_nb(session, j, k, c.NO_FX_RATE)
        return
    if not abs(lots) < 9e15:  # beyond this a double does not count single lots
        deny_nb(session, j, k, c.NOT_FINITE)
        return
    whole = whole_nb(lots)
    if signal.is_target != 0:
        wanted = whole
        whole = to_target_nb(session, j, wanted)
        if whole == 0:
            return
        if abs(wanted) < abs(position.lots) and (wanted == 0 or (wanted > 0) == (position.lots > 0)):
            order.is_reduce_only = 1  # should a stop come first, what it leaves must not turn the position
    order.side = 1 if whole > 0 or (whole == 0 and lots > 0) else -1
    order.lots = abs(whole)
    if order.kind == c.LIMIT:
        order.is_triggered = is_beyond_nb(order.side, order.limit, position.price)
    reason = refusal_nb(session, j, k)
    if reason != c.NO_REASON:
        order.reserve_micro = 0
        deny_nb(session, j, k, reason)
        return
    if order.kind == c.MARKET and order.is_reduce_only == 0 and position.lots * order.side < 0:
        cancel_exits_nb(session, j, order.side)
    s.reserved_micro += order.reserve_micro
    submit_nb(session, j, k)


@compiled
def dearer_refusal_nb(session: int, j: int, k: int, spare: int) -> int:
    """Look at a working order at its new, higher price as if it were new and the old one gone."""
    s = session_nb(session)[0]
    orders = orders_nb(s.orders, s.n_instruments, s.n_slots)
    old, new = orders[j, k], orders[j, spare]
    position = positions_nb(s.positions, s.n_instruments)[j]
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


@compiled
def amend_nb(session: int, n: int, j: int, k: int) -> None:
    """Ask the venue for a new price or a smaller size of a working order.

    A larger size is a new risk and needs a new order; the wish is denied. A higher price is checked like a new order.
    """
    s = session_nb(session)[0]
    signal = signals_nb(s.signals, s.n_signals)[n]
    orders = orders_nb(s.orders, s.n_instruments, s.n_slots)
    terms = instruments_nb(s.instruments, s.n_instruments)[j]
    spare = blank_order_nb(session, j)
    order = orders[j, spare]
    orders[j, spare] = orders[j, k]
    if not np.isnan(signal.limit):
        order.limit = on_grid_nb(signal.limit, terms.tick_num, terms.tick_den)
    if not np.isnan(signal.stop):
        order.stop = on_grid_nb(signal.stop, terms.tick_num, terms.tick_den)
    if not np.isnan(signal.size):
        order.lots = order.filled + abs(whole_nb(wanted_lots_nb(session, j, signal.size, signal.size_unit)))
    reason = price_refusal_nb(session, j, spare)
    if reason == c.NO_REASON and order.lots > orders[j, k].lots:
        reason = c.ABOVE_MAXIMUM_SIZE
    if reason == c.NO_REASON and order.is_reduce_only == 0 and order.limit > orders[j, k].limit:
        reason = dearer_refusal_nb(session, j, k, spare)
    if order.kind == c.LIMIT:
        price = positions_nb(s.positions, s.n_instruments)[j].price
        order.is_triggered = is_beyond_nb(order.side, order.limit, price)
    if reason != c.NO_REASON:
        order.id = s.next_id  # the wish is logged as an order of its own, of which nothing was filled
        order.ts_created = s.now
        order.lots -= order.filled
        order.filled = 0
        order.fill_value = 0.0
        order.fee_raw = 0.0
        order.fee_charged = 0.0
        order.reserve_micro = 0
        deny_nb(session, j, spare, reason)
        return
    command_nb(session, c.REPLACE_ORDER, j, spare, c.NO_REASON)


@compiled
def change_nb(session: int, n: int, j: int) -> None:
    """Cancel or amend the strategy's working orders that a signal names by tag."""
    s = session_nb(session)[0]
    signal = signals_nb(s.signals, s.n_signals)[n]
    orders = orders_nb(s.orders, s.n_instruments, s.n_slots)
    working = positions_nb(s.positions, s.n_instruments)[j].working
    found = False
    for k in range(working):
        order = orders[j, k]
        if order.origin == c.FROM_RISK or order.origin == c.FROM_LIQUIDATION:
            continue  # not the strategy's to touch
        if signal.verb == c.CANCEL_ALL or order.tag == signal.tag:
            found = True
            if signal.verb == c.REPLACE:
                if order.is_canceling == 0 and working < s.n_slots:
                    amend_nb(session, n, j, k)
            else:
                cancel_nb(session, j, k, c.CANCELED_BY_STRATEGY)
    if not found and signal.verb != c.CANCEL_ALL and working < s.n_slots:
        k = blank_order_nb(session, j)
        orders[j, k].tag = signal.tag
        deny_nb(session, j, k, c.UNKNOWN_ORDER)


def check_all_nb(session: int, j: int, _unused: int) -> int:
    """Work through the signal table in the order the strategy filled it, and empty it."""
    s = session_nb(session)[0]
    signals = signals_nb(s.signals, s.n_signals)
    for n in range(s.n_signals):
        signal = signals[n]
        if signal.verb == c.NO_SIGNAL:
            break
        target = signal.instrument if signal.instrument >= 0 else j
        if target < 0 or target >= s.n_instruments:
            if positions_nb(s.positions, s.n_instruments)[0].working < s.n_slots:
                deny_nb(session, 0, blank_order_nb(session, 0), c.UNKNOWN_INSTRUMENT)
        elif signal.verb == c.PLACE:
            place_nb(session, n, target)
        else:
            change_nb(session, n, target)
        signal.verb = c.NO_SIGNAL
    return 0


@inlined
def check_nb(session: int, j: int) -> None:
    """Check what the strategy wished for; nothing to do costs one comparison."""
    s = session_nb(session)[0]
    if signals_nb(s.signals, s.n_signals)[0].verb != c.NO_SIGNAL:
        call_nb(verbs_nb(s.verbs)[0].check, session, j, 0)
