"""Columns of the tables a cross-section strategy reads: ``accounts[j, POSITION]``, ``forecasts[j, P_UP]``.

Columns of ``rows`` are the strategy's own features in the order of its ``features``.
"""

from __future__ import annotations

from tradewright.core.types.account import Account
from tradewright.core.types.forecast import ForecastRow

_ACCOUNT = Account._fields
_FORECAST = ForecastRow._fields

POSITION = _ACCOUNT.index("position")
ENTRY_PRICE = _ACCOUNT.index("entry_price")
PRICE = _ACCOUNT.index("price")
BID = _ACCOUNT.index("bid")
ASK = _ACCOUNT.index("ask")
EQUITY = _ACCOUNT.index("equity")
CASH = _ACCOUNT.index("cash")
SHARE = _ACCOUNT.index("weight")  # `WEIGHT` is a unit of size, in `signals`
WORKING = _ACCOUNT.index("working")
HELD_EVENTS = _ACCOUNT.index("held_events")
HELD_SECONDS = _ACCOUNT.index("held_seconds")
NOW = _ACCOUNT.index("now")

P_UP = _FORECAST.index("p_up")
P_DOWN = _FORECAST.index("p_down")
P_FLAT = _FORECAST.index("p_flat")
EXPECTED_RETURN = _FORECAST.index("expected_return")
