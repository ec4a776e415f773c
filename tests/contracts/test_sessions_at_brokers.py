"""A whole paper session at Interactive Brokers and MetaTrader 5: signals, orders, fills, a restart, a kill."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from tests.venues.asgi_server import serving
from tests.venues.ibkr_market import Market, Seconds
from tests.venues.ibkr_orders import TwsOrders
from tests.venues.ibkr_venue import IbkrVenue
from tests.venues.local_account import LocalAccount
from tests.venues.metaapi_venue import ACCOUNT, TOKEN, MetaApiVenue
from tests.venues.mt5_module import Mt5Module
from tests.venues.mt5_server import Mt5Server
from tests.venues.mt5_ways import BRIDGE_TOKEN, WAYS, module_terminal

from tradewright.adapters.mt5 import module_terminal as package
from tradewright.core.types.errors import TradewrightError
from tradewright.core.types.order import KillLevel, OrderStatus
from tradewright.data.importer import import_file
from tradewright.data.instruments import InstrumentParams
from tradewright.data.store import BarStore
from tradewright.execution.orders.inputs import Alert
from tradewright.execution.orders.state import ALL
from tradewright.risk.kill.requests import write_kill
from tradewright.services.live.clocks import VenueClock
from tradewright.services.live.start import Started, Surroundings
from tradewright.services.mt5_bridge import make_app
from tradewright.services.runs.prepare import prepare
from tradewright.services.settings import RunSettings

SYMBOL = "AAPL"
PLACES = ("ibkr", *(f"mt5 {way}" for way in WAYS), "mt5 module hedging")
#: Between 0.99 and 1.01 of the price at which the venue fills, up and down in some twelve minutes.
SWING_S = 120.0


class Swinging(Market):
    """A market around the venue's own price, on every day of the week."""

    def __init__(self, mid: float) -> None:
        super().__init__()
        self.mid = mid

    def prices(self, seconds: Seconds) -> NDArray[np.float64]:
        prices: NDArray[np.float64] = np.round(self.mid * (1.0 + 0.01 * np.sin(seconds / SWING_S)), 2)
        return prices

    def is_open(self, seconds: Seconds) -> NDArray[np.bool_]:
        return np.ones(len(seconds), dtype=np.bool_)


@dataclass
class Place:
    """A broker's program on this machine, a feed beside it, and what a user writes to trade there."""

    local: LocalAccount
    trading: dict[str, Any]
    environment: dict[str, str]
    tws: IbkrVenue
    server: Mt5Server | None = None
    store: Path = field(default=Path())

    @property
    def held(self) -> int:
        with self.local.lock:
            return sum(h.lots for h in self.local.account.book.holdings.values())

    @property
    def working(self) -> int:
        with self.local.lock:
            return sum(not o.is_over for o in self.local.account.orders.by_id.values())


@contextmanager
def place_at(where: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    is_mt5 = where != "ibkr"
    local = LocalAccount(f"{SYMBOL}.m" if is_mt5 else SYMBOL)
    now_s = local.now_ns // 10**9
    bid, ask = local.runner.exchange.top(0)
    with ExitStack() as stack:
        tws = IbkrVenue(
            market=Swinging((bid + ask) / 2),
            orders=TwsOrders(LocalAccount("SPY") if is_mt5 else local),
            live_start=now_s - now_s % 60,
            live_pause_s=0.006,
        )
        stack.enter_context(tws)
        data = {"TRADEWRIGHT_IBKR_HOST": "127.0.0.1", "TRADEWRIGHT_IBKR_PORT": str(tws.port)}
        if not is_mt5:
            about = {"account_id": "DU0000001", "port": tws.port}
            place = Place(local, {"venue": "ibkr", "ibkr": about}, {}, tws)
        else:
            place = _terminal(where.split()[1], local, tws, data, stack, monkeypatch)
            assert place.server is not None
            place.server.margin_mode = 2 if where.endswith("hedging") else 0
        place.store = _stored(folder, tws.market, now_s)
        yield place


def _terminal(
    way: str,
    local: LocalAccount,
    tws: IbkrVenue,
    environment: dict[str, str],
    stack: ExitStack,
    monkeypatch: pytest.MonkeyPatch,
) -> Place:
    server, told = Mt5Server(local), {"login": 5001, "way": way, "suffix": ".m"}
    secret = "TRADEWRIGHT_KEYS_MT5_PAPER_SECRET"  # noqa: S105 - the name of the variable
    if way == "module":
        monkeypatch.setattr(package, "load_module", lambda: Mt5Module(server))
        told = told | {"utc_offset_s": 3 * 3_600}  # of a market of other days it cannot be measured by our clock
    elif way == "bridge":
        url = stack.enter_context(serving(make_app(module_terminal(server), BRIDGE_TOKEN)))
        told, environment = told | {"url": url}, environment | {secret: BRIDGE_TOKEN}
    else:
        url = stack.enter_context(serving(MetaApiVenue(server).app))
        told = told | {"url": url, "metaapi_account": ACCOUNT}
        environment = environment | {secret: TOKEN}
    return Place(local, {"venue": "mt5", "mt5": told}, environment, tws, server)


def _stored(folder: Path, market: Market, now_s: int) -> Path:
    """Store two hours of bars before the session."""
    end = now_s - now_s % 60
    rows = market.bars(end - 7_200, end, 60)
    columns = {name: [float(row[k]) for row in rows] for k, name in enumerate(("open", "high", "low", "close"), 1)}
    times = pl.Series([int(row[0]) * 10**9 for row in rows]).cast(pl.Datetime("ns", "UTC"))
    pl.DataFrame({"time": times} | columns | {"volume": [1.0] * len(rows)}).write_parquet(folder / "bars.parquet")
    params = InstrumentParams.model_validate({"symbol": SYMBOL, "tick_size": "0.01", "calendar": "24/7"})
    BarStore(folder / "store").write(import_file(folder / "bars.parquet", params.instrument().calendar), params)
    return folder / "store"


def settings(place: Place, **changes: Any) -> RunSettings:  # noqa: ANN401
    strategy = {"fast": 2, "slow": 4, "weight": 0.003, "stop_loss": 0.2}
    return RunSettings.model_validate(
        {
            "strategy": {"name": "ema_cross", "params": strategy},
            "data": {"store": place.store, "symbols": [f"{SYMBOL}@1m"]},
            "trading": place.trading | {"account": "side"} | changes,
            "feed": {"source": "ibkr", "clock": "venue"},
        }
    )


class Session:
    """One process of the session."""

    def __init__(self, place: Place, accounts: Path, **changes: Any) -> None:  # noqa: ANN401
        self.place, self.alerts = place, list[Alert]()
        around = Surroundings(time.time_ns, place.environment, accounts, self.alerts.append, lambda _: None)
        self.started = Started(prepare(settings(place, **changes)), "paper", around)
        self.task: asyncio.Task[None] | None = None

    async def run_until(self, what: str, holds: Callable[[Started], bool]) -> None:
        if self.task is None:
            self.task = asyncio.create_task(self.started.follow_feed(VenueClock(time.time_ns, follows=True)))
        for look in range(2_000):
            if self.started.session is not None and holds(self.started):
                return
            if self.task.done():
                await self.task
            await asyncio.sleep(0.01)
            if look % 20 == 0:
                self.place.local.advance()  # the venue's book fills up again
        raise AssertionError(f"{what}: {self.alerts}")

    async def end(self) -> None:
        if self.task is not None:
            self.task.cancel()
            with suppress(asyncio.CancelledError, ExceptionGroup, TradewrightError):
                await self.task
        await self.started.close()


def fills(started: Started) -> int:
    assert started.session is not None
    return len(started.session.state.fills)


def position(started: Started) -> int:
    assert started.session is not None
    return started.session.state.position(SYMBOL)


def stops(started: Started) -> list[int]:
    assert started.session is not None
    live = started.session.state.live(SYMBOL)
    return [o.intent.lots for o in live if o.intent.stop_price and o.status is OrderStatus.ACCEPTED]


@pytest.mark.parametrize("where", PLACES)
def test_a_session_trades_is_restarted_and_killed(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(place: Place) -> None:
        first = Session(place, tmp_path)
        try:
            await first.run_until("it enters, leaves and enters", lambda s: fills(s) >= 3 and position(s) > 0)
            await first.run_until("it is protected", lambda s: stops(s) == [position(s)])
        finally:
            await first.end()
        held = position(first.started)
        assert place.held == held > 0
        again = Session(place, tmp_path)
        try:
            await again.run_until("it is reconciled", lambda s: s.session is not None and s.session.state.is_ready)
            session = again.started.session
            assert session is not None
            assert session.is_continued
            assert (session.state.quarantine, session.state.of(SYMBOL).halted) == ([], "")
            await again.run_until("it trades on", lambda s: fills(s) > fills(first.started))
            await again.run_until("it holds again", lambda s: position(s) > 0)
            write_kill(again.started.folder.kill, KillLevel.FLATTEN, ALL, ("ann", "the end"), time.time_ns())
            await again.run_until("it is flat", lambda s: position(s) == 0 and not session.state.open)
            assert (place.held, place.working) == (0, 0)
            assert place.server is None or place.server.positions() == [], "no pair is left"
            assert session.state.corrections == 0
        finally:
            await again.end()

    with place_at(where, tmp_path, monkeypatch) as place:
        asyncio.run(work(place))


REAL = {"kind": "live"}


def changed(place: Place, **about: Any) -> dict[str, Any]:  # noqa: ANN401
    name = place.trading["venue"]
    return {name: place.trading[name] | about}


async def refused(place: Place, folder: Path, **changes: Any) -> str:  # noqa: ANN401
    session = Session(place, folder, **changes)
    try:
        with pytest.raises(TradewrightError) as error:
            await session.run_until("it is refused", lambda _: False)
    finally:
        await session.end()
    assert not (folder / "side" / "journal").exists()
    return str(error.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"account_id": "U0000001"}, "not a paper account"),
        ({"account_id": "DU7777777"}, "logged in to DU0000001, not to the paper account"),
        ({"port": 1}, "no TWS or IB Gateway answers"),
    ],
)
def test_another_account_of_interactive_brokers_is_refused(
    changes: Mapping[str, Any], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place_at("ibkr", tmp_path, monkeypatch) as place:
        assert said in asyncio.run(refused(place, tmp_path, **changed(place, **changes)))
        real = asyncio.run(refused(place, tmp_path, **REAL))
        assert "this is a paper account" in real
        real = asyncio.run(refused(place, tmp_path, **REAL, **changed(place, account_id="U0000001")))
        assert "logged in to DU0000001, not to the live account" in real


@pytest.mark.parametrize("way", WAYS)
def test_another_account_of_metatrader_is_refused(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with place_at(f"mt5 {way}", tmp_path, monkeypatch) as place:
        assert place.server is not None
        assert "logged in to 5001 (DEMO)" in asyncio.run(refused(place, tmp_path, **changed(place, login=5002)))
        live = {k.replace("_PAPER_", "_LIVE_"): v for k, v in place.environment.items()}
        place.environment |= live
        assert "logged in to 5001 (DEMO)" in asyncio.run(refused(place, tmp_path, **REAL))
        place.server.trade_mode = 2
        assert "logged in to 5001 (REAL)" in asyncio.run(refused(place, tmp_path))
        if way != "module":
            secret = "TRADEWRIGHT_KEYS_MT5_PAPER_SECRET"  # noqa: S105 - the name of the variable
            place.environment[secret] = "another-token-than-is-wanted"
            told = asyncio.run(refused(place, tmp_path))
            assert "401" in told
            assert place.environment.pop(secret) not in told
            assert f"{secret}: the paper keys are missing" in asyncio.run(refused(place, tmp_path))
