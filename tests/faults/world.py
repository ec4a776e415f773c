"""One client, one venue, one disk and one clock in one process, from one seed; and what must be true of them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, TypeVar

import numpy as np
from tests.faults.sim_disk import Crash, SimDisk, SimThread
from tests.faults.sim_loop import SimLoop
from tests.faults.sim_venue import SimVenue

from tradewright.core.types.order import OrderKind, OrderStatus, Origin, Side
from tradewright.core.types.venue import Idempotency, OrderIntent
from tradewright.execution.desk import DeskParams, DeskPorts, OrderDesk
from tradewright.execution.journal.writing import Journal, JournalParams
from tradewright.execution.orders.exits import at_target
from tradewright.execution.orders.inputs import Alert, KillLevel, OrderEvent, Wish
from tradewright.execution.orders.machine import step
from tradewright.execution.orders.recovery import from_record
from tradewright.execution.orders.state import PROTECTIVE, TERMINAL, LiveOrder, OrderParams, OrdersState
from tradewright.execution.venue import Capabilities

CAPABILITIES = Capabilities(idempotency=Idempotency.HARD, settle_s=10.0, t_protect_s=2.0)
X = "XYZ"
T = TypeVar("T")
#: Beyond T_protect a position may be bare while the exit that ends it is on its way.
_SLACK_S = 3.0
#: From an exit's end to the one that takes its place: the first is cancelled, the second goes to a slow disk.
_HANDOVER_S = 1.0


class BrokenError(AssertionError):
    """An invariant does not hold."""


@dataclass
class Seen:
    """What the monitors remember."""

    breaches: list[str] = field(default_factory=list)  # the client swallows what its callbacks raise
    alerts: list[Alert] = field(default_factory=list)
    events: list[OrderEvent] = field(default_factory=list)
    was_unknown: set[str] = field(default_factory=set)
    killed_at: float | None = None
    gates: list[tuple[float, OrderIntent]] = field(default_factory=list)
    bare_since: dict[str, tuple[float, int]] = field(default_factory=dict)
    closing_at: dict[str, float] = field(default_factory=dict)
    max_filled: dict[str, int] = field(default_factory=dict)


class World:
    """Parameters as `SimVenue`; ``capabilities`` is what the client believes and the venue does."""

    def __init__(self, seed: int, capabilities: Capabilities = CAPABILITIES) -> None:
        self.rng = np.random.default_rng(seed)
        self.loop = SimLoop()
        self.disk = SimDisk(seed)
        self.thread = SimThread(self.loop, seed + 2)
        self.venue = SimVenue(self.loop, seed + 1, capabilities)
        self.venue.price[X] = 100.0
        self.venue.on_gate = self._on_gate
        self.capabilities = capabilities
        self.params = OrderParams()
        self.seen = Seen()
        self.epoch = 0
        self.is_mine = True
        self.clock_offset_ns = 0
        self.checks_bare = True
        self.desk: OrderDesk | None = None
        self.on_event: Callable[[OrderEvent], None] = lambda _event: None
        self._life: asyncio.Task[None] | None = None
        self.loop.call_later(0.1, self._watch)
        self.disk.on_crash = lambda: self.loop.stop() if self.loop.is_running() else None

    # ------------------------------------------------------------------------------------------------------ the client
    def start(self) -> OrderDesk:
        """Start the client from what is on the disk."""
        asyncio.set_event_loop(self.loop)
        state = OrdersState(self.venue.account_id, self.capabilities, self.params)

        def take(record: Any) -> None:
            told = from_record(record)
            if told is not None:
                step(state, told)

        journal = Journal(self.disk, self.now_ns, JournalParams(segment_bytes=65536), take)
        ports = DeskPorts(self.now_ns, lambda: self.is_mine, self._tell, beside=self.thread)
        self.desk = OrderDesk(self.venue, journal, state, ports, DeskParams())
        self.epoch = max(self.epoch, state.epoch) + 1
        self._life = self.loop.create_task(self.desk.run(self.epoch))
        self.seen.bare_since.clear()
        return self.desk

    def now_ns(self) -> int:
        """What the client's clock shows."""
        return self.loop.now_ns() + self.clock_offset_ns

    @property
    def state(self) -> OrdersState:
        assert self.desk is not None
        return self.desk.state

    def stop(self, *, loses_power: bool = False) -> None:
        """End the client without a word, as SIGKILL does; with the power, what was not synced goes too."""
        desk, self.desk = self.desk, None
        self.thread.stop()
        if desk is not None:
            victims = asyncio.all_tasks(self.loop)
            self._life = None
            for task in sorted(victims, key=lambda t: t.get_name()):
                task.cancel()
            for _ in range(20):
                if all(task.done() for task in victims):
                    break
                with suppress(RuntimeError):  # a crash leaves the interrupted run's wish to stop behind
                    self.loop.run_until_complete(asyncio.sleep(0))
        self.disk.restart(loses_power=loses_power)

    def inside(self, work: Callable[[], T]) -> T:
        """Do something on the event loop, as a session does."""

        async def now() -> T:
            return work()

        return self._drive(now())

    def _drive(self, work: Coroutine[Any, Any, T]) -> T:
        asyncio.set_event_loop(self.loop)
        task = self.loop.create_task(work)
        try:
            done = self.loop.run_until_complete(task)
        except RuntimeError:
            if not self.disk.is_dead:
                raise
            task.cancel()
            raise Crash from None
        if self.disk.is_dead:
            raise Crash
        return done

    def run(self, seconds: float) -> None:
        """Let simulated time pass; a crash of the client's disk ends the client."""
        self._drive(asyncio.sleep(seconds))
        if self._life is not None and self._life.done() and not self._life.cancelled():
            error = self._life.exception()
            if error is not None:
                raise error
        if self.seen.breaches:
            raise BrokenError(self.seen.breaches[0])

    @contextmanager
    def survives(self) -> Iterator[None]:
        """Restart the client if it crashes inside."""
        try:
            yield
        except Crash:
            self.stop(loses_power=bool(self.rng.random() < 0.5))
            self.run(1.0)
            self.start()

    def close(self) -> None:
        self.stop()
        self.loop.close()

    # -------------------------------------------------------------------------------------------------------- wishes
    def enter_now(self, lots: int, side: Side, stop: float | None, **more: Any) -> str:
        """Wish for a market entry, on the loop already; return the client id, or "" where it was refused."""
        fields: dict[str, Any] = {
            "strategy": "S",
            "instrument": X,
            "side": side,
            "kind": OrderKind.MARKET,
            "lots": lots,
        }
        assert self.desk is not None
        return self.desk.submit(Wish(**{**fields, "stop_loss": stop, **more}))[0]

    def enter(self, lots: int = 100, side: Side = Side.BUY, stop: float | None = 95.0, **more: Any) -> str:
        """Wish for a market entry; return the client id, or "" where it was refused."""
        return self.inside(lambda: self.enter_now(lots, side, stop, **more))

    def quote(self, price: float) -> None:
        """Show the client the market, on the loop already."""
        if self.desk is not None:
            wish = at_target(self.state, X, price, price)
            if wish is not None:
                self.desk.submit(wish)

    def limit(self, price: float, lots: int = 100, side: Side = Side.BUY, **more: Any) -> str:
        return self.enter(lots, side, kind=OrderKind.LIMIT, limit_price=price, **more)

    def alerts(self, code: str) -> list[Alert]:
        return [a for a in self.seen.alerts if a.code == code]

    # ------------------------------------------------------------------------------------------------------ monitors
    def _tell(self, told: OrderEvent | Alert) -> None:
        if isinstance(told, Alert):
            self.seen.alerts.append(told)
            self.venue.log.append(f"{self.loop.time():.6f} alert {told.code}")
        else:
            self.seen.events.append(told)
            self.on_event(told)
            self.venue.log.append(f"{self.loop.time():.6f} event {told.client_id} {told.status.name} {told.fill_lots}")
            if told.status is OrderStatus.UNKNOWN:
                self.seen.was_unknown.add(told.client_id)
            order = self.state.orders.get(told.client_id)
            if order is not None and self.state.position(order.intent.instrument) == 0:
                self.seen.bare_since.pop(order.intent.instrument, None)  # what comes next is another position

    def _on_gate(self, intent: OrderIntent) -> None:
        """Look at an order in the instant before its first byte."""
        now = self.loop.time()
        self.seen.gates.append((now, intent))
        name = intent.client_id.encode()
        if not any(name in self.disk.files[n][: self.disk.synced[n]] for n in reversed(self.disk.names())):
            self.seen.breaches.append(f"I8: {intent.client_id} is sent before it is durable")
        adds = intent.origin not in PROTECTIVE and not intent.is_reduce_only
        if adds and self.seen.killed_at is not None:
            self.seen.breaches.append(f"I5: {intent.client_id} adds risk after the kill")
        if adds and any(o.intent.client_id != intent.client_id for o in self.state.unknown(intent.instrument)):
            self.seen.breaches.append(f"I6: {intent.client_id} adds risk while an order is unknown")

    def _watch(self) -> None:
        self.loop.call_later(0.1, self._watch)
        if self.desk is None or not self.desk.state.is_ready:
            self.seen.bare_since.clear()
            return
        for name, known in self.state.instruments.items():
            self._watch_bare(name, known.position)
        for client_id, order in self._watched():
            most = self.seen.max_filled.get(client_id, 0)
            if order.filled < most or order.filled > order.intent.lots:
                self.seen.breaches.append(f"I7: {client_id} has {order.filled} of {order.intent.lots} lots, was {most}")
            self.seen.max_filled[client_id] = order.filled

    def _watched(self) -> Iterable[tuple[str, LiveOrder]]:
        """Return the orders that are looked at ten times a second."""
        return self.state.orders.items()

    def _watch_bare(self, name: str, position: int) -> None:
        is_protected = self.state.of(name).stop_price is not None
        works = sum(
            b.told.lots - b.told.filled
            for b in self.venue.working.values()
            if b.told.instrument == name and b.intent.origin in PROTECTIVE and b.told.side * position < 0
        )
        if not self.checks_bare or not is_protected or works >= abs(position):
            self.seen.bare_since.pop(name, None)
            return
        since, was = self.seen.bare_since.get(name, (self.loop.time(), position))
        if was * position < 0:  # another position
            since = self.loop.time()
        self.seen.bare_since[name] = (since, position)
        knows = position + self.state.of(name).external == self.venue.held.get(name, 0)
        most = self.capabilities.t_protect_s + _SLACK_S if knows else self.params.reconcile_s + 10.0
        if self._is_closing(name, since):
            self.seen.closing_at[name] = self.loop.time()
        elif self.loop.time() > max(since + most, self.seen.closing_at.get(name, since) + _HANDOVER_S):
            self.seen.breaches.append(f"I2: {position} lots of {name} are bare since {since:.1f} s, nobody closes them")

    def _is_closing(self, name: str, since: float) -> bool:
        """Tell whether an emergency exit was sent since a time, or any exit at the market is being filled."""
        for book in self.venue.working.values():
            if book.intent.is_reduce_only and book.intent.kind is OrderKind.MARKET and book.told.instrument == name:
                return True
        recent = takewhile(lambda gate: gate[0] > since - 1, reversed(self.seen.gates))
        return any(i.origin is Origin.RISK and i.instrument == name for _at, i in recent)

    # ---------------------------------------------------------------------------------------------------- in the end
    def settle(self, seconds: float = 120.0) -> None:
        """Let the weather clear, let time pass, and hold all invariants against everything that happened."""
        self.venue.weather = type(self.venue.weather)()
        self.venue.script.clear()
        self.run(seconds)
        self.check()

    def check(self) -> None:
        """Hold the invariants of a quiet end."""
        state, venue = self.state, self.venue
        if state.quarantine or self.alerts("adapter error") or self.alerts("protection refused"):
            raise BrokenError(f"I7: set aside: {state.quarantine}; {self.seen.alerts}")
        lots: dict[str, int] = {}
        for book in venue.books.values():
            lots[book.intent.client_id] = lots.get(book.intent.client_id, 0) + book.intent.lots
        for client_id, order in state.orders.items():
            if lots.get(client_id, 0) > order.intent.lots:
                raise BrokenError(f"I1: {lots[client_id]} lots at the venue for an intent of {order.intent.lots}")
            self._check_order(client_id)
        for name in sorted({*venue.held, *state.instruments}):
            known, held = state.of(name), venue.held.get(name, 0)
            if known.position + known.external + known.mismatch != held:
                raise BrokenError(f"I3: {name}: {known.position} ours, {known.external} others', venue {held}")
            mine = sum(
                (0 if k in state.busted else f.side * f.lots)
                for k, f in state.fills.items()
                if f.instrument == name and not f.busts and f.client_id in state.orders
            )
            taken = sum(e.fill_lots for e in self.seen.events)
            if mine != known.position and not known.halted and taken and not state.horizon:
                raise BrokenError(f"I3: {name}: executions make {mine} lots, the position is {known.position}")
        is_halted = bool(state.kills or state.paused or any(k.halted for k in state.instruments.values()))
        if not state.is_ready or state.unknown():
            paged = any(a.is_page for a in self.seen.alerts)
            if not paged:
                raise BrokenError("I14: neither working nor halted with somebody told")
        elif is_halted and not any(a.is_page for a in self.seen.alerts):
            raise BrokenError("I14: halted and nobody was told")

    def _check_order(self, client_id: str) -> None:
        order, books = self.state.orders[client_id], self.venue.find(client_id)
        done = sum(b.told.filled for b in books)
        if order.filled != done and order.status is not OrderStatus.UNKNOWN and not self.state.quarantine:
            raise BrokenError(f"I3: {client_id}: {order.filled} lots booked, the venue filled {done}")
        is_open = any(b.told.is_open for b in books)
        if order.status in TERMINAL and is_open:
            raise BrokenError(f"I6: {client_id} is {order.status.name} here and open at the venue")
        if order.status in (OrderStatus.REJECTED, OrderStatus.DENIED, OrderStatus.ABANDONED) and books:
            raise BrokenError(f"I6: {client_id} is {order.status.name} here, the venue had it")

    def kill(self, level: KillLevel = KillLevel.CANCEL) -> None:
        assert self.desk is not None
        desk = self.desk
        self.inside(lambda: desk.kill(level, "all", "test", "drill"))
        self.seen.killed_at = self.loop.time()

    def trace(self) -> str:
        """Hash of everything that happened."""
        return hashlib.blake2b("\n".join(self.venue.log).encode(), digest_size=16).hexdigest()
