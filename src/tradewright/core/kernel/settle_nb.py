"""Our side of an order's life: what the venue's answers change in our table and books."""

from __future__ import annotations

from typing import Any

import numpy as np

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.compiled import compiled, inlined
from tradewright.core.kernel.ledger_nb import book_fill_nb
from tradewright.core.kernel.memory_nb import (
    call_nb,
    copy_nb,
    fill_at_nb,
    message_at_nb,
    order_at_nb,
    order_nb,
    position_nb,
    session_nb,
    venue_nb,
    verbs_nb,
)
from tradewright.core.kernel.watch_nb import after_fill_nb


@inlined
def log_order_nb(session: int, j: int, k: int) -> None:
    """Write an order that has come to its end into the order log."""
    s = session_nb(session)[0]
    if s.order_log == 0:
        return
    copy_nb(order_at_nb(s.order_log, s.n_order_log), order_nb(s, j, k))
    s.n_order_log += 1
    if s.n_order_log + s.log_reserve > s.order_log_capacity:
        s.needs_room = 1


@inlined
def stale_limits_nb(session: int, j: int) -> None:
    """Say that an order changed: the next snapshot looks for the strategy's limits again."""
    s = session_nb(session)[0]
    position_nb(s, j).has_stale_limits = 1


@compiled
def note_limits_nb(session: int, j: int) -> None:
    """Keep at hand what a quoting strategy asks on every event: its newest limit order on each side."""
    s = session_nb(session)[0]
    position = position_nb(s, j)
    position.has_stale_limits = 0
    position.buy_limit = np.nan
    position.sell_limit = np.nan
    position.buy_unconfirmed = 0
    position.sell_unconfirmed = 0
    for k in range(position.working):
        order = order_nb(s, j, k)
        if order.kind != c.LIMIT or order.origin != c.FROM_STRATEGY or order.is_canceling != 0:
            continue
        is_unconfirmed = 1 if order.status == c.SUBMITTED else 0
        if order.side > 0:
            position.buy_limit, position.buy_unconfirmed = order.limit, is_unconfirmed
        else:
            position.sell_limit, position.sell_unconfirmed = order.limit, is_unconfirmed


@inlined
def refresh_limits_nb(session: int, j: int) -> None:
    """Find the strategy's limits again if an order changed since anyone looked."""
    s = session_nb(session)[0]
    if position_nb(s, j).has_stale_limits != 0:
        note_limits_nb(session, j)


@inlined
def find_order_nb(session: int, j: int, order_id: int) -> int:
    """Slot of one of our orders by its id; -1 when it is not in our table."""
    s = session_nb(session)[0]
    working = position_nb(s, j).working
    for k in range(working):
        if order_nb(s, j, k).id == order_id:
            return k
    return -1


@inlined
def reserve_nb(session: int, j: int, k: int, reserve_micro: int) -> None:
    """Set what an order reserves of the account's exposure."""
    s = session_nb(session)[0]
    order = order_nb(s, j, k)
    s.reserved_micro += reserve_micro - order.reserve_micro
    order.reserve_micro = reserve_micro


@inlined
def forget_nb(session: int, j: int, k: int) -> None:
    """Move a finished order from our table to the log, keeping the order of the rest."""
    s = session_nb(session)[0]
    reserve_nb(session, j, k, 0)
    log_order_nb(session, j, k)
    position = position_nb(s, j)
    for n in range(k, position.working - 1):
        copy_nb(order_nb(s, j, n), order_nb(s, j, n + 1))
    position.working -= 1


@inlined
def adopt_nb(session: int, told: Any) -> int:
    """Enter an order the venue made for us (an exit of a bracket) into our table; return its slot."""
    s = session_nb(session)[0]
    position = position_nb(s, told.instrument)
    k = position.working
    if k >= s.n_slots:
        return -1
    mine = order_nb(s, told.instrument, k)
    copy_nb(mine, told)
    mine.reserve_micro = 0
    position.working += 1
    return int(k)


@inlined
def note_fill_nb(session: int, message: Any, told: Any) -> None:
    """Book an execution and write it into the fills."""
    s = session_nb(session)[0]
    j = told.instrument
    fill_id = book_fill_nb(session, j, told.side, message.fill_lots, message.fill_price, message.fill_fee)
    if s.guard != 0:
        after_fill_nb(session, j, told.side, message.fill_lots, message.fill_price)
    if s.fills != 0:
        fill = fill_at_nb(s.fills, fill_id - 1)
        fill.order = told.id
        fill.parent = told.parent
        fill.is_maker = message.is_maker
        fill.origin = told.origin
        fill.ts_event = message.ts_sent


@inlined
def apply_nb(session: int, message: Any, told: Any) -> int:
    """Apply one answer of the venue: update our copy of the order, book what was filled."""
    s = session_nb(session)[0]
    j = told.instrument
    s.now = max(s.now, message.ts_due)
    if message.ts_open >= s.next_day:  # what filled today must not count as held overnight
        call_nb(verbs_nb(s.verbs)[0].start_day, session, message.ts_open, 0)
    k = find_order_nb(session, j, told.id)
    if k < 0:
        k = adopt_nb(session, told)
    if k < 0:  # no room for it; what it fills is booked all the same
        if message.verb == c.ORDER_FILLED:
            note_fill_nb(session, message, told)
        return -1
    mine = order_nb(s, j, k)
    if message.verb == c.ORDER_ACCEPTED:
        mine.status = told.status
        mine.ts_active = told.ts_active
        stale_limits_nb(session, j)
        return 0
    reserve, is_canceling, left = mine.reserve_micro, mine.is_canceling, mine.lots - mine.filled
    copy_nb(mine, told)
    mine.reserve_micro = reserve
    mine.is_canceling = is_canceling
    if message.verb == c.ORDER_FILLED:
        note_fill_nb(session, message, told)
        reserve_nb(session, j, k, int(reserve * ((told.lots - told.filled) / left)) if left > 0 else 0)
    if told.status != c.ACCEPTED and told.status != c.PARTIALLY_FILLED:
        forget_nb(session, j, k)
    stale_limits_nb(session, j)
    return 0


def settle_nb(session: int, message_address: int, order_address: int) -> int:
    """Apply an answer that stands anywhere in memory."""
    return apply_nb(session, message_at_nb(message_address, 0), order_at_nb(order_address, 0))


def deliver_nb(session: int, venue: int, until_ns: int) -> int:
    """Settle the simulated venue's answers that have reached us by a time."""
    v = venue_nb(venue)[0]
    while v.answers_head != v.answers_tail:
        place = v.answers_head & v.mask
        message = message_at_nb(v.answers, place)
        if message.ts_due > until_ns:
            break
        apply_nb(session, message, order_at_nb(v.answer_orders, place))
        v.answers_head += 1
    if v.answers_head == v.answers_tail:
        v.answers_head = 0
        v.answers_tail = 0
    return 0
