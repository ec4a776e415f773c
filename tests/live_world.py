"""A session over recorded rows, with desk, journal and simulated venue; it can be killed at any write."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.core.types.journal import JournalRecord
from tradewright.data.synthetic import WalkParams, synthetic_bars
from tradewright.engine.backtest import BacktestResult
from tradewright.engine.live.conductor import Conductor
from tradewright.engine.live.feeding import RowMaker
from tradewright.engine.live.following import Follower
from tradewright.engine.live.recovery import Retelling
from tradewright.engine.live.rows import MarketRow, rows_of
from tradewright.engine.live.runtime import Runtime
from tradewright.engine.plan import BacktestPlan, plan_of_bars
from tradewright.execution.desk import DeskPorts, OrderDesk
from tradewright.execution.journal.disk import FolderDisk
from tradewright.execution.journal.reading import SESSION, JournalReader
from tradewright.execution.journal.writing import Journal
from tradewright.execution.orders.inputs import Alert, OrderEvent, Started, Ticked
from tradewright.execution.orders.state import OrdersState
from tradewright.execution.sim_broker import CAPABILITIES, SimBroker
from tradewright.risk.limits import Limits
from tradewright.strategies.registry import built_in

HOUR = 3_600_000_000_000
FEES = FeeModel(taker_bps=2.0, maker_bps=1.0, minimum=0.5, half_spread_bps=1.0, slippage_bps=0.5)
INSTRUMENTS = tuple(
    Instrument(name, fees=FEES, margin_initial=0.25, margin_maintenance=0.1) for name in ("AAA", "BBB", "CCC")
)
BARS = [
    synthetic_bars(420, seed, WalkParams(i.symbol, interval=HOUR, volatility=0.006))
    for seed, i in enumerate(INSTRUMENTS, 3)
]
LIMITS = Limits(intraday_loss=0.03, max_drawdown=0.2, max_leverage=3.0)
CASES = {
    "ema_cross": {"fast": 3, "slow": 9, "allow_short": True, "stop_loss": 0.004, "take_profit": 0.01},
    "donchian_breakout": {},
    "vwap_reversion": {},
    "buy_and_hold": {},
    "momentum_rotation": {},
}


class CrashError(BaseException):
    """Power is gone."""


class CrashingJournal(Journal):
    """A journal whose process dies at a write."""

    left = 1 << 60

    def append(self, *args: object, **more: object) -> int:
        self.left -= 1
        if self.left < 0:
            raise CrashError
        return super().append(*args, **more)  # type: ignore[arg-type]


def plan(name: str) -> BacktestPlan:
    strategy = built_in(name)
    bars = BARS if strategy.is_cross_section or name == "buy_and_hold" else BARS[:2]
    params = strategy.params.model_validate(CASES[name])
    return replace(plan_of_bars(INSTRUMENTS[: len(bars)], bars, strategy, params), limits=LIMITS)


class World:
    """One account folder; every `run` is a process of its own."""

    def __init__(self, a_plan: BacktestPlan, folder: Path) -> None:
        self.plan, self.disk, self.now = a_plan, FolderDisk(folder), 0
        self.rows: Sequence[MarketRow] = [row for block in a_plan.blocks() for row in rows_of(block)]
        self.conductor: Conductor | None = None
        self.alerts: list[Alert] = []

    def made(self, state: OrdersState) -> tuple[Conductor, SimBroker]:
        conductor = Conductor(self.plan, state, takes_fractions=True)
        broker = SimBroker(
            self.plan.venue,
            self.plan.instruments,
            conductor.run.instruments,
            conductor.event,
            conductor.sent.get,
            lambda: self.now,
        )
        return conductor, broker

    def retold(self) -> Retelling:
        state = OrdersState("account", CAPABILITIES)
        tale = Retelling(state, lambda _: self.made(state))
        for record in self.records():
            tale.take(record)
        tale.finish()
        return tale

    def records(self) -> Iterable[JournalRecord]:
        return JournalReader(self.disk)

    def run(self, dies_after: int = 1 << 60, rows: int = 1 << 60) -> BacktestResult | None:
        try:
            return asyncio.run(self._run(dies_after, rows))
        except CrashError:
            return None

    async def _run(self, dies_after: int, count: int) -> BacktestResult:
        state = OrdersState("account", CAPABILITIES)
        tale = Retelling(state, lambda _: self.made(state))
        self.now = self.rows[0].ts_open
        journal = CrashingJournal(self.disk, lambda: 0, on_record=tale.take)
        journal.left = dies_after
        conductor, broker = (tale.conductor, tale.broker) if tale.conductor else self.made(state)
        assert conductor is not None
        assert broker is not None
        self.conductor = conductor
        broker.is_awake = tale.conductor is None
        newest = tale.newest or [0] * len(self.plan.instruments)
        self.now = max([self.now, *newest])
        journal.append(SESSION, {"begins": tale.conductor is None}, self.now, self.now)
        runtime: Runtime

        def tell(effect: OrderEvent | Alert) -> None:
            runtime.told(effect)

        desk = OrderDesk(broker, journal, state, DeskPorts(lambda: self.now, lambda: True, tell))
        runtime = Runtime(conductor, desk, broker, self.alerts.append)
        if tale.conductor is not None:
            runtime.take_up(tale.unfinished())
        follower = Follower(runtime, RowMaker(self.plan.instruments), _nothing)
        follower.resume(newest)
        desk.feed(Started(state.epoch + 1, self.now))
        for row in self.rows[:count]:
            self.now = max(self.now, row.ts_seen)
            await follower.take_row(row)
            desk.feed(Ticked(self.now))
        await follower.finish()
        journal.close()
        if not broker.is_awake:  # it died after the last row
            return conductor.run.result()
        held = {p.instrument: p.lots for p in await broker.positions()}
        assert held == {n: k.position for n, k in state.instruments.items() if k.position}
        return conductor.run.result()


async def _nothing(_j: int, _start: int, _end: int) -> Iterable[MarketRow]:
    return ()
