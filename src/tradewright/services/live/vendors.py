"""Trading venues and live feeds by name: where a name, the environment and an adapter meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from tradewright.core.types.errors import ConfigError, UsageError
from tradewright.core.types.instrument import Instrument
from tradewright.execution.venue import Venue
from tradewright.services.secrets import secret
from tradewright.services.sources import PREFIX, fields_of, library_named

if TYPE_CHECKING:
    from tradewright.data.ports import LiveSource

NowNs = Callable[[], int]
Instruments = Mapping[str, Instrument]


class Connected(Venue, Protocol):
    """A venue with a connection."""

    async def connect(self) -> None:
        """Find out which account the keys belong to."""

    async def close(self) -> None:
        """Release connections."""


@dataclass(frozen=True, slots=True)
class Access:
    """How a venue is reached: ``is_live`` asks for keys of real money, and takes no other."""

    environment: Mapping[str, str]
    is_live: bool


def trading_venue(name: str, instruments: Instruments, access: Access, now_ns: NowNs) -> Connected:
    """Return a venue to trade at; nothing is connected yet.

    Raises
    ------
    ConfigError
        If address or keys are missing, or are not of the kind that is asked for.
    UsageError
        If the library is not installed.
    """
    from pydantic import ValidationError

    with library_named(name):
        try:
            return _MAKERS[name](instruments, access, now_ns)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            kind = "live" if access.is_live else "paper"
            fix = f"Set {PREFIX}{name.upper()}_TRADING_URL, ..._KEY and ..._SECRET to those of the {kind} account."
            what = first["msg"].removeprefix("Value error, ")
            raise ConfigError(what, where=f"{name} {kind} trading", fix=fix) from None


def _read(name: str, access: Access, default: str) -> tuple[str, str, str]:
    """Return address, key and secret."""
    prefix = f"{PREFIX}{name.upper()}_"
    url = access.environment.get(f"{prefix}TRADING_URL", default).rstrip("/")
    return url, secret(access.environment, f"{prefix}KEY"), secret(access.environment, f"{prefix}SECRET")


def _alpaca(instruments: Instruments, access: Access, now_ns: NowNs) -> Connected:
    from tradewright.adapters.alpaca.trading import AlpacaTrading
    from tradewright.adapters.alpaca.trading_params import LIVE_URL, PAPER_URL, AlpacaTradingParams

    url, key, hidden = _read("alpaca", access, LIVE_URL if access.is_live else PAPER_URL)
    fields: dict[str, Any] = {"trading_url": url, "keys": {"key": key, "secret": hidden}}
    limit = fields_of("alpaca", access.environment).get("requests_per_minute")
    params = AlpacaTradingParams.model_validate(fields | ({} if limit is None else {"requests_per_minute": limit}))
    _refuse_other(type(params.keys).__name__ == "LiveKeys", access, "alpaca")
    return AlpacaTrading(params, instruments, clock_ns=now_ns)


def _binance(instruments: Instruments, access: Access, now_ns: NowNs) -> Connected:
    from pydantic import SecretStr

    from tradewright.adapters.binance.trading import BinanceTrading
    from tradewright.adapters.binance.trading_params import (
        LIVE_URL,
        TESTNET_URL,
        BinanceTradingParams,
        LiveKeys,
        TestnetKeys,
    )

    url, key, hidden = _read("binance", access, LIVE_URL if access.is_live else TESTNET_URL)
    kind = LiveKeys if access.is_live else TestnetKeys
    keys = kind(key=SecretStr(key), secret=SecretStr(hidden))
    return BinanceTrading(BinanceTradingParams(rest_url=url, keys=keys), instruments, clock_ns=now_ns)


def _refuse_other(is_live: bool, access: Access, name: str) -> None:
    if is_live != access.is_live:
        have, want = ("live", "paper") if is_live else ("paper", "live")
        what = f"these are {have} keys, and `tradewright {want}` takes {want} keys only"
        raise ConfigError(
            what, where=f"environment, {PREFIX}{name.upper()}_KEY", fix=f"Give keys of the {want} account."
        )


_MAKERS: dict[str, Callable[[Instruments, Access, NowNs], Connected]] = {"alpaca": _alpaca, "binance": _binance}


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
    raise UsageError(f"there is no live feed '{name}'", where="live.feed", fix="One of: alpaca, binance, recording.")
