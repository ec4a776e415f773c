"""From a configuration and the environment to a connection that trades: the keys by their names, never shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tradewright.core.types.errors import ConfigError
from tradewright.core.types.instrument import Instrument
from tradewright.services.secrets import secret
from tradewright.services.terminals import open_terminal, way_of
from tradewright.services.trading.settings import TradingFile, TradingSettings

if TYPE_CHECKING:
    from tradewright.adapters.alpaca.trading import AlpacaTrading
    from tradewright.adapters.binance.trading import BinanceTrading
    from tradewright.adapters.ibkr.trading import IbkrTrading
    from tradewright.adapters.mt5.terminal import Terminal
    from tradewright.adapters.mt5.trading import Mt5Trading

    TradingVenue = AlpacaTrading | BinanceTrading | IbkrTrading | Mt5Trading

KEYS_PREFIX = "TRADEWRIGHT_KEYS_"
#: Sizes of instruments are counted in the smallest unit that a vendor knows, where nobody gives their lots.
_SMALLEST = {"alpaca": "0.000000001", "binance": "0.00000001", "ibkr": "0.00000001", "mt5": "0.00000001"}


def key_names(settings: TradingSettings, role: str = "") -> tuple[str, ...]:
    """Return the variables that hold key and secret; ``role`` is of another process, with keys of its own.

    A gateway and a terminal on this machine have none; the bridge and MetaApi have a token, which is a secret.
    """
    stem = KEYS_PREFIX + "_".join(filter(None, (settings.venue, settings.kind, role))).upper()
    if settings.mt5 is not None and settings.mt5.way != "module":
        return (f"{stem}_SECRET",)
    return () if settings.venue in ("ibkr", "mt5") else (f"{stem}_KEY", f"{stem}_SECRET")


def key_trouble(settings: TradingSettings, environment: Mapping[str, str], role: str = "") -> str:
    """Return what is wrong with the keys, "" where they are there and of the right kind; never what they are."""
    try:
        params_of(settings, environment, role)
    except ConfigError as error:
        return str(error)
    return ""


def params_of(settings: TradingSettings, environment: Mapping[str, str], role: str = "") -> Any:  # noqa: ANN401
    """Return the adapter's parameters; at MetaTrader those of the way to the terminal, None for `module`.

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
    given = [SecretStr(value) for value in values]
    make: dict[str, Callable[..., Any]] = {"alpaca": _alpaca, "binance": _binance, "ibkr": _ibkr, "mt5": _mt5}
    if settings.venue not in make:
        fix = "Give trading.venue."
        raise ConfigError(f"nothing outside is reached at the venue {settings.venue}", where="trading.venue", fix=fix)
    try:
        return make[settings.venue](settings, *given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        what = str(first["msg"]).removeprefix("Value error, ")
        if settings.venue in ("ibkr", "mt5"):
            where, fix = f"trading.{settings.venue}", f"Correct it; trading.kind is {settings.kind}."
            raise ConfigError(what, where=where, fix=fix) from None
        raise ConfigError(what, where=names[0], fix=f"Give keys of kind {settings.kind}, and no other url.") from None


def _alpaca(settings: TradingSettings, key: object, word: object) -> Any:  # noqa: ANN401
    from tradewright.adapters.alpaca import trading_params as alpaca

    is_real, given = settings.kind == "live", {"key": key, "secret": word}
    keys = alpaca.LiveKeys.model_validate(given) if is_real else alpaca.PaperKeys.model_validate(given)
    url = settings.url or (alpaca.LIVE_URL if is_real else alpaca.PAPER_URL)
    return alpaca.AlpacaTradingParams(trading_url=url, keys=keys)


def _binance(settings: TradingSettings, key: object, word: object) -> Any:  # noqa: ANN401
    from tradewright.adapters.binance import trading_params as binance

    is_real, given = settings.kind == "live", {"key": key, "secret": word}
    keys = binance.LiveKeys.model_validate(given) if is_real else binance.TestnetKeys.model_validate(given)
    url = settings.url or (binance.LIVE_URL if is_real else binance.TESTNET_URL)
    return binance.BinanceTradingParams(rest_url=url, keys=keys)


def _ibkr(settings: TradingSettings) -> Any:  # noqa: ANN401
    from tradewright.adapters.ibkr import trading_params as ibkr

    told = settings.ibkr
    assert told is not None  # noqa: S101 - `TradingSettings` sees to it
    kind = ibkr.LiveAccount if settings.kind == "live" else ibkr.PaperAccount
    fields = told.model_dump(exclude={"account_id"})
    return ibkr.IbkrTradingParams(account=kind(account_id=told.account_id), **fields)


def _mt5(settings: TradingSettings, token: Any = None) -> Any:  # noqa: ANN401
    assert settings.mt5 is not None  # noqa: S101 - `TradingSettings` sees to it
    return way_of(settings.mt5, token)


def in_smallest_units(file: TradingFile) -> dict[str, Instrument]:
    """Return instruments counted in the vendor's smallest units, for whoever has no definitions of them."""
    return {s: Instrument(s, lot_size=_SMALLEST[file.trading.venue]) for s in file.symbols}


def lot_of(file: TradingFile, name: str) -> Fraction:
    """Return the size that adapters count in with `in_smallest_units`, also of what the file does not name."""
    is_strange = file.trading.venue == "mt5" and name not in file.symbols  # its lots are of an unknown size
    return Fraction("0.01" if is_strange else _SMALLEST[file.trading.venue])


def open_venue(
    settings: TradingSettings,
    instruments: Mapping[str, Instrument],
    environment: Mapping[str, str],
    clock_ns: Callable[[], int],
    role: str = "",
    terminal: Terminal | None = None,
) -> TradingVenue:
    """Return an adapter; nothing is connected yet. Sizes are counted in the lots of ``instruments``.

    ``role`` is of a process that only ends what another one began: it has keys, or a client id, of its own.
    ``terminal`` of MetaTrader is shared with the session's feed.

    Raises
    ------
    ConfigError
        As `params_of`, and where the vendor's library is missing.
    """
    try:
        params = params_of(settings, environment, role)
        if settings.venue == "alpaca":
            from tradewright.adapters.alpaca.trading import AlpacaTrading

            return AlpacaTrading(params, instruments, clock_ns=clock_ns)
        if settings.venue == "binance":
            from tradewright.adapters.binance.trading import BinanceTrading

            return BinanceTrading(params, instruments, clock_ns=clock_ns)
        if settings.venue == "ibkr":
            from tradewright.adapters.ibkr.trading import IbkrTrading

            if role:
                params = params.model_copy(update={"client_id": params.client_id + 1, "ends_for_others": True})
            return IbkrTrading(params, dict(instruments), clock_ns=clock_ns)
        assert settings.mt5 is not None  # noqa: S101 - `TradingSettings` sees to it
        terminal = terminal or open_terminal(settings.mt5, params, clock_ns)
        return _terminal_venue(settings, terminal, instruments, clock_ns, only_ends=bool(role))
    except ImportError as error:
        what = f"trading needs a library that is not installed: {error.name}"
        raise ConfigError(what, where="trading", fix="pip install 'tradewright[live]'") from error


def _terminal_venue(
    settings: TradingSettings,
    terminal: Terminal,
    instruments: Mapping[str, Instrument],
    clock_ns: Callable[[], int],
    *,
    only_ends: bool,
) -> Mt5Trading:
    from tradewright.adapters.mt5.names import NamedTerminal
    from tradewright.adapters.mt5.trading import Mt5Trading
    from tradewright.adapters.mt5.trading_params import DemoAccount, Mt5TradingParams, RealAccount

    told = settings.mt5
    assert told is not None  # noqa: S101 - `TradingSettings` sees to it
    kind = RealAccount if settings.kind == "live" else DemoAccount
    params = Mt5TradingParams(
        account=kind(login=told.login), deviation_points=told.deviation_points, takes_any_lot=only_ends
    )
    names = {symbol: told.theirs(symbol) for symbol in instruments}
    return Mt5Trading(params, NamedTerminal(terminal, names), instruments, clock_ns=clock_ns)
