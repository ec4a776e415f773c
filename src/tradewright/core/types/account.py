"""The account as the next decision may see it."""

from __future__ import annotations

from typing import NamedTuple


class Account(NamedTuple):
    """Snapshot handed to `decide`, for one instrument; amounts in account currency.

    The only way back from fills to decisions.
    """

    position: float  # units, negative = short
    entry_price: float  # average; NaN when flat
    price: float  # last mark: close, mid or last trade
    bid: float  # NaN until a quote was seen
    ask: float
    equity: float
    cash: float
    weight: float  # position value / equity
    working: float  # our working orders in this instrument
    held_events: float  # events of this instrument since the position was opened
    held_seconds: float
    buy_limit: float  # price of our newest working buy limit order not being cancelled; NaN = none
    sell_limit: float
    is_buy_unconfirmed: float  # 1.0 while the venue has not yet acknowledged it
    is_sell_unconfirmed: float
    now: float  # ns UTC, as a float: exact to about 256 ns
