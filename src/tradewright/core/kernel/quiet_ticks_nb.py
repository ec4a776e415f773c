"""Quiet ticks: quotes that repeat the prices that stand, and trades at which none of our orders waits.

They leave the account as it was: `pass_quiet` walks over them asking nothing but the strategy, for which only time goes
by, and stops before the first event that could do more. That event takes the whole path, decision included. Like its
sister for bars it has no rule of its own; where it is unsure, it stops.
"""

from __future__ import annotations

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.book_nb import is_beyond_reach_nb
from tradewright.core.kernel.compiled import inlined
from tradewright.core.kernel.mark_nb import keep_nb
from tradewright.core.kernel.match_tick_nb import show_quote_nb, show_trade_nb
from tradewright.core.kernel.memory_nb import (
    book_nb,
    float_at_nb,
    floats_at_nb,
    int_at_nb,
    ints_at_nb,
    market_nb,
    position_nb,
    row_nb,
    session_nb,
    signals_nb,
    venue_nb,
)
from tradewright.core.kernel.oversee_nb import catch_up_nb, until_nb
from tradewright.core.kernel.quiet_nb import clear_nb, is_calm_nb
from tradewright.core.kernel.snapshot_nb import account_nb, forecast_nb, later_nb, opened_nb
from tradewright.core.types.account import Account
from tradewright.core.types.dtypes import ASK, BID


def decide(row: object, forecast: object, account: object, params: object, signals: object) -> None:
    """Stand where a strategy's `decide` is bound."""


Row = Account  # stands where the strategy's named tuple of features is bound
Params = Account  # stands where the strategy's named tuple of parameters is bound
N_ROW = 1
N_PARAMS = 1


@inlined
def may_be_quiet_nb(session: int, venue: int) -> bool:
    """Tell whether a quote that repeats the prices that stand would change nothing, neither here nor at the venue."""
    if not is_calm_nb(session, venue):
        return False
    s = session_nb(session)[0]
    position = position_nb(s, 0)
    book = book_nb(venue_nb(venue)[0], 0)
    bid, ask = book.bid, book.ask
    if not (bid <= ask and is_beyond_reach_nb(book, bid, ask)):
        return False
    if position.lots != 0 and position.is_untested != 0:
        return False
    return bool(position.bid == bid and position.ask == ask and position.price == 0.5 * (bid + ask))


def pass_quiet(session: int, venue: int, start: int, stop: int) -> int:
    """Pass over quiet ticks from ``start`` on; return the first event that is not one, or ``stop`` (template)."""
    if not may_be_quiet_nb(session, venue):
        return start
    s = session_nb(session)[0]
    m = market_nb(s.market)[0]
    position = position_nb(s, 0)
    book = book_nb(venue_nb(venue)[0], 0)
    bid, ask, low, high = book.bid, book.ask, book.low_trigger, book.high_trigger
    bids, asks = m.fields + 8 * BID * m.stride, m.fields + 8 * ASK * m.stride  # of a trade: price and size
    kinds, kind_all, ts_seen = m.kind, m.kind_all, m.ts_seen
    columns = ints_at_nb(m.columns, N_ROW)
    params = Params(*floats_at_nb(s.params, N_PARAMS))
    signals = signals_nb(s.signals, s.n_signals)
    account, opened = account_nb(session, 0), opened_nb(session, 0)
    before = position.events - start + 1
    quoted = traded = start - 1
    s.quiet_from = start
    end = until_nb(session, start, min(stop, int_at_nb(m.day_stops, s.day + 1)))
    i = start
    while i < end:
        kind = kind_all if kinds == 0 else int_at_nb(kinds, i)
        price = float_at_nb(bids, i)
        # written so that nothing branches on the kind, which no processor can guess
        is_quote = (kind == c.QUOTE) & (price == bid) & (float_at_nb(asks, i) == ask)
        is_trade = (kind == c.TRADE) & (price > low) & (price < high)
        if is_quote == is_trade:  # neither; it is never both
            break
        s.quiet_at = i  # in memory, so that an error of the strategy names its event
        later = later_nb(account, opened, before + i, int_at_nb(ts_seen, i))
        decide(Row(*row_nb(columns, i)), forecast_nb(session, i), later, params, signals)
        if signals[0].verb != c.NO_SIGNAL:
            clear_nb(session)
            break
        quoted = i if is_quote else quoted
        traded = i if is_trade else traded
        i += 1
    s.quiet_at = start - 1
    if i > start:
        s.now = int_at_nb(ts_seen, i - 1)
        position.events += i - start
        catch_up_nb(session, max(quoted, start))
        catch_up_nb(session, i - 1)
    if quoted >= start:
        show_quote_nb(venue, 0, quoted)  # those before it had the same prices
    if traded >= start:
        show_trade_nb(venue, 0, traded)
    if s.equity != 0 or s.keep_score != 0:
        for k in range(start, i):
            keep_nb(session, int_at_nb(m.ts_event, k))
    return i
