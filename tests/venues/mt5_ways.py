"""The three ways to one local trade server: the package, the real bridge over HTTP, MetaApi's REST."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr
from tests.venues.asgi_server import serving
from tests.venues.metaapi_venue import ACCOUNT, TOKEN, MetaApiVenue
from tests.venues.mt5_module import Mt5Module
from tests.venues.mt5_server import Mt5Server

from tradewright.adapters.mt5.bridge_terminal import BridgeParams, BridgeTerminal
from tradewright.adapters.mt5.metaapi_terminal import MetaApiParams, MetaApiTerminal
from tradewright.adapters.mt5.module_terminal import ModuleTerminal
from tradewright.adapters.mt5.server_zone import ServerZone
from tradewright.adapters.mt5.terminal import Terminal
from tradewright.services.mt5_bridge import make_app

WAYS = ("module", "bridge", "metaapi")
SERVER_ZONE = "UTC+3"
BRIDGE_TOKEN = "a-token-of-this-test-only"  # noqa: S105


def module_terminal(server: Mt5Server, timeout_s: float = 2.0, zone: str = "") -> ModuleTerminal:
    known = ServerZone.parse(zone) if zone else None
    return ModuleTerminal(Mt5Module(server), clock_ns=lambda: server.local.now_ns, zone=known, timeout_s=timeout_s)


@contextmanager
def way_to(way: str, server: Mt5Server) -> Iterator[Terminal]:
    """Yield a terminal on a server; what stands between them lives as long as the block."""
    if way == "module":
        yield module_terminal(server)
    elif way == "bridge":
        with serving(make_app(module_terminal(server), BRIDGE_TOKEN)) as url:
            yield BridgeTerminal(BridgeParams(url=url, token=SecretStr(BRIDGE_TOKEN), timeout_s=5.0))
    else:
        with serving(MetaApiVenue(server).app) as url:
            yield MetaApiTerminal(MetaApiParams(url=url, account=ACCOUNT, token=SecretStr(TOKEN)))
