"""Live feeds by name: where a name, the environment and an adapter meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tradewright.core.types.errors import ConfigError, UsageError
from tradewright.services.sources import fields_of, library_named

if TYPE_CHECKING:
    from tradewright.data.ports import LiveSource

NowNs = Callable[[], int]


def live_feed(name: str, environment: Mapping[str, str], now_ns: NowNs) -> LiveSource:
    """Return a vendor's live feed; raises as `sources.history`."""
    from pydantic import ValidationError

    fields: dict[str, Any] = fields_of(name, environment)
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
        except ValidationError as error:
            raise ConfigError(
                str(error.errors()[0]["msg"]), where=f"{name} feed", fix="Correct the variable."
            ) from None
    raise UsageError(f"there is no live feed '{name}'", where="feed.source", fix="One of: alpaca, binance, recording.")
