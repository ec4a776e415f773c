"""The guard: the controls between a wish that would add risk and the wire; the table of them is `risk.controls`.

Every comparison is written so that NaN refuses. The verdict is `PERMITTED` or a reason: a guard that broke off returns
0, which is neither. What only makes a position smaller is never refused here; it cancels what it would trade against.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.book_nb import on_grid_nb
from tradewright.core.kernel.compiled import compiled, inlined
from tradewright.core.kernel.floors_nb import headroom_nb, is_blocked_nb
from tradewright.core.kernel.memory_nb import (
    guard_nb,
    guarded_nb,
    int_at_nb,
    ints_nb,
    order_nb,
    position_nb,
    prop_rules_nb,
    prop_states_nb,
    session_nb,
    terms_nb,
    trace_at_nb,
    windows_nb,
)
from tradewright.core.kernel.oversee_nb import balance_nb
from tradewright.core.kernel.refuse_nb import AMENDED, EXITING, PERMITTED, leaves_nb, lot_value_nb
from tradewright.core.kernel.submit_nb import cancel_nb
from tradewright.core.kernel.watch_nb import is_near_nb
from tradewright.core.types.guard_dtypes import RING, TIERS

_HOUR_NS = 3_600_000_000_000


@inlined
def moment_refusal_nb(session: int, j: int) -> int:
    """Look at what does not depend on the order: strategy, instrument, windows of time, clock, data."""
    s = session_nb(session)[0]
    g = guard_nb(s)
    w = guarded_nb(g, j)
    if g.disabled != 0:
        return int(g.disabled)
    if w.is_allowed == 0:
        return c.NOT_ALLOWED
    if w.is_canary == 0:
        return c.CANARY
    if w.is_halted != 0:
        return c.INSTRUMENT_HALTED
    if g.n_blackouts > 0 and is_blocked_nb(windows_nb(g.blackouts, g.n_blackouts), s.now):
        return c.BLACKOUT
    if g.max_drift_ns < np.inf and not abs(g.drift_ns) <= g.max_drift_ns:
        return c.CLOCK_DRIFT
    if s.now - w.ts_newest > g.max_age_ns:
        return c.STALE_DATA
    if w.is_unusable != 0 or w.is_unreasonable != 0:
        return c.UNREASONABLE_DATA
    return c.NO_REASON


@inlined
def model_refusal_nb(session: int, j: int) -> int:
    """Look at the model behind the wish: its age, its alarm, how sure it is."""
    s = session_nb(session)[0]
    g = guard_nb(s)
    w = guarded_nb(g, j)
    if s.now - w.forecast_ts > g.max_forecast_ns:
        return c.MODEL_STALE
    if g.watches_drift != 0 and g.has_drifted != 0:
        return c.MODEL_DRIFT
    if g.least_confidence > 0.0 and not (w.p_up >= g.least_confidence or w.p_down >= g.least_confidence):
        return c.MODEL_CONFIDENCE
    return c.NO_REASON


@inlined
def collar_refusal_nb(session: int, j: int, k: int) -> int:
    """Keep prices near the mark; a market order becomes one that the venue may fill up to the collar, or not at all."""
    s = session_nb(session)[0]
    g = guard_nb(s)
    if not (g.collar_share < np.inf or g.collar_atr > 0.0):
        return c.NO_REASON
    order, terms, mark = order_nb(s, j, k), terms_nb(s, j), position_nb(s, j).price
    width = g.collar_share * mark if g.collar_share < np.inf else 0.0
    if g.collar_atr > 0.0:
        wide = g.collar_atr * guarded_nb(g, j).atr
        if not wide >= 0.0:  # not enough bars yet
            return c.PRICE_COLLAR
        width = max(width, wide)
    if order.kind == c.MARKET:
        order.limit = on_grid_nb(mark + order.side * width, terms.tick_num, terms.tick_den)
        order.tif = c.IOC
        return c.NO_REASON if order.limit > 0.0 else c.PRICE_COLLAR
    share = width / mark
    if (order.kind == c.LIMIT or order.kind == c.STOP_LIMIT) and not is_near_nb(order.limit, mark, share):
        return c.PRICE_COLLAR
    if (order.kind == c.STOP or order.kind == c.STOP_LIMIT) and not is_near_nb(order.stop, mark, share):
        return c.PRICE_COLLAR
    return c.NO_REASON


@inlined
def size_refusal_nb(session: int, j: int, k: int) -> int:
    """Look at the size of the order, and of the position if everything working were filled."""
    s = session_nb(session)[0]
    g = guard_nb(s)
    w, order, terms = guarded_nb(g, j), order_nb(s, j, k), terms_nb(s, j)
    if order.lots > w.max_order_lots:
        return c.MAX_ORDER_SIZE
    if g.volume_share < np.inf:
        there = w.buy_size if order.side > 0 else w.sell_size
        if not order.lots * terms.lot_num / terms.lot_den <= g.volume_share * there:
            return c.MAX_ORDER_SIZE
    worst = abs(position_nb(s, j).lots + order.side * (order.lots + leaves_nb(session, j, order.side)))
    if worst > w.max_position_lots:
        return c.MAX_POSITION
    lot_value = lot_value_nb(session, j, k)
    if not order.lots * lot_value <= g.canary_order_value or not worst * lot_value <= g.canary_position_value:
        return c.CANARY
    return c.NO_REASON


@compiled
def coming_value_nb(session: int, side: int) -> float:
    """Value of what working orders of one side may still trade, account currency, at the mark."""
    s = session_nb(session)[0]
    total = 0.0
    for j in range(s.n_instruments):
        lots = leaves_nb(session, j, side)
        if lots > 0:
            position = position_nb(s, j)
            total += lots * terms_nb(s, j).unit_value * position.price * position.fx
    return total


@compiled
def account_refusal_nb(session: int, j: int, k: int) -> int:
    """Look at the account if the order and everything working were filled: gross, net, floors of prop rules."""
    s = session_nb(session)[0]
    g = guard_nb(s)
    order, position = order_nb(s, j, k), position_nb(s, j)
    closing = min(order.lots, max(0, -order.side * position.lots - leaves_nb(session, j, order.side)))
    freed = abs(position.value_micro) * (closing / abs(position.lots)) if closing > 0 else 0.0
    gross = s.gross_micro + s.reserved_micro + order.reserve_micro - int(freed)
    if gross > g.max_gross_micro:
        return c.MAX_GROSS_EXPOSURE
    if g.max_net_micro < c.NEVER:
        added = coming_value_nb(session, order.side) * c.MICRO + order.reserve_micro + freed
        if not abs(s.value_micro + order.side * added) <= g.max_net_micro:
            return c.MAX_NET_EXPOSURE
    if g.n_rules > 0:
        rules, states = prop_rules_nb(g.rules, g.n_rules), prop_states_nb(g.states, g.n_rules)
        now, later = headroom_nb(rules, states, balance_nb(session), s.equity_micro, gross)
        g.headroom_micro, g.headroom_reset_micro = now, later
        if now < 0 or (later < 0 and g.is_near_reset != 0):
            return c.PROP_HEADROOM
    return c.NO_REASON


@inlined
def reaches_nb(session: int, j: int, k: int, n: int) -> bool:
    """Tell whether the order in slot ``k`` would trade against our own resting limit in slot ``n``."""
    s = session_nb(session)[0]
    order, other, position = order_nb(s, j, k), order_nb(s, j, n), position_nb(s, j)
    rests = other.kind == c.LIMIT or (other.kind == c.STOP_LIMIT and other.is_triggered != 0)
    if n == k or other.side == order.side or not rests or other.is_canceling != 0:
        return False
    price = order.limit
    if order.kind == c.MARKET:
        price = position.ask if order.side > 0 else position.bid
        if np.isnan(price):
            price = position.price
    elif order.kind != c.LIMIT:
        return False  # it waits for its stop; where the market is then, nobody knows
    return not price * order.side < other.limit * order.side


@compiled
def is_own_match_nb(session: int, j: int, k: int) -> bool:
    """Tell whether the order would trade against one of our own; an exit cancels those instead."""
    s = session_nb(session)[0]
    for n in range(position_nb(s, j).working):  # noqa: SIM110  # generators are not compiled
        if reaches_nb(session, j, k, n):
            return True
    return False


@compiled
def cancel_own_matches_nb(session: int, j: int, k: int) -> None:
    """Cancel what an exit would trade against."""
    s = session_nb(session)[0]
    for n in range(position_nb(s, j).working):
        if reaches_nb(session, j, k, n):
            cancel_nb(session, j, n, c.SELF_MATCH)


@inlined
def price_of_nb(order: Any) -> float:
    """Price that tells one order from another: limit, else stop; NaN at the market."""
    if order.kind == c.MARKET:
        return np.nan
    return float(order.stop if np.isnan(order.limit) else order.limit)


@compiled
def is_duplicate_nb(session: int, j: int, k: int) -> bool:
    """Tell whether the same order was sent just now: side, size within 1 %, price within a tick, and no other tag."""
    s = session_nb(session)[0]
    g = guard_nb(s)
    w, order, terms = guarded_nb(g, j), order_nb(s, j, k), terms_nb(s, j)
    price, tick = price_of_nb(order), terms.tick_num / terms.tick_den * (1.0 + 1e-9)
    for back in range(1, min(w.n_orders, RING) + 1):
        sent = trace_at_nb(g.orders, j * RING + (w.n_orders - back) % RING)
        if s.now - sent.ts >= g.duplicate_ns:
            break
        is_same_price = abs(price - sent.price) <= tick or (np.isnan(price) and np.isnan(sent.price))
        is_same_size = abs(order.lots - sent.lots) * 100 <= max(order.lots, sent.lots)
        is_another = order.tag != 0 and sent.tag != 0 and order.tag != sent.tag
        if sent.side == order.side and is_same_size and is_same_price and not is_another:
            return True
    return False


@compiled
def tier_nb(session: int, j: int) -> int:
    """Highest tier that the newest forecast reaches; no forecast reaches tiers that ask for nothing. -1: none."""
    g = guard_nb(session_nb(session)[0])
    w = guarded_nb(g, j)
    tier = -1
    for n in range(g.n_tiers):
        if g.tier_least[n] <= 0.0 or w.p_up >= g.tier_least[n] or w.p_down >= g.tier_least[n]:
            tier = n
    return tier


@inlined
def rate_refusal_nb(session: int, j: int, code: int) -> int:
    """Look at how much was sent: messages, orders of the day, entries of the hour."""
    s = session_nb(session)[0]
    g = guard_nb(s)
    if g.token_ns > 0:
        wait = max(g.token_at - s.now, 0)
        if wait + g.token_ns > g.token_burst_ns - g.token_reserve_ns:
            return c.MESSAGE_THROTTLE
    if code % 4 == AMENDED:
        return c.NO_REASON
    if g.orders_today >= g.max_orders_day:
        return c.MAX_ORDERS_PER_DAY
    if g.orders_today >= g.canary_orders_day:
        return c.CANARY
    if g.n_tiers > 0:
        tier = tier_nb(session, j)
        if tier < 0:
            return c.SIGNALS_PER_HOUR
        sent, most = g.signal_ring[tier], g.tier_most[tier]
        if most == 0:
            return c.SIGNALS_PER_HOUR
        if sent >= most and s.now - int_at_nb(g.signals, tier * RING + (sent - most) % RING) < _HOUR_NS:
            return c.SIGNALS_PER_HOUR
    return c.NO_REASON


@compiled
def remember_nb(session: int, j: int, k: int) -> None:
    """Keep what later wishes are compared with."""
    s = session_nb(session)[0]
    g = guard_nb(s)
    w, order = guarded_nb(g, j), order_nb(s, j, k)
    sent = trace_at_nb(g.orders, j * RING + w.n_orders % RING)
    sent.ts, sent.side, sent.lots, sent.price, sent.tag = s.now, order.side, order.lots, price_of_nb(order), order.tag
    w.n_orders += 1
    if g.n_tiers > 0:
        tier = tier_nb(session, j)
        ints_nb(g.signals, TIERS * RING)[tier * RING + g.signal_ring[tier] % RING] = s.now
        g.signal_ring[tier] += 1


def verdict_nb(session: int, j: int, code: int) -> int:
    """Judge the order in slot ``code // 4``; what remains of the division says what it is about."""
    s = session_nb(session)[0]
    g = guard_nb(s)
    k = code // 4
    g.headroom_micro = g.headroom_reset_micro = c.NEVER
    if code % 4 == EXITING:
        if g.has_self_match != 0:
            cancel_own_matches_nb(session, j, k)
        return PERMITTED
    reason = moment_refusal_nb(session, j)
    if reason == c.NO_REASON:
        reason = model_refusal_nb(session, j)
    if reason == c.NO_REASON:
        reason = collar_refusal_nb(session, j, k)
    if reason == c.NO_REASON and g.has_self_match != 0 and is_own_match_nb(session, j, k):
        reason = c.SELF_MATCH
    if reason == c.NO_REASON and code % 4 != AMENDED:
        reason = size_refusal_nb(session, j, k)
        if reason == c.NO_REASON:
            reason = account_refusal_nb(session, j, k)
        if reason == c.NO_REASON and g.duplicate_ns > 0 and is_duplicate_nb(session, j, k):
            reason = c.DUPLICATE_ORDER
    if reason == c.NO_REASON:
        reason = rate_refusal_nb(session, j, code)
    if reason != c.NO_REASON:
        return int(reason)
    if code % 4 != AMENDED:
        remember_nb(session, j, k)
    return PERMITTED
