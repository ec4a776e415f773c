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

from typing import Any, NamedTuple

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
from tradewright.core.kernel.compiled import inlined
from tradewright.core.kernel.memory_nb import (
    book_nb,
    call_nb,
    field_nb,
    int_at_nb,
    market_nb,
    order_nb,
    terms_nb,
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
def touch_nb(v: Any, origin: int) -> int:
    """1 where a touch fills: everywhere, or for targets that turn into market orders when touched."""
    return int(v.touch_fills != 0 or (v.target_takes != 0 and origin == c.FROM_TAKE_PROFIT))


@inlined
def is_through_nb(side: int, price: float, limit: float, touch_fills: int) -> bool:
    """Tell whether a price goes through a limit, or only meets it where the venue lets a touch fill."""
    if touch_fills != 0 and price == limit:
        return True
    return price < limit if side > 0 else price > limit


class Bar(NamedTuple):
    """The bar being matched."""

    ts_open: int
    open: float
    high: float
    low: float
    close: float


@inlined
def bar_nb(m: Any, i: int) -> Bar:
    """Read bar ``i`` of the market block."""
    return Bar(
        int_at_nb(m.ts_open, i),
        field_nb(m, OPEN, i),
        field_nb(m, HIGH, i),
        field_nb(m, LOW, i),
        field_nb(m, CLOSE, i),
    )


@inlined
def at_limit_nb(v: Any, order: Any, terms: Any, price: float) -> tuple[float, int]:
    """Price of a limit that fills, and 1 for a maker: it is one, unless a touched target becomes a market order."""
    if v.target_takes != 0 and order.origin == c.FROM_TAKE_PROFIT:
        return taken_price_nb(price, order.side, terms.half_spread_bps + terms.slippage_bps), 0
    return price, 1


@inlined
def at_open_nb(v: Any, order: Any, terms: Any, price: float) -> tuple[float, int]:
    """Price at which the opening price fills an order, NaN where it does not, and 1 for a maker."""
    if order.kind == c.LIMIT and order.is_triggered != 0:  # it was sent beyond the market
        if price * order.side <= order.limit * order.side:
            return capped_price_nb(price, order.side, terms.half_spread_bps, order.limit), 0
        order.is_triggered = 0  # left behind: it rests from now on
        return np.nan, 0
    if order.kind == c.LIMIT or (order.kind == c.STOP_LIMIT and order.is_triggered != 0):
        if is_through_nb(order.side, price, order.limit, touch_nb(v, order.origin)):
            return at_limit_nb(v, order, terms, price if v.limit_gap_at_open != 0 else order.limit)
        return np.nan, 0
    if order.kind != c.MARKET and order.is_triggered == 0:
        if order.kind == c.TRAILING_STOP and np.isnan(order.watermark):
            order.watermark = price
            order.stop = price + order.side * order.trail
            return np.nan, 0
        if not is_reached_nb(order.side, price, order.stop):
            return np.nan, 0
        order.is_triggered = 1
        if order.kind == c.STOP_LIMIT:
            # jumped over: executable at once if the open is within the limit, else it rests from now on
            if price * order.side <= order.limit * order.side:
                return capped_price_nb(price, order.side, terms.half_spread_bps, order.limit), 0
            return np.nan, 0
    taken = taken_price_nb(price, order.side, terms.half_spread_bps + terms.slippage_bps)
    if order.kind == c.MARKET and taken * order.side > order.limit * order.side:
        return np.nan, 0  # beyond its collar
    return taken, 0


@inlined
def at_stop_nb(order: Any, terms: Any, extreme: float, start: float) -> float:
    """Price at which a bar's extreme price fills a stop, costs included; NaN where it does not.

    ``start``: price of the moment at which an exit was born inside the bar, NaN for orders that stood before; an exit
    born beyond its stop fills there.
    """
    if order.is_triggered != 0 or not is_reached_nb(order.side, extreme, order.stop):
        return np.nan
    order.is_triggered = 1
    if order.kind == c.STOP_LIMIT:
        if order.stop * order.side <= order.limit * order.side:
            return capped_price_nb(order.stop, order.side, terms.half_spread_bps, order.limit)
        return np.nan
    at = start if is_reached_nb(order.side, start, order.stop) else order.stop
    return taken_price_nb(at, order.side, terms.half_spread_bps + terms.slippage_bps)


@inlined
def at_following_nb(order: Any, terms: Any, bar: Bar) -> float:
    """Let a trailing stop follow the bar's best price; price of its fill where the close is beyond the new level."""
    if np.isnan(order.watermark):
        order.watermark = bar.close
    else:
        # born inside: the best price may have come before the entry, only the close is certain to come after it
        best = bar.low if order.side > 0 else bar.high
        seen = bar.close if order.born == 2 else best
        order.watermark = min(order.watermark, seen) if order.side > 0 else max(order.watermark, seen)
    order.stop = order.watermark + order.side * order.trail
    return at_stop_nb(order, terms, bar.close, np.nan)


@inlined
def follow_all_nb(venue: int, j: int, bar: Bar) -> None:
    """Let every trailing stop that is not triggered follow the bar."""
    v = venue_nb(venue)[0]
    for k in range(book_nb(v, j).n):
        order = order_nb(v, j, k)
        if order.kind != c.TRAILING_STOP or not is_working_nb(order.status) or order.is_triggered != 0:
            continue
        if order.ts_active <= bar.ts_open or order.born != 0:
            price = at_following_nb(order, terms_nb(v, j), bar)
            if not np.isnan(price):
                fill_nb(venue, j, k, price, 0)


@inlined
def at_inside_nb(v: Any, order: Any, terms: Any, bar: Bar, step: int) -> tuple[float, int]:
    """Price at which one step of `fill_inside_nb` fills an order, NaN where it does not, and 1 for a maker."""
    is_inside = order.born == 2
    if step == 0 or step == 2:
        if order.kind == c.MARKET or order.kind == c.LIMIT or (step == 2 and not is_inside):
            return np.nan, 0
        start = np.nan
        if order.born != 0 and order.kind == c.STOP:
            start = order.watermark if is_inside else bar.open
        return at_stop_nb(order, terms, bar.high if order.side > 0 else bar.low, start), 0
    is_limit = order.kind == c.LIMIT or (order.kind == c.STOP_LIMIT and order.is_triggered != 0)
    if not is_limit or (step == 3) != is_inside or order.ts_expire < v.now:
        return np.nan, 0
    reach = bar.close if is_inside else (bar.low if order.side > 0 else bar.high)
    if not is_through_nb(order.side, reach, order.limit, touch_nb(v, order.origin)):
        return np.nan, 0
    return at_limit_nb(v, order, terms, order.limit)


@inlined
def fill_inside_nb(venue: int, j: int, bar: Bar) -> None:
    """Fill what trades inside the bar: stops, then limits, then the exits of what was entered inside."""
    v = venue_nb(venue)[0]
    book = book_nb(v, j)
    # 0: stops, 1: limits that stood before or were born at the open, 2: stops born inside, 3: limits born inside
    has_inside = False
    has_trailing = False
    for step in range(4):
        if step > 1 and not has_inside:
            break
        k = 0
        while k < book.n:  # exits born on the way are appended and met by the same walk
            order = order_nb(v, j, k)
            k += 1
            if not is_working_nb(order.status) or not (order.ts_active <= bar.ts_open or order.born != 0):
                continue
            if order.tif == c.IOC:
                continue
            has_inside |= order.born == 2
            has_trailing |= order.kind == c.TRAILING_STOP
            price, is_maker = at_inside_nb(v, order, terms_nb(v, j), bar, step)
            if not np.isnan(price):
                fill_nb(venue, j, k - 1, price, is_maker)
    if has_trailing:
        follow_all_nb(venue, j, bar)


@inlined
def end_timed_nb(venue: int, j: int, bar: Bar) -> None:
    """At the close, end the orders whose time is over and the immediate ones that the bar could have filled."""
    v = venue_nb(venue)[0]
    for k in range(book_nb(v, j).n):
        order = order_nb(v, j, k)
        if not is_working_nb(order.status):
            continue
        if order.ts_expire <= v.now:
            end_nb(venue, j, k, c.ORDER_EXPIRED, c.EXPIRED_TIME)
        elif order.tif == c.IOC and order.ts_active <= bar.ts_open:
            end_nb(venue, j, k, c.ORDER_CANCELED, c.UNFILLED_REMAINDER)


def match_bar_slowly_nb(venue: int, j: int, i: int) -> int:
    """Walk the whole book of one instrument over one bar."""
    arrive_at_event_nb(venue, i)
    v = venue_nb(venue)[0]
    m = market_nb(v.market)[0]
    terms = terms_nb(v, j)
    book = book_nb(v, j)
    bar = bar_nb(m, i)
    room = UNLIMITED
    if terms.participation > 0.0:
        room = whole_nb(field_nb(m, VOLUME, i) * terms.participation * terms.lot_den / terms.lot_num)
    book.room_buy = room
    book.room_sell = room
    book.is_room_shared = 1
    v.phase = 1
    for k in range(book.n):  # exits born at the open wait for the second walk
        order = order_nb(v, j, k)
        if not is_working_nb(order.status):
            continue
        if order.ts_expire <= bar.ts_open:
            end_nb(venue, j, k, c.ORDER_EXPIRED, c.EXPIRED_TIME)
        elif order.ts_active <= bar.ts_open:
            price, is_maker = at_open_nb(v, order, terms, bar.open)
            if not np.isnan(price):
                fill_nb(venue, j, k, price, is_maker)
    v.phase = 2
    if book.ended < book.n:
        fill_inside_nb(venue, j, bar)
        end_timed_nb(venue, j, bar)
    tidy_nb(venue, j)
    return 0


@inlined
def match_bar_nb(venue: int, j: int, i: int) -> None:
    """Match one bar; does nothing more than two comparisons while no order of the instrument can fill."""
    v = venue_nb(venue)[0]
    book = book_nb(v, j)
    if book.n == 0:
        return
    m = market_nb(v.market)[0]
    if book.n_careful == 0 and field_nb(m, LOW, i) > book.low_trigger and field_nb(m, HIGH, i) < book.high_trigger:
        return
    call_nb(verbs_nb(v.verbs)[0].match_bar, venue, j, i)
