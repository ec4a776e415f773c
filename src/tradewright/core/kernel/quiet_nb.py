"""Quiet bars: those that change nothing but the mark, passed with the account in registers.

Most bars of a run reach no order, bring no answer and make the strategy want nothing. `pass_quiet` walks over such bars
with what `mark_nb` would read and write kept in local variables, and stops before the first bar at which anything else
could happen: that bar takes the whole path, decision included. It has no rule of its own; where it is unsure, it stops.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.compiled import inlined
from tradewright.core.kernel.ledger_nb import revalue_nb, value_nb
from tradewright.core.kernel.mark_nb import NO_FLOOR, added_nb, drawdown_nb, store_sums_nb, sums_nb
from tradewright.core.kernel.memory_nb import (
    book_nb,
    fetch_nb,
    float_at_nb,
    floats_at_nb,
    floats_nb,
    guard_nb,
    int_at_nb,
    ints_at_nb,
    ints_nb,
    limits_nb,
    market_nb,
    position_nb,
    row_nb,
    session_nb,
    signals_nb,
    terms_nb,
    venue_nb,
)
from tradewright.core.kernel.oversee_nb import beyond_nb, catch_up_nb, guarded_band_nb, until_nb
from tradewright.core.kernel.settle_nb import refresh_limits_nb
from tradewright.core.kernel.snapshot_nb import Mark, forecast_nb, observe_nb, snapshot_nb, store_snapshot_nb
from tradewright.core.types.account import Account
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN


def decide(row: object, forecast: object, account: object, params: object, signals: object) -> None:
    """Stand where a strategy's `decide` is bound."""


Row = Account  # stands where the strategy's named tuple of features is bound
Params = Account  # stands where the strategy's named tuple of parameters is bound
N_ROW = 1
N_PARAMS = 1
_NOWHERE = (np.inf, -np.inf)
_AHEAD = 128  # bars; columns are read faster than the memory finds by itself that they are
KEEPS_CURVE = True
KEEPS_SCORE = True
BOOKS = True  # False: it only looks how far quiet bars reach, and leaves the account where it is
Columns = tuple[int, ...]  # addresses of the strategy's features


def ask(session: int, i: int, columns: Columns, mark: Mark, params: Any, signals: Any) -> bool:
    """Ask the strategy at quiet bar ``i``; tell whether it wants anything (template)."""
    decide(Row(*row_nb(columns, i)), forecast_nb(session, i), snapshot_nb(session, 0, mark), params, signals)
    return bool(signals[0].verb != c.NO_SIGNAL)


@inlined
def ask_nobody_nb(session: int, i: int, columns: Columns, mark: Mark, params: Any, signals: Any) -> bool:  # noqa: ARG001
    """Ask nobody: a `decide` in plain Python has been asked, and wanted nothing."""
    return False


@inlined
def lay_out_nb(session: int, i: int, columns: Columns, mark: Mark, params: Any, signals: Any) -> bool:  # noqa: ARG001
    """Leave what a decision may see, bar after bar, in the tables where a `decide` in plain Python reads it."""
    place = i - session_nb(session)[0].quiet_from
    observe_nb(session, i, place)
    store_snapshot_nb(session, place, snapshot_nb(session, 0, mark))
    return False


@inlined
def is_calm_nb(session: int, venue: int) -> bool:
    """Tell whether prices and the strategy alone can make something happen: one market, and nothing on its way."""
    s = session_nb(session)[0]
    v = venue_nb(venue)[0]
    m = market_nb(s.market)[0]
    if v.inbox_head != v.inbox_tail or v.answers_head != v.answers_tail or s.n_outbox != 0:
        return False
    if m.instrument != 0 or s.n_instruments != 1 or m.day_stops == 0:
        return False
    if s.uses_fx != 0 or s.loss_state != c.CLEAR or s.needs_room != 0 or v.needs_room != 0:
        return False
    if s.guard != 0 and (guard_nb(s).needs_each_event != 0 or guard_nb(s).is_busy != 0):
        return False
    return bool(book_nb(v, 0).n_careful == 0)


@inlined
def may_be_quiet_nb(session: int, venue: int) -> bool:
    """Tell whether a bar can be quiet now."""
    m = market_nb(session_nb(session)[0].market)[0]
    return bool(m.kind == 0 and m.kind_all == c.BAR and is_calm_nb(session, venue))


@inlined
def quiet_band_nb(session: int, venue: int) -> tuple[float, float]:
    """Prices between which a bar reaches no order, no margin call and no loss limit, and no peak that moves a limit."""
    s = session_nb(session)[0]
    book = book_nb(venue_nb(venue)[0], 0)
    position = position_nb(s, 0)
    low, high = (-np.inf, np.inf) if book.n == 0 else (book.low_trigger, book.high_trigger)
    lots, cash = position.lots, float(s.cash_micro)
    if lots == 0:
        return (low, high) if s.equity_micro >= s.floor_micro else _NOWHERE
    if s.margin_call > 1.0:
        return _NOWHERE
    step = lots * terms_nb(s, 0).unit_value * position.fx * c.MICRO  # equity per price
    if s.margin_call > 0.0 and (lots < 0 or cash < 0.0):
        # there equity = cash + step x price is as much as the margin |step| x price x margin_call
        low, high = beyond_nb(low, high, lots, -cash / (step - abs(step) * s.margin_call))
    if s.floor_micro > NO_FLOOR:
        low, high = beyond_nb(low, high, lots, (s.floor_micro - cash) / step)
        if limits_nb(s.limits)[0].max_drawdown < np.inf:
            low, high = beyond_nb(low, high, -lots, (s.peak_micro - cash) / step)
    if s.guard != 0:
        low, high = guarded_band_nb(session, low, high)
    return low, high


@inlined
def clear_nb(session: int) -> None:
    """Take back what the strategy wished for: it will be asked again on the whole path."""
    s = session_nb(session)[0]
    signals = signals_nb(s.signals, s.n_signals)
    for n in range(s.n_signals):
        if signals[n].verb == c.NO_SIGNAL:
            break
        signals[n].verb = c.NO_SIGNAL


@inlined
def watermarks_nb(peak: int, trough: int, drawdown: float, equity: int) -> tuple[int, int, float]:
    """Highest equity, the lowest since, and the deepest drawdown, after one more mark."""
    if equity > peak:
        return equity, equity, drawdown
    if equity < trough:
        return peak, equity, max(drawdown, drawdown_nb(peak, equity))
    return peak, trough, drawdown


@inlined
def move_on_nb(session: int, events: int, now: int, price: float) -> None:
    """Book that so many events passed, up to a time and a last price."""
    s = session_nb(session)[0]
    position = position_nb(s, 0)
    s.now = now
    position.events += events
    position.price = price
    revalue_nb(session, 0)


def pass_quiet(session: int, venue: int, start: int, stop: int) -> int:
    """Pass over quiet bars from ``start`` on; return the first that is not, or ``stop`` (template)."""
    if not may_be_quiet_nb(session, venue):
        return start
    refresh_limits_nb(session, 0)
    s = session_nb(session)[0]
    m = market_nb(s.market)[0]
    position = position_nb(s, 0)
    unit_value = terms_nb(s, 0).unit_value
    row_size = 8 * m.stride
    lows, highs, closes = m.fields + LOW * row_size, m.fields + HIGH * row_size, m.fields + CLOSE * row_size
    ts_event, ts_seen = m.ts_event, m.ts_seen
    columns = ints_at_nb(m.columns, N_ROW)
    params = Params(*floats_at_nb(s.params, N_PARAMS))
    signals = signals_nb(s.signals, s.n_signals)
    low, high = quiet_band_nb(session, venue)
    is_banded = low > -np.inf or high < np.inf
    lots, units, fx, cash = position.lots, position.units, position.fx, s.cash_micro
    if KEEPS_CURVE or KEEPS_SCORE:
        peak, trough, drawdown, sums = s.peak_micro, s.trough_micro, s.max_drawdown, sums_nb(session)
        stamps, row = ints_nb(s.stamps, s.equity_capacity), s.n_equity - 1
        curve, exposure = floats_nb(s.equity, s.equity_capacity), floats_nb(s.exposure, s.equity_capacity)
        stamp = stamps[row] if KEEPS_CURVE and row >= 0 else c.NEVER
    before = position.events - start + 1
    s.quiet_from = start
    end = until_nb(session, start, min(stop, int_at_nb(m.day_stops, s.day + 1)))
    i = start
    while i < end:
        if is_banded and not (float_at_nb(lows, i) > low and float_at_nb(highs, i) < high):
            break
        price = float_at_nb(closes, i)
        value = value_nb(lots, unit_value, price, fx) if lots != 0 else 0
        equity = cash + value
        fetch_nb(columns, i + _AHEAD)
        s.quiet_at = i  # in memory, so that an error of the strategy names its bar
        mark = Mark(units, price, value, equity, before + i, int_at_nb(ts_seen, i))
        if ask(session, i, columns, mark, params, signals):
            clear_nb(session)
            fetch_nb((m.ts_open, ts_event, m.fields + OPEN * row_size, highs, lows, closes), i + 1)  # to fill on
            break
        if KEEPS_CURVE or KEEPS_SCORE:
            peak, trough, drawdown = watermarks_nb(peak, trough, drawdown, equity)
        if KEEPS_CURVE:
            if int_at_nb(ts_event, i) != stamp:
                row += 1
                stamp = int_at_nb(ts_event, i)
                stamps[row] = stamp
            curve[row] = equity / c.MICRO
            exposure[row] = abs(value) / c.MICRO
        if KEEPS_SCORE:
            sums = added_nb(sums, equity)
        i += 1
    s.quiet_at = start - 1
    if BOOKS and i > start:
        move_on_nb(session, i - start, int_at_nb(ts_seen, i - 1), float_at_nb(closes, i - 1))
        catch_up_nb(session, i - 1)
        if KEEPS_CURVE or KEEPS_SCORE:
            s.peak_micro, s.trough_micro, s.max_drawdown, s.n_equity = peak, trough, drawdown, row + 1
            store_sums_nb(session, sums)
    return i
