"""A whole session in a world: strategy, conductor, tactics, desk and journal beside a market of one-second bars."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from tests.faults.sim_disk import Crash
from tests.faults.sim_loop import START_NS
from tests.faults.world import CAPABILITIES, BrokenError, World

from tradewright.core.types.dtypes import CLOSE
from tradewright.core.types.events import MarketEvents
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.journal import JournalRecord
from tradewright.data.synthetic import WalkParams, synthetic_bars
from tradewright.engine.live.conductor import Conductor
from tradewright.engine.live.feeding import RowMaker
from tradewright.engine.live.following import Follower
from tradewright.engine.live.recovery import Retelling
from tradewright.engine.live.rows import MarketRow, rows_of
from tradewright.engine.live.runtime import Runtime
from tradewright.engine.plan import BacktestPlan, plan_of_bars
from tradewright.execution.desk import DeskParams, DeskPorts, OrderDesk
from tradewright.execution.journal.reading import SESSION, JournalReader
from tradewright.execution.journal.writing import Journal, JournalParams
from tradewright.execution.orders.inputs import Alert, OrderEvent
from tradewright.execution.orders.state import LiveOrder, OrdersState
from tradewright.execution.sim_broker import SimBroker
from tradewright.execution.tactics.params import Tactic, TacticParams
from tradewright.execution.tactics.state import TacticsState
from tradewright.execution.venue import Capabilities
from tradewright.risk.limits import Limits
from tradewright.strategies.registry import built_in

SECOND = 1_000_000_000
INSTRUMENTS = tuple(Instrument(name, margin_initial=0.25, margin_maintenance=0.1) for name in ("AAA", "BBB", "CCC"))
QUOTED = TacticParams(
    market=Tactic.QUOTED, requote_s=3.0, requote_bps=1.0, patience_s=4.0, give_up_s=10.0, stuck_s=120.0
)
SPOT = CAPABILITIES.model_copy(update={"turns_positions": False})
HOLDS = CAPABILITIES.model_copy(update={"exits_hold_lots": True, "turns_positions": False})
#: A venue, and how orders are worked there.
PLACES = ((CAPABILITIES, TacticParams()), (SPOT, QUOTED), (HOLDS, TacticParams()), (HOLDS, QUOTED))
#: Crossings with brackets, by the periods of the averages in seconds.
QUICK, CALM = (3, 9), (30, 90)
_HOUR = 3600


def market(seed: int) -> Iterator[list[MarketRow]]:
    """Yield the bars of one second after another, without end and without keeping them."""
    prices, hour = dict.fromkeys((i.symbol for i in INSTRUMENTS), 100.0), 0
    while True:
        start = START_NS + hour * _HOUR * SECOND
        walks = [
            synthetic_bars(_HOUR, seed * 1009 + hour * 31 + k, WalkParams(i.symbol, start, SECOND, prices[i.symbol]))
            for k, i in enumerate(INSTRUMENTS)
        ]
        rows = rows_of(MarketEvents.from_bars(walks))
        for at in range(0, len(rows), len(walks)):
            yield rows[at : at + len(walks)]
        prices = {w.instrument: float(w.fields[CLOSE, -1]) for w in walks}
        hour += 1


def plan_of(periods: tuple[int, int]) -> BacktestPlan:
    """Return what a session plans with: nothing to read, days far ahead, a guard that stops nobody."""
    strategy = built_in("ema_cross")
    fields = {"fast": periods[0], "slow": periods[1], "allow_short": True, "weight": 0.2}
    params = strategy.params.model_validate({**fields, "stop_loss": 0.004, "take_profit": 0.006})
    bars = [synthetic_bars(1, 0, WalkParams(i.symbol, START_NS, SECOND)) for i in INSTRUMENTS]
    limits = Limits(intraday_loss=0.9, max_drawdown=0.9, max_leverage=3.0, max_clock_drift_ms=500.0)
    last = START_NS + 400 * 24 * _HOUR * SECOND
    made = plan_of_bars(INSTRUMENTS, bars, strategy, params)
    made = replace(made, keeps_equity=False, keeps_newest=True)  # as sessions are
    return replace(made, limits=limits, blocks=lambda: (), n_events=0, first_ns=START_NS, last_ns=last)


class SessionWorld(World):
    """Parameters as `World`; the client is a session over ``plan``, working its orders by ``tactics``."""

    def __init__(
        self, seed: int, capabilities: Capabilities, tactics: TacticParams, periods: tuple[int, int] = QUICK
    ) -> None:
        super().__init__(seed, capabilities)
        self.plan, self.tactics, self._market = plan_of(periods), tactics, market(seed)
        self.journal_params = JournalParams(segment_bytes=65536)
        self.runtime: Runtime | None = None
        self.follower: Follower | None = None

    def start(self) -> OrderDesk:
        asyncio.set_event_loop(self.loop)
        tale = self._tale()
        state = tale.state
        journal = Journal(self.disk, self.now_ns, self.journal_params, tale.take)
        owed, is_continued, now = tale.unfinished(), tale.conductor is not None, self.now_ns()
        conductor = tale.conductor or self._conductor(state)
        self.epoch = max(self.epoch, state.epoch) + 1
        if not is_continued:
            conductor.since_epoch = self.epoch
        journal.append(SESSION, {"begins": not is_continued, "epoch": self.epoch}, now, now)
        ports = DeskPorts(self.now_ns, lambda: self.is_mine, self._tell, beside=self.thread)
        self.desk = OrderDesk(self.venue, journal, state, ports, DeskParams())
        tactics = TacticsState({i.symbol: i for i in INSTRUMENTS}, self.capabilities, self.tactics)
        self.runtime = Runtime(conductor, self.desk, None, self._alerted, tactics)
        self.on_event = self.runtime.told
        self.follower = Follower(self.runtime, RowMaker(INSTRUMENTS), _nothing_missed)
        if is_continued:
            self.follower.resume(tale.newest)
            worked = set(conductor.worked)
            conductor.worked.clear()
            self.inside(partial(self.runtime.take_up, owed, worked))
        self._life = self.loop.create_task(self.desk.run(self.epoch))
        self.seen.bare_since.clear()
        return self.desk

    def stop(self, *, loses_power: bool = False) -> None:
        self.runtime = self.follower = None
        super().stop(loses_power=loses_power)

    def second(self) -> None:
        """Let a second pass: the market moves, the session hears of it and works its orders."""
        rows = next(self._market)
        self._drive(self._second(rows))
        self.run(0.0)

    def run(self, seconds: float) -> None:
        """As `World.run`; time passes for orders that are worked, too."""
        super().run(seconds)
        follower = self.follower
        if follower is not None:
            self._drive(follower.tick(self.now_ns()))

    def settle(self, seconds: float = 120.0) -> None:
        """As `World.settle`, with no market."""
        self.venue.weather = type(self.venue.weather)()
        for _ in range(int(seconds)):
            self.run(1.0)
        super().settle(0.0)

    def retold(self) -> Retelling:
        """Return what the journal leads to."""
        tale = self._tale()
        for record in JournalReader(self.disk):
            tale.take(record)
        tale.finish()
        return tale

    def check(self) -> None:
        """Hold the invariants of a quiet end, and session, desk and journal against each other."""
        super().check()
        if self.runtime is None or self.desk is None:
            raise BrokenError("I14: the session is gone")
        conductor = self.runtime.conductor
        self._check_books(conductor)
        self.desk.journal.flush()
        tale = self.retold()
        if tale.differences:
            raise BrokenError(f"I11: the journal tells another story: {tale.differences[0]}")
        if tale.conductor is None or tale.conductor.book() != conductor.book():
            raise BrokenError(f"I11: {conductor.book()} was retold as {tale.conductor and tale.conductor.book()}")

    # ------------------------------------------------------------------------------------------------------ the inside
    def _check_books(self, conductor: Conductor) -> None:
        book, record = conductor.book()["lots"], conductor.run.memory.arrays
        for j, instrument in enumerate(INSTRUMENTS):
            name = instrument.symbol
            if book[name] != self.state.position(name):
                raise BrokenError(f"I3: {name}: the session holds {book[name]}, the desk {self.state.position(name)}")
            working = {int(n) for n in record["orders"]["id"][j][: record["positions"]["working"][j]]}
            open_ = {conductor.number(k) for k, o in self.state.open.items() if o.intent.instrument == name}
            if not working <= open_ | conductor.worked:
                raise BrokenError(f"I14: {name}: the session waits for {working - open_}, which nobody works")
        for number in conductor.worked:
            if not conductor.clients(number) and self.state.is_ready:
                raise BrokenError(f"I14: order {number} is said to be worked and has no part at the venue")

    def _conductor(self, state: OrdersState) -> Conductor:
        takes = self.capabilities.takes_fractions
        return Conductor(self.plan, state, takes_fractions=takes, tactics=self.tactics)

    def _tale(self) -> Retelling:
        state = OrdersState(self.venue.account_id, self.capabilities, self.params)

        def begin(_: JournalRecord) -> tuple[Conductor, SimBroker | None]:
            return self._conductor(state), None

        return Retelling(state, begin)

    def _watched(self) -> Iterable[tuple[str, LiveOrder]]:
        return self.state.open.items()  # a session may live for a day

    async def _second(self, rows: Sequence[MarketRow]) -> None:
        for row in rows:
            self.venue.move(INSTRUMENTS[row.instrument].symbol, float(row.fields[CLOSE]))
        follower = self.follower
        if follower is None:
            return
        for row in rows:
            await follower.take_row(row._replace(ts_seen=max(self.now_ns(), row.ts_event)))
        for _ in range(4):
            await asyncio.sleep(0.25)
            await follower.tick(self.now_ns())

    def _alerted(self, alert: Alert) -> None:
        self.seen.alerts.append(alert)
        self.venue.log.append(f"{self.loop.time():.6f} alert {alert.code}")

    def _tell(self, told: OrderEvent | Alert) -> None:
        if isinstance(told, Alert) and self.runtime is not None:
            self.runtime.alert(told)
        else:
            super()._tell(told)


async def _nothing_missed(_j: int, _start: int, _end: int) -> list[MarketRow]:
    return []


def trade(seed: int, seconds: int = 60, crash_at: int = 0, *, loses_power: bool = False) -> SessionWorld:
    """Trade through bad weather and check the end; ``crash_at``: killed at that write, and started again."""
    world = SessionWorld(seed, *PLACES[seed % len(PLACES)])
    world.disk.crash_at, world.disk.tears = crash_at, seed % 2 == 0
    rng = np.random.default_rng([seed, 9])
    try:
        _spend(world, seconds, rng, loses_power=loses_power)
        world.disk.crash_at = 0
        world.settle(90.0)
    except BaseException:
        world.close()
        raise
    return world


def _spend(world: SessionWorld, seconds: int, rng: np.random.Generator, *, loses_power: bool) -> None:
    try:
        world.start()
        world.run(1.0)
    except Crash:
        _again(world, loses_power=loses_power)
    for _ in range(seconds):
        worsen(world, rng)
        try:
            world.second()
        except Crash:
            _again(world, loses_power=loses_power)


def worsen(world: SessionWorld, rng: np.random.Generator, share: float = 0.2) -> None:
    """Let something go wrong in a share of the seconds."""
    weather, luck = world.venue.weather, rng.random()
    weather.repeats, weather.shuffles_s = float(rng.uniform(0, 0.3)), float(rng.uniform(0, 0.3))
    weather.is_silent = bool(rng.random() < 0.25 * share)
    if luck < 0.6 * share:
        world.venue.script.append(str(rng.choice(["lose request", "lose answer", "late"])))
    elif luck < 0.8 * share:
        world.venue.cancel_script.append(str(rng.choice(["lose request", "lose answer", "late"])))
    elif luck < 0.9 * share:
        world.venue.break_streams()
    elif luck < share:
        world.venue.fill_share = float(rng.choice([0.3, 1.0]))


def _again(world: SessionWorld, *, loses_power: bool) -> None:
    world.stop(loses_power=loses_power)
    world.run(0.5)
    world.start()
    world.run(2.0)
