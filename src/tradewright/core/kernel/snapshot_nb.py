"""What the next decision may see: the feature row, the forecast and the account, copied out of our state."""

from __future__ import annotations

import numpy as np

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.compiled import inlined
from tradewright.core.kernel.memory_nb import (
    floats_nb,
    instruments_nb,
    ints_nb,
    market_nb,
    positions_nb,
    session_nb,
    table_nb,
)
from tradewright.core.types.account import Account

_SECOND = 1e-9
N_ACCOUNT = len(Account._fields)
N_FORECAST = 4


@inlined
def account_nb(session: int, j: int) -> Account:
    """Snapshot of the account for one instrument."""
    s = session_nb(session)[0]
    p = positions_nb(s.positions, s.n_instruments)[j]
    terms = instruments_nb(s.instruments, s.n_instruments)[j]
    is_open = p.lots != 0
    return Account(
        p.lots * terms.lot_num / terms.lot_den,
        p.entry_price,
        p.price,
        p.bid,
        p.ask,
        s.equity_micro / c.MICRO,
        s.cash_micro / c.MICRO,
        p.value_micro / s.equity_micro,
        np.float64(p.working),
        np.float64(p.events - p.event_opened) if is_open else 0.0,
        (s.now - p.ts_opened) * _SECOND if is_open else 0.0,
        p.buy_limit,
        p.sell_limit,
        np.float64(p.buy_unconfirmed),
        np.float64(p.sell_unconfirmed),
        np.float64(s.now),
    )


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
def store_account_nb(session: int, j: int) -> None:
    """Write the snapshot of one instrument into the table that Python and cross-section strategies read."""
    s = session_nb(session)[0]
    snapshot = account_nb(session, j)
    accounts = table_nb(s.accounts, s.n_instruments, N_ACCOUNT)
    for f in range(N_ACCOUNT):
        accounts[j, f] = snapshot[f]


@inlined
def store_accounts_nb(session: int) -> None:
    """Write the snapshots of all instruments."""
    s = session_nb(session)[0]
    for j in range(s.n_instruments):
        store_account_nb(session, j)
