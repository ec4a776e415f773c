"""A session through desk, journal and simulated venue, on a market in memory and a clock that follows it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tests.faults.sim_disk import SimDisk

from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.core.types.journal import JournalRecord
from tradewright.data.synthetic import START, WalkParams, synthetic_bars
from tradewright.engine.backtest import BacktestResult
from tradewright.engine.commands import Command
from tradewright.engine.live.recovery import Retelling
from tradewright.engine.live.rows import MarketRow
from tradewright.engine.live.runtime import Runtime
from tradewright.engine.plan import BacktestPlan, plan_of_bars
from tradewright.execution.desk import DeskPorts, OrderDesk
from tradewright.execution.journal.disk import Disk
from tradewright.execution.journal.reading import SESSION, JournalReader
from tradewright.execution.journal.writing import Journal
from tradewright.execution.orders.inputs import Alert, OrderEvent, Started
from tradewright.execution.orders.state import OrdersState
from tradewright.execution.sim_broker import CAPABILITIES
from tradewright.forensics.program import Program, begun
from tradewright.forensics.steps import rows_of_plan
from tradewright.strategies.loader import load_file
from tradewright.strategies.registry import built_in, names
from tradewright.strategies.strategy import Strategy

HOUR = 3_600_000_000_000
BEGIN: dict[str, object] = {"begins": True, "venue": "simulated", "mode": "paper", "code_hash": "c0de"}
Meddle = Callable[[Runtime, int], None]


@dataclass
class Traded:
    """A session that has ended."""

    plan: BacktestPlan
    disk: Disk
    result: BacktestResult
    rows: list[MarketRow]
    alerts: list[Alert] = field(default_factory=list)

    def records(self) -> Iterator[JournalRecord]:
        return iter(JournalReader(self.disk))

    def program(self) -> Program:
        return program_of(self.plan)


def program_of(plan: BacktestPlan) -> Program:
    return Program(lambda _: plan, lambda _: OrdersState("acct", CAPABILITIES), lambda _: {"code_hash": "c0de"})


@dataclass
class _Clock:
    now: int = 0

    def now_ns(self) -> int:
        return self.now


def trade(
    plan: BacktestPlan,
    disk: Disk | None = None,
    *,
    rows: list[MarketRow] | None = None,
    payload: dict[str, object] | None = None,
    meddle: Meddle | None = None,
) -> Traded:
    """Trade a plan's market as a paper session; ``meddle`` is called after each row with its number.

    A disk that holds a journal already is gone on with.
    """
    disk = disk or SimDisk()
    rows = rows if rows is not None else rows_of_plan(plan, 0)
    return asyncio.run(_trade(plan, disk, rows, payload or BEGIN, meddle))


async def _trade(
    plan: BacktestPlan, disk: Disk, rows: list[MarketRow], payload: dict[str, object], meddle: Meddle | None
) -> Traded:
    clock = _Clock(rows[0].ts_open)
    alerts: list[Alert] = []
    state = OrdersState("acct", CAPABILITIES)
    tale = Retelling(state, lambda record: begun(plan, record, state))
    journal = Journal(disk, clock.now_ns, on_record=tale.take)
    is_continued = tale.conductor is not None
    journal.append(SESSION, {**payload, "begins": not is_continued}, clock.now, clock.now)
    if not is_continued:
        tale.take(next(iter(JournalReader(disk))))
    rows = [row for row in rows if row.ts_event > tale.newest[row.instrument]]
    conductor, broker = tale.conductor, tale.broker
    assert conductor is not None
    assert broker is not None
    broker.is_awake = not is_continued
    runtimes: list[Runtime] = []

    def tell(effect: OrderEvent | Alert) -> None:
        runtimes[0].told(effect)

    desk = OrderDesk(broker, journal, state, DeskPorts(clock.now_ns, lambda: True, tell))
    runtime = Runtime(conductor, desk, broker, alerts.append)
    runtimes.append(runtime)
    runtime.take_up(tale.unfinished() if is_continued else [])
    desk.feed(Started(state.epoch + 1, clock.now))
    for i, row in enumerate(rows):
        clock.now = row.ts_seen
        await runtime.hear(row)
        is_complete = i + 1 == len(rows) or rows[i + 1].ts_event != row.ts_event
        if plan.strategy.is_cross_section and is_complete and row.decides:
            await runtime.stamp(row.ts_seen)
        if meddle is not None:
            meddle(runtime, i)
            await runtime.settle()
    await runtime.settle()
    journal.close()
    return Traded(plan, disk, conductor.run.result(), rows, alerts)


def cut(session: Traded, sequence: int) -> SimDisk:
    """Return a disk with the journal as it was when the process ended before a record."""
    disk = SimDisk()
    journal = Journal(disk, lambda: 0)
    for record in session.records():
        if record.sequence == sequence:
            break
        journal.append(record.kind, dict(record.payload), record.ts_event, record.ts_seen)
    journal.close()
    return disk


def command(what: Command, after: int) -> Meddle:
    """Give a command after a row."""

    def meddle(runtime: Runtime, i: int) -> None:
        if i == after:
            runtime.command(what)

    return meddle


FEES = FeeModel(taker_bps=2.0, maker_bps=1.0, minimum=0.5, half_spread_bps=1.0, slippage_bps=0.5)


def lively_plan(bars: int = 400, seed: int = 7) -> BacktestPlan:
    """Return a crossing strategy with brackets on one walk: trades every few bars."""
    instrument = Instrument("AAA", fees=FEES, margin_initial=0.25, margin_maintenance=0.1)
    walk = synthetic_bars(bars, seed, WalkParams("AAA", START, HOUR, 100.0, 0.006, 100))
    strategy = built_in("ema_cross")
    params = strategy.params.model_validate({"fast": 3, "slow": 9, "stop_loss": 0.01, "take_profit": 0.02})
    return plan_of_bars((instrument,), [walk], strategy, params)


def strategies() -> list[Strategy]:
    """Return every strategy that comes with the program."""
    files = sorted((Path(__file__).parents[2] / "examples" / "strategies").glob("*.py"))
    return [*(built_in(name) for name in names()), *(load_file(path) for path in files)]


def same(a: BacktestResult, b: BacktestResult) -> bool:
    """Whether two results are equal to the bit in what a session and a backtest share."""
    arrays = ("fills", "ledger", "decisions", "equity")
    return all(np.array_equal(_bytes(getattr(a, n)), _bytes(getattr(b, n))) for n in arrays)


def _bytes(array: np.ndarray[tuple[int], np.dtype[np.void]]) -> bytes:
    return array.tobytes()
