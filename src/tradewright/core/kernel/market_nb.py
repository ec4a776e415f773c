"""The one path of a market event through our side: mark -> decide -> check.

`on_event` and `on_stamp` are templates: the names in their bodies are bound anew for each strategy by
`core.kernel.compiled.rebound`, and the result runs compiled inside the loop and one call at a time in the session.
For a strategy whose `decide` is plain Python the very same source runs interpreted around compiled verbs.
The order of the stages is written here and nowhere else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.check_nb import check_nb
from tradewright.core.kernel.compiled import compiled
from tradewright.core.kernel.mark_nb import mark_nb
from tradewright.core.kernel.memory_nb import (
    floats_at_nb,
    ints_at_nb,
    market_nb,
    row_nb,
    session_nb,
    signals_nb,
    table_nb,
)
from tradewright.core.kernel.snapshot_nb import (
    N_ACCOUNT,
    N_FORECAST,
    account_nb,
    forecast_nb,
    observe_nb,
    store_account_nb,
    store_accounts_nb,
)
from tradewright.core.types.account import Account


def decide(row: object, forecast: object, account: object, params: object, signals: object) -> None:
    """Stand where a strategy's `decide` is bound."""


Row = Account  # stands where the strategy's named tuple of features is bound
Params = Account  # stands where the strategy's named tuple of parameters is bound
N_ROW = 1
N_PARAMS = 1
FIRST_ROW = FIRST_PARAM = 0  # where the strategy's own features and parameters begin
FIRST = STOP = 0  # its own instruments, where several strategies share the account
_NOBODYS = 2**31  # number of an instrument that does not exist: the check denies it


def decide_one(session: int, i: int, j: int) -> None:
    """Ask the strategy about one instrument after event ``i`` (template)."""
    s = session_nb(session)[0]
    m = market_nb(s.market)[0]
    decide(
        Row(*row_nb(ints_at_nb(m.columns + 8 * FIRST_ROW, N_ROW), i)),
        forecast_nb(session, i),
        account_nb(session, j),
        Params(*floats_at_nb(s.params + 8 * FIRST_PARAM, N_PARAMS)),
        signals_nb(s.signals, s.n_signals),
    )


@compiled
def keep_own_nb(signals: NDArray[np.void], first: int, stop: int) -> None:
    """Turn a member's numbers of instruments into the account's; it can name none but its own."""
    for n in range(len(signals)):
        if signals[n]["verb"] == c.NO_SIGNAL:
            break
        own = signals[n]["instrument"]
        if own >= 0:
            signals[n]["instrument"] = first + own if own < stop - first else _NOBODYS


def decide_next(session: int, i: int, j: int) -> None:
    """Stand where the members after this one are bound."""


def decide_in_turn(session: int, i: int, j: int) -> None:
    """Ask the member that owns the instrument: this one, or one of those after it (template)."""
    if j < STOP:
        decide_one(session, i, j)
        s = session_nb(session)[0]
        keep_own_nb(signals_nb(s.signals, s.n_signals), FIRST, STOP)
    else:
        decide_next(session, i, j)


def decide_all(session: int) -> None:
    """Ask the strategy about all instruments at once (template)."""
    s = session_nb(session)[0]
    store_accounts_nb(session)
    decide(
        table_nb(s.rows, s.n_instruments, N_ROW),
        table_nb(s.forecast_rows, s.n_instruments, N_FORECAST),
        table_nb(s.accounts, s.n_instruments, N_ACCOUNT),
        Params(*floats_at_nb(s.params, N_PARAMS)),
        signals_nb(s.signals, s.n_signals),
    )


def on_event(session: int, i: int) -> None:
    """Mark with one market event, then decide and check for its instrument (template)."""
    j = mark_nb(session, i)
    if j >= 0:
        decide_one(session, i, j)
        check_nb(session, j)


def on_event_of_many(session: int, i: int) -> None:
    """Mark with one event of a cross-section strategy, which decides when the timestamp is complete (template)."""
    j = mark_nb(session, i)
    if j >= 0:
        observe_nb(session, i, j)


def on_stamp(session: int) -> None:
    """Decide and check over the whole cross-section, after every event of a timestamp is in (template)."""
    decide_all(session)
    check_nb(session, -1)


@compiled
def mark_and_store_nb(session: int, i: int) -> int:
    """Mark, and leave what a decision may see where a `decide` in plain Python can read it."""
    j = mark_nb(session, i)
    if j >= 0:
        observe_nb(session, i, j)
        store_account_nb(session, j)
    return j


@compiled
def store_all_nb(session: int) -> None:
    """Leave all accounts where a cross-section `decide` in plain Python can read them."""
    store_accounts_nb(session)


@compiled
def mark_alone_nb(session: int, i: int) -> int:
    """Mark, called from Python."""
    return mark_nb(session, i)


@compiled
def observe_alone_nb(session: int, i: int, j: int) -> None:
    """Observe, called from Python."""
    observe_nb(session, i, j)


@compiled
def check_alone_nb(session: int, j: int) -> None:
    """Check, called from Python."""
    check_nb(session, j)
