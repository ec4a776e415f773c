"""Vendors of market data by name: the one place where a name, the environment and an adapter meet.

Addresses and keys come from variables ``TRADEWRIGHT_<VENDOR>_<NAME>``; a secret may instead stand in a file that
``..._<NAME>_FILE`` names, as containers hand secrets over. Nothing here is printed, logged or stored but what
`remembered` returns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tradewright.core.types.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from pydantic import ValidationError

    from tradewright.adapters.mt5.terminal import Terminal
    from tradewright.data.ports import HistorySource
    from tradewright.services.trading.brokers import TerminalSettings

NowNs = Callable[[], int]
PREFIX = "TRADEWRIGHT_"
_FILE = "_FILE"
_LIBRARIES = {"httpx", "websockets", "ib_async"}


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of the environment.

    Parameters
    ----------
    name : str
        Without ``TRADEWRIGHT_<VENDOR>_``.
    field : str
        Of the adapter's parameters.
    read : callable
        From text to what the field holds; raises ValueError.
    is_secret : bool
        Whether it may be read from a file.
    vendors_own : str
        The variable that the vendor's own libraries read; used where ours is not set.
    """

    name: str
    field: str
    read: Callable[[str], object] = str
    is_secret: bool = False
    vendors_own: str = ""


@dataclass(frozen=True, slots=True)
class Usual:
    """What most instruments have whose market is ``market`` and whose symbol fits ``pattern``."""

    pattern: str
    calendar: str
    fees: str
    lot_size: str
    market: str = ""


@dataclass(frozen=True, slots=True)
class Vendor:
    """What is known of a vendor without its adapter.

    ``remembers`` are the adapter's fields that decide which rows come, besides the market, and what they are where the
    environment says nothing; of ``usual`` the first that fits holds.
    """

    usual: tuple[Usual, ...]
    variables: tuple[Variable, ...]
    markets: tuple[str, ...] = ()
    remembers: tuple[tuple[str, str], ...] = ()

    def definition(self, symbol: str, market: str) -> dict[str, str]:
        """Return the usual definition of an instrument, as `data.instruments.InstrumentParams` reads it."""
        fits = (u for u in self.usual if u.market == market and re.fullmatch(u.pattern, symbol))
        found = next(fits)
        return {"calendar": found.calendar, "fees": found.fees, "lot_size": found.lot_size}


def _address(text: str) -> str:
    """Return an address without a closing slash."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https", "ws", "wss"} or not parts.hostname:
        msg = f"'{text}' is not an address such as https://host or http://127.0.0.1:8000"
        raise ValueError(msg)
    return text.rstrip("/")


def _number(text: str) -> int:
    if not text.isdecimal():
        msg = f"'{text}' is not a whole number"
        raise ValueError(msg)
    return int(text)


_CURRENCY = "(AUD|CAD|CHF|CNH|CZK|DKK|EUR|GBP|HKD|HUF|JPY|MXN|NOK|NZD|PLN|SEK|SGD|TRY|USD|ZAR)"
VENDORS: dict[str, Vendor] = {
    "alpaca": Vendor(
        usual=(
            Usual(r".+/.+", "24/7", "crypto_spot", "0.000001"),
            Usual(r".*", "us_equity", "us_equity_no_commission", "1"),
        ),
        variables=(
            Variable("DATA_URL", "data_url", _address),
            Variable("STREAM_URL", "stream_url", _address),
            Variable("KEY", "key", is_secret=True, vendors_own="APCA_API_KEY_ID"),
            Variable("SECRET", "secret", is_secret=True, vendors_own="APCA_API_SECRET_KEY"),
            Variable("FEED", "feed"),
            Variable("REQUESTS_PER_MINUTE", "requests_per_minute", _number),
        ),
        remembers=(("feed", "iex"),),
    ),
    "binance": Vendor(
        usual=(
            Usual(r".*", "24/7", "crypto_spot", "0.00001", "spot"),
            Usual(r".*", "24/7", "crypto_perpetual", "0.001", "futures"),
        ),
        variables=(
            Variable("ARCHIVE_URL", "archive_url", _address),
            Variable("REST_URL", "rest_url", _address),
            Variable("STREAM_URL", "ws_url", _address),
        ),
        markets=("spot", "futures"),
    ),
    "ibkr": Vendor(
        usual=(
            Usual(r"[A-Z]+-[A-Z]{3}", "24/7", "crypto_spot", "0.00000001"),
            Usual(r"[A-Z]{3}[./]?[A-Z]{3}", "fx", "fx_commission", "1"),
            Usual(r".*", "us_equity", "us_equity_per_share", "1"),
        ),
        variables=(
            Variable("HOST", "host"),
            Variable("PORT", "port", _number),
            Variable("CLIENT_ID", "client_id", _number),
        ),
    ),
    "mt5": Vendor(
        usual=(
            Usual(rf"{_CURRENCY}[./]?{_CURRENCY}", "fx", "fx_commission", "1000"),
            Usual(r".*", "fx", "index_cost", "1"),
        ),
        variables=(
            Variable("WAY", "way"),
            Variable("URL", "url", _address),
            Variable("BRIDGE_TOKEN", "bridge_token", is_secret=True),
            Variable("METAAPI_TOKEN", "metaapi_token", is_secret=True),
            Variable("METAAPI_ACCOUNT", "metaapi_account"),
            Variable("PATH", "path"),
            Variable("SERVER_ZONE", "server_zone"),
            Variable("SUFFIX", "suffix"),
        ),
        remembers=(("suffix", ""),),
    ),
}
#: Variables that begin so belong to a vendor and are no settings of a run.
PREFIXES = tuple(f"{PREFIX}{name.upper()}_" for name in VENDORS)


def vendor(name: str) -> Vendor:
    """Return what is known of a vendor.

    Raises
    ------
    UsageError
        If there is no such vendor; names those there are.
    """
    if name not in VENDORS:
        from tradewright.services.explain import did_you_mean

        raise UsageError(f"'{name}' is not a source", where="SOURCE", fix=did_you_mean(name, sorted(VENDORS)))
    return VENDORS[name]


def checked_market(name: str, market: str) -> str:
    """Return the market to use: the one given, else the vendor's first, empty where it has none.

    Raises
    ------
    UsageError
        If the vendor does not have it.
    """
    known = vendor(name).markets
    if market and market not in known:
        fix = f"Allowed: {', '.join(known)}." if known else "Leave the option away."
        raise UsageError(f"{name} has no market '{market}'", where="--market", fix=fix)
    return market or (known[0] if known else "")


def remembered(name: str, market: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what decides which rows a source gives, to be kept beside the data set; never a secret."""
    found = fields_of(name, environment)
    chosen = {f: str(found.get(f, default)) for f, default in vendor(name).remembers}
    return ({"market": market} if market else {}) | chosen


def history(name: str, options: Mapping[str, Any], environment: Mapping[str, str], now_ns: NowNs) -> HistorySource:
    """Return a vendor's history.

    Parameters
    ----------
    name : str
        As on the command line.
    options : mapping of str
        The adapter's fields, as `remembered` returned them; they win over the environment.
    environment : mapping of str to str
        Where addresses and keys are read.
    now_ns : callable
        ns UTC.

    Raises
    ------
    UsageError
        If there is no such vendor, a variable is unknown or wrong, or the vendor's library is not installed.
    """
    from pydantic import ValidationError

    market = checked_market(name, options.get("market", ""))
    fields = fields_of(name, environment) | {k: v for k, v in options.items() if k != "market"}
    make = {"alpaca": _alpaca, "binance": _binance, "ibkr": _ibkr, "mt5": _mt5}[name]
    try:
        with library_named(name):
            return make(fields, market, now_ns)
    except ValidationError as error:
        raise _explained(name, error) from None


def _alpaca(fields: dict[str, Any], market: str, now_ns: NowNs) -> HistorySource:
    from tradewright.adapters.alpaca.history import AlpacaHistory
    from tradewright.adapters.alpaca.params import AlpacaParams

    del market
    return AlpacaHistory(AlpacaParams.model_validate(fields), now_ns=now_ns)


def _binance(fields: dict[str, Any], market: str, now_ns: NowNs) -> HistorySource:
    from tradewright.adapters.binance.history import BinanceHistory
    from tradewright.adapters.binance.params import BinanceParams

    return BinanceHistory(BinanceParams.model_validate(fields | {"market": market}), now_ns=now_ns)


def _ibkr(fields: dict[str, Any], market: str, now_ns: NowNs) -> HistorySource:
    from tradewright.adapters.ibkr.history import IbkrHistory
    from tradewright.adapters.ibkr.params import IbkrParams

    del market
    return IbkrHistory(IbkrParams(**fields), now_ns=now_ns)


def _mt5(fields: dict[str, Any], market: str, now_ns: NowNs) -> HistorySource:
    from tradewright.adapters.mt5.history import Mt5History

    del market
    terminal, told = terminal_of(fields, now_ns)
    return Mt5History(terminal, now_ns=now_ns, theirs=told.theirs, zone=told.server_zone)


def terminal_of(fields: Mapping[str, Any], now_ns: NowNs) -> tuple[Terminal, TerminalSettings]:
    """Return a terminal of MetaTrader and what was told of it: a session's own, else as the environment says.

    Raises
    ------
    ConfigError
        If the environment does not say how it is reached.
    """
    from pydantic import SecretStr, ValidationError

    from tradewright.services.terminals import open_terminal, way_of
    from tradewright.services.trading.brokers import TerminalSettings

    if "terminal" in fields:
        return fields["terminal"], fields["told"]
    tokens = {way: f"{way}_token" for way in ("bridge", "metaapi")}
    try:
        told = TerminalSettings.model_validate({k: v for k, v in fields.items() if k not in tokens.values()})
        token = tokens.get(told.way, "")
        if token and not fields.get(token):
            where = f"environment, {PREFIX}MT5_{token.upper()}"
            raise ConfigError("the token is missing", where=where, fix="Set it, or its ..._FILE.")
        return open_terminal(told, way_of(told, SecretStr(fields.get(token, ""))), now_ns), told
    except ValidationError as error:
        raise _explained("mt5", error) from None


def fields_of(name: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the data adapter's fields that the environment sets; a variable that is none is refused."""
    prefix = f"{PREFIX}{name.upper()}_"
    known = {prefix + v.name: v for v in vendor(name).variables}
    files = {full + _FILE: full for full, v in known.items() if v.is_secret}
    found: dict[str, object] = {
        v.field: environment[v.vendors_own] for v in known.values() if v.vendors_own in environment
    }
    for full in sorted(n for n in environment if n.startswith(prefix)):
        if full in files:
            found[known[files[full]].field] = _secret(full, Path(environment[full]))
            continue
        if full not in known:
            from tradewright.services.explain import did_you_mean

            fix = did_you_mean(full, sorted((*known, *files)))
            raise ConfigError("is not a variable of this source", where=f"environment, {full}", fix=fix)
        try:
            found[known[full].field] = known[full].read(environment[full])
        except ValueError as error:
            raise ConfigError(str(error), where=f"environment, {full}", fix="Correct the value.") from None
    return found


def _secret(variable: str, path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        what = f"the secret file {path} cannot be read: {reason}"
        raise ConfigError(what, where=f"environment, {variable}", fix="Give a file that holds the secret.") from None
    if not text:
        fix = "Write the secret into it."
        raise ConfigError(f"the secret file {path} is empty", where=f"environment, {variable}", fix=fix)
    return text


@contextmanager
def library_named(name: str) -> Iterator[None]:
    """Turn a library that is not there into one sentence."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _LIBRARIES:
            raise
        what = f"{name} needs the library {missing}, which is not installed"
        raise UsageError(what, fix="Install it: pip install 'tradewright[live]'.") from None


def _explained(name: str, error: ValidationError) -> ConfigError:
    """Name the variable that holds a wrong value; the value itself may be secret and is not shown."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = str(first["loc"][0]) if first["loc"] else ""
    variables = {v.field: f"{PREFIX}{name.upper()}_{v.name}" for v in vendor(name).variables}
    where = f"environment, {variables[field]}" if field in variables else f"{name} {field}".strip()
    return ConfigError(first["msg"].removeprefix("Value error, "), where=where, fix="Correct the value.")
