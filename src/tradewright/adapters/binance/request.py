"""What Binance has: checks of a request before anything is sent."""

from __future__ import annotations

import re

from tradewright.adapters.binance.params import BinanceParams
from tradewright.core.types.errors import UsageError
from tradewright.data.kinds import Kind
from tradewright.data.timeframe import TICK

_SYMBOL = re.compile(r"[A-Z0-9]{2,30}(_[0-9A-Z]{1,12})?")


def check_symbol(symbol: str) -> None:
    """Raise unless this is the form of a symbol: ``BTCUSDT``, ``BTCUSDT_260327``."""
    if _SYMBOL.fullmatch(symbol) is None:
        what = f"'{symbol}' is not a Binance symbol"
        raise UsageError(what, fix="Write it as the venue does, in capital letters without a slash: BTCUSDT.")


def check_timeframe(params: BinanceParams, kind: Kind, timeframe: str) -> None:
    """Raise unless the market has this kind in this timeframe."""
    if kind is Kind.BARS:
        if timeframe not in params.rules.intervals:
            what = f"Binance {params.market} has no bars of '{timeframe}'"
            raise UsageError(what, fix=f"Choose one of {', '.join(params.rules.intervals)}.")
    elif timeframe != TICK:
        what = f"{kind} have no timeframe, not '{timeframe}'"
        raise UsageError(what, fix=f"Write {TICK}.")
