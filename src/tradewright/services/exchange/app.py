"""The application: one protocol over one runner."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from tradewright.services.exchange.alpaca import market_data as alpaca_data
from tradewright.services.exchange.alpaca import refusals as alpaca_refusals
from tradewright.services.exchange.alpaca import streams as alpaca_streams
from tradewright.services.exchange.alpaca.account import AccountFace
from tradewright.services.exchange.alpaca.door import Door
from tradewright.services.exchange.alpaca.orders import OrdersFace
from tradewright.services.exchange.alpaca.words import Words as AlpacaWords
from tradewright.services.exchange.binance import market_data as binance_data
from tradewright.services.exchange.binance import refusals as binance_refusals
from tradewright.services.exchange.binance import streams as binance_streams
from tradewright.services.exchange.binance import trading as binance_trading
from tradewright.services.exchange.binance.requests import AHEAD_MS, Signatures
from tradewright.services.exchange.keys import Keys
from tradewright.services.exchange.mishaps import Mishaps
from tradewright.services.exchange.quota import Quota
from tradewright.services.exchange.runner import Runner
from tradewright.services.exchange.simulation import SimulationFace
from tradewright.services.http_service.access import Guard, is_this_machine


@dataclass(frozen=True, slots=True)
class Doors:
    """What stands before an application: keys, quota, where it listens.

    ``lost_s``: so long an answer that is lost is waited for. ``wall_ns``: this machine's clock, ns UTC.
    """

    keys: Keys
    quota: Quota
    wall_ns: Callable[[], int]
    host: str = "127.0.0.1"
    lost_s: float = 30.0


def alpaca_app(runner: Runner, doors: Doors) -> ASGIApp:
    """Return the exchange in Alpaca's words."""
    words = AlpacaWords(runner.account, runner.exchange.markets)
    door = Door(runner, doors.keys, doors.quota)
    orders, account = OrdersFace(runner, door, words), AccountFace(runner, door, words)
    data = alpaca_data.DataFace(runner, doors.keys)
    streams = alpaca_streams.Streams(runner, doors.keys, words)
    routes = [*orders.routes(), *account.routes(), *data.routes(), *streams.routes()]
    return _guarded(runner, doors, routes, alpaca_refusals.status_body)


def binance_app(runner: Runner, doors: Doors) -> ASGIApp:
    """Return the exchange in the words of Binance spot."""
    began = runner.now_ns // 10**6

    def is_timely(made: int, window: int) -> bool:
        skew = runner.told_ns - runner.now_ns
        told = runner.told_ns // 10**6
        if any(made < now + AHEAD_MS and now - made <= window for now in (told, (doors.wall_ns() + skew) // 10**6)):
            return True
        # a clock that was set by ours once goes on at its own pace, and the recording does not
        return runner.clock.speed != 1.0 and began - window <= made <= told

    signatures = Signatures(doors.keys, is_timely)
    trading = binance_trading.TradingFace(runner, signatures, doors.quota)
    data = binance_data.DataFace(runner, doors.quota)
    streams = binance_streams.Streams(runner, signatures, trading.words, data)
    routes = [*trading.routes(), *data.routes(), *streams.routes()]
    return _guarded(runner, doors, routes, binance_refusals.status_body)


def _guarded(runner: Runner, doors: Doors, routes: Sequence[BaseRoute], refusal: Callable[[int], bytes]) -> ASGIApp:
    """Return an application that, on this machine, answers only requests addressed to it."""
    app = Starlette(routes=[*routes, *SimulationFace(runner).routes()], lifespan=running(runner))
    unreliable = Mishaps(app, runner.script, refusal, doors.lost_s)
    return Guard(unreliable, "") if is_this_machine(doors.host) else unreliable


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
