"""From settings to a session at work: folder, lease, journal, recovery, venue, feed; and its orderly end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from tradewright.core.types.errors import UsageError
from tradewright.core.types.execution_costs import SESSIONS
from tradewright.core.types.journal import JournalRecord
from tradewright.engine.live.conductor import Conductor
from tradewright.engine.live.forecasting import ModelForecasts
from tradewright.engine.live.metering import JournalMeter
from tradewright.engine.live.recovery import Retelling
from tradewright.engine.live.rows import MARKET, MarketRow, row_of, rows_of
from tradewright.engine.live.runtime import Runtime
from tradewright.engine.memory import MICRO
from tradewright.engine.plan import BacktestPlan
from tradewright.execution.costs.measuring import session_of
from tradewright.execution.desk import DeskPorts, OrderDesk
from tradewright.execution.journal.disk import FolderDisk
from tradewright.execution.journal.errors import JournalUnavailableError
from tradewright.execution.journal.flushing import FlushThread
from tradewright.execution.journal.reading import SESSION
from tradewright.execution.journal.writing import Journal
from tradewright.execution.monitors.execution_monitor import ExecutionMonitor
from tradewright.execution.monitors.money import MONEY, MoneyWatch
from tradewright.execution.orders.inputs import Alert, OrderEvent
from tradewright.execution.orders.lease import Lease
from tradewright.execution.orders.release import Release
from tradewright.execution.orders.state import OrdersState
from tradewright.execution.sim_broker import CAPABILITIES, SimBroker
from tradewright.execution.tactics.state import TacticsState
from tradewright.execution.venue import Venue
from tradewright.services.costs.sessions import cost_sessions
from tradewright.services.runs.origins import code_hash
from tradewright.services.runs.prepare import PreparedRun, to_yaml
from tradewright.services.trading.folder import AccountFolder

_DAY_NS = 86_400_000_000_000
#: Trading days and windows are laid out so far ahead: beyond, no day would begin. Ten years cost milliseconds.
_HORIZON_DAYS = 3_660
_WARMUPS = 5


@dataclass(frozen=True, slots=True)
class Market:
    """The market of a session: what is history for it, and what it is to trade on.

    ``history`` rows come before the first decision. ``recorded`` rows follow where the feed is a recording.
    """

    history: Sequence[MarketRow]
    recorded: Sequence[MarketRow]


def split_market(run: PreparedRun, start_ns: int | None) -> Market:
    """Return the store's bars as history and recording; without a start, all is history."""
    rows = [row for block in run.plan.blocks() for row in rows_of(block)]
    if start_ns is None:
        return Market(rows, ())
    place = next((i for i, row in enumerate(rows) if row.ts_open >= start_ns), len(rows))
    return Market(rows[:place], rows[place:])


def newest_history(history: Sequence[MarketRow], run: PreparedRun, warmup: int) -> list[MarketRow]:
    """Return as many rows of each instrument as a warm-up needs, the newest ones, in order of time."""
    wanted = run.settings.feed.warmup_bars
    most = _WARMUPS * warmup if wanted is None else wanted
    left = dict.fromkeys(range(len(run.plan.instruments)), most)
    kept: list[MarketRow] = []
    for row in reversed(history):
        if left[row.instrument] > 0:
            left[row.instrument] -= 1
            kept.append(row)
    return kept[::-1]


def plan_of(run: PreparedRun, first_ns: int) -> BacktestPlan:
    """Return the plan of a session: the run's, with nothing to read and days far ahead.

    A session always has a guard, so that a feed that breaks off can be halted.
    """
    limits = run.settings.limits
    if not limits.has_guard:
        limits = limits.model_copy(update={"max_clock_drift_ms": 500.0})
    last = max(first_ns + _HORIZON_DAYS * _DAY_NS, run.plan.last_ns)  # a recording may be longer
    return replace(
        run.plan,
        blocks=lambda: (),
        first_ns=first_ns,
        last_ns=last,
        limits=limits,
        n_events=0,
    )


def release_of(run: PreparedRun, mode: str) -> Release:
    """Return the hashes of what runs; where the market comes from is no part of the configuration that decides."""
    document = run.settings.model_copy(update={"feed": type(run.settings.feed)()})
    text = to_yaml(document) + run.strategy.source_hash
    config = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return Release(code_hash=code_hash(), config_hash=config, model_hash=str(run.model.get("digest", "")), mode=mode)


def _cost_session(first_ns: int, ts: int) -> str:
    """Return the name of the part of the day that a time lies in, ns UTC, of a lineage that began at ``first_ns``."""
    starts, labels = cost_sessions(first_ns, first_ns + _HORIZON_DAYS * _DAY_NS)
    return SESSIONS[int(session_of(np.array([ts], np.int64), starts, labels)[0])]


@dataclass(frozen=True, slots=True)
class SessionParams:
    """What a session is made of: who it is, and what tells it the time.

    ``now_ns`` is the session's time, which may be a recording's; ``wall_ns`` ours, by which the disk is synced.
    ``forecasts``, where they remember it, follow the market that the journal tells of.
    """

    folder: AccountFolder
    release: Release
    now_ns: Callable[[], int]
    wall_ns: Callable[[], int]
    alert: Callable[[Alert], None]
    forecasts: ModelForecasts | None = None


class TradingSession:
    """A session over an account folder: opened with its lease held, recovered from its journal.

    Parameters
    ----------
    run : PreparedRun
        Strategy, instruments, limits, history.
    params : SessionParams
        Folder, hashes, clock, listener.
    venue : Venue or None
        Where orders go; None is the simulated venue.
    first_ns : int
        When the first row of history begins, ns UTC; a continued session keeps its own.

    Raises
    ------
    JournalBusyError
        If another process trades this account.
    JournalDamagedError, JournalVersionError
        If its journal cannot be continued.
    UsageError
        If the account holds something under another configuration or code.
    """

    def __init__(self, run: PreparedRun, params: SessionParams, venue: Venue | None, first_ns: int) -> None:
        self.run_, self.params, self.is_continued = run, params, False
        self._venue, self._first_ns = venue, first_ns
        self._tactics = None if venue is None else run.settings.trading.tactics  # here fills are a backtest's
        self.monitor: ExecutionMonitor | None = None  # of fills that are not a backtest's
        self.money = MoneyWatch(run.settings.trading.bounds.equity_gap)
        self._flushes = FlushThread()
        self.lease = Lease(params.folder.path)
        try:
            self._open()
        except BaseException:
            self.lease.close()
            raise

    def _open(self) -> None:
        folder, capabilities = self.params.folder, CAPABILITIES if self._venue is None else self._venue.capabilities
        account = folder.path.name if self._venue is None else f"{self._venue.name}:{self._venue.account_id}"
        self.state = OrdersState(account, capabilities)
        tale, traded = Retelling(self.state, self._begun), {i.symbol: i for i in self.run_.plan.instruments}
        bounds = self.run_.settings.trading.bounds
        meter = JournalMeter(traded, lambda ts: _cost_session(self._first_ns, ts), bounds, keeps_rows=False)

        def retell(record: JournalRecord) -> None:
            tale.take(record)
            if tale.conductor is not None:
                self._follow(record)
            if self._tactics is not None and (tale.conductor is not None or record.kind != MARKET):
                meter.follow(record)  # a market that cannot be retold may be written by another version

        self.journal = Journal(FolderDisk(folder.journal), self.params.wall_ns, on_record=retell)
        owed = tale.unfinished()
        self.newest = tale.newest or [0] * len(self.run_.plan.instruments)
        begun = tale.begun
        if begun is not None and not self._is_same(begun):
            self._refuse_unless_flat()
        if tale.conductor is not None:
            self.is_continued = True
            self.conductor, self.broker = tale.conductor, tale.broker
            if self.broker is not None:
                self.broker.is_awake = False
        else:
            self.newest = [0] * len(self.run_.plan.instruments)
            self.conductor, self.broker = self._made(self._first_ns)
        self.epoch = self.lease.grant(self.state.epoch)
        if not self.is_continued:
            self.conductor.since_epoch = self.epoch
        now = self.params.now_ns()
        payload: dict[str, object] = {
            "begins": not self.is_continued,
            "config": self.run_.config_yaml,
            "venue": "simulated" if self._venue is None else self._venue.name,
            "account": account,
            "instruments": [i.symbol for i in self.run_.plan.instruments],
            "first_ns": self._first_ns,
            "epoch": self.epoch,
        }
        if self._tactics is not None:
            payload["tactics"] = self._tactics.model_dump(mode="json")
        self.journal.append(SESSION, payload | self.params.release.model_dump(), now, now)
        ports = DeskPorts(self.params.now_ns, self.lease.is_mine, self._told)
        if self._venue is not None:  # a venue in this process answers within the event, so the event waits anyway
            ports = replace(ports, beside=self._flushes)
        tactics = None
        if self._tactics is not None:
            meter.open(continues=self.is_continued)
            tactics = TacticsState(traded, self.state.capabilities, self._tactics, quotes=meter.quotes)
            for name, share in meter.quoted:
                tactics.adapt(name, share)
            self.monitor = meter.monitor
            ports = replace(ports, intended=self.monitor.intended)
        self.desk = OrderDesk(self.broker or self._venue_given(), self.journal, self.state, ports)
        self.runtime = Runtime(self.conductor, self.desk, self.broker, self.warn, tactics)
        if self.is_continued:
            worked = set(self.conductor.worked)
            self.conductor.worked.clear()
            self.runtime.take_up(owed, worked)

    def _follow(self, record: JournalRecord) -> None:
        """Let what stands beside the conductor follow the journal of its lineage."""
        if record.kind == MARKET and self.params.forecasts is not None:
            self.params.forecasts.follow(row_of(record))
        elif record.kind == MONEY:
            self.money.begun = float(str(record.payload["venue"])), float(str(record.payload["own"]))

    def _venue_given(self) -> Venue:
        assert self._venue is not None  # noqa: S101 - without a venue there is a broker
        return self._venue

    def _begun(self, record: JournalRecord) -> tuple[Conductor, SimBroker | None] | None:
        """Begin a lineage that the journal tells of, if it is of this code and configuration."""
        self.money.begun = None
        if self.params.forecasts is not None:
            self.params.forecasts.reset()
        if not self._is_same(record):
            return None
        self._first_ns = int(str(record.payload.get("first_ns", self._first_ns)))
        return self._made(self._first_ns)

    def _is_same(self, record: JournalRecord) -> bool:
        running = self.params.release
        return (record.code_hash, record.config_hash) == (running.code_hash, running.config_hash)

    def _made(self, first_ns: int) -> tuple[Conductor, SimBroker | None]:
        plan = replace(plan_of(self.run_, first_ns), keeps_equity=False, keeps_newest=True)  # the journal has them
        takes = self.state.capabilities.takes_fractions
        conductor = Conductor(plan, self.state, takes_fractions=takes, tactics=self._tactics)
        if self._venue is not None:
            return conductor, None
        name = self.params.folder.path.name
        records, event = conductor.run.instruments, conductor.event
        broker = SimBroker(
            plan.venue, plan.instruments, records, event, conductor.sent.get, self.params.now_ns, account_id=name
        )
        return conductor, broker

    def _refuse_unless_flat(self) -> None:
        """Refuse to let another configuration or code take over what an earlier one holds."""
        held = [f"{name} {known.position:+d} lots" for name, known in self.state.instruments.items() if known.position]
        working = [o.intent.client_id for o in self.state.open.values()]
        if held or working:
            what = f"the account holds {', '.join(held) or 'nothing'} and {len(working)} working orders"
            fix = "Start the session that opened them (same configuration and code), flatten, then change."
            raise UsageError(
                f"configuration or code has changed while {what}", where=str(self.params.folder.path), fix=fix
            )

    # ------------------------------------------------------------------------------------------------------- listening
    def _told(self, effect: OrderEvent | Alert) -> None:
        if self.monitor is not None and isinstance(effect, OrderEvent):
            self._measured(self.monitor.told(effect, self.desk.ts))
        self.runtime.told(effect)

    def pinged(self, asked: int, answered: int) -> None:
        """Take in how long the venue took to answer, ns UTC."""
        self.runtime.pinged(asked, answered)
        if self.monitor is not None:
            self._measured(self.monitor.pinged(self.desk.venue.name, asked, answered))

    def compare_money(self, venue: float) -> None:
        """Compare the account's equity at the venue with ours, account currency."""
        own, now = self.conductor.book()["equity_micro"] / MICRO, self.params.now_ns()
        if self.money.begun is None:
            with suppress(JournalUnavailableError):  # the desk stops new orders by itself
                self.journal.append(MONEY, {"venue": venue, "own": own}, now, now)
        said = self.money.look(venue, own)
        if said:
            self.runtime.alert(Alert("money differs", said, is_page=True))

    def _measured(self, alerts: list[Alert]) -> None:
        for alert in alerts:
            self.runtime.alert(alert)

    def warn(self, alert: Alert) -> None:
        """Tell a person."""
        self.params.alert(alert)

    def close(self) -> None:
        """Write out the journal and let others in; orders that work stay at the venue."""
        try:
            self._flushes.close()
            self.journal.close()
        finally:
            self.lease.close()
