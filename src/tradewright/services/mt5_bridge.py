"""The bridge: a MetaTrader 5 terminal on this Windows machine, over HTTP, for tradewright on another.

Every request must carry the token, from this machine too: whoever is answered can trade. Accounts with real money are
refused unless the operator says otherwise at the start.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, TextIO

from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse, Response
from starlette.requests import Request as HttpRequest
from starlette.types import ASGIApp

from tradewright import __version__
from tradewright.adapters.mt5.module_terminal import ModuleTerminal, load_module
from tradewright.adapters.mt5.remote import STATUS_OF
from tradewright.adapters.mt5.server_zone import ServerZone
from tradewright.adapters.mt5.terminal import (
    AccountRow,
    Bars,
    DealRow,
    OrderRow,
    Period,
    PositionRow,
    Request,
    Result,
    SymbolRow,
    Terminal,
    TickRow,
    TradeMode,
)
from tradewright.core.types.errors import ConfigError, VenueError
from tradewright.execution.venue import VenueAuthError
from tradewright.services.http_service.access import Guard, check_token
from tradewright.services.http_service.access_log import AccessLog
from tradewright.services.http_service.answers import JSON, Clocks, json_bytes
from tradewright.services.http_service.docs_page import docs_page
from tradewright.services.http_service.error_answers import add_error_answers
from tradewright.services.http_service.problems import ProblemError
from tradewright.services.http_service.serving import run_app
from tradewright.services.secrets import secret

Moment = Annotated[int, Query(ge=0, le=4_102_444_800_000, description="ms UTC, up to the year 2100")]
TOKEN = "TRADEWRIGHT_MT5_BRIDGE_TOKEN"  # noqa: S105  # the name of the variable


@dataclass(frozen=True, slots=True)
class BridgeServiceParams:
    """Where the bridge listens, which terminal it uses, and whether real money may be traded through it."""

    host: str = "127.0.0.1"
    port: int = 8792
    path: str = ""
    utc_offset_s: int | None = None
    zone: ServerZone | None = None
    allows_real: bool = False


def make_app(terminal: Terminal, token: str, *, allows_real: bool = False, log: TextIO | None = None) -> ASGIApp:
    """Return the application; each address is one call of `Terminal`.

    Raises
    ------
    ConfigError
        If there is no token: this service has no open mode.
    """
    if not token:
        what = "the bridge can trade, and there is no token to tell who may"
        raise ConfigError(what, where=TOKEN, fix=f"Set {TOKEN} or {TOKEN}_FILE, the same on both machines.")
    check_token("127.0.0.1", token, TOKEN)
    app = FastAPI(title="tradewright mt5-bridge", version=__version__, docs_url=None, redoc_url=None)
    add_error_answers(app)
    app.add_exception_handler(VenueError, _of_venue)
    _add_addresses(app, terminal, allows_real=allows_real)
    guarded: ASGIApp = Guard(app, token)
    return AccessLog(guarded, log, Clocks(time.time_ns, time.monotonic_ns)) if log is not None else guarded


def serve(
    params: BridgeServiceParams, environment: Mapping[str, str] = os.environ, *, logs_access: bool = False
) -> None:
    """Serve the terminal of this machine until Ctrl-C.

    Raises
    ------
    ConfigError
        If the package or the token is missing.
    UsageError
        If the address is taken.
    """
    token = secret(environment, TOKEN)
    terminal = ModuleTerminal(
        load_module(),
        clock_ns=time.time_ns,
        path=params.path,
        utc_offset_s=params.utc_offset_s,
        zone=params.zone,
    )
    app = make_app(terminal, token, allows_real=params.allows_real, log=sys.stderr if logs_access else None)
    run_app(app, params.host, params.port, "the MetaTrader 5 terminal")


def _add_addresses(app: FastAPI, terminal: Terminal, *, allows_real: bool) -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        """Tell that the bridge runs; nothing about the terminal."""
        return {"status": "ok"}

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(app.openapi()))

    @app.get("/account")
    async def account() -> AccountRow:
        """Tell which account the terminal is logged in to."""
        return await terminal.account()

    @app.get("/symbols/{name:path}")
    async def symbol(name: str) -> SymbolRow:
        """Tell how a symbol is traded."""
        row = await terminal.symbol(name)
        if row is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"the terminal has no symbol {name}", "symbol")
        return row

    @app.get("/ticks/{name:path}")
    async def tick(name: str) -> TickRow:
        """Tell the newest quote."""
        return await terminal.tick(name)

    @app.get("/bars/{name:path}")
    async def bars(name: str, period: Period, start_ms: Moment, end_ms: Moment) -> Bars:
        """List the bars of a symbol that begin within a time, ms UTC; `period` is ENUM_TIMEFRAMES' number."""
        return await terminal.bars(name, period, start_ms, end_ms)

    @app.get("/orders")
    async def orders() -> list[OrderRow]:
        """List open orders."""
        return await terminal.orders()

    @app.get("/positions")
    async def positions() -> list[PositionRow]:
        """List open positions."""
        return await terminal.positions()

    @app.get("/history/orders")
    async def history_orders(since_ms: int) -> list[OrderRow]:
        """List orders that ended since a time."""
        return await terminal.history_orders(since_ms)

    @app.get("/history/deals")
    async def history_deals(since_ms: int) -> list[DealRow]:
        """List executions since a time."""
        return await terminal.history_deals(since_ms)

    @app.post("/send")
    async def send(request: Request) -> Result:
        """Send a request to the trade server, once."""
        if not allows_real and (await terminal.account()).trade_mode is TradeMode.REAL:
            what, fix = "the terminal is logged in to real money", "Start the bridge with --real if that is meant."
            raise VenueAuthError(what, where="mt5-bridge", fix=fix)
        return await terminal.send(request, lambda: None)


def _of_venue(_: HttpRequest, error: Exception) -> Response:
    status = next((code for kind, code in STATUS_OF.items() if isinstance(error, kind)), 500)
    told = error if isinstance(error, VenueError) else VenueError(str(error))
    body = {"what": told.what, "where": told.where, "fix": told.fix}
    return Response(json_bytes(body), status_code=status, media_type=JSON)
