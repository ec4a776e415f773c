"""Fills on bars. A bar does not tell the order of its prices: every doubt is resolved against us.

1. At the open, in order of arrival: market orders; stops the open has jumped over fill at the open; limits it has
   jumped over fill at their own price (a resting order gets its price), or at the open where the venue says so.
   A limit sent beyond the market does not rest: it takes the open and half the spread, never beyond its limit.
2. Inside the bar: stops before limits, so a bar that reaches both the stop and the target is a loss. Immediate
   orders see the open only.
3. A limit needs the price to trade through it; a touch is not a fill (unless the venue says so).
4. What an entry inside the bar protects: its stop counts if the bar's range reaches it; its target only if the
   close is beyond it, because only the close is certain to come after the entry.
5. A trailing stop is tested at the level of the bar before, then follows the bar's best price; if the close is
   already beyond the new level, it fills at that level: the price must have crossed it on the way to the close.

An order takes part in a bar only if it was at the venue when the bar opened.
"""

from __future__ import annotations

import numpy as np

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.book_nb import (
    UNLIMITED,
    arrive_at_event_nb,
    end_nb,
    fill_nb,
    is_working_nb,
    tidy_nb,
    whole_nb,
)
from tradewright.core.kernel.compiled import compiled, inlined
from tradewright.core.kernel.memory_nb import (
    books_nb,
    call_nb,
    fields_nb,
    instruments_nb,
    ints_nb,
    market_nb,
    orders_nb,
    venue_nb,
    verbs_nb,
)
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN, VOLUME


@inlined
def taken_price_nb(price: float, side: int, cost_bps: float) -> float:
    """Price after half the spread and slippage, both against us."""
    return price * (1.0 + side * cost_bps * 1e-4)


@inlined
def capped_price_nb(price: float, side: int, half_spread_bps: float, limit: float) -> float:
    """Price that an order with a limit takes: half the spread against us, never beyond the limit."""
    taken = taken_price_nb(price, side, half_spread_bps)
    return min(taken, limit) if side > 0 else max(taken, limit)


@inlined
def is_reached_nb(side: int, price: float, level: float) -> bool:
    """Tell whether a stop is reached; a touch is enough, from below for a buy, from above for a sell."""
    return price >= level if side > 0 else price <= level


@inlined
def touch_nb(venue: int, origin: int) -> int:
    """1 where a touch fills: everywhere, or for targets that turn into market orders when touched."""
    v = venue_nb(venue)[0]
    return int(v.touch_fills != 0 or (v.target_takes != 0 and origin == c.FROM_TAKE_PROFIT))


@inlined
def is_through_nb(side: int, price: float, limit: float, touch_fills: int) -> bool:
    """Tell whether a price goes through a limit, or only meets it where the venue lets a touch fill."""
    if touch_fills != 0 and price == limit:
        return True
    return price < limit if side > 0 else price > limit


@compiled
def fill_limit_nb(venue: int, j: int, k: int, price: float) -> None:
    """Fill a limit at a price: as maker, except a bracket's target where the venue treats it as market-if-touched."""
    v = venue_nb(venue)[0]
    order = orders_nb(v.orders, v.n_instruments, v.n_slots)[j, k]
    if v.target_takes != 0 and order.origin == c.FROM_TAKE_PROFIT:
        terms = instruments_nb(v.instruments, v.n_instruments)[j]
        fill_nb(venue, j, k, taken_price_nb(price, order.side, terms.half_spread_bps + terms.slippage_bps), 0)
    else:
        fill_nb(venue, j, k, price, 1)


@compiled
def fill_at_open_nb(venue: int, j: int, k: int, price: float) -> None:
    """Fill what the opening price makes executable."""
    v = venue_nb(venue)[0]
    order = orders_nb(v.orders, v.n_instruments, v.n_slots)[j, k]
    terms = instruments_nb(v.instruments, v.n_instruments)[j]
    cost_bps = terms.half_spread_bps + terms.slippage_bps
    if order.kind == c.LIMIT and order.is_triggered != 0:  # it was sent beyond the market
        if price * order.side <= order.limit * order.side:
            fill_nb(venue, j, k, capped_price_nb(price, order.side, terms.half_spread_bps, order.limit), 0)
        else:
            order.is_triggered = 0  # left behind: it rests from now on
        return
    if order.kind == c.LIMIT or (order.kind == c.STOP_LIMIT and order.is_triggered != 0):
        if is_through_nb(order.side, price, order.limit, touch_nb(venue, order.origin)):
            fill_limit_nb(venue, j, k, price if v.limit_gap_at_open != 0 else order.limit)
        return
    if order.kind != c.MARKET and order.is_triggered == 0:
        if order.kind == c.TRAILING_STOP and np.isnan(order.watermark):
            order.watermark = price
            order.stop = price + order.side * order.trail
            return
        if not is_reached_nb(order.side, price, order.stop):
            return
        order.is_triggered = 1
        if order.kind == c.STOP_LIMIT:
            # jumped over: executable at once if the open is within the limit, else it rests from now on
            if price * order.side <= order.limit * order.side:
                fill_nb(venue, j, k, capped_price_nb(price, order.side, terms.half_spread_bps, order.limit), 0)
            return
    fill_nb(venue, j, k, taken_price_nb(price, order.side, cost_bps), 0)


@compiled
def fill_stop_nb(venue: int, j: int, k: int, extreme: float, start: float) -> None:
    """Fill a stop that the bar's extreme price reaches, at its own price and costs.

    ``start``: price of the moment at which an exit was born inside the bar, NaN for orders that stood before; an exit
    born beyond its stop fills there.
    """
    v = venue_nb(venue)[0]
    order = orders_nb(v.orders, v.n_instruments, v.n_slots)[j, k]
    terms = instruments_nb(v.instruments, v.n_instruments)[j]
    if order.is_triggered != 0 or not is_reached_nb(order.side, extreme, order.stop):
        return
    order.is_triggered = 1
    if order.kind == c.STOP_LIMIT:
        if order.stop * order.side <= order.limit * order.side:
            fill_nb(venue, j, k, capped_price_nb(order.stop, order.side, terms.half_spread_bps, order.limit), 0)
        return
    at = start if is_reached_nb(order.side, start, order.stop) else order.stop
    fill_nb(venue, j, k, taken_price_nb(at, order.side, terms.half_spread_bps + terms.slippage_bps), 0)


@compiled
def follow_nb(venue: int, j: int, k: int, best: float, close: float) -> None:
    """Let a trailing stop follow the bar's best price; fill it if the close lies beyond the new level."""
    v = venue_nb(venue)[0]
    order = orders_nb(v.orders, v.n_instruments, v.n_slots)[j, k]
    if np.isnan(order.watermark):
        order.watermark = close
    else:
        # born inside: the best price may have come before the entry, only the close is certain to come after it
        seen = close if order.born == 2 else best
        order.watermark = min(order.watermark, seen) if order.side > 0 else max(order.watermark, seen)
    order.stop = order.watermark + order.side * order.trail
    fill_stop_nb(venue, j, k, close, np.nan)


@compiled
def follow_all_nb(venue: int, j: int, i: int) -> None:
    """Let every trailing stop that is not triggered follow the bar."""
    v = venue_nb(venue)[0]
    m = market_nb(v.market)[0]
    fields = fields_nb(m.fields, m.stride)
    ts_open = ints_nb(m.ts_open, m.n)[i]
    orders = orders_nb(v.orders, v.n_instruments, v.n_slots)
    for k in range(books_nb(v.books, v.n_instruments)[j].n):
        order = orders[j, k]
        if order.kind != c.TRAILING_STOP or not is_working_nb(order.status) or order.is_triggered != 0:
            continue
        if order.ts_active <= ts_open or order.born != 0:
            follow_nb(venue, j, k, fields[LOW if order.side > 0 else HIGH, i], fields[CLOSE, i])


@compiled
def fill_inside_nb(venue: int, j: int, i: int) -> None:
    """Fill what trades inside the bar: stops, then limits, then the exits of what was entered inside."""
    v = venue_nb(venue)[0]
    m = market_nb(v.market)[0]
    fields = fields_nb(m.fields, m.stride)
    ts_open = ints_nb(m.ts_open, m.n)[i]
    high, low, close = fields[HIGH, i], fields[LOW, i], fields[CLOSE, i]
    book = books_nb(v.books, v.n_instruments)[j]
    orders = orders_nb(v.orders, v.n_instruments, v.n_slots)
    # 0: stops, 1: limits that stood before or were born at the open, 2: stops born inside, 3: limits born inside
    has_inside = False
    has_trailing = False
    for step in range(4):
        if step > 1 and not has_inside:
            break
        k = 0
        while k < book.n:  # exits born on the way are appended and met by the same walk
            order = orders[j, k]
            k += 1
            if not is_working_nb(order.status) or not (order.ts_active <= ts_open or order.born != 0):
                continue
            if order.tif == c.IOC:
                continue
            is_inside = order.born == 2
            has_inside |= is_inside
            has_trailing |= order.kind == c.TRAILING_STOP
            is_limit = order.kind == c.LIMIT or (order.kind == c.STOP_LIMIT and order.is_triggered != 0)
            if step == 0 or step == 2:
                if order.kind != c.MARKET and order.kind != c.LIMIT and (step == 0 or is_inside):
                    start = np.nan
                    if order.born != 0 and order.kind == c.STOP:
                        start = order.watermark if is_inside else fields[OPEN, i]
                    fill_stop_nb(venue, j, k - 1, high if order.side > 0 else low, start)
            elif is_limit and (step == 3) == is_inside and order.ts_expire >= v.now:
                reach = close if is_inside else (low if order.side > 0 else high)
                if is_through_nb(order.side, reach, order.limit, touch_nb(venue, order.origin)):
                    fill_limit_nb(venue, j, k - 1, order.limit)
    if has_trailing:
        follow_all_nb(venue, j, i)


def match_bar_slowly_nb(venue: int, j: int, i: int) -> int:
    """Walk the whole book of one instrument over one bar."""
    arrive_at_event_nb(venue, i)
    v = venue_nb(venue)[0]
    m = market_nb(v.market)[0]
    fields = fields_nb(m.fields, m.stride)
    ts_open = ints_nb(m.ts_open, m.n)[i]
    terms = instruments_nb(v.instruments, v.n_instruments)[j]
    book = books_nb(v.books, v.n_instruments)[j]
    orders = orders_nb(v.orders, v.n_instruments, v.n_slots)
    room = UNLIMITED
    if terms.participation > 0.0:
        room = whole_nb(fields[VOLUME, i] * terms.participation * terms.lot_den / terms.lot_num)
    book.room_buy = room
    book.room_sell = room
    book.is_room_shared = 1
    v.phase = 1
    for k in range(book.n):  # exits born at the open wait for the second walk
        order = orders[j, k]
        if not is_working_nb(order.status):
            continue
        if order.ts_expire <= ts_open:
            end_nb(venue, j, k, c.ORDER_EXPIRED, c.EXPIRED_TIME)
        elif order.ts_active <= ts_open:
            fill_at_open_nb(venue, j, k, fields[OPEN, i])
    v.phase = 2
    fill_inside_nb(venue, j, i)
    for k in range(book.n):
        order = orders[j, k]
        if not is_working_nb(order.status):
            continue
        if order.ts_expire <= v.now:
            end_nb(venue, j, k, c.ORDER_EXPIRED, c.EXPIRED_TIME)
        elif order.tif == c.IOC and order.ts_active <= ts_open:
            end_nb(venue, j, k, c.ORDER_CANCELED, c.UNFILLED_REMAINDER)
    tidy_nb(venue, j)
    return 0


@inlined
def match_bar_nb(venue: int, j: int, i: int) -> None:
    """Match one bar; does nothing more than two comparisons while no order of the instrument can fill."""
    v = venue_nb(venue)[0]
    book = books_nb(v.books, v.n_instruments)[j]
    if book.n == 0:
        return
    m = market_nb(v.market)[0]
    fields = fields_nb(m.fields, m.stride)
    if book.n_careful == 0 and fields[LOW, i] > book.low_trigger and fields[HIGH, i] < book.high_trigger:
        return
    call_nb(verbs_nb(v.verbs)[0].match_bar, venue, j, i)
