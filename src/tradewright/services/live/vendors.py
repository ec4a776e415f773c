"""Live feeds by name: where a name, the environment and an adapter meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tradewright.core.types.errors import ConfigError, UsageError
from tradewright.services.sources import fields_of, library_named
from tradewright.services.trading.settings import TradingSettings

if TYPE_CHECKING:
    from tradewright.data.ports import LiveSource

NowNs = Callable[[], int]
#: A gateway takes each client id once: the feed's is so far above that of its history.
_FEED_ID_ABOVE = 100


def gateway_of(trading: TradingSettings, feed: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what a feed of Interactive Brokers has in common with the venue; an address of its own stays."""
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
        except ValidationError as error:
            raise ConfigError(
                str(error.errors()[0]["msg"]), where=f"{name} feed", fix="Correct the variable."
            ) from None
    raise UsageError(
        f"there is no live feed '{name}'", where="feed.source", fix="One of: alpaca, binance, ibkr, recording."
    )
