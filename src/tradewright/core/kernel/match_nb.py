"""The simulated venue's two verbs: take in what we sent, and match one market event."""

from __future__ import annotations

from typing import Any

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.book_nb import (
    answer_nb,
    delay_nb,
    end_nb,
    is_working_nb,
    tidy_nb,
    watch_nb,
    watch_rings_nb,
)
from tradewright.core.kernel.compiled import inlined
from tradewright.core.kernel.match_bar_nb import match_bar_nb
from tradewright.core.kernel.match_tick_nb import arrive_nb, match_quote_nb, match_trade_nb
from tradewright.core.kernel.memory_nb import (
    book_nb,
    call_nb,
    copy_nb,
    int_at_nb,
    market_nb,
    message_at_nb,
    order_at_nb,
    order_nb,
    venue_nb,
    verbs_nb,
)


@inlined
def enqueue_nb(venue: int, sent: Any, order: Any) -> None:
    """Put a message of ours on its way to the venue; it arrives after the request latency, never overtaking."""
    v = venue_nb(venue)[0]
    due = max(sent.ts_sent + delay_nb(venue, 0), v.last_request_due)
    v.last_request_due = due
    place = v.inbox_tail & v.mask
    v.inbox_tail += 1
    watch_rings_nb(venue)
    message, arriving = message_at_nb(v.inbox, place), order_at_nb(v.inbox_orders, place)
    copy_nb(message, sent)
    message.ts_due = due
    if sent.verb == c.CANCEL_ORDER:
        arriving.id = order.id
        arriving.instrument = order.instrument
    else:
        copy_nb(arriving, order)


def post_nb(venue: int, message_address: int, order_address: int) -> int:
    """Post a message that stands anywhere in memory."""
    enqueue_nb(venue, message_at_nb(message_address, 0), order_at_nb(order_address, 0))
    return 0


@inlined
def find_nb(venue: int, instrument: int, order_id: int) -> int:
    """Slot of a working order by its id; -1 when it is not there (any more)."""
    v = venue_nb(venue)[0]
    book = book_nb(v, instrument)
    for k in range(book.n):
        order = order_nb(v, instrument, k)
        if order.id == order_id and is_working_nb(order.status):
            return k
    return -1


@inlined
def accept_nb(venue: int, place: int) -> None:
    """Take a new order into the book."""
    v = venue_nb(venue)[0]
    sent = order_at_nb(v.inbox_orders, place)
    j = sent.instrument
    book = book_nb(v, j)
    k = book.n
    copy_nb(order_nb(v, j, k), sent)
    order = order_nb(v, j, k)
    order.ts_active = v.now
    if k + 1 >= v.n_slots:
        order.status = c.REJECTED
        answer_nb(venue, c.ORDER_REJECTED, j, k, c.ORDER_TABLE_FULL)
        return
    book.n += 1
    order.status = c.ACCEPTED
    answer_nb(venue, c.ORDER_ACCEPTED, j, k, c.NO_REASON)
    if order.ts_expire <= v.now:
        end_nb(venue, j, k, c.ORDER_EXPIRED, c.EXPIRED_TIME)
    elif order.is_reduce_only != 0 and order.side * book.position >= 0:  # closed while it was on its way
        end_nb(venue, j, k, c.ORDER_CANCELED, c.CANCELED_POSITION_CLOSED)
    else:
        arrive_nb(venue, j, k)
    if book.ended > 0 or book.n > k + 1:  # it filled on arrival, or brought exits with it
        tidy_nb(venue, j)
    else:
        watch_nb(venue, j, k)


@inlined
def replace_nb(venue: int, place: int) -> None:
    """Give a working order a new price and size; it goes to the end of the queue at its price."""
    v = venue_nb(venue)[0]
    wanted = order_at_nb(v.inbox_orders, place)
    j = wanted.instrument
    k = find_nb(venue, j, wanted.id)
    if k < 0:
        return  # it ended while the request was on its way; that answer is already travelling
    order = order_nb(v, j, k)
    if order.ts_expire <= v.now:
        end_nb(venue, j, k, c.ORDER_EXPIRED, c.EXPIRED_TIME)
        return
    if wanted.lots <= order.filled:
        end_nb(venue, j, k, c.ORDER_CANCELED, c.CANCELED_BY_STRATEGY)
        return
    order.lots = wanted.lots
    order.limit = wanted.limit
    order.stop = wanted.stop
    if order.kind == c.LIMIT:
        order.is_triggered = wanted.is_triggered
    order.ts_active = v.now
    answer_nb(venue, c.ORDER_REPLACED, j, k, c.NO_REASON)
    arrive_nb(venue, j, k)


def receive_nb(venue: int, until_ns: int, _unused: int) -> int:
    """Process what has reached the venue up to a time, in order of sending, against the market as it stood then."""
    v = venue_nb(venue)[0]
    while v.inbox_head != v.inbox_tail:
        place = v.inbox_head & v.mask
        message = message_at_nb(v.inbox, place)
        if message.ts_due > until_ns:
            break
        v.now = message.ts_due
        v.opened = message.ts_due
        v.seen = 0
        v.phase = 2
        wanted = order_at_nb(v.inbox_orders, place)
        j = wanted.instrument
        if message.verb == c.SUBMIT_ORDER:
            accept_nb(venue, place)
        elif message.verb == c.REPLACE_ORDER:
            replace_nb(venue, place)
        else:
            k = find_nb(venue, j, wanted.id)
            if k >= 0:
                end_nb(venue, j, k, c.ORDER_CANCELED, message.reason)
        if message.verb != c.SUBMIT_ORDER:
            tidy_nb(venue, j)
        v.inbox_head += 1
    if v.inbox_head == v.inbox_tail:  # empty: start again at the same, warm, place
        v.inbox_head = 0
        v.inbox_tail = 0
    return 0


@inlined
def match_nb(venue: int, i: int) -> None:
    """Match event ``i`` of the market block against the book; the answers travel back to us."""
    v = venue_nb(venue)[0]
    m = market_nb(v.market)[0]
    kind = m.kind_all if m.kind == 0 else int_at_nb(m.kind, i)
    j = 0 if m.instrument == 0 else int_at_nb(m.instrument, i)
    if kind == c.BAR:
        match_bar_nb(venue, j, i)
    elif kind == c.QUOTE:
        match_quote_nb(venue, j, i)
    elif kind == c.TRADE:
        match_trade_nb(venue, j, i)


@inlined
def match_in_turn_nb(venue: int, i: int) -> None:
    """One market event as the venue lives it: first what reached it before; of one instant, the event comes first."""
    v = venue_nb(venue)[0]
    m = market_nb(v.market)[0]
    before = int_at_nb(m.ts_event, i) - 1
    if v.inbox_head != v.inbox_tail and message_at_nb(v.inbox, v.inbox_head & v.mask).ts_due <= before:
        call_nb(verbs_nb(v.verbs)[0].receive, venue, before, 0)
    match_nb(venue, i)


def exchange_nb(venue: int, i: int, _unused: int) -> int:
    """Match one market event, asked for by itself."""
    match_in_turn_nb(venue, i)
    return 0
