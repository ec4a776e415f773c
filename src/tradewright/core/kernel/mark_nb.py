"""Mark: what a market event changes in the account before anything is decided.

In this order: a new trading day, the price, the value of positions, the equity curve, the loss limits, the margin.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.compiled import inlined
from tradewright.core.kernel.ledger_nb import enter_nb, micro_nb, revalue_nb, value_nb
from tradewright.core.kernel.memory_nb import (
    call_nb,
    field_nb,
    floats_nb,
    guard_nb,
    int_at_nb,
    ints_nb,
    limits_nb,
    market_nb,
    position_nb,
    session_nb,
    terms_nb,
    verbs_nb,
)
from tradewright.core.kernel.watch_nb import begin_day_nb
from tradewright.core.types.dtypes import ASK, BID, CLOSE, HIGH, LOW, PRICE, RATE

_DAY_NS = 86_400_000_000_000
NO_FLOOR = -9_000_000_000_000_000_000


@inlined
def set_floor_nb(session: int) -> None:
    """Find the equity below which the intraday loss limit or the drawdown stop is broken."""
    s = session_nb(session)[0]
    limits = limits_nb(s.limits)[0]
    day = s.day_open_micro * (1.0 - limits.intraday_loss)
    peak = s.peak_micro * (1.0 - limits.max_drawdown)
    s.floor_micro = int(max(day, peak, float(NO_FLOOR)))
    if s.guard != 0:
        s.floor_micro = max(s.floor_micro, guard_nb(s).least_equity_micro)


@inlined
def drawdown_nb(peak_micro: int, trough_micro: int) -> float:
    """Share of the peak that was lost."""
    return (peak_micro - trough_micro) / peak_micro


def start_day_nb(session: int, ts: int, _unused: int) -> int:
    """Begin a new trading day: charge the borrow of shorts, anchor the day's loss limit, lift a halt for the day."""
    s = session_nb(session)[0]
    starts = ints_nb(s.day_starts, s.n_days)
    before = starts[s.day]
    while s.day + 1 < s.n_days and starts[s.day + 1] <= ts:
        s.day += 1
    s.next_day = starts[s.day + 1] if s.day + 1 < s.n_days else c.NEVER
    share = (starts[s.day] - before) / (365.0 * _DAY_NS)
    for j in range(s.n_instruments):
        position, terms = position_nb(s, j), terms_nb(s, j)
        if position.lots < 0 and terms.borrow_bps_year > 0.0:
            cost = micro_nb(-position.value_micro / c.MICRO * terms.borrow_bps_year * 1e-4 * share)
            enter_nb(session, c.BORROWED, j, -cost, 0, starts[s.day])
            position.is_untested = 1
            s.equity_micro = s.cash_micro + s.value_micro
    s.day_open_micro = s.equity_micro
    is_latched = begin_day_nb(session) if s.guard != 0 else 0
    if s.loss_state == c.OUT_FOR_DAY and is_latched == 0:
        s.loss_state = c.CLEAR
        s.halt_reason = c.NO_REASON
    set_floor_nb(session)
    return 0


def convert_nb(session: int, source: int, _unused: int) -> int:
    """Pass a new price of a currency pair on to every instrument that is converted with it."""
    s = session_nb(session)[0]
    for j in range(s.n_instruments):
        position, terms = position_nb(s, j), terms_nb(s, j)
        if terms.fx_source == source:
            price = position_nb(s, source).price
            position.fx = 1.0 / price if terms.fx_invert != 0 else price
            if not np.isnan(position.price):
                revalue_nb(session, j)
    return 0


def fund_nb(session: int, j: int, i: int) -> int:
    """Pay or receive funding: longs pay a positive rate on their value."""
    s = session_nb(session)[0]
    m = market_nb(s.market)[0]
    rate = field_nb(m, RATE, i)
    position = position_nb(s, j)
    if position.lots != 0:
        enter_nb(session, c.FUNDED, j, -micro_nb(position.value_micro / c.MICRO * rate), 0, s.now)
        s.equity_micro = s.cash_micro + s.value_micro
        position.is_untested = 1
    return 0


class Sums(NamedTuple):
    """The running sums that a score needs when no curve is kept."""

    n: int
    total: float
    squares: float
    last_micro: int


@inlined
def sums_nb(session: int) -> Sums:
    """Read the sums."""
    s = session_nb(session)[0]
    return Sums(s.score_n, s.score_sum, s.score_squares, s.score_last_micro)


@inlined
def store_sums_nb(session: int, sums: Sums) -> None:
    """Write the sums."""
    s = session_nb(session)[0]
    s.score_n, s.score_sum, s.score_squares, s.score_last_micro = sums.n, sums.total, sums.squares, sums.last_micro


@inlined
def added_nb(sums: Sums, equity_micro: int) -> Sums:
    """Add the return since the event before."""
    if equity_micro == sums.last_micro:
        return Sums(sums.n + 1, sums.total, sums.squares, sums.last_micro)
    change = equity_micro / sums.last_micro - 1.0
    return Sums(sums.n + 1, sums.total + change, sums.squares + change * change, equity_micro)


def stop_losses_nb(session: int, _unused: int, _unused_too: int) -> int:
    """Act on a broken loss limit: stop opening, cancel everything, close everything, until it is done."""
    s = session_nb(session)[0]
    limits = limits_nb(s.limits)[0]
    if s.loss_state != c.CLEAR:
        pass
    elif s.equity_micro < s.peak_micro * (1.0 - limits.max_drawdown) or (
        s.guard != 0 and s.equity_micro < guard_nb(s).least_equity_micro
    ):  # the stop that does not lift wins a tie
        s.loss_state = c.OUT_FOR_GOOD
        s.halt_reason = c.MAX_DRAWDOWN
    else:
        s.loss_state = c.OUT_FOR_DAY
        s.halt_reason = c.INTRADAY_LOSS
        if s.guard != 0:
            g = guard_nb(s)
            g.halt_day = s.day
            g.is_reset = 0
    call_nb(verbs_nb(s.verbs)[0].flatten, session, c.FROM_RISK, c.CANCELED_BY_RISK)
    return 0


@inlined
def worst_value_nb(session: int, j: int, i: int) -> int:
    """Value of the position at the price of event ``i`` that is worst for it: a bar's low or high, else the mark."""
    s = session_nb(session)[0]
    m = market_nb(s.market)[0]
    position = position_nb(s, j)
    kind = m.kind_all if m.kind == 0 else int_at_nb(m.kind, i)
    if kind != c.BAR:
        return int(position.value_micro)
    terms = terms_nb(s, j)
    worst = field_nb(m, LOW if position.lots > 0 else HIGH, i)
    return value_nb(position.lots, terms.unit_value, worst, position.fx)


@inlined
def test_margin_nb(session: int, j: int, i: int) -> None:
    """Liquidate if the worst price of event ``i`` takes equity below the maintenance margin."""
    s = session_nb(session)[0]
    position = position_nb(s, j)
    position.is_untested = 0
    # a long that equity covers loses no more than it is worth: its margin cannot fall short
    is_covered = position.lots > 0 and s.equity_micro >= s.gross_micro and s.margin_call <= 1.0
    if is_covered or s.margin_call <= 0.0:
        return
    change = worst_value_nb(session, j, i) - position.value_micro
    # quickly, with the largest margin of any instrument; `liquidate_nb` takes each instrument's own
    if s.equity_micro + change < (s.gross_micro + abs(change)) * s.margin_call:
        call_nb(verbs_nb(s.verbs)[0].liquidate, session, j, i)


def liquidate_nb(session: int, j: int, i: int) -> int:
    """Liquidate everything if the worst price of event ``i`` takes equity below the maintenance margin."""
    s = session_nb(session)[0]
    position = position_nb(s, j)
    value = worst_value_nb(session, j, i)
    equity = s.equity_micro + value - position.value_micro
    needed = abs(value) * terms_nb(s, j).margin_maintenance
    for k in range(s.n_instruments):
        if k != j:
            needed += abs(position_nb(s, k).value_micro) * terms_nb(s, k).margin_maintenance
    if equity < needed:
        flatten = verbs_nb(s.verbs)[0].flatten
        if call_nb(flatten, session, c.FROM_LIQUIDATION, c.CANCELED_BY_LIQUIDATION) > 0:
            s.liquidations += 1
    return 0


@inlined
def record_nb(session: int, ts: int) -> None:
    """Write the equity curve: one row a timestamp, the last event of a timestamp stands."""
    s = session_nb(session)[0]
    stamps = ints_nb(s.stamps, s.equity_capacity)
    row = s.n_equity - 1
    if row < 0 or stamps[row] != ts:
        row += 1
        s.n_equity = row + 1
        stamps[row] = ts
    floats_nb(s.equity, s.equity_capacity)[row] = s.equity_micro / c.MICRO
    floats_nb(s.exposure, s.equity_capacity)[row] = s.gross_micro / c.MICRO


@inlined
def keep_nb(session: int, ts: int) -> None:
    """Keep what the run wants of each event: the curve, the sums of a score."""
    s = session_nb(session)[0]
    if s.equity != 0:
        record_nb(session, ts)
    if s.keep_score != 0:
        store_sums_nb(session, added_nb(sums_nb(session), s.equity_micro))


@inlined
def mark_nb(session: int, i: int) -> int:
    """Mark the account with event ``i``; return its instrument, or -1 where nothing is to be decided."""
    s = session_nb(session)[0]
    m = market_nb(s.market)[0]
    kind = m.kind_all if m.kind == 0 else int_at_nb(m.kind, i)
    j = 0 if m.instrument == 0 else int_at_nb(m.instrument, i)
    ts = int_at_nb(m.ts_event, i)
    s.now = int_at_nb(m.ts_seen, i)
    begins = int_at_nb(m.ts_open, i)
    if begins >= s.next_day:
        call_nb(verbs_nb(s.verbs)[0].start_day, session, begins, 0)
    if kind == c.FUNDING:
        call_nb(verbs_nb(s.verbs)[0].fund, session, j, i)
        return -1
    position = position_nb(s, j)
    position.events += 1
    price = field_nb(m, CLOSE, i)
    is_unusable = call_nb(verbs_nb(s.verbs)[0].watch, session, j, i) if s.guard != 0 else 0
    if is_unusable != 0:
        price = position.price  # the mark stays where it was
    elif kind == c.QUOTE:
        position.bid = field_nb(m, BID, i)
        position.ask = field_nb(m, ASK, i)
        price = 0.5 * (position.bid + position.ask)
    elif kind == c.TRADE:
        # a trade is no better news than the quote it hit: with quotes known the mid stays the mark
        price = field_nb(m, PRICE, i) if np.isnan(position.bid) else position.price
    has_moved = price != position.price
    position.price = price
    if position.lots != 0:
        if has_moved:
            revalue_nb(session, j)
        if (has_moved or position.is_untested != 0 or kind == c.BAR) and is_unusable == 0:
            test_margin_nb(session, j, i)
    if s.uses_fx != 0:
        call_nb(verbs_nb(s.verbs)[0].convert, session, j, 0)
    if s.equity_micro > s.peak_micro:
        s.peak_micro = s.equity_micro
        s.trough_micro = s.equity_micro
        set_floor_nb(session)
    elif s.equity_micro < s.trough_micro:
        s.trough_micro = s.equity_micro
        s.max_drawdown = max(s.max_drawdown, drawdown_nb(s.peak_micro, s.trough_micro))
    if s.guard != 0:
        call_nb(verbs_nb(s.verbs)[0].oversee, session, j, i)
    if (s.equity_micro < s.floor_micro and s.loss_state == c.CLEAR) or (
        s.loss_state != c.CLEAR and s.open_positions > 0
    ):
        call_nb(verbs_nb(s.verbs)[0].stop_losses, session, 0, 0)
    keep_nb(session, ts)
    return j
