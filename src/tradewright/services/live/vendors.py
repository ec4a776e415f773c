"""Live feeds by name: where a name, the environment and an adapter meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tradewright.core.types.errors import ConfigError, UsageError
from tradewright.services.sources import fields_of, library_named, terminal_of
from tradewright.services.terminals import open_terminal
from tradewright.services.trading.settings import TradingSettings
from tradewright.services.trading.venues import params_of

if TYPE_CHECKING:
    from tradewright.data.ports import LiveSource

NowNs = Callable[[], int]
#: A gateway takes each client id once: the feed's is so far above that of its history.
_FEED_ID_ABOVE = 100


def gateway_of(trading: TradingSettings, feed: str, environment: Mapping[str, str], now_ns: NowNs) -> dict[str, Any]:
    """Return what a feed has in common with the venue.

    Of Interactive Brokers the gateway; an address of the feed's own stays. Of MetaTrader one ``terminal`` for orders,
    history and feed, the venue's where that is MetaTrader, and what was ``told`` of it; nothing is connected yet.
    """
    if feed == "mt5":
        with library_named(feed):
            if trading.mt5 is not None:
                way = params_of(trading, environment)
                return {"terminal": open_terminal(trading.mt5, way, now_ns), "told": trading.mt5}
            terminal, told = terminal_of(fields_of(feed, environment), now_ns)
            return {"terminal": terminal, "told": told}
    if feed != "ibkr" or trading.ibkr is None:
        return {}
    shared = trading.ibkr.model_dump(include={"host", "port", "contracts", "exchange", "currency"})
    return {k: v for k, v in shared.items() if k not in fields_of(feed, environment)}


def live_feed(name: str, options: Mapping[str, Any], environment: Mapping[str, str], now_ns: NowNs) -> LiveSource:
    """Return a vendor's live feed; arguments and errors as of `sources.history`."""
    from pydantic import ValidationError

    fields: dict[str, Any] = fields_of(name, environment) | dict(options)
    with library_named(name):
        try:
            if name == "alpaca":
                from tradewright.adapters.alpaca.live import AlpacaLive
                from tradewright.adapters.alpaca.params import AlpacaParams

                return AlpacaLive(AlpacaParams.model_validate(fields), clock_ns=now_ns)
            if name == "binance":
                from tradewright.adapters.binance.live import BinanceLive
                from tradewright.adapters.binance.params import BinanceParams

                return BinanceLive(BinanceParams.model_validate(fields | {"market": "spot"}), clock_ns=now_ns)
            if name == "ibkr":
                from tradewright.adapters.ibkr.live import IbkrLive
                from tradewright.adapters.ibkr.params import IbkrParams

                params = IbkrParams(**fields)
                return IbkrLive(replace(params, client_id=params.client_id + _FEED_ID_ABOVE), now_ns=now_ns)
            if name == "mt5":
                from tradewright.adapters.mt5.live import Mt5Live

                terminal, told = terminal_of(fields, now_ns)
                return Mt5Live(terminal, now_ns=now_ns, theirs=told.theirs)
        except ValidationError as error:
            raise ConfigError(
                str(error.errors()[0]["msg"]), where=f"{name} feed", fix="Correct the variable."
            ) from None
    raise UsageError(
        f"there is no live feed '{name}'", where="feed.source", fix="One of: alpaca, binance, ibkr, mt5, recording."
    )
