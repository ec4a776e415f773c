"""What the next decision may see: the feature row, the forecast and the account, copied out of our state."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.compiled import inlined
from tradewright.core.kernel.memory_nb import (
    floats_at_nb,
    floats_nb,
    ints_nb,
    market_nb,
    position_nb,
    session_nb,
    table_nb,
)
from tradewright.core.kernel.settle_nb import refresh_limits_nb
from tradewright.core.types.account import Account
from tradewright.core.types.forecast import ForecastRow

_SECOND = 1e-9
N_ACCOUNT = len(Account._fields)
N_FORECAST = 4


class Mark(NamedTuple):
    """What every event changes of an account: the mark, and the moment."""

    units: float
    price: float
    value_micro: int
    equity_micro: int
    events: int
    now: int


class Opened(NamedTuple):
    """When a position was opened."""

    is_open: bool
    event: int
    ts: int


@inlined
def opened_nb(session: int, j: int) -> Opened:
    """When the position in an instrument was opened, if it is."""
    p = position_nb(session_nb(session)[0], j)
    return Opened(p.lots != 0, p.event_opened, p.ts_opened)


@inlined
def held_nb(opened: Opened, events: int, now: int) -> tuple[float, float]:
    """Events and seconds since a position was opened; 0 where none is."""
    if not opened.is_open:
        return 0.0, 0.0
    return np.float64(events - opened.event), (now - opened.ts) * _SECOND


@inlined
def snapshot_nb(session: int, j: int, mark: Mark) -> Account:
    """Snapshot of the account for one instrument at a mark."""
    s = session_nb(session)[0]
    p = position_nb(s, j)
    held_events, held_seconds = held_nb(opened_nb(session, j), mark.events, mark.now)
    return Account(
        mark.units,
        p.entry_price,
        mark.price,
        p.bid,
        p.ask,
        mark.equity_micro / c.MICRO,
        s.cash_micro / c.MICRO,
        mark.value_micro / mark.equity_micro,
        np.float64(p.working),
        held_events,
        held_seconds,
        p.buy_limit,
        p.sell_limit,
        np.float64(p.buy_unconfirmed),
        np.float64(p.sell_unconfirmed),
        np.float64(mark.now),
    )


@inlined
def account_nb(session: int, j: int) -> Account:
    """Snapshot of the account for one instrument at the mark that is booked."""
    s = session_nb(session)[0]
    p = position_nb(s, j)
    refresh_limits_nb(session, j)
    return snapshot_nb(session, j, Mark(p.units, p.price, p.value_micro, s.equity_micro, p.events, s.now))


@inlined
def later_nb(a: Account, opened: Opened, events: int, now: int) -> Account:
    """Snapshot of an account in which nothing has changed but the time."""
    held_events, held_seconds = held_nb(opened, events, now)
    return Account(
        a.position,
        a.entry_price,
        a.price,
        a.bid,
        a.ask,
        a.equity,
        a.cash,
        a.weight,
        a.working,
        held_events,
        held_seconds,
        a.buy_limit,
        a.sell_limit,
        a.is_buy_unconfirmed,
        a.is_sell_unconfirmed,
        np.float64(now),
    )


@inlined
def forecast_nb(session: int, i: int) -> ForecastRow:
    """Newest forecast known at event ``i``; NaN where there is none."""
    m = market_nb(session_nb(session)[0].market)[0]
    if m.forecasts == 0:
        return ForecastRow(np.nan, np.nan, np.nan, np.nan)
    return ForecastRow(*floats_at_nb(m.forecasts + 8 * N_FORECAST * i, N_FORECAST))


@inlined
def observe_nb(session: int, i: int, j: int) -> None:
    """Keep the newest feature row and forecast of an instrument."""
    s = session_nb(session)[0]
    m = market_nb(s.market)[0]
    columns = ints_nb(m.columns, s.n_features)
    rows = table_nb(s.rows, s.n_instruments, s.n_features)
    for f in range(s.n_features):
        rows[j, f] = floats_nb(columns[f], m.n)[i]
    if m.forecasts != 0:
        source = table_nb(m.forecasts, m.n, N_FORECAST)
        target = table_nb(s.forecast_rows, s.n_instruments, N_FORECAST)
        for f in range(N_FORECAST):
            target[j, f] = source[i, f]


@inlined
def store_snapshot_nb(session: int, place: int, snapshot: Account) -> None:
    """Write a snapshot into the table that Python and cross-section strategies read."""
    s = session_nb(session)[0]
    accounts = table_nb(s.accounts, s.n_instruments, N_ACCOUNT)
    for f in range(N_ACCOUNT):
        accounts[place, f] = snapshot[f]


@inlined
def store_account_nb(session: int, j: int) -> None:
    """Write the snapshot of one instrument into its place in that table."""
    store_snapshot_nb(session, j, account_nb(session, j))


@inlined
def store_accounts_nb(session: int) -> None:
    """Write the snapshots of all instruments."""
    s = session_nb(session)[0]
    for j in range(s.n_instruments):
        store_account_nb(session, j)
