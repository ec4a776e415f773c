"""The application: one protocol over one runner."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.types import ASGIApp

from tradewright.services.exchange.alpaca.market_data import DataFace
from tradewright.services.exchange.alpaca.refusals import status_body
from tradewright.services.exchange.alpaca.streams import Streams
from tradewright.services.exchange.alpaca.trading import TradingFace
from tradewright.services.exchange.keys import Keys
from tradewright.services.exchange.mishaps import Mishaps
from tradewright.services.exchange.quota import Quota
from tradewright.services.exchange.runner import Runner
from tradewright.services.exchange.simulation import SimulationFace
from tradewright.services.http_service.access import Guard, is_this_machine


def alpaca_app(runner: Runner, keys: Keys, quota: Quota, host: str = "127.0.0.1", lost_s: float = 30.0) -> ASGIApp:
    """Return the exchange in Alpaca's words; ``lost_s`` is how long an answer that is lost is waited for."""
    trading, data = TradingFace(runner, keys, quota), DataFace(runner, keys)
    streams = Streams(runner, keys, trading.words)
    routes = [*trading.routes(), *data.routes(), *SimulationFace(runner).routes(), *streams.routes()]
    app = Starlette(routes=routes, lifespan=running(runner))
    return guarded(Mishaps(app, runner.script, status_body, lost_s), host)


def guarded(app: ASGIApp, host: str) -> ASGIApp:
    """Return an application that, on this machine, answers only requests addressed to it."""
    return Guard(app, "") if is_this_machine(host) else app


def running(runner: Runner) -> Callable[[Starlette], contextlib.AbstractAsyncContextManager[None]]:
    """Return the application's life: the market runs while it serves."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.ensure_future(runner.run())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    return lifespan
