"""From settings and a token to a MetaTrader 5 terminal, for orders and for market data."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tradewright.services.trading.brokers import TerminalSettings

if TYPE_CHECKING:
    from pydantic import SecretStr

    from tradewright.adapters.mt5.bridge_terminal import BridgeParams
    from tradewright.adapters.mt5.metaapi_terminal import MetaApiParams
    from tradewright.adapters.mt5.terminal import Terminal

NowNs = Callable[[], int]


def way_of(told: TerminalSettings, token: SecretStr | None) -> BridgeParams | MetaApiParams | None:
    """Return the parameters of the way to a terminal, None for `module`; raises ValidationError."""
    from tradewright.adapters.mt5.bridge_terminal import BridgeParams
    from tradewright.adapters.mt5.metaapi_terminal import MetaApiParams

    if told.way == "module":
        return None
    assert token is not None  # noqa: S101 - the other ways have one
    if told.way == "bridge":
        return BridgeParams(url=told.url, token=token)
    return MetaApiParams(url=told.url, account=told.metaapi_account, token=token)


def open_terminal(told: TerminalSettings, way: BridgeParams | MetaApiParams | None, clock_ns: NowNs) -> Terminal:
    """Return a terminal; nothing is connected yet. A process has one for `module`: the package knows no more.

    Raises
    ------
    ConfigError
        If the package is needed and missing.
    """
    from tradewright.adapters.mt5.bridge_terminal import BridgeParams, BridgeTerminal
    from tradewright.adapters.mt5.metaapi_terminal import MetaApiTerminal

    if isinstance(way, BridgeParams):
        return BridgeTerminal(way)
    if way is not None:
        return MetaApiTerminal(way, told.zone())
    from tradewright.adapters.mt5.module_terminal import ModuleTerminal, load_module

    return ModuleTerminal(
        load_module(), clock_ns=clock_ns, path=told.path, utc_offset_s=told.utc_offset_s, zone=told.zone()
    )
