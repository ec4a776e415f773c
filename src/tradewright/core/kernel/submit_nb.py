"""Our commands on their way out: new orders, cancels, and flattening."""

from __future__ import annotations

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.compiled import compiled, inlined
from tradewright.core.kernel.decisions_nb import note_nb
from tradewright.core.kernel.memory_nb import (
    copy_nb,
    guard_nb,
    message_at_nb,
    order_at_nb,
    order_nb,
    position_nb,
    session_nb,
)
from tradewright.core.kernel.order_nb import blank_nb
from tradewright.core.kernel.settle_nb import log_order_nb, stale_limits_nb
from tradewright.core.kernel.watch_nb import spend_nb


@inlined
def command_nb(session: int, verb: int, j: int, k: int, reason: int) -> None:
    """Put a command about one of our orders into the outbox."""
    s = session_nb(session)[0]
    place = s.n_outbox
    if place >= s.outbox_capacity:
        return  # cannot be: every wish and every instrument has room for all orders it could be about
    s.n_outbox += 1
    spend_nb(session)
    note_nb(session, verb, j, k, c.NO_REASON)
    message = message_at_nb(s.outbox, place)
    message.verb = verb
    message.ts_sent = s.now
    message.ts_open = s.now
    message.ts_due = s.now
    message.reason = reason
    sent = order_at_nb(s.outbox_orders, place)
    if verb == c.CANCEL_ORDER:  # only which order it is about
        sent.id = order_nb(s, j, k).id
        sent.instrument = j
    else:
        copy_nb(sent, order_nb(s, j, k))


@inlined
def blank_order_nb(session: int, j: int) -> int:
    """Prepare the free slot after our working orders of an instrument; return it."""
    s = session_nb(session)[0]
    k = position_nb(s, j).working
    order = order_nb(s, j, k)
    blank_nb(order, j)
    order.id = s.next_id
    order.ts_created = s.now
    return int(k)


@inlined
def submit_nb(session: int, j: int, k: int) -> None:
    """Count the prepared order as ours and send it."""
    s = session_nb(session)[0]
    s.next_id += c.ID_STEP
    position_nb(s, j).working += 1
    if s.guard != 0:
        guard_nb(s).orders_today += 1
    command_nb(session, c.SUBMIT_ORDER, j, k, c.NO_REASON)
    stale_limits_nb(session, j)


@compiled
def deny_nb(session: int, j: int, k: int, reason: int, verb: int = c.SUBMIT_ORDER) -> None:
    """Record the prepared order as denied; it never becomes ours and nothing is sent."""
    s = session_nb(session)[0]
    order = order_nb(s, j, k)
    order.status = c.DENIED
    order.reason = reason
    order.ts_done = s.now
    note_nb(session, verb, j, k, reason)
    s.next_id += c.ID_STEP
    s.denials += 1
    log_order_nb(session, j, k)


@compiled
def cancel_nb(session: int, j: int, k: int, reason: int) -> None:
    """Ask the venue once to cancel one of our orders."""
    s = session_nb(session)[0]
    order = order_nb(s, j, k)
    if order.is_canceling == 0:
        order.is_canceling = 1
        command_nb(session, c.CANCEL_ORDER, j, k, reason)
        stale_limits_nb(session, j)


@compiled
def closing_nb(session: int, j: int) -> int:
    """Lots that working orders of the guard, or of a liquidation, are about to close."""
    s = session_nb(session)[0]
    lots = 0
    for k in range(position_nb(s, j).working):
        order = order_nb(s, j, k)
        if order.origin == c.FROM_RISK or order.origin == c.FROM_LIQUIDATION:
            lots += order.lots - order.filled
    return lots


@inlined
def send_exit_nb(session: int, j: int, lots: int, origin: int) -> int:
    """Close so many lots at the market, unless an exit is on its way already; 1 where that was sent."""
    s = session_nb(session)[0]
    position = position_nb(s, j)
    if lots == 0 or closing_nb(session, j) > 0 or position.working >= s.n_slots:
        return 0
    k = blank_order_nb(session, j)
    order = order_nb(s, j, k)
    order.side = -1 if position.lots > 0 else 1
    order.lots = lots
    order.is_reduce_only = 1
    order.origin = origin
    submit_nb(session, j, k)
    return 1


@compiled
def close_nb(session: int, j: int, origin: int, reason: int) -> int:
    """Cancel every order of an instrument and close its position at the market; 1 where that was newly sent.

    Safe to repeat while orders are on their way.
    """
    s = session_nb(session)[0]
    position = position_nb(s, j)
    for k in range(position.working):
        order = order_nb(s, j, k)
        if order.origin != c.FROM_RISK and order.origin != c.FROM_LIQUIDATION:
            cancel_nb(session, j, k, reason)
    return send_exit_nb(session, j, abs(position.lots), origin)


@compiled
def lower_nb(session: int, j: int, lots: int, reason: int) -> None:
    """Close a part of a position at the market, and cancel what could add to it or close it a second time.

    Exits that only reduce stay: the venue cuts them to what is left.
    """
    s = session_nb(session)[0]
    for k in range(position_nb(s, j).working):
        if order_nb(s, j, k).is_reduce_only == 0:
            cancel_nb(session, j, k, reason)
    send_exit_nb(session, j, lots, c.FROM_RISK)


def flatten_nb(session: int, origin: int, reason: int) -> int:
    """Cancel everything and close every position at the market; return the positions newly sent to be closed."""
    closed = 0
    for j in range(session_nb(session)[0].n_instruments):
        closed += close_nb(session, j, origin, reason)
    return closed
