"""A paper session beside the local exchange, over its sockets, fills as a backtest over the same hours."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.venues.local_exchange import KEY, SECRET, LocalExchange

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN, VOLUME
from tradewright.core.types.errors import ConfigError
from tradewright.core.types.order import OrderKind
from tradewright.core.types.venue import VenueFill
from tradewright.data.importer import import_file
from tradewright.data.instruments import InstrumentParams
from tradewright.data.store import BarStore
from tradewright.data.synthetic import WalkParams, synthetic_bars
from tradewright.engine.backtest import BacktestResult
from tradewright.engine.live.conductor import Conductor
from tradewright.engine.live.recovery import QUOTE
from tradewright.engine.live.rows import MARKET, MarketRow, row_of, show
from tradewright.execution.journal.disk import FolderDisk
from tradewright.execution.journal.reading import JournalReader
from tradewright.execution.orders.inputs import Intended
from tradewright.execution.orders.recovery import from_record
from tradewright.execution.orders.state import OrdersState
from tradewright.execution.sim_broker import CAPABILITIES
from tradewright.execution.sim_venue import SimVenue
from tradewright.services.exchange.markets import Wanted
from tradewright.services.live.clocks import VenueClock
from tradewright.services.live.session import plan_of
from tradewright.services.live.start import Started, Surroundings
from tradewright.services.runs.prepare import PreparedRun, prepare
from tradewright.services.settings import RunSettings

MINUTE = 60_000_000_000
OPENING = 1_704_205_800 * 10**9  # 2024-01-02 09:30 in New York
FIRST, MOMENTS = 120, 200
#: Vendor: symbol, and what is said of it.
SIDES = {
    "binance": ("BTCUSDT", {"lot_size": "0.0001", "fees": "crypto_spot"}),
    "alpaca": ("ACME", {"calendar": "us_equity", "fees": "us_equity_no_commission"}),
}


def bars_of(symbol: str) -> Bars:
    return synthetic_bars(380, 5, WalkParams(symbol, start=OPENING, interval=MINUTE, volatility=0.0015))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("store")
    rows = {"open": OPEN, "high": HIGH, "low": LOW, "close": CLOSE, "volume": VOLUME}
    for symbol, about in SIDES.values():
        bars = bars_of(symbol)
        columns = {name: np.round(bars.fields[row], 2) for name, row in rows.items()}
        times = pl.Series(bars.ts_open).cast(pl.Datetime("ns", "UTC"))
        pl.DataFrame({"time": times} | columns).write_parquet(root / "bars.parquet")
        params = InstrumentParams.model_validate({"symbol": symbol, "tick_size": "0.01"} | about)
        BarStore(root / "store").write(import_file(root / "bars.parquet", params.instrument().calendar), params)
    return root / "store"


def settings(vendor: str, store: Path, url: str) -> RunSettings:
    trading = {"venue": vendor, "account": "side", "url": url}
    return RunSettings.model_validate(
        {
            "strategy": {"name": "ema_cross", "params": {"fast": 3, "slow": 9, "weight": 0.5}},
            "data": {"store": store, "symbols": [f"{SIDES[vendor][0]}@1m"]},
            "trading": trading,
            "feed": {"source": vendor, "clock": "venue"},
        }
    )


def environment(vendor: str, exchange: LocalExchange) -> Mapping[str, str]:
    prefix = f"TRADEWRIGHT_{vendor.upper()}_"
    names = ("REST_URL", "ARCHIVE_URL") if vendor == "binance" else ("DATA_URL",)
    urls = {prefix + name: exchange.http_url for name in names}
    if vendor == "alpaca":
        urls[f"{prefix}REQUESTS_PER_MINUTE"] = "60000"
    data = {f"{prefix}KEY": KEY, f"{prefix}SECRET": SECRET} if vendor == "alpaca" else {}
    keys = {
        f"TRADEWRIGHT_KEYS_{vendor.upper()}_PAPER_{name}": word for name, word in (("KEY", KEY), ("SECRET", SECRET))
    }
    return urls | data | keys | {f"{prefix}STREAM_URL": exchange.ws_url}


async def side_by_side(
    run: PreparedRun,
    exchange: LocalExchange,
    outside: Mapping[str, str],
    accounts: Path,
    wall_ns: Callable[[], int] = time.time_ns,
    moments: int = MOMENTS,
) -> Started:
    """Let the market move when the session has taken in what was, as with no latency at all."""
    started = Started(run, "paper", Surroundings(wall_ns, outside, accounts, lambda _: None, lambda _: None))
    clock = VenueClock(wall_ns, follows=True)
    task = asyncio.create_task(started.follow_feed(clock))

    async def until(count: int) -> None:
        async with asyncio.timeout(240):
            while started.session is None or started.session.runtime.counts.rows < count or started.session.desk.tasks:
                await asyncio.sleep(0.002)
                if task.done():
                    await task

    try:
        async with asyncio.timeout(240):
            while not await asyncio.to_thread(exchange.watchers) or not await asyncio.to_thread(exchange.listeners):
                await asyncio.sleep(0.01)
                if task.done():
                    await task
        assert started.session is not None
        await asyncio.sleep(0.3)
        warm = started.session.runtime.counts.rows
        for moment in range(1, moments + 1):
            await asyncio.to_thread(exchange.command, "advance", seconds=60)
            await until(warm + moment)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, ExceptionGroup):
            await task
        await started.close()
    return started


def fresh_backtest(run: PreparedRun, rows: list[MarketRow]) -> BacktestResult:
    """The same rows on the simulated venue, without desk, journal or sockets."""
    plan = plan_of(run, rows[0].ts_open)
    conductor = Conductor(plan, OrdersState("x", CAPABILITIES), takes_fractions=True)
    guard = conductor.run.memory.guard
    assert guard is not None
    guard.record["drift_ns"] = 0.0
    venue = SimVenue(plan.venue, conductor.run.instruments, conductor.event)
    for row in rows:
        show(row, conductor.event)
        for message in venue.on_market():
            conductor.session.on_order_event(message)
        session = conductor.session
        for command in session.on_market() if row.decides else session.warm(is_cross_section=False):
            venue.submit(command)
    return conductor.run.result()


@pytest.mark.parametrize("vendor", SIDES)
def test_fills_and_money_are_those_of_a_backtest_over_the_same_hours(vendor: str, store: Path, tmp_path: Path) -> None:
    spec = f"{SIDES[vendor][0]}@1m"
    wanted = Wanted((spec,), store, start=int(bars_of("X").ts_open[FIRST]))
    with LocalExchange(spec, protocol=vendor, fills="bars", wanted=wanted) as exchange:
        run = prepare(settings(vendor, store, exchange.http_url))
        started = asyncio.run(side_by_side(run, exchange, environment(vendor, exchange), tmp_path))
        money = exchange.runner.account.means.worth().equity
    session = started.session
    assert session is not None
    records = list(JournalReader(FolderDisk(tmp_path / "side" / "journal")))
    rows = [row_of(record) for record in records if record.kind == MARKET]
    assert all(a.ts_event == b.ts_open for a, b in pairwise(rows)), "the seam holds"
    assert sum(row.decides for row in rows) == MOMENTS
    expected = fresh_backtest(run, rows)
    found: list[VenueFill] = sorted(session.state.fills.values(), key=lambda fill: fill.ts_event)
    assert len(found) == len(expected.fills) > 5
    for fill, row in zip(found, expected.fills, strict=True):
        assert (fill.side, fill.lots, fill.ts_event) == (row["side"], row["lots"], row["ts_event"])
        assert fill.price == pytest.approx(row["price"], abs=1e-8), "the venue writes eight digits"
    assert session.runtime.counts.refused == 0
    (asked,) = (record.payload for record in records if record.kind == "money")
    assert asked == {"venue": 100_000.0, "own": 100_000.0}
    assert session.conductor.book()["equity_micro"] / 1e6 == expected.final_equity
    assert money / 1e6 == pytest.approx(expected.final_equity, abs=1e-4)


@pytest.mark.parametrize("vendor", SIDES)
def test_orders_are_quoted_at_the_quotes_beside_the_bars(vendor: str, store: Path, tmp_path: Path) -> None:
    spec = f"{SIDES[vendor][0]}@1m"
    wanted = Wanted((spec,), store, start=int(bars_of("X").ts_open[FIRST]))
    with LocalExchange(spec, protocol=vendor, wanted=wanted) as exchange:
        asked = settings(vendor, store, exchange.http_url).model_dump(exclude_none=True)
        asked["feed"]["quotes_s"], asked["trading"]["tactics"]["market"] = 0.0, "quoted"
        run = prepare(RunSettings.model_validate(asked))
        asyncio.run(side_by_side(run, exchange, environment(vendor, exchange), tmp_path, moments=60))
    bid = ask = 0.0
    quotes = limits = 0
    for record in JournalReader(FolderDisk(tmp_path / "side" / "journal")):
        told = from_record(record)
        if record.kind == QUOTE:
            quotes += 1
            bid, ask = (float(str(record.payload[side])) for side in ("bid", "ask"))
        elif isinstance(told, Intended) and told.intent.kind is OrderKind.LIMIT and bid:
            limits += 1
            assert told.intent.limit_price == pytest.approx(0.5 * (bid + ask), rel=1e-3)
    assert quotes >= 60
    assert limits > 0


@pytest.mark.parametrize(("vendor", "lot"), [("binance", "0.00015"), ("alpaca", "0.5")])
def test_a_definition_off_the_venues_grid_is_refused_before_anything_trades(
    vendor: str, lot: str, store: Path, tmp_path: Path
) -> None:
    symbol = SIDES[vendor][0]
    wanted = Wanted((f"{symbol}@1m",), store, start=int(bars_of("X").ts_open[FIRST]))
    with LocalExchange(f"{symbol}@1m", protocol=vendor, fills="bars", wanted=wanted) as exchange:
        made = settings(vendor, store, exchange.http_url).model_dump(exclude_none=True)
        run = prepare(RunSettings.model_validate(made | {"instruments": {symbol: {"lot_size": lot}}}))
        outside = environment(vendor, exchange)
        started = Started(run, "paper", Surroundings(time.time_ns, outside, tmp_path, lambda _: None, lambda _: None))

        async def begun() -> None:
            try:
                await started.follow_feed(VenueClock(time.time_ns, follows=True))
            finally:
                await started.close()

        with pytest.raises(ConfigError, match=f"{symbol} goes by lot_size"):
            asyncio.run(begun())
    assert not (tmp_path / "side" / "journal").exists()


def test_money_that_is_not_there_is_not_traded(store: Path, tmp_path: Path) -> None:
    wanted = Wanted(("BTCUSDT@1m",), store, start=int(bars_of("X").ts_open[FIRST]))
    with LocalExchange("BTCUSDT@1m", protocol="binance", fills="bars", wanted=wanted) as exchange:
        made = settings("binance", store, exchange.http_url).model_dump(exclude_none=True)
        run = prepare(RunSettings.model_validate(made | {"account": {"initial_cash": 110_000}}))
        said = "the account is worth 100,000.00, and the session would trade as if it were 110,000.00"
        with pytest.RaisesGroup(pytest.RaisesExc(ConfigError, match=said), flatten_subgroups=True):
            asyncio.run(side_by_side(run, exchange, environment("binance", exchange), tmp_path, moments=1))
    kinds = {record.kind for record in JournalReader(FolderDisk(tmp_path / "side" / "journal"))}
    assert "intent" not in kinds
