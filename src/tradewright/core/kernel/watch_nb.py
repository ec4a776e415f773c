"""What the guard remembers: of each market event before the account is marked with it, and of our fills."""

from __future__ import annotations

import numpy as np

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.compiled import compiled, inlined
from tradewright.core.kernel.memory_nb import (
    field_nb,
    float_at_nb,
    guard_nb,
    guarded_nb,
    int_at_nb,
    ints_nb,
    market_nb,
    position_nb,
    session_nb,
    trace_at_nb,
)
from tradewright.core.types.dtypes import ASK, ASK_SIZE, BID, BID_SIZE, CLOSE, HIGH, LOW, OPEN, PRICE, SIZE, VOLUME
from tradewright.core.types.guard_dtypes import RING

_ATR_BARS = 14
_LAST_DIGIT = 1.0 + 1e-12


@inlined
def is_near_nb(price: float, other: float, share: float) -> bool:
    """Tell whether a price lies within a share of another; just at it counts, whatever the last digit. NaN does not."""
    return abs(price - other) <= share * other * _LAST_DIGIT


@inlined
def is_price_nb(price: float) -> bool:
    """Tell whether a number can be a price."""
    return 0.0 < price < np.inf


@inlined
def is_usable_nb(session: int, i: int, kind: int) -> bool:
    """Tell whether the prices of an event can be prices: finite, positive, not crossed."""
    m = market_nb(session_nb(session)[0].market)[0]
    if kind == c.QUOTE:
        bid, ask = field_nb(m, BID, i), field_nb(m, ASK, i)
        return is_price_nb(bid) and is_price_nb(ask) and bid <= ask
    if kind == c.TRADE:
        return is_price_nb(field_nb(m, PRICE, i))
    start, high, low, close = field_nb(m, OPEN, i), field_nb(m, HIGH, i), field_nb(m, LOW, i), field_nb(m, CLOSE, i)
    is_ordered = low <= start <= high and low <= close <= high
    return is_price_nb(low) and is_price_nb(high) and is_ordered


@inlined
def follow_range_nb(session: int, j: int, i: int) -> None:
    """Take one bar into the average true range: Wilder's, begun with the mean of the first bars."""
    s = session_nb(session)[0]
    m = market_nb(s.market)[0]
    w = guarded_nb(guard_nb(s), j)
    high, low = field_nb(m, HIGH, i), field_nb(m, LOW, i)
    span = high - low
    if not np.isnan(w.price):
        span = max(span, abs(high - w.price), abs(low - w.price))
    w.atr_bars += 1
    if w.atr_bars <= _ATR_BARS:
        w.atr_sum += span
        w.atr = w.atr_sum / _ATR_BARS if w.atr_bars == _ATR_BARS else np.nan
    else:
        w.atr = (w.atr * (_ATR_BARS - 1) + span) / _ATR_BARS


@inlined
def note_sizes_nb(session: int, j: int, i: int, kind: int) -> None:
    """Keep how much there is to trade with."""
    s = session_nb(session)[0]
    m = market_nb(s.market)[0]
    w = guarded_nb(guard_nb(s), j)
    if kind == c.QUOTE:
        w.buy_size, w.sell_size = field_nb(m, ASK_SIZE, i), field_nb(m, BID_SIZE, i)
    elif kind == c.BAR or np.isnan(position_nb(s, j).bid):  # what is displayed says more than what was traded
        w.buy_size = w.sell_size = field_nb(m, SIZE if kind == c.TRADE else VOLUME, i)


def watch_nb(session: int, j: int, i: int) -> int:
    """Take in event ``i`` of instrument ``j``; 1 where its prices are not to be used for anything."""
    s = session_nb(session)[0]
    m = market_nb(s.market)[0]
    g = guard_nb(s)
    w = guarded_nb(g, j)
    kind = m.kind_all if m.kind == 0 else int_at_nb(m.kind, i)
    w.ts_newest = int_at_nb(m.ts_event, i)
    note_sizes_nb(session, j, i, kind)
    if m.forecasts != 0:
        w.p_up, w.p_down = float_at_nb(m.forecasts, 4 * i), float_at_nb(m.forecasts, 4 * i + 1)
    if m.forecast_ts != 0:
        w.forecast_ts = int_at_nb(m.forecast_ts, i)
    if g.needs_each_event == 0:
        return 0
    w.is_unusable = 0
    if not is_usable_nb(session, i, kind):
        w.is_unusable = g.checks_data
        w.atr, w.atr_bars, w.atr_sum = np.nan, 0, 0.0  # an average with a hole in it is none
        return int(g.checks_data)
    price = field_nb(m, CLOSE, i)
    if kind == c.BAR:
        follow_range_nb(session, j, i)
    else:
        price = field_nb(m, PRICE, i) if kind == c.TRADE else 0.5 * (field_nb(m, BID, i) + field_nb(m, ASK, i))
    w.same = w.same + 1 if price == w.price else 0
    has_jumped = g.max_jump < np.inf and not is_near_nb(price, w.price, g.max_jump)  # the first price is a jump
    w.is_unreasonable = 1 if has_jumped or w.same >= g.max_frozen else 0
    w.price = price
    return 0


@inlined
def count_fills_nb(session: int, j: int, side: int, price: float) -> None:
    """Disable the strategy where its fills come too fast on one side, or at prices too far apart."""
    s = session_nb(session)[0]
    g = guard_nb(s)
    w = guarded_nb(g, j)
    same = 0
    for back in range(1, min(w.n_fills, RING) + 1):
        fill = trace_at_nb(g.fills, j * RING + (w.n_fills - back) % RING)
        age = s.now - fill.ts
        if fill.side == side and age < g.repeat_ns:
            same += 1
        if age < g.collar_span_ns and not is_near_nb(price, fill.price, g.collar_span_share):
            g.disabled = c.COLLAR_OVER_TIME
    if same >= g.repeat_most:
        g.disabled = c.REPEATED_EXECUTION


@inlined
def count_losses_nb(session: int) -> None:
    """Take risk back where round trips lost too often in a short time."""
    s = session_nb(session)[0]
    g = guard_nb(s)
    if s.round_trips > g.trips and s.wins == g.wins and g.streak_ns > 0:
        losses = ints_nb(g.losses, RING)
        losses[g.loss_ring % RING] = s.now
        g.loss_ring += 1
        if g.loss_ring >= g.streak_most and s.now - losses[(g.loss_ring - g.streak_most) % RING] <= g.streak_ns:
            g.scale = g.streak_share
    g.trips, g.wins = s.round_trips, s.wins


@compiled
def after_fill_nb(session: int, j: int, side: int, lots: int, price: float) -> None:
    """Take in a fill that was just booked."""
    s = session_nb(session)[0]
    g = guard_nb(s)
    w = guarded_nb(g, j)
    fill = trace_at_nb(g.fills, j * RING + w.n_fills % RING)
    fill.ts, fill.side, fill.lots, fill.price, fill.tag = s.now, side, lots, price, 0
    w.n_fills += 1
    if g.repeat_ns > 0 or g.collar_span_ns > 0:
        count_fills_nb(session, j, side, price)
    held = position_nb(s, j).lots
    if held != 0 and held * (held - side * lots) <= 0:
        g.has_opened = 1  # it was flat, or on the other side
    count_losses_nb(session)


@inlined
def spend_nb(session: int) -> None:
    """Take a message out of the bucket; cancels, which nothing refuses, take it down to empty at most."""
    s = session_nb(session)[0]
    if s.guard != 0:
        g = guard_nb(s)
        if g.token_ns > 0:
            g.token_at = min(max(g.token_at, s.now) + g.token_ns, s.now + g.token_burst_ns)


@compiled
def begin_day_nb(session: int) -> int:
    """Begin a new day of counts; return 1 where the day's loss limit stays broken until a person lifts it."""
    g = guard_nb(session_nb(session)[0])
    g.orders_today = 0
    g.scale = 1.0
    return int(g.latches_day != 0 and g.is_reset == 0)
