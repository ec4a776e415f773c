"""From a configuration and the environment to a connection that trades: the keys by their names, never shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tradewright.core.types.errors import ConfigError
from tradewright.core.types.instrument import Instrument
from tradewright.services.secrets import secret
from tradewright.services.trading.settings import TradingFile, TradingSettings

if TYPE_CHECKING:
    from tradewright.adapters.alpaca.trading import AlpacaTrading
    from tradewright.adapters.binance.trading import BinanceTrading

KEYS_PREFIX = "TRADEWRIGHT_KEYS_"
#: Sizes of instruments are counted in the smallest unit that a vendor knows, where nobody gives their lots.
_SMALLEST = {"alpaca": "0.000000001", "binance": "0.00000001"}


def key_names(settings: TradingSettings, role: str = "") -> tuple[str, str]:
    """Return the variables that hold key and secret; ``role`` is of another process, with keys of its own."""
    stem = "_".join(filter(None, (settings.venue, settings.kind, role))).upper()
    return f"{KEYS_PREFIX}{stem}_KEY", f"{KEYS_PREFIX}{stem}_SECRET"


def key_trouble(settings: TradingSettings, environment: Mapping[str, str], role: str = "") -> str:
    """Return what is wrong with the keys, "" where they are there and of the right kind; never what they are."""
    try:
        params_of(settings, environment, role)
    except ConfigError as error:
        return str(error)
    return ""


def params_of(settings: TradingSettings, environment: Mapping[str, str], role: str = "") -> Any:  # noqa: ANN401
    """Return the adapter's parameters.

    Raises
    ------
    ConfigError
        If a key is missing or of the other kind, or the address is not one where such keys go.
    """
    from pydantic import SecretStr, ValidationError

    names = key_names(settings, role)
    values = [secret(environment, name) for name in names]
    missing = [name for name, value in zip(names, values, strict=True) if not value]
    if missing:
        fix = "Set it, or its ..._FILE."
        raise ConfigError(f"the {settings.kind} keys are missing", where=", ".join(missing), fix=fix)
    given = {"key": SecretStr(values[0]), "secret": SecretStr(values[1])}
    try:
        return _alpaca(settings, given) if settings.venue == "alpaca" else _binance(settings, given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        what = str(first["msg"]).removeprefix("Value error, ")
        raise ConfigError(what, where=names[0], fix=f"Give keys of kind {settings.kind}, and no other url.") from None


def _alpaca(settings: TradingSettings, given: dict[str, Any]) -> Any:  # noqa: ANN401
    from tradewright.adapters.alpaca import trading_params as alpaca

    is_real = settings.kind == "live"
    keys = alpaca.LiveKeys(**given) if is_real else alpaca.PaperKeys(**given)
    url = settings.url or (alpaca.LIVE_URL if is_real else alpaca.PAPER_URL)
    return alpaca.AlpacaTradingParams(trading_url=url, keys=keys)


def _binance(settings: TradingSettings, given: dict[str, Any]) -> Any:  # noqa: ANN401
    from tradewright.adapters.binance import trading_params as binance

    is_real = settings.kind == "live"
    keys = binance.LiveKeys(**given) if is_real else binance.TestnetKeys(**given)
    url = settings.url or (binance.LIVE_URL if is_real else binance.TESTNET_URL)
    return binance.BinanceTradingParams(rest_url=url, keys=keys)


def in_smallest_units(file: TradingFile) -> dict[str, Instrument]:
    """Return instruments counted in the vendor's smallest units, for whoever has no definitions of them."""
    return {s: Instrument(s, lot_size=_SMALLEST[file.trading.venue]) for s in file.symbols}


def open_venue(
    settings: TradingSettings,
    instruments: Mapping[str, Instrument],
    environment: Mapping[str, str],
    clock_ns: Callable[[], int],
    role: str = "",
) -> AlpacaTrading | BinanceTrading:
    """Return an adapter; nothing is connected yet. Sizes are counted in the lots of ``instruments``.

    Raises
    ------
    ConfigError
        As `params_of`, and where the vendor's library is missing.
    """
    params = params_of(settings, environment, role)
    try:
        from tradewright.adapters.alpaca.trading import AlpacaTrading
        from tradewright.adapters.binance.trading import BinanceTrading
    except ImportError as error:
        what = f"trading needs a library that is not installed: {error.name}"
        raise ConfigError(what, where="trading", fix="pip install 'tradewright[live]'") from error
    kind = AlpacaTrading if settings.venue == "alpaca" else BinanceTrading
    return kind(params, instruments, clock_ns=clock_ns)
