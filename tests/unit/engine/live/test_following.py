"""A feed with holes, silences and doubles; a strategy that raises; a session that is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.live_world import HOUR, LIMITS, World, plan

from tradewright.core.types.errors import ModelError, SourceError
from tradewright.core.types.feed import FeedGap
from tradewright.core.types.order import TradingState
from tradewright.core.types.quote import Quote
from tradewright.engine.live.feeding import RowMaker
from tradewright.engine.live.following import Follower, FollowParams
from tradewright.engine.live.rows import MarketRow
from tradewright.engine.live.runtime import Runtime
from tradewright.execution.desk import DeskPorts, OrderDesk
from tradewright.execution.journal.writing import Journal
from tradewright.execution.orders.inputs import Alert, KillLevel, OrderEvent, Started
from tradewright.execution.orders.state import OrdersState
from tradewright.execution.sim_broker import CAPABILITIES
from tradewright.strategies.registry import built_in
from tradewright.strategies.strategy import Strategy, StrategyParams

SECOND = 1_000_000_000
GUARDED = LIMITS.model_copy(update={"max_clock_drift_ms": 500.0})


class Bench:
    """A session whose rows a test hands over one by one."""

    def __init__(
        self,
        folder: Path,
        name: str = "ema_cross",
        strategy: Strategy | None = None,
        params: StrategyParams | None = None,
    ) -> None:
        a_plan = replace(plan(name), limits=GUARDED)
        a_plan = replace(a_plan, strategy=strategy or a_plan.strategy, params=params or a_plan.params)
        self.world = World(a_plan, folder)
        self.rows = [row for row in self.world.rows if row.instrument == 0]
        self.now = self.rows[0].ts_open
        self.asked: list[tuple[int, int, int]] = []
        self.known: Callable[[int, int, int], Iterable[MarketRow]] = lambda _j, _start, _end: ()
        state = OrdersState("account", CAPABILITIES)
        self.conductor, self.broker = self.world.made(state)
        self.journal = Journal(self.world.disk, lambda: 0)
        self.alerts: list[Alert] = []

        def tell(effect: OrderEvent | Alert) -> None:
            self.runtime.told(effect)

        ports = DeskPorts(lambda: self.now, lambda: True, tell)
        self.desk = OrderDesk(self.broker, self.journal, state, ports)
        self.runtime = Runtime(self.conductor, self.desk, self.broker, self.alerts.append)
        self.runtime.conductor.run.memory.guard.record["drift_ns"] = 0.0  # type: ignore[union-attr]
        self.follower = Follower(self.runtime, RowMaker(a_plan.instruments), self.missed, FollowParams())

    async def missed(self, j: int, start: int, end: int) -> Iterable[MarketRow]:
        self.asked.append((j, start, end))
        return self.known(j, start, end)

    async def take(self, rows: Iterable[MarketRow]) -> None:
        for row in rows:
            self.now = max(self.now, row.ts_seen)
            await self.follower.take_row(row)

    def run(self, work: Callable[[], Awaitable[None]]) -> None:
        async def inside() -> None:
            self.desk.feed(Started(1, self.now))
            await work()

        asyncio.run(inside())

    @property
    def codes(self) -> list[str]:
        return [alert.code for alert in self.alerts]

    def is_halted(self) -> bool:
        guard = self.conductor.run.memory.guard
        assert guard is not None
        return bool(guard.arrays["instruments"]["is_halted"][0])


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_hole_is_filled_from_history_and_nothing_is_decided_in_it(bench: Bench) -> None:
    hole = bench.rows[20:24]
    bench.known = lambda _j, start, end: [r for r in hole if start <= r.ts_open and r.ts_event <= end]

    async def work() -> None:
        await bench.take(bench.rows[:20])
        await bench.take(bench.rows[24:26])

    bench.run(work)
    assert bench.asked == [(0, bench.rows[19].ts_event, bench.rows[24].ts_open)]
    assert bench.runtime.counts.rows == 26
    assert "feed mended" in bench.codes
    heard = [r.payload for r in bench.world.records() if r.kind == "market"]
    assert [p["d"] for p in heard[19:26]] == [1, 0, 0, 0, 0, 1, 1]
    assert not bench.is_halted()


def test_without_history_nothing_new_is_risked_until_the_features_are_warm_again(bench: Bench) -> None:
    def unknown(_j: int, _start: int, _end: int) -> Iterable[MarketRow]:
        raise SourceError("the vendor is away")

    bench.known = unknown
    warmup = bench.conductor.run.features.warmup

    async def work() -> None:
        await bench.take(bench.rows[:20])
        await bench.take(bench.rows[24:25])
        assert bench.is_halted()
        await bench.take(bench.rows[25 : 25 + warmup])

    bench.run(work)
    assert bench.codes.count("feed interrupted") == 1
    assert "feed back" in bench.codes
    assert not bench.is_halted()


def test_bars_that_come_twice_or_late_are_dropped(bench: Bench) -> None:
    async def work() -> None:
        await bench.take([*bench.rows[:10], bench.rows[9], bench.rows[4], bench.rows[10]])

    bench.run(work)
    assert bench.runtime.counts.rows == 11
    assert bench.follower.lines[0].seam.doubles == 2


def test_silence_stops_new_risk_while_the_session_is_open(bench: Bench) -> None:
    async def work() -> None:
        await bench.take(bench.rows[:5])
        last = bench.rows[4].ts_seen
        await bench.follower.tick(last + 2 * HOUR)
        assert not bench.is_halted()
        await bench.follower.tick(last + 4 * HOUR)
        assert bench.is_halted()
        await bench.follower.tick(last + 5 * HOUR)
        await bench.take(bench.rows[5:6])
        assert not bench.is_halted()

    bench.run(work)
    assert bench.codes.count("feed interrupted") == 1


def test_a_gap_that_the_feed_reports_is_a_gap(bench: Bench) -> None:
    async def work() -> None:
        await bench.take(bench.rows[:5])
        await bench.follower.take(FeedGap("AAA", 0, 1, "disconnected"), bench.now)
        await bench.follower.take(FeedGap("nobody", 0, 1, "disconnected"), bench.now)
        assert bench.is_halted()
        await bench.take(bench.rows[5:6])
        assert not bench.is_halted()

    bench.run(work)
    assert next(a.text for a in bench.alerts if a.code == "feed interrupted").startswith("AAA: disconnected")


def test_a_strategy_that_raises_is_asked_no_more_and_its_position_stays_watched(tmp_path: Path) -> None:
    calls = 0

    def decide(_row: object, _forecast: object, _account: object, _params: object, _signals: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 10:
            raise ZeroDivisionError("by nothing")

    strategy = replace(plan("ema_cross").strategy, decide=decide, is_compiled=False, source_hash="")
    bench = Bench(tmp_path, strategy=strategy)

    async def work() -> None:
        await bench.take(bench.rows[:15])

    bench.run(work)
    assert calls == 10
    assert bench.runtime.counts.rows == 15
    assert "by nothing" in bench.follower.broken
    assert bench.desk.state.kills == {"all": KillLevel.BLOCK_NEW}
    assert bench.conductor.book()["trading_state"] == TradingState.HALTED
    assert np.isfinite(bench.conductor.book()["equity_micro"])


@pytest.mark.parametrize(
    ("level", "state"),
    [
        (KillLevel.REDUCE_ONLY, TradingState.REDUCING),
        (KillLevel.BLOCK_NEW, TradingState.HALTED),
        (KillLevel.FLATTEN, TradingState.KILLED),
    ],
)
def test_a_kill_reaches_desk_and_session_and_a_release_lifts_it(
    bench: Bench, level: KillLevel, state: TradingState
) -> None:
    async def work() -> None:
        await bench.take(bench.rows[:5])
        bench.runtime.kill(level, "all", "tester", "a test")
        assert bench.conductor.book()["trading_state"] == state
        bench.runtime.release("all", "tester", "tester", "alone")
        assert bench.conductor.book()["trading_state"] == state, "one person cannot"
        bench.runtime.release("all", "tester", "another", "both")
        assert bench.conductor.book()["trading_state"] == TradingState.ACTIVE

    bench.run(work)


def test_flattening_closes_what_is_held(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "buy_and_hold")

    async def work() -> None:
        await bench.take(bench.world.rows[:9])
        assert all(bench.conductor.book()["lots"].values())
        bench.runtime.kill(KillLevel.FLATTEN, "all", "tester", "a test")
        await bench.runtime.settle()
        await bench.take(bench.world.rows[9:15])

    bench.run(work)
    assert not any(bench.conductor.book()["lots"].values())
    assert not any(known.position for known in bench.desk.state.instruments.values())


def test_a_journal_that_cannot_be_written_stops_new_orders_and_nothing_else(bench: Bench) -> None:
    async def work() -> None:
        await bench.take(bench.rows[:5])
        bench.journal.failure = OSError(28, "no space left on device")
        await bench.take(bench.rows[5:200])

    bench.run(work)
    assert bench.runtime.counts.rows == 200
    assert bench.desk.state.is_journal_lost
    assert "journal lost" in bench.codes
    assert bench.runtime.counts.refused > 0
    assert bench.conductor.book()["fills"] == 0


class Moody:
    """Forecasts of one sure buyer that now and then has none."""

    warmup = 0

    def __init__(self) -> None:
        self.followed, self.fails = 0, False

    def reset(self) -> None:
        """Nothing is remembered."""

    def follow(self, _row: MarketRow) -> None:
        self.followed += 1

    async def forecast(self, row: MarketRow) -> tuple[np.ndarray[Any, np.dtype[np.float64]], int]:
        if self.fails:
            raise ModelError("the service is down", where="forecasts")
        return np.array([0.9, 0.05, 0.05, 0.01]), row.ts_event


def test_without_forecasts_what_is_held_is_held_and_nothing_is_decided(tmp_path: Path) -> None:
    strategy, moody = built_in("probability"), Moody()
    params = strategy.params.model_validate({"stop_loss": 0.0, "take_profit": 0.0})
    bench = Bench(tmp_path, strategy=strategy, params=params)
    bench.follower = Follower(
        bench.runtime, RowMaker(bench.world.plan.instruments), bench.missed, FollowParams(), moody
    )

    async def work() -> None:
        await bench.follower.warm(bench.rows[:5])
        assert moody.followed == 5
        await bench.take(bench.rows[5:12])
        held = bench.conductor.book()["lots"]["AAA"]
        assert held > 0
        moody.fails = True
        await bench.take(bench.rows[12:30])
        assert bench.conductor.book()["lots"]["AAA"] == held
        assert bench.follower.unforecast
        moody.fails = False
        await bench.take(bench.rows[30:32])
        assert not bench.follower.unforecast

    bench.run(work)
    said = [code for code in bench.codes if "forecasts" in code]
    assert said == ["no forecasts", "forecasts back"], "once for an outage, however long"
    tale = bench.world.retold()
    assert tale.differences == []


def test_quotes_beside_bars_are_shown_in_time_and_are_no_events_of_the_session(bench: Bench) -> None:
    params = FollowParams(quotes_s=5.0)
    bench.follower = Follower(bench.runtime, RowMaker(bench.world.plan.instruments), bench.missed, params)

    def quote(bid: float, ask: float) -> Quote:
        return Quote("AAA", bench.now, bench.now, bid, ask, 1.0, 1.0)

    async def work() -> None:
        await bench.take(bench.rows[:20])
        for k in range(12):
            bench.now += SECOND
            await bench.follower.take(quote(100.0 + k, 100.5 + k), bench.now)
        for bid, ask in ((101.0, 100.0), (float("nan"), 1.0), (0.0, 1.0), (1.0, float("inf"))):
            bench.now += 10 * SECOND
            await bench.follower.take(quote(bid, ask), bench.now)
        await bench.follower.tick(bench.now)
        await bench.take(bench.rows[20:30])

    bench.run(work)
    shown = [r.payload["bid"] for r in bench.world.records() if r.kind == "quote"]
    assert shown == [100.0, 105.0, 110.0, 111.0], "the newest, every five seconds; none that nobody could trade on"
    assert bench.runtime.counts.rows == 30
    assert bench.follower.gaps == 0
