"""From a configuration and the environment to a connection that trades: the keys by their names, never shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tradewright.core.types.errors import ConfigError
from tradewright.services.secrets import secret
from tradewright.services.trading.settings import TradingFile, TradingSettings

if TYPE_CHECKING:
    from tradewright.adapters.alpaca.trading import AlpacaTrading
    from tradewright.adapters.binance.trading import BinanceTrading

PREFIX = "TRADEWRIGHT_"
#: Keys of the process that watches a session.
WATCHDOG_PREFIX = f"{PREFIX}WATCHDOG_"
#: Sizes of instruments are counted in the smallest unit that a vendor knows, where nobody gives their lots.
_SMALLEST = {"alpaca": "0.000000001", "binance": "0.00000001"}


def key_names(settings: TradingSettings, prefix: str = PREFIX) -> tuple[str, str]:
    """Return the variables that hold key and secret, of the session or of the process that watches it."""
    stem = f"{prefix}{settings.venue.upper()}"
    return f"{stem}_KEY", f"{stem}_SECRET"


def key_trouble(settings: TradingSettings, environment: Mapping[str, str], prefix: str = PREFIX) -> str:
    """Return what is wrong with the keys, "" where they are there and of the right kind; never what they are."""
    try:
        params_of(settings, environment, prefix)
    except ConfigError as error:
        return str(error)
    return ""


def params_of(settings: TradingSettings, environment: Mapping[str, str], prefix: str = PREFIX) -> Any:  # noqa: ANN401
    """Return the adapter's parameters.

    Raises
    ------
    ConfigError
        If a key is missing or of the other kind, or the address is not one where such keys go.
    """
    from pydantic import SecretStr, ValidationError

    names = key_names(settings, prefix)
    values = [secret(environment, name) for name in names]
    missing = [name for name, value in zip(names, values, strict=True) if not value]
    if missing:
        fix = "Set it, or its ..._FILE."
        raise ConfigError(f"the {settings.kind} keys are missing", where=", ".join(missing), fix=fix)
    given = {"key": SecretStr(values[0]), "secret": SecretStr(values[1])}
    try:
        url = environment.get(f"{PREFIX}{settings.venue.upper()}_TRADING_URL", "").rstrip("/")
        make = _alpaca if settings.venue == "alpaca" else _binance
        return make(settings.kind == "live", url, given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        what = str(first["msg"]).removeprefix("Value error, ")
        raise ConfigError(what, where=names[0], fix=f"Give keys of kind {settings.kind}, and their address.") from None


def _alpaca(is_real: bool, url: str, given: dict[str, Any]) -> Any:  # noqa: ANN401
    from tradewright.adapters.alpaca import trading_params as alpaca

    keys = alpaca.LiveKeys(**given) if is_real else alpaca.PaperKeys(**given)
    url = url or (alpaca.LIVE_URL if is_real else alpaca.PAPER_URL)
    return alpaca.AlpacaTradingParams(trading_url=url, keys=keys)


def _binance(is_real: bool, url: str, given: dict[str, Any]) -> Any:  # noqa: ANN401
    from tradewright.adapters.binance import trading_params as binance

    keys = binance.LiveKeys(**given) if is_real else binance.TestnetKeys(**given)
    url = url or (binance.LIVE_URL if is_real else binance.TESTNET_URL)
    return binance.BinanceTradingParams(rest_url=url, keys=keys)


def open_venue(
    file: TradingFile,
    environment: Mapping[str, str],
    clock_ns: Callable[[], int],
    prefix: str = PREFIX,
) -> AlpacaTrading | BinanceTrading:
    """Return an adapter that counts in the vendor's smallest units, so that it needs no definitions of instruments.

    Raises
    ------
    ConfigError
        As `params_of`, and where the vendor's library is missing.
    """
    from tradewright.core.types.instrument import Instrument

    params = params_of(file.trading, environment, prefix)
    venue = file.trading.venue
    instruments = {s: Instrument(s, lot_size=_SMALLEST[venue]) for s in file.symbols}
    try:
        from tradewright.adapters.alpaca.trading import AlpacaTrading
        from tradewright.adapters.binance.trading import BinanceTrading
    except ImportError as error:
        what = f"trading needs a library that is not installed: {error.name}"
        raise ConfigError(what, where="trading", fix="pip install 'tradewright[live]'") from error
    kind = AlpacaTrading if venue == "alpaca" else BinanceTrading
    return kind(params, instruments, clock_ns=clock_ns)
