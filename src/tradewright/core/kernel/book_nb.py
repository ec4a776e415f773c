"""The simulated venue's book: answers, fills, and what a fill does to other orders.

Orders of one instrument stand in order of arrival. An order that ends keeps its place, marked by its status, until
`tidy_nb` closes the gaps, so that a walk over the table is never disturbed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.compiled import compiled, inlined
from tradewright.core.kernel.costs_nb import drawn_lots_nb, drawn_price_nb
from tradewright.core.kernel.memory_nb import (
    book_nb,
    copy_nb,
    int_at_nb,
    market_nb,
    message_at_nb,
    order_at_nb,
    order_nb,
    table_nb,
    terms_nb,
    venue_nb,
)
from tradewright.core.kernel.order_nb import blank_nb

UNLIMITED = 2**62


@inlined
def is_working_nb(status: int) -> bool:
    """Tell whether an order in the venue's book can still fill."""
    return status == c.ACCEPTED or status == c.PARTIALLY_FILLED  # `in` builds a tuple


@inlined
def on_grid_nb(price: float, tick_num: int, tick_den: int) -> float:
    """Nearest price on the tick grid: the double closest to the decimal price, halves to even ticks."""
    if np.isnan(price):
        return price
    if tick_num == 1:  # the usual tick: one division less, the same result
        return float(np.rint(price * tick_den) / tick_den)
    return float(np.rint(price * tick_den / tick_num) * tick_num / tick_den)


@inlined
def whole_nb(lots: float) -> int:
    """Round lots towards zero; a hair below a whole number, as decimals multiplied leave it, counts as whole."""
    size = abs(lots)
    count = np.rint(size)
    if count - size > 1e-9 + size * 4e-16:  # further below than two roundings of a double leave it
        count = np.floor(size)
    return int(np.sign(lots) * count)


@inlined
def delay_nb(venue: int, column: int) -> int:
    """Next latency in ns from the table: column 0 on the way to the venue, 1 on the way back."""
    v = venue_nb(venue)[0]
    if v.n_latency == 0:
        return 0
    row = v.latency_cursor
    v.latency_cursor = row + 1 if row + 1 < v.n_latency else 0
    return int(table_nb(v.latency, v.n_latency, 2)[row, column])


@inlined
def watch_rings_nb(venue: int) -> None:
    """Ask for larger rings while the next event could still fill them.

    A message that reaches the venue is answered six times at most (accepted, filled, three exits, the remainder
    cancelled), and an event answers each order of an instrument four times at most.
    """
    v = venue_nb(venue)[0]
    coming = 6 * (v.inbox_tail - v.inbox_head) + 4 * v.n_slots
    if v.answers_tail - v.answers_head + coming > v.mask:
        v.needs_room = 1


@inlined
def answer_nb(venue: int, verb: int, instrument: int, slot: int, reason: int) -> int:
    """Send us a message about one order and return its place in the ring.

    Answers keep their order on the way, and none arrives before we have seen the market event it follows from.
    """
    v = venue_nb(venue)[0]
    due = max(v.now + delay_nb(venue, 1), v.last_answer_due, v.seen)
    v.last_answer_due = due
    if v.answers_tail - v.answers_head > v.mask:
        v.has_overflown = (
            1  # cannot be while the caller makes room when asked; it stops the run, nothing is overwritten
        )
        return int(v.answers_head & v.mask)
    place = v.answers_tail & v.mask
    v.answers_tail += 1
    watch_rings_nb(venue)
    message = message_at_nb(v.answers, place)
    message.verb = verb
    message.ts_sent = v.now
    message.ts_open = v.opened
    message.ts_due = due
    message.fill_lots = 0
    message.fill_price = np.nan
    message.fill_fee = 0.0
    message.is_maker = 0
    message.reason = reason
    copy_nb(order_at_nb(v.answer_orders, place), order_nb(v, instrument, slot))
    return int(place)


@inlined
def arrive_at_event_nb(venue: int, i: int) -> None:
    """Set the venue's clock to a market event."""
    v = venue_nb(venue)[0]
    m = market_nb(v.market)[0]
    v.now = int_at_nb(m.ts_event, i)
    v.opened = int_at_nb(m.ts_open, i)
    v.seen = int_at_nb(m.ts_seen, i)


@inlined
def end_nb(venue: int, instrument: int, slot: int, verb: int, reason: int) -> None:
    """End a working order: cancelled or expired."""
    v = venue_nb(venue)[0]
    order = order_nb(v, instrument, slot)
    order.status = c.EXPIRED if verb == c.ORDER_EXPIRED else c.CANCELED
    order.reason = reason
    order.ts_done = v.now
    book_nb(v, instrument).ended += 1
    answer_nb(venue, verb, instrument, slot, reason)


@inlined
def watch_nb(venue: int, instrument: int, slot: int) -> None:
    """Take an order into the prices at which one of the book could fill next."""
    v = venue_nb(venue)[0]
    book = book_nb(v, instrument)
    order = order_nb(v, instrument, slot)
    if (
        order.kind == c.MARKET
        or order.kind == c.TRAILING_STOP
        or order.is_triggered != 0
        or order.tif == c.IOC
        or order.ts_expire != c.NEVER
    ):
        book.n_careful += 1
    price = order.limit if order.kind == c.LIMIT else order.stop
    # buy limits and sell stops wait below the market, sell limits and buy stops above
    if (order.kind == c.LIMIT) == (order.side > 0):
        book.low_trigger = max(book.low_trigger, price)
    else:
        book.high_trigger = min(book.high_trigger, price)


@inlined
def is_beyond_reach_nb(book: Any, low: float, high: float) -> bool:
    """Tell whether prices from ``low`` to ``high`` reach no order of a book, and none has to be looked at anyway."""
    return bool(book.n_careful == 0 and low > book.low_trigger and high < book.high_trigger)


@compiled
def tidy_nb(venue: int, instrument: int) -> None:
    """Close the gaps that ended orders left and find the prices at which the rest could fill next."""
    v = venue_nb(venue)[0]
    book = book_nb(v, instrument)
    book.n_careful = 0
    book.low_trigger = -np.inf
    book.high_trigger = np.inf
    kept = 0
    for k in range(book.n):
        order = order_nb(v, instrument, k)
        if not is_working_nb(order.status):
            continue
        order.born = 0
        if kept != k:
            copy_nb(order_nb(v, instrument, kept), order)
        watch_nb(venue, instrument, kept)
        kept += 1
    book.n = kept
    book.ended = 0


@inlined
def commission_nb(venue: int, instrument: int, slot: int) -> float:
    """Commission now due on an order, its currency; a minimum is charged once an order, with its first fill."""
    v = venue_nb(venue)[0]
    order = order_nb(v, instrument, slot)
    terms = terms_nb(v, instrument)
    total = order.fee_raw
    if terms.fee_minimum > 0.0:
        total = max(total, terms.fee_minimum)
    fee = total - order.fee_charged
    order.fee_charged = total
    return float(fee)


@inlined
def release_nb(venue: int, instrument: int, slot: int) -> None:
    """After a fill, cancel what it made pointless: its OCO partners and exits of a position that is gone."""
    v = venue_nb(venue)[0]
    book = book_nb(v, instrument)
    done = order_nb(v, instrument, slot)
    for k in range(book.n):
        other = order_nb(v, instrument, k)
        if k == slot or not is_working_nb(other.status):
            continue
        # exits of one position share what is left of it; they go only when one of them is complete
        is_partner = done.group != 0 and other.group == done.group
        if is_partner and (done.is_reduce_only == 0 or done.status == c.FILLED):
            end_nb(venue, instrument, k, c.ORDER_CANCELED, c.CANCELED_BY_OCO)
        elif other.is_reduce_only != 0 and other.side * book.position >= 0:
            end_nb(venue, instrument, k, c.ORDER_CANCELED, c.CANCELED_POSITION_CLOSED)
    if is_working_nb(done.status) and done.is_reduce_only != 0 and done.side * book.position >= 0:
        end_nb(venue, instrument, slot, c.ORDER_CANCELED, c.CANCELED_POSITION_CLOSED)


@compiled
def add_exit_nb(venue: int, instrument: int, slot: int, origin: int, lots: int) -> int:
    """Put one exit of a bracket into the book, or enlarge it; return its slot, or -1 when it was enlarged."""
    v = venue_nb(venue)[0]
    book = book_nb(v, instrument)
    entry = order_nb(v, instrument, slot)
    child = entry.id + origin
    for k in range(book.n):
        order = order_nb(v, instrument, k)
        if order.id == child and is_working_nb(order.status):
            order.lots += lots
            answer_nb(venue, c.ORDER_REPLACED, instrument, k, c.NO_REASON)
            return -1
    place = book.n
    order = order_nb(v, instrument, place)
    blank_nb(order, instrument)
    order.id = child
    order.parent = entry.id
    order.group = -entry.id  # groups of the strategy are positive
    order.side = -entry.side
    order.is_reduce_only = 1
    order.origin = origin
    order.lots = lots
    order.ts_created = v.now
    order.ts_active = v.now
    order.status = c.ACCEPTED
    order.born = 0 if v.protect_from_next_bar != 0 else v.phase
    if place + 1 >= v.n_slots:  # the last slot is kept free for this
        order.status = c.REJECTED
        answer_nb(venue, c.ORDER_REJECTED, instrument, place, c.ORDER_TABLE_FULL)
        return -1
    book.n += 1
    return int(place)


@inlined
def protect_nb(venue: int, instrument: int, slot: int, lots: int, price: float) -> None:
    """Give a filled entry its exits: stop-loss, take-profit, trailing stop, cancelling each other."""
    v = venue_nb(venue)[0]
    terms = terms_nb(v, instrument)
    entry = order_nb(v, instrument, slot)
    is_fraction = entry.attach_unit == c.FRACTION
    if not np.isnan(entry.stop_loss):
        level = price - entry.side * entry.stop_loss * price if is_fraction else entry.stop_loss
        k = add_exit_nb(venue, instrument, slot, c.FROM_STOP_LOSS, lots)
        if k >= 0:
            order = order_nb(v, instrument, k)
            order.kind = c.STOP
            order.watermark = price  # where the market was when it was born
            order.stop = on_grid_nb(level, terms.tick_num, terms.tick_den)
            answer_nb(venue, c.ORDER_ACCEPTED, instrument, k, c.NO_REASON)
    if not np.isnan(entry.take_profit):
        level = price + entry.side * entry.take_profit * price if is_fraction else entry.take_profit
        k = add_exit_nb(venue, instrument, slot, c.FROM_TAKE_PROFIT, lots)
        if k >= 0:
            order = order_nb(v, instrument, k)
            order.kind = c.LIMIT
            order.limit = on_grid_nb(level, terms.tick_num, terms.tick_den)
            answer_nb(venue, c.ORDER_ACCEPTED, instrument, k, c.NO_REASON)
    if not np.isnan(entry.trail_protect):
        k = add_exit_nb(venue, instrument, slot, c.FROM_TRAILING, lots)
        if k >= 0:
            order = order_nb(v, instrument, k)
            order.kind = c.TRAILING_STOP
            distance = entry.trail_protect * price if is_fraction else entry.trail_protect
            order.trail = on_grid_nb(distance, terms.tick_num, terms.tick_den)
            order.watermark = price
            order.stop = price - entry.side * order.trail
            answer_nb(venue, c.ORDER_ACCEPTED, instrument, k, c.NO_REASON)


@compiled
def fill_nb(venue: int, instrument: int, slot: int, price: float, is_maker: int) -> int:
    """Fill an order as far as its size, its reduce-only mark and the event's room allow; return the lots."""
    v = venue_nb(venue)[0]
    book = book_nb(v, instrument)
    order = order_nb(v, instrument, slot)
    terms = terms_nb(v, instrument)
    lots = min(order.lots - order.filled, book.room_buy if order.side > 0 else book.room_sell)
    if order.is_reduce_only != 0:
        lots = min(lots, -order.side * book.position)
    most = drawn_lots_nb(venue, instrument, slot) if terms.costs != 0 else order.lots
    lots = min(lots, most - order.filled)
    if lots <= 0:
        if order.filled >= most:
            end_nb(venue, instrument, slot, c.ORDER_CANCELED, c.UNFILLED_REMAINDER)
        return 0
    if terms.costs != 0 and is_maker == 0:
        price = drawn_price_nb(venue, instrument, slot, price)
    rate = terms.maker_bps if is_maker != 0 else terms.taker_bps
    units = lots * (terms.lot_num / terms.lot_den)
    order.fee_raw += lots * terms.unit_value * price * rate * 1e-4 + units * terms.fee_per_unit
    fee = commission_nb(venue, instrument, slot)
    order.filled += lots
    order.fill_value += lots * price
    before = book.position
    book.position += order.side * lots
    if order.side > 0 or book.is_room_shared != 0:
        book.room_buy -= lots
    if order.side < 0 or book.is_room_shared != 0:
        book.room_sell -= lots
    is_complete = order.filled == order.lots
    order.status = c.FILLED if is_complete else c.PARTIALLY_FILLED
    if is_complete:
        order.ts_done = v.now
        book.ended += 1
    place = answer_nb(venue, c.ORDER_FILLED, instrument, slot, c.NO_REASON)
    message = message_at_nb(v.answers, place)
    message.fill_lots = lots
    message.fill_price = price
    message.fill_fee = fee
    message.is_maker = is_maker
    if order.filled == most and not is_complete:
        end_nb(venue, instrument, slot, c.ORDER_CANCELED, c.UNFILLED_REMAINDER)
    opened = min(lots, order.side * book.position)  # what turned or reduced a position needs no protection
    if order.is_reduce_only == 0 and opened > 0:
        protect_nb(venue, instrument, slot, opened, price)
    if order.group != 0 or (before != 0 and (book.position == 0 or (before > 0) != (book.position > 0))):
        release_nb(venue, instrument, slot)
    return int(lots)
