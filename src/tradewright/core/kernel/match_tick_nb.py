"""Fills on quotes and trades.

Orders that take liquidity fill at the quote (or, where no quotes are known, at the last trade with half the spread
added). A resting limit fills when the market goes through its price; a touch is not a fill. With the queue model a
touch helps: trades at its price use up the quantity that stood before it, and a shrinking quote shortens the queue,
but only at its front in our favour when less is displayed than we believed to be ahead (the pessimistic reading).
"""

from __future__ import annotations

import numpy as np

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.book_nb import (
    UNLIMITED,
    arrive_at_event_nb,
    end_nb,
    fill_nb,
    is_beyond_reach_nb,
    is_working_nb,
    tidy_nb,
    watch_nb,
    whole_nb,
)
from tradewright.core.kernel.compiled import compiled, inlined
from tradewright.core.kernel.match_bar_nb import is_reached_nb, is_through_nb, taken_price_nb
from tradewright.core.kernel.memory_nb import (
    book_nb,
    call_nb,
    field_nb,
    market_nb,
    order_nb,
    terms_nb,
    venue_nb,
    verbs_nb,
)
from tradewright.core.types.dtypes import AGGRESSOR, ASK, ASK_SIZE, BID, BID_SIZE, PRICE, SIZE


@inlined
def share_nb(participation: float, size: float, lot_num: int, lot_den: int) -> int:
    """Lots that one event may fill: all, or a share of the size shown."""
    return whole_nb(size * participation * lot_den / lot_num) if participation > 0.0 else UNLIMITED


@inlined
def lots_shown_nb(size: float, lot_num: int, lot_den: int) -> float:
    """Size in lots, a whole number, so that queues are counted without rounding error."""
    if lot_num == 1:  # the usual lot: no division, the same result
        return float(np.rint(size * lot_den))
    return float(np.rint(size * lot_den / lot_num))


@inlined
def queue_nb(venue: int, j: int, k: int) -> None:
    """Shorten the queue before a resting limit by what the quote shows at its price."""
    v = venue_nb(venue)[0]
    book = book_nb(v, j)
    order = order_nb(v, j, k)
    terms = terms_nb(v, j)
    best = book.bid if order.side > 0 else book.ask
    size = book.bid_size if order.side > 0 else book.ask_size
    was = book.was_bid if order.side > 0 else book.was_ask
    if order.limit == best:
        order.queue_ahead = min(order.queue_ahead, lots_shown_nb(size, terms.lot_num, terms.lot_den))
    elif order.limit * order.side > best * order.side or (v.uses_queue == 2 and order.limit == was):
        order.queue_ahead = 0.0


@compiled
def take_nb(venue: int, j: int, k: int) -> None:
    """Fill an order that takes liquidity at the quote; slippage only on orders without a price."""
    v = venue_nb(venue)[0]
    book = book_nb(v, j)
    order = order_nb(v, j, k)
    terms = terms_nb(v, j)
    price = book.ask if order.side > 0 else book.bid
    if order.kind == c.LIMIT or order.kind == c.STOP_LIMIT:
        fill_nb(venue, j, k, price, 0)
        return
    taken = taken_price_nb(price, order.side, terms.slippage_bps)
    if not (order.kind == c.MARKET and taken * order.side > order.limit * order.side):  # beyond its collar
        fill_nb(venue, j, k, taken, 0)


@compiled
def trigger_nb(venue: int, j: int, k: int, price: float) -> bool:
    """Move a stop with the market; True once it became executable. ``price`` is the side it would trade against."""
    v = venue_nb(venue)[0]
    order = order_nb(v, j, k)
    if order.is_triggered != 0:
        return True
    if order.kind == c.TRAILING_STOP:
        if np.isnan(order.watermark):
            order.watermark = price
        order.watermark = min(order.watermark, price) if order.side > 0 else max(order.watermark, price)
        order.stop = order.watermark + order.side * order.trail
    if is_reached_nb(order.side, price, order.stop):
        order.is_triggered = 1
        book_nb(v, j).n_careful += 1
    return bool(order.is_triggered != 0)


@compiled
def arrive_nb(venue: int, j: int, k: int) -> None:
    """Meet the standing quote: an order that reaches the venue takes what it can and rests with the remainder."""
    v = venue_nb(venue)[0]
    book = book_nb(v, j)
    if np.isnan(book.bid):
        return  # no quotes known: bars and trades fill it when they come
    order = order_nb(v, j, k)
    price = book.ask if order.side > 0 else book.bid
    can_trade = order.kind == c.MARKET or order.kind == c.LIMIT or trigger_nb(venue, j, k, price)
    has_price = order.kind == c.LIMIT or order.kind == c.STOP_LIMIT
    if can_trade and (not has_price or price * order.side <= order.limit * order.side):
        take_nb(venue, j, k)
    if is_working_nb(order.status) and order.tif == c.IOC:
        end_nb(venue, j, k, c.ORDER_CANCELED, c.UNFILLED_REMAINDER)
    order.queue_ahead = np.inf
    if v.uses_queue != 0 and has_price:
        queue_nb(venue, j, k)
        if v.uses_queue == 2 and order.queue_ahead == np.inf:
            order.queue_ahead = 0.0


@inlined
def rest_on_quote_nb(venue: int, j: int, k: int) -> None:
    """Look at one order of the book after the quote moved."""
    v = venue_nb(venue)[0]
    book = book_nb(v, j)
    order = order_nb(v, j, k)
    price = book.ask if order.side > 0 else book.bid
    if order.kind == c.LIMIT or (order.kind == c.STOP_LIMIT and order.is_triggered != 0):
        if is_through_nb(order.side, price, order.limit, v.touch_fills):
            fill_nb(venue, j, k, order.limit, 1)
        elif v.uses_queue != 0:
            queue_nb(venue, j, k)
    elif order.kind == c.MARKET or trigger_nb(venue, j, k, price):
        if order.kind == c.STOP_LIMIT and price * order.side > order.limit * order.side:
            return
        take_nb(venue, j, k)


@inlined
def settle_down_nb(venue: int, j: int, before: int) -> None:
    """After a walk, tidy the book if an order ended, or take the exits that were added to ``before`` orders into it."""
    book = book_nb(venue_nb(venue)[0], j)
    if book.ended > 0:
        tidy_nb(venue, j)
        return
    for k in range(before, book.n):
        watch_nb(venue, j, k)


def walk_on_quote_nb(venue: int, j: int, i: int) -> int:
    """Let every order of an instrument meet the quote that its book shows, event ``i``."""
    arrive_at_event_nb(venue, i)
    v = venue_nb(venue)[0]
    before = book_nb(v, j).n
    for k in range(before):
        order = order_nb(v, j, k)
        if not is_working_nb(order.status):
            continue
        if order.ts_expire <= v.now:
            end_nb(venue, j, k, c.ORDER_EXPIRED, c.EXPIRED_TIME)
        else:
            rest_on_quote_nb(venue, j, k)
    settle_down_nb(venue, j, before)
    return 0


@inlined
def show_quote_nb(venue: int, j: int, i: int) -> None:
    """Let the book of an instrument show a quote."""
    v = venue_nb(venue)[0]
    m = market_nb(v.market)[0]
    book = book_nb(v, j)
    terms = terms_nb(v, j)
    book.was_bid, book.was_ask = book.bid, book.ask
    book.bid, book.ask = field_nb(m, BID, i), field_nb(m, ASK, i)
    book.bid_size, book.ask_size = field_nb(m, BID_SIZE, i), field_nb(m, ASK_SIZE, i)
    book.room_buy = share_nb(terms.participation, book.ask_size, terms.lot_num, terms.lot_den)
    book.room_sell = share_nb(terms.participation, book.bid_size, terms.lot_num, terms.lot_den)
    book.is_room_shared = 0


@inlined
def match_quote_nb(venue: int, j: int, i: int) -> None:
    """Match one quote against the book of its instrument; its orders are walked only where one could notice."""
    show_quote_nb(venue, j, i)
    v = venue_nb(venue)[0]
    book = book_nb(v, j)
    is_beyond = book.bid <= book.ask and is_beyond_reach_nb(book, book.bid, book.ask)
    # a queue also shortens where the quote leaves an order's price
    if not (is_beyond and is_beyond_reach_nb(book, book.was_bid, book.was_ask)):
        call_nb(verbs_nb(v.verbs)[0].walk_on_quote, venue, j, i)


@compiled
def rest_on_trade_nb(venue: int, j: int, k: int, i: int) -> None:
    """Look at one order of the book after a trade printed."""
    v = venue_nb(venue)[0]
    m = market_nb(v.market)[0]
    price, size, aggressor = field_nb(m, PRICE, i), field_nb(m, SIZE, i), field_nb(m, AGGRESSOR, i)
    book = book_nb(v, j)
    order = order_nb(v, j, k)
    terms = terms_nb(v, j)
    if order.kind == c.LIMIT or (order.kind == c.STOP_LIMIT and order.is_triggered != 0):
        if aggressor * order.side > 0:
            return  # the taker was on our side of the market
        touch_fills = v.touch_fills if v.uses_queue == 0 else 0  # with a queue, a touch shortens it
        if is_through_nb(order.side, price, order.limit, touch_fills):
            fill_nb(venue, j, k, order.limit, 1)
        elif v.uses_queue != 0 and price == order.limit:
            order.queue_ahead -= lots_shown_nb(size, terms.lot_num, terms.lot_den)
            if order.queue_ahead < 0.0:
                fill_nb(venue, j, k, order.limit, 1)
                order.queue_ahead = max(order.queue_ahead, 0.0)
    elif np.isnan(book.bid) and (order.kind == c.MARKET or trigger_nb(venue, j, k, price)):
        if order.kind == c.STOP_LIMIT:
            if price * order.side <= order.limit * order.side:
                fill_nb(venue, j, k, price, 0)
            return
        taken = taken_price_nb(price, order.side, terms.half_spread_bps + terms.slippage_bps)
        if not (order.kind == c.MARKET and taken * order.side > order.limit * order.side):
            fill_nb(venue, j, k, taken, 0)


def walk_on_trade_nb(venue: int, j: int, i: int) -> int:
    """Let every order of an instrument meet a printed trade, event ``i``."""
    arrive_at_event_nb(venue, i)
    v = venue_nb(venue)[0]
    m = market_nb(v.market)[0]
    book = book_nb(v, j)
    terms = terms_nb(v, j)
    room = share_nb(terms.participation, field_nb(m, SIZE, i), terms.lot_num, terms.lot_den)
    quoted_buy, quoted_sell, is_shared = book.room_buy, book.room_sell, book.is_room_shared
    book.room_buy = room
    book.room_sell = room
    book.is_room_shared = 1
    before = book.n
    for k in range(before):
        order = order_nb(v, j, k)
        if not is_working_nb(order.status):
            continue
        if order.ts_expire <= v.now:
            end_nb(venue, j, k, c.ORDER_EXPIRED, c.EXPIRED_TIME)
            continue
        rest_on_trade_nb(venue, j, k, i)
        if order.tif == c.IOC and is_working_nb(order.status):
            end_nb(venue, j, k, c.ORDER_CANCELED, c.UNFILLED_REMAINDER)
    # what stands in the quote has not been used up by a trade that others made
    book.room_buy, book.room_sell, book.is_room_shared = quoted_buy, quoted_sell, is_shared
    settle_down_nb(venue, j, before)
    return 0


@inlined
def show_trade_nb(venue: int, j: int, i: int) -> None:
    """Let the book of an instrument show a trade."""
    v = venue_nb(venue)[0]
    book_nb(v, j).last = field_nb(market_nb(v.market)[0], PRICE, i)


@inlined
def match_trade_nb(venue: int, j: int, i: int) -> None:
    """Match one printed trade against the book of its instrument; its orders are walked only where one could notice."""
    show_trade_nb(venue, j, i)
    v = venue_nb(venue)[0]
    book = book_nb(v, j)
    if not is_beyond_reach_nb(book, book.last, book.last):
        call_nb(verbs_nb(v.verbs)[0].walk_on_trade, venue, j, i)
