"""Check: the one door between a strategy's wishes and the wire.

A signal is sized, put on the tick and lot grids, and either becomes an order or is denied with a reason. Sizes
round towards zero, so rounding never adds risk.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.book_nb import on_grid_nb, whole_nb
from tradewright.core.kernel.compiled import compiled, inlined
from tradewright.core.kernel.decisions_nb import note_nb
from tradewright.core.kernel.memory_nb import (
    call_nb,
    copy_nb,
    guard_nb,
    guarded_nb,
    ints_nb,
    order_nb,
    position_nb,
    session_nb,
    signals_nb,
    terms_nb,
    verbs_nb,
)
from tradewright.core.kernel.refuse_nb import (
    AMENDED,
    EXITING,
    dearer_refusal_nb,
    judged_nb,
    price_refusal_nb,
    refusal_nb,
    state_refusal_nb,
)
from tradewright.core.kernel.submit_nb import blank_order_nb, cancel_nb, command_nb, deny_nb, submit_nb


@inlined
def wanted_lots_nb(session: int, j: int, size: float, unit: int) -> float:
    """Size of a signal in lots, not rounded; NaN where no price or rate is known."""
    s = session_nb(session)[0]
    position = position_nb(s, j)
    terms = terms_nb(s, j)
    if unit == c.UNITS:
        return float(size * terms.lot_den / terms.lot_num)
    amount = size if unit == c.VALUE else size * (s.equity_micro / c.MICRO)
    return float(amount / (terms.unit_value * position.price * position.fx))


@compiled
def cancel_exits_nb(session: int, j: int, side: int) -> None:
    """Cancel the exits of a position that a market order is about to turn: both filling would turn it too far."""
    s = session_nb(session)[0]
    for k in range(position_nb(s, j).working):
        order = order_nb(s, j, k)
        if order.side == side and order.is_reduce_only != 0:
            cancel_nb(session, j, k, c.CANCELED_BY_STRATEGY)


@compiled
def to_target_nb(session: int, j: int, wanted: int) -> int:
    """Signed lots still to be traded to reach a position.

    The strategy's market orders on their way count as filled; resting orders, which may never fill, do not. Where
    what is on its way would go past the target, it is cancelled and the position alone counts.
    """
    s = session_nb(session)[0]
    position = position_nb(s, j)
    coming = 0
    for k in range(position.working):
        order = order_nb(s, j, k)
        if order.kind == c.MARKET and order.origin == c.FROM_STRATEGY and order.is_canceling == 0:
            coming += order.side * (order.lots - order.filled)
    missing = wanted - position.lots - coming
    if coming == 0 or missing == 0 or (coming > 0) == (missing > 0):
        return int(missing)
    for k in range(position.working):
        order = order_nb(s, j, k)
        if order.kind == c.MARKET and order.origin == c.FROM_STRATEGY:
            cancel_nb(session, j, k, c.CANCELED_BY_STRATEGY)
    return int(wanted - position.lots)


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


@inlined
def dress_nb(session: int, n: int, j: int, k: int) -> None:
    """Copy the terms of signal ``n`` onto the prepared order, prices on the tick grid."""
    s = session_nb(session)[0]
    signal = signals_nb(s.signals, s.n_signals)[n]
    order = order_nb(s, j, k)
    terms = terms_nb(s, j)
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


@inlined
def eased_nb(s: Any, j: int, wanted: int, is_target: int) -> int:
    """Position to go for where the guard takes risk back: after losses, or because only smallest lots are traded."""
    held = position_nb(s, j).lots
    kept = held if (held > 0) == (wanted > 0) else 0
    if s.guard == 0 or abs(wanted) <= abs(kept):
        return wanted
    g = guard_nb(s)
    most = guarded_nb(g, j).max_added_lots
    if g.scale == 1.0 and most == c.NEVER:
        return wanted
    base = 0 if is_target != 0 else kept
    goal = base + max(-most, min(most, int((wanted - base) * g.scale)))
    return goal if is_target == 0 or abs(goal) > abs(kept) else int(kept)


@inlined
def place_nb(session: int, n: int, j: int) -> None:
    """Turn one signal into an order, or into a denial."""
    s = session_nb(session)[0]
    position = position_nb(s, j)
    if position.working >= s.n_slots:
        s.denials += 1  # no slot is left even to write the denial into the order log
        note_nb(session, c.SUBMIT_ORDER, j, -1, c.ORDER_TABLE_FULL)
        return
    signal = signals_nb(s.signals, s.n_signals)[n]
    k = blank_order_nb(session, j)
    dress_nb(session, n, j, k)
    order = order_nb(s, j, k)
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
    wanted = whole if signal.is_target != 0 else position.lots + whole
    eased = eased_nb(s, j, wanted, signal.is_target)
    if eased != wanted and eased == position.lots and (signal.is_target == 0 or eased == 0):
        deny_nb(session, j, k, c.LOSS_STREAK)
        return
    wanted, whole = eased, eased - position.lots
    if signal.is_target != 0:
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


@inlined
def amendment_refusal_nb(session: int, j: int, spare: int) -> int:
    """Ask the guard about a working order at its new price."""
    s = session_nb(session)[0]
    order, lots = order_nb(s, j, spare), position_nb(s, j).lots
    if order.is_reduce_only != 0 or (lots * order.side < 0 and order.lots - order.filled <= abs(lots)):
        return judged_nb(session, j, spare, EXITING)
    if s.trading_state != c.ACTIVE:
        return c.TRADING_REDUCING
    return judged_nb(session, j, spare, AMENDED)


@inlined
def amend_nb(session: int, n: int, j: int, k: int) -> None:
    """Ask the venue for a new price or a smaller size of a working order.

    A larger size is a new risk and needs a new order; the wish is denied. A higher price is checked like a new order.
    """
    s = session_nb(session)[0]
    signal = signals_nb(s.signals, s.n_signals)[n]
    terms = terms_nb(s, j)
    spare = blank_order_nb(session, j)
    order = order_nb(s, j, spare)
    copy_nb(order_nb(s, j, spare), order_nb(s, j, k))
    if not np.isnan(signal.limit):
        order.limit = on_grid_nb(signal.limit, terms.tick_num, terms.tick_den)
    if not np.isnan(signal.stop):
        order.stop = on_grid_nb(signal.stop, terms.tick_num, terms.tick_den)
    if not np.isnan(signal.size):
        order.lots = order.filled + abs(whole_nb(wanted_lots_nb(session, j, signal.size, signal.size_unit)))
    reason = price_refusal_nb(session, j, spare)
    if reason == c.NO_REASON and order.lots > order_nb(s, j, k).lots:
        reason = c.ABOVE_MAXIMUM_SIZE
    if reason == c.NO_REASON:
        reason = state_refusal_nb(session)
    if reason == c.NO_REASON:
        reason = amendment_refusal_nb(session, j, spare)
    if reason == c.NO_REASON and order.is_reduce_only == 0 and order.limit > order_nb(s, j, k).limit:
        reason = dearer_refusal_nb(session, j, k, spare)  # the last: it reserves
    if order.kind == c.LIMIT:
        price = position_nb(s, j).price
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
        deny_nb(session, j, spare, reason, c.REPLACE_ORDER)
        return
    command_nb(session, c.REPLACE_ORDER, j, spare, c.NO_REASON)


@inlined
def change_nb(session: int, n: int, j: int) -> None:
    """Cancel or amend the strategy's working orders that a signal names by tag."""
    s = session_nb(session)[0]
    signal = signals_nb(s.signals, s.n_signals)[n]
    working = position_nb(s, j).working
    found = False
    for k in range(working):
        order = order_nb(s, j, k)
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
        order_nb(s, j, k).tag = signal.tag
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
            if position_nb(s, 0).working < s.n_slots:
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
