"""The simulated venue's two verbs: take in what we sent, and match one market event."""

from __future__ import annotations

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
from tradewright.core.kernel.compiled import compiled, inlined
from tradewright.core.kernel.match_bar_nb import match_bar_nb
from tradewright.core.kernel.match_tick_nb import arrive_nb
from tradewright.core.kernel.memory_nb import (
    books_nb,
    call_nb,
    ints_nb,
    market_nb,
    messages_nb,
    order_list_nb,
    orders_nb,
    venue_nb,
    verbs_nb,
)


def post_nb(venue: int, message_address: int, order_address: int) -> int:
    """Put a message of ours on its way to the venue; it arrives after the request latency, never overtaking."""
    v = venue_nb(venue)[0]
    sent = messages_nb(message_address, 1)[0]
    due = max(sent.ts_sent + delay_nb(venue, 0), v.last_request_due)
    v.last_request_due = due
    place = v.inbox_tail & v.mask
    v.inbox_tail += 1
    watch_rings_nb(venue)
    inbox = messages_nb(v.inbox, v.mask + 1)
    inbox[place] = sent
    inbox[place].ts_due = due
    order = order_list_nb(order_address, 1)[0]
    arriving = order_list_nb(v.inbox_orders, v.mask + 1)
    if sent.verb == c.CANCEL_ORDER:
        arriving[place].id = order.id
        arriving[place].instrument = order.instrument
    else:
        arriving[place] = order
    return 0


@inlined
def find_nb(venue: int, instrument: int, order_id: int) -> int:
    """Slot of a working order by its id; -1 when it is not there (any more)."""
    v = venue_nb(venue)[0]
    book = books_nb(v.books, v.n_instruments)[instrument]
    orders = orders_nb(v.orders, v.n_instruments, v.n_slots)
    for k in range(book.n):
        if orders[instrument, k].id == order_id and is_working_nb(orders[instrument, k].status):
            return k
    return -1


@compiled
def accept_nb(venue: int, place: int) -> None:
    """Take a new order into the book."""
    v = venue_nb(venue)[0]
    sent = order_list_nb(v.inbox_orders, v.mask + 1)[place]
    j = sent.instrument
    book = books_nb(v.books, v.n_instruments)[j]
    orders = orders_nb(v.orders, v.n_instruments, v.n_slots)
    k = book.n
    orders[j, k] = sent
    order = orders[j, k]
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


@compiled
def replace_nb(venue: int, place: int) -> None:
    """Give a working order a new price and size; it goes to the end of the queue at its price."""
    v = venue_nb(venue)[0]
    wanted = order_list_nb(v.inbox_orders, v.mask + 1)[place]
    j = wanted.instrument
    k = find_nb(venue, j, wanted.id)
    if k < 0:
        return  # it ended while the request was on its way; that answer is already travelling
    order = orders_nb(v.orders, v.n_instruments, v.n_slots)[j, k]
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
    inbox = messages_nb(v.inbox, v.mask + 1)
    while v.inbox_head != v.inbox_tail and inbox[v.inbox_head & v.mask].ts_due <= until_ns:
        place = v.inbox_head & v.mask
        message = inbox[place]
        v.now = message.ts_due
        v.opened = message.ts_due
        v.seen = 0
        v.phase = 2
        wanted = order_list_nb(v.inbox_orders, v.mask + 1)[place]
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
    kind = m.kind_all if m.kind == 0 else ints_nb(m.kind, m.n)[i]
    j = 0 if m.instrument == 0 else ints_nb(m.instrument, m.n)[i]
    if kind == c.BAR:
        match_bar_nb(venue, j, i)
    elif kind == c.QUOTE:
        call_nb(verbs_nb(v.verbs)[0].match_quote, venue, j, i)
    elif kind == c.TRADE:
        call_nb(verbs_nb(v.verbs)[0].match_trade, venue, j, i)


def exchange_nb(venue: int, i: int, _unused: int) -> int:
    """One market event as the venue lives it: first what reached it before; of one instant, the event comes first."""
    v = venue_nb(venue)[0]
    m = market_nb(v.market)[0]
    if v.inbox_head != v.inbox_tail:
        call_nb(verbs_nb(v.verbs)[0].receive, venue, ints_nb(m.ts_event, m.n)[i] - 1, 0)
    match_nb(venue, i)
    return 0
