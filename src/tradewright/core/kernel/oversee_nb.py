"""How the guard watches over the account after each event: prop rules, positions without a stop, windows that close.

Between two events nothing here changes while prices stay in the band of `guarded_band_nb`, nothing is busy and
``wake_at`` has not come: that is what quiet bars rely on.
"""

from __future__ import annotations

import numpy as np

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.compiled import compiled, inlined
from tradewright.core.kernel.floors_nb import (
    DAILY_LOSS,
    IS_OPEN,
    MAX_LOSS,
    MOST,
    NO_FLOOR,
    OPENED,
    PASSED,
    PAUSED_BY_DAILY,
    PAUSED_BY_MAX,
    floor_now_nb,
    headroom_nb,
    is_blocked_nb,
    share_nb,
    step_all_nb,
)
from tradewright.core.kernel.mark_nb import worst_value_nb
from tradewright.core.kernel.memory_nb import (
    call_nb,
    field_nb,
    guard_nb,
    guarded_nb,
    int_at_nb,
    market_nb,
    order_nb,
    position_nb,
    prop_rules_nb,
    prop_states_nb,
    session_nb,
    terms_nb,
    verbs_nb,
    windows_nb,
)
from tradewright.core.kernel.submit_nb import close_nb, closing_nb, lower_nb
from tradewright.core.types.dtypes import SESSION_CLOSE

_CAUTION = 1e-9  # a band a little too narrow costs time, a band too wide would hide an event
_ROUNDING = 2  # millionths
_LATEST = 9e9  # seconds since 1970 that nanoseconds can still count
_MILLION = 1_000_000


@inlined
def beyond_nb(low: float, high: float, side: int, level: float) -> tuple[float, float]:
    """Narrow a band to prices above a level, or below it for a negative side, with some caution."""
    if side > 0:
        return max(low, level + abs(level) * _CAUTION), high
    return low, min(high, level - abs(level) * _CAUTION)


@inlined
def balance_nb(session: int) -> int:
    """Return closed results: cash, and what was paid for positions still open."""
    s = session_nb(session)[0]
    balance = s.cash_micro
    for j in range(s.n_instruments):
        balance += position_nb(s, j).cost_micro
    return int(balance)


@inlined
def worst_equity_nb(session: int, j: int, i: int) -> int:
    """Equity at the price of event ``i`` that is worst for the position: a bar's low or high, else the mark."""
    s = session_nb(session)[0]
    position = position_nb(s, j)
    if position.lots == 0 or guarded_nb(guard_nb(s), j).is_unusable != 0:
        return int(s.equity_micro)
    change = worst_value_nb(session, j, i) - position.value_micro
    return int(min(s.equity_micro, s.equity_micro + change))


@inlined
def stop_trading_nb(session: int, state: int, reason: int) -> None:
    """Let a prop rule take the account out; what is worse stays."""
    s = session_nb(session)[0]
    if s.loss_state == c.OUT_FOR_GOOD or (s.loss_state == c.OUT_FOR_DAY and state == c.OUT_UNTIL_RESET):
        return
    s.loss_state = state
    s.halt_reason = reason


@compiled
def judge_rules_nb(session: int, worst_status: int) -> None:
    """Do what the rule sets' statuses ask for."""
    s = session_nb(session)[0]
    g = guard_nb(s)
    states = prop_states_nb(g.states, g.n_rules)
    if worst_status == PAUSED_BY_DAILY:
        stop_trading_nb(session, c.OUT_UNTIL_RESET, c.PROP_DAILY_LOSS)
    elif worst_status == PAUSED_BY_MAX:
        stop_trading_nb(session, c.OUT_UNTIL_RESET, c.PROP_MAX_LOSS)
    elif s.loss_state == c.OUT_UNTIL_RESET:
        s.loss_state = c.CLEAR
        s.halt_reason = c.NO_REASON
    for k in range(g.n_rules):
        status = states[k].status
        if status == DAILY_LOSS:
            stop_trading_nb(session, c.OUT_FOR_GOOD, c.PROP_DAILY_LOSS)
        elif status == MAX_LOSS:
            stop_trading_nb(session, c.OUT_FOR_GOOD, c.PROP_MAX_LOSS)
        elif status >= PASSED:
            stop_trading_nb(session, c.OUT_FOR_GOOD, c.PROP_ENDED)


@inlined
def kept_lots_nb(session: int, j: int, share_ppm: int) -> int:
    """Lots of a position that are left where at most a share of it may stay; what is closing already is gone.

    Rounded towards zero, and neither what is closed nor what is left is smaller than the least order.
    """
    s = session_nb(session)[0]
    held, gone, least = abs(position_nb(s, j).lots), closing_nb(session, j), terms_nb(s, j).min_lots
    if gone > 0 or share_ppm == _MILLION:
        return int(max(held - gone, 0))
    kept = min(share_nb(held, share_ppm), held - least)
    return int(kept) if kept >= least else 0


@compiled
def fits_nb(session: int, share_ppm: int, gaps: int) -> bool:
    """Tell whether so many gaps fit above the floors after the reset, were positions cut to a share and it came now.

    Closing a part moves floating results into the balance, at which the floors are anchored.
    """
    s = session_nb(session)[0]
    g = guard_nb(s)
    balance, gross = balance_nb(session), 0
    for j in range(s.n_instruments):
        position = position_nb(s, j)
        if position.lots != 0:
            share = kept_lots_nb(session, j, share_ppm) / abs(position.lots)
            gross += int(np.ceil(share * abs(position.value_micro)))
            balance += int(np.ceil((1.0 - share) * (position.value_micro - position.cost_micro)))
    rules, states = prop_rules_nb(g.rules, g.n_rules), prop_states_nb(g.states, g.n_rules)
    return headroom_nb(rules, states, balance, s.equity_micro, gaps * gross)[1] >= 0


@compiled
def has_plain_stop_nb(session: int, j: int) -> bool:
    """Tell whether the stop of a position would turn a part of it, so that it could not stay over one."""
    s = session_nb(session)[0]
    position = position_nb(s, j)
    for k in range(position.working):
        order = order_nb(s, j, k)
        is_stop = order.kind == c.STOP or order.kind == c.STOP_LIMIT or order.kind == c.TRAILING_STOP
        if is_stop and order.is_reduce_only == 0 and order.side * position.lots < 0:
            return True
    return False


@compiled
def lower_all_nb(session: int) -> None:
    """Cut all positions to the largest share that the floors after the coming reset allow; close where that is no lot.

    A second gap is kept free, or the next tick would ask again, and the first one of the new day for everything.
    """
    s = session_nb(session)[0]
    if fits_nb(session, _MILLION, 1):  # once the exits on their way have filled
        return
    share, beyond = 0, _MILLION
    while beyond - share > 1:
        middle = (share + beyond) // 2
        if fits_nb(session, middle, 2):
            share = middle
        else:
            beyond = middle
    for j in range(s.n_instruments):
        kept = kept_lots_nb(session, j, share)
        if kept == 0 or has_plain_stop_nb(session, j):
            close_nb(session, j, c.FROM_RISK, c.PROP_HEADROOM)
        else:
            lower_nb(session, j, abs(position_nb(s, j).lots) - kept, c.PROP_HEADROOM)


@inlined
def obey_rules_nb(session: int, j: int, i: int) -> int:
    """Bring the event before every rule set; make room where a gap, or the coming reset, would break a floor.

    Returns the time at which to look again.
    """
    s = session_nb(session)[0]
    g = guard_nb(s)
    m = market_nb(s.market)[0]
    ts = int_at_nb(m.ts_event, i)
    rules, states = prop_rules_nb(g.rules, g.n_rules), prop_states_nb(g.states, g.n_rules)
    balance = balance_nb(session)
    flags = IS_OPEN if s.open_positions > 0 else 0
    if g.has_opened != 0:
        flags |= OPENED
        g.has_opened = 0
    worst = worst_equity_nb(session, j, i)
    if worst < s.equity_micro or flags & OPENED != 0:  # within the bar: before its end, at which a reset may come
        step_all_nb(rules, states, ts - 1, balance, worst, flags)
        flags &= ~OPENED
    judge_rules_nb(session, step_all_nb(rules, states, ts, balance, s.equity_micro, flags))
    edge = MOST
    for k in range(g.n_rules):
        edge = min(edge, states[k].next_reset)
    wake = edge
    close = field_nb(m, SESSION_CLOSE, i)
    if ts * 1e-9 < close < _LATEST:  # the reset may come while the market is closed
        edge = min(edge, int(close) * 1_000_000_000)
    g.is_near_reset = 1 if edge - ts <= g.reset_lead_ns else 0
    if s.open_positions > 0 and s.loss_state == c.CLEAR:
        now, later = headroom_nb(rules, states, balance, s.equity_micro, s.gross_micro)
        if now < 0:
            call_nb(verbs_nb(s.verbs)[0].flatten, session, c.FROM_RISK, c.PROP_HEADROOM)
        elif later < 0 and g.is_near_reset != 0:
            lower_all_nb(session)
    return int(wake if g.is_near_reset != 0 else min(wake, edge - g.reset_lead_ns))


@compiled
def is_covered_nb(session: int, j: int) -> bool:
    """Tell whether working stops could close the whole position."""
    s = session_nb(session)[0]
    position = position_nb(s, j)
    left = abs(position.lots)
    for k in range(position.working):
        order = order_nb(s, j, k)
        is_stop = order.kind == c.STOP or order.kind == c.STOP_LIMIT or order.kind == c.TRAILING_STOP
        is_closing = order.origin == c.FROM_RISK or order.origin == c.FROM_LIQUIDATION
        if order.side * position.lots < 0 and order.is_canceling == 0 and (is_stop or is_closing):
            left -= order.lots - order.filled
    return bool(left <= 0)


@inlined
def cover_all_nb(session: int) -> int:
    """Close what has stood without a stop for too long; 1 where a position has none."""
    s = session_nb(session)[0]
    g = guard_nb(s)
    naked = 0
    for j in range(s.n_instruments):
        w = guarded_nb(g, j)
        if position_nb(s, j).lots == 0 or is_covered_nb(session, j):
            w.naked_since = c.NEVER
            continue
        naked = 1
        w.naked_since = min(w.naked_since, s.now)
        if s.now - w.naked_since >= g.naked_ns:
            close_nb(session, j, c.FROM_RISK, c.NAKED_POSITION)
    return naked


@inlined
def close_windows_nb(session: int, ts: int) -> int:
    """Close everything in a window that asks for it; return the time at which to look again."""
    s = session_nb(session)[0]
    g = guard_nb(s)
    windows = windows_nb(g.closings, g.n_closings)
    if is_blocked_nb(windows, ts):
        if s.open_positions > 0:
            call_nb(verbs_nb(s.verbs)[0].flatten, session, c.FROM_RISK, c.BLACKOUT)
        return ts
    for n in range(g.n_closings):
        if windows[n].start > ts:
            return int(windows[n].start)
    return c.NEVER


def oversee_nb(session: int, j: int, i: int) -> int:
    """Watch over the account after it was marked with event ``i`` of instrument ``j``."""
    s = session_nb(session)[0]
    g = guard_nb(s)
    wake, busy = c.NEVER, 0
    if g.n_rules > 0:
        wake = obey_rules_nb(session, j, i)
        busy = 1 if g.is_near_reset != 0 and s.open_positions > 0 else 0
    if g.naked_ns < c.NEVER:
        busy |= cover_all_nb(session)
    if g.n_closings > 0:
        wake = min(wake, close_windows_nb(session, int_at_nb(market_nb(s.market)[0].ts_event, i)))
    g.is_busy = busy
    g.wake_at = wake
    return 0


@inlined
def catch_up_nb(session: int, i: int) -> None:
    """Show the guard the newest of the events that were passed quietly; of those before it it remembers nothing."""
    s = session_nb(session)[0]
    if s.guard != 0:
        call_nb(verbs_nb(s.verbs)[0].watch, session, 0, i)
        call_nb(verbs_nb(s.verbs)[0].oversee, session, 0, i)


@inlined
def until_nb(session: int, start: int, end: int) -> int:
    """First event of a stretch at which the guard wants to look again, or its end."""
    s = session_nb(session)[0]
    if s.guard == 0 or guard_nb(s).wake_at == c.NEVER:
        return end
    ts_event, wake = market_nb(s.market)[0].ts_event, guard_nb(s).wake_at
    first, last = start, end
    while first < last:
        middle = (first + last) // 2
        if int_at_nb(ts_event, middle) < wake:
            first = middle + 1
        else:
            last = middle
    return first


@compiled
def guarded_band_nb(session: int, low: float, high: float) -> tuple[float, float]:
    """Narrow the prices between which the one open position breaks no floor and moves none, a gap's cost included."""
    s = session_nb(session)[0]
    g = guard_nb(s)
    position = position_nb(s, 0)
    rules, states = prop_rules_nb(g.rules, g.n_rules), prop_states_nb(g.states, g.n_rules)
    lots, cash = position.lots, float(s.cash_micro)
    step = lots * terms_nb(s, 0).unit_value * position.fx * c.MICRO  # equity per price
    for k in range(g.n_rules):
        floor = floor_now_nb(rules[k], states[k])
        if floor > NO_FLOOR:
            level = (floor + _ROUNDING - cash) / (step - rules[k].gap_ppm / _MILLION * abs(step))
            low, high = beyond_nb(low, high, lots, level)
        if states[k].quiet_high_micro != MOST:
            low, high = beyond_nb(low, high, -lots, (states[k].quiet_high_micro - _ROUNDING - cash) / step)
    return low, high
