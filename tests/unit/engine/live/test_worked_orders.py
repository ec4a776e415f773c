"""Orders that tactics work: turned in two, quoted, cancelled; and what a restart makes of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from tests.live_world import LIMITS, World, plan

from tradewright.core.types.dtypes import CLOSE
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, OrderStatus, Side
from tradewright.core.types.quote import Quote
from tradewright.core.types.venue import OrderIntent
from tradewright.engine.live.conductor import Act, Conductor
from tradewright.engine.live.feeding import RowMaker
from tradewright.engine.live.following import Follower, FollowParams
from tradewright.engine.live.metering import JournalMeter
from tradewright.engine.live.recovery import Retelling
from tradewright.engine.live.rows import MarketRow
from tradewright.engine.live.runtime import Runtime
from tradewright.engine.plan import BacktestPlan
from tradewright.execution.desk import DeskPorts, OrderDesk
from tradewright.execution.journal.disk import FolderDisk
from tradewright.execution.journal.reading import SESSION, JournalReader
from tradewright.execution.journal.writing import Journal
from tradewright.execution.orders.inputs import Alert, Intended, OrderEvent, Started, Ticked, Wish
from tradewright.execution.orders.recovery import from_record
from tradewright.execution.orders.state import OrdersState
from tradewright.execution.sim_broker import CAPABILITIES, SimBroker
from tradewright.execution.tactics.params import Tactic, TacticParams
from tradewright.execution.tactics.state import TacticsState
from tradewright.execution.venue import Venue

SECOND = 1_000_000_000
#: A venue like most: it refuses an order that turns a position.
SPOT = CAPABILITIES.model_copy(update={"turns_positions": False})


class Floor(SimBroker):
    capabilities = SPOT


class Session:
    """One lineage over an account folder, with tactics."""

    def __init__(self, folder: Path, params: TacticParams) -> None:
        a_plan = plan("ema_cross")
        bare = {"fast": 3, "slow": 9, "allow_short": True, "weight": 0.5}
        self.plan: BacktestPlan = replace(a_plan, limits=LIMITS, params=a_plan.strategy.params.model_validate(bare))
        self.world, self.params, self.now = World(self.plan, folder), params, 0
        self.alerts: list[Alert] = []
        self.refused = 0
        self.quotes: list[Quote] = []
        self.quotes_at = 0.0  # quotes beside bars stand so far above their close; 0: there are none

    def made(self, state: OrdersState) -> tuple[Conductor, SimBroker]:
        conductor = Conductor(self.plan, state, takes_fractions=True, tactics=self.params)
        records, event = conductor.run.instruments, conductor.event
        broker = Floor(self.plan.venue, self.plan.instruments, records, event, lambda _: None, lambda: self.now)
        return conductor, broker

    def retold(self) -> Retelling:
        state = OrdersState("account", SPOT)
        tale = Retelling(state, lambda _: self.made(state))
        for record in JournalReader(self.world.disk):
            tale.take(record)
        tale.finish()
        return tale

    def run(self, rows: list[MarketRow]) -> OrdersState:
        return asyncio.run(self._run(rows))

    async def _run(self, rows: list[MarketRow]) -> OrdersState:
        state = OrdersState("account", SPOT)
        tale = Retelling(state, lambda _: self.made(state))
        journal = Journal(self.world.disk, lambda: 0, on_record=tale.take)
        conductor, broker = (tale.conductor, tale.broker) if tale.conductor else self.made(state)
        assert broker is not None
        self.now = max(self.now, rows[0].ts_open)
        journal.append(SESSION, {"begins": tale.conductor is None, "epoch": state.epoch + 1}, self.now, self.now)

        def tell(effect: OrderEvent | Alert) -> None:
            runtime.told(effect)

        desk = OrderDesk(broker, journal, state, DeskPorts(lambda: self.now, lambda: True, tell))
        tactics = TacticsState({i.symbol: i for i in self.plan.instruments}, SPOT, self.params)
        runtime = Runtime(conductor, desk, broker, self.alerts.append, tactics)
        if tale.conductor is not None:
            worked = set(conductor.worked)
            conductor.worked.clear()
            runtime.take_up(tale.unfinished(), worked)
        beside = FollowParams(quotes_s=0.0 if self.quotes_at else None)
        follower = Follower(runtime, RowMaker(self.plan.instruments), _nothing, beside)
        follower.resume(tale.newest or [0] * len(self.plan.instruments))
        desk.feed(Started(state.epoch + 1, self.now))
        for row in rows:
            self.now = max(self.now, row.ts_seen)
            await follower.take_row(row)
            if self.quotes_at:
                await follower.take(self._quote(row), self.now)
            runtime.pass_time(self.now)
            await runtime.settle()
            desk.feed(Ticked(self.now))
        self.refused += runtime.counts.refused
        journal.close()
        held = {p.instrument: p.lots for p in await broker.positions()}
        book = {name: lots for name, lots in conductor.book()["lots"].items() if lots}
        assert held == book == {n: k.position for n, k in state.instruments.items() if k.position}
        return state

    def _quote(self, row: MarketRow) -> Quote:
        """Return what the market says two seconds after a bar."""
        self.now += 2 * SECOND
        mid = float(row.fields[CLOSE]) * (1.0 + self.quotes_at)
        name = self.plan.instruments[row.instrument].symbol
        self.quotes.append(Quote(name, self.now, self.now, mid - 0.01, mid + 0.01, 1.0, 1.0))
        return self.quotes[-1]


async def _nothing(_j: int, _start: int, _end: int) -> list[MarketRow]:
    return []


def test_a_position_is_turned_in_two_orders_and_the_journal_tells_it_again(tmp_path: Path) -> None:
    session = Session(tmp_path, TacticParams())
    session.run(list(session.world.rows))
    by_reference: dict[int, list[OrderIntent]] = {}
    for record in JournalReader(session.world.disk):  # the state has forgotten those of the first hours
        told = from_record(record)
        if isinstance(told, Intended):
            by_reference.setdefault(told.intent.reference, []).append(told.intent)
    turned = [both for both in by_reference.values() if len(both) == 2]
    assert len(turned) > 10, "long and short in turn"
    assert all(both[0].is_reduce_only for both in turned)
    assert session.refused == 0
    tale = session.retold()
    assert tale.differences == []
    assert tale.conductor is not None
    assert tale.conductor.worked <= set(tale.conductor.sent), "what has ended is worked no more"


def test_market_orders_are_quoted_and_end_in_time(tmp_path: Path) -> None:
    params = TacticParams(market=Tactic.QUOTED, patience_s=3600.0, give_up_s=4 * 3600.0, requote_s=3600.0)
    session = Session(tmp_path, params)
    state = session.run(list(session.world.rows))
    entries = [o for o in state.orders.values() if not o.intent.is_reduce_only]
    assert {o.intent.kind for o in entries} == {OrderKind.LIMIT}
    assert any(o.status is OrderStatus.FILLED for o in entries)
    wanted = {
        act["reference"]: act["lots"]
        for record in JournalReader(session.world.disk)
        if record.kind == "acted"
        for act in record.payload["acts"]  # type: ignore[attr-defined]
        if "lots" in act
    }
    for reference, parts in _by_reference(state).items():
        assert sum(o.filled for o in parts) <= wanted[reference], "never more than was wanted"
    assert session.retold().differences == []


def test_what_was_worked_when_the_session_ended_ends_with_it(tmp_path: Path) -> None:
    params = TacticParams(market=Tactic.QUOTED, patience_s=10 * 3600.0, give_up_s=20 * 3600.0, requote_s=3600.0)
    session = Session(tmp_path, params)
    rows = list(session.world.rows)
    for stop in range(40, 400, 40):
        session.run(rows[:stop])
    state = session.run(rows)
    for parts in _by_reference(state).values():
        epochs = {o.intent.epoch for o in parts}
        assert len(epochs) == 1, "a new process works no order of an old one"
    assert session.retold().differences == []


class Remembered:
    """What a conductor knows of an exit that its journal told of."""

    def __init__(self, wish: Wish | None, part: str = "") -> None:
        self.left, self.part = wish, part
        self.worked: set[int] = set()
        self.told: list[tuple[int, OrderStatus]] = []
        self.has_judged = False
        self.plan = SimpleNamespace(instruments=())

    def clients(self, _: int) -> list[str]:
        return [self.part] if self.part else []

    def wish(self, _: int) -> Wish | None:
        return self.left

    def ended(self, reference: int, status: OrderStatus, _: int) -> list[Act]:
        self.told.append((reference, status))
        return []


@pytest.mark.parametrize(("part", "stop", "goes_on"), [("", 90.0, True), ("", None, False), ("IOC1", 90.0, False)])
def test_a_limit_exit_that_waited_beside_a_stop_is_watched_on_after_a_restart(
    part: str, stop: float | None, goes_on: bool, tmp_path: Path
) -> None:
    wish = Wish("s", "X", Side.SELL, OrderKind.LIMIT, 7, limit_price=105.0, is_reduce_only=True, reference=3)
    can = SPOT.model_copy(update={"exits_hold_lots": True})
    state = OrdersState("account", can)
    state.of("X").position, state.of("X").stop_price = 7, stop
    conductor = Remembered(wish, part)
    journal = Journal(FolderDisk(tmp_path), lambda: 0)
    desk = OrderDesk(cast("Venue", None), journal, state, DeskPorts(lambda: 9, lambda: True, lambda _: None))
    tactics = TacticsState({"X": Instrument("X")}, can, TacticParams())
    Runtime(cast("Conductor", conductor), desk, None, lambda _: None, tactics).take_up([], {3})
    assert (conductor.worked == {3}) is goes_on
    assert [p.wish.lots for p in tactics.parents.values()] == ([7] if goes_on else [])
    assert conductor.told == ([] if goes_on or part else [(3, OrderStatus.CANCELED)])
    journal.close()


def _by_reference(state: OrdersState) -> dict[int, list]:  # type: ignore[type-arg]
    found: dict[int, list] = {}  # type: ignore[type-arg]
    for order in state.orders.values():
        if order.intent.reference:
            found.setdefault(order.intent.reference, []).append(order)
    return found


def test_worked_orders_follow_quotes_beside_bars(tmp_path: Path) -> None:
    session = Session(tmp_path, TacticParams(market=Tactic.QUOTED, patience_s=1800.0, give_up_s=3000.0))
    session.quotes_at = 0.004
    session.run(list(session.world.rows))
    records, at = list(JournalReader(session.world.disk)), {quote.ts_event for quote in session.quotes}
    given_way = [record for record in records if record.kind == "cancel" and record.ts_seen in at]
    assert len(given_way) > 5, "the price that a bar's close had made is old when a quote says so"
    assert sum(record.kind == "quote" for record in records) == len(session.quotes)
    assert session.retold().differences == []
    meter = JournalMeter({i.symbol: i for i in session.plan.instruments})
    for record in records:
        if record.kind == SESSION:
            names = [i.symbol for i in session.plan.instruments]
            record = record._replace(payload=record.payload | {"instruments": names})  # noqa: PLW2901
        meter.follow(record)
    newest = {quote.instrument: (quote.bid, quote.ask) for quote in session.quotes}
    assert {name: (quote.bid, quote.ask) for name, quote in meter.quotes.items()} == newest
