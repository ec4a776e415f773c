"""The loop around the conductor: a feed, a desk, a journal, a clock. One thread, one input at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from tradewright.core.types.order import OrderStatus
from tradewright.engine.commands import Command
from tradewright.engine.live.conductor import Act, Conductor, Place
from tradewright.engine.live.gauges import EVENT_TO_ACT, SUBMIT_TO_ACK, Gauges
from tradewright.engine.live.recovery import (
    ACTED,
    COMMAND,
    ENDED,
    PING,
    QUOTE,
    QUOTED,
    REFUSED,
    STAMP,
    acts_payload,
    command_payload,
)
from tradewright.engine.live.rows import MARKET, MarketRow, bid_and_ask, payload_of, show
from tradewright.execution.desk import OrderDesk
from tradewright.execution.journal.errors import JournalUnavailableError
from tradewright.execution.orders.exits import at_target
from tradewright.execution.orders.gate import refusal
from tradewright.execution.orders.inputs import Alert, JournalLost, KillLevel, OrderEvent, Source, Wish
from tradewright.execution.orders.state import ALL
from tradewright.execution.sim_broker import SimBroker
from tradewright.execution.tactics.machine import step
from tradewright.execution.tactics.messages import (
    CancelChild,
    ChildRefused,
    ChildSent,
    ChildTold,
    ParentCancelWanted,
    ParentEnded,
    ParentWanted,
    Passed,
    Quoted,
    QuotesFilled,
    SendChild,
)
from tradewright.execution.tactics.messages import Effect as TacticEffect
from tradewright.execution.tactics.messages import Input as TacticInput
from tradewright.execution.tactics.routing import is_watched
from tradewright.execution.tactics.state import TacticsState

#: What a kill of the whole account means to the session; the desk itself cancels and flattens.
_STATES = {
    KillLevel.REDUCE_ONLY: Command.REDUCE,
    KillLevel.BLOCK_NEW: Command.HALT,
    KillLevel.CANCEL: Command.KILL,
    KillLevel.FLATTEN: Command.KILL,
}


@dataclass(slots=True)
class Counts:
    """What happened since the start."""

    rows: int = 0
    decisions: int = 0
    refused: int = 0
    alerts: int = 0


class Runtime:
    """One session at work.

    An input is in the journal before the conductor sees it, and what the conductor wants is there before the desk acts
    on it. A journal that cannot be written stops new orders at once; the market goes on being followed, so that
    protection and loss limits keep working.

    Parameters
    ----------
    conductor : Conductor
        As recovered, or new.
    desk : OrderDesk
        Its ``tell`` is `told` of this object.
    broker : SimBroker or None
        The simulated venue, where that is the desk's venue: it is shown every event before the session.
    alert : callable
        Told what a person should know.
    tactics : TacticsState or None
        How orders are worked, with the parameters that the conductor has; None: they go out as they are.
    """

    def __init__(
        self,
        conductor: Conductor,
        desk: OrderDesk,
        broker: SimBroker | None,
        alert: Callable[[Alert], None],
        tactics: TacticsState | None = None,
    ) -> None:
        self.conductor, self.desk, self.broker, self._listener = conductor, desk, broker, alert
        self.counts, self.gauges = Counts(), Gauges()
        self.tactics = tactics
        self.kills: Mapping[str, KillLevel] = desk.kills  # levels in force by scope
        self._queue: deque[TacticInput] = deque()
        self._refusing: dict[tuple[str, str], Wish] = {}  # strategy and cause, as told -> an order that it refuses
        self.newest = [0] * len(conductor.plan.instruments)  # ts_seen of each instrument's newest event
        self._quoted: dict[str, int] = {}  # when the newest quote beside bars was known, by symbol

    def take_up(self, owed: list[Act], worked: Collection[int] = ()) -> None:
        """Settle what an earlier process decided and did not carry out: its orders are stale, its cancels are not.

        ``worked``: numbers of orders that its tactics worked.
        """
        now = self.desk.ports.now_ns()
        unsent = {act.wish.reference for act in owed if isinstance(act, Place)}
        for number in sorted(set(worked) - unsent):  # nobody works them any more: their parts end, or they do
            parts = self.conductor.clients(number)
            for client_id in parts:
                self.desk.cancel(client_id)
            wish = None if parts else self.conductor.wish(number)
            state = self.desk.state
            if wish is not None and is_watched(state.capabilities, wish, is_guarded=state.is_guarded(wish.instrument)):
                self.conductor.worked.add(number)  # a limit that was only watched is watched on
                self._want(wish, now)
            elif not parts:
                self._record(ENDED, {"reference": number, "status": int(OrderStatus.CANCELED)}, now, now)
                self._do(self.conductor.ended(number, OrderStatus.CANCELED, now), now, now)
        for act in owed:
            if isinstance(act, Place):
                self._refused(act.wish, "the session ended before it was sent", now)
            else:
                self._withdraw(act.reference)

    # ---------------------------------------------------------------------------------------------------------- inputs
    async def hear(self, row: MarketRow) -> None:
        """Take in a market event, and wait for the simulated venue's answers if it is the venue."""
        if self.broker is not None:
            await self.settle()
            show(row, self.conductor.event)
            for told in self.broker.on_market():
                self.desk.take(told, Source.STREAM, row.ts_seen)
            state = self.desk.state  # reconciled by the time of the market, which may be a recording
            if not state.is_ready or row.ts_seen - state.last_view > state.params.reconcile_ns:
                await self.desk.reconcile()
        self.counts.rows += 1
        self.newest[row.instrument] = row.ts_seen
        for cause, refused in tuple(self._refusing.items()):
            if refusal(self.desk.state, refused) != cause[1]:  # it has ended: when it comes again, it is news again
                del self._refusing[cause]
        self._record(MARKET, payload_of(row), row.ts_event, row.ts_seen)
        name, (bid, ask) = self.conductor.plan.instruments[row.instrument].symbol, bid_and_ask(row)
        is_newest = self._quoted.get(name, 0) < row.ts_event  # or a quote has come since that bar closed
        if self.tactics is not None and is_newest:
            self._work(Quoted(name, bid, ask, row.ts_seen, self.desk.state.position(name)))
        self._do(self.conductor.market(row), row.ts_event, row.ts_seen)
        if is_newest:
            _watch_target(self.desk, name, bid, ask)
        await self.settle()

    def quoted(self, name: str, bid: float, ask: float, now: int) -> None:
        """Take in a quote beside bars: orders that are worked and targets follow it, the session decides nothing."""
        self._quoted[name] = now
        self._record(QUOTE, {"instrument": name, "bid": bid, "ask": ask}, now, now)
        if self.tactics is not None:
            self._work(Quoted(name, bid, ask, now, self.desk.state.position(name)))
        _watch_target(self.desk, name, bid, ask)

    def pass_time(self, now: int) -> None:
        """Take in that time has passed, for orders that are worked."""
        if self.tactics is not None and self.conductor.worked:
            self._work(Passed(now))

    async def stamp(self, now: int) -> None:
        """Take in that a timestamp is complete."""
        self._record(STAMP, {}, now, now)
        self._do(self.conductor.stamp(now), now, now)
        await self.settle()

    async def settle(self) -> None:
        """Wait for the answers of a venue in this process: they belong to the moment before the clock moves on."""
        while self.broker is not None and self.desk.tasks:
            await asyncio.wait(set(self.desk.tasks))

    def command(self, command: Command, value: float = float("nan"), instrument: int = 0) -> None:
        """Take in a person's command or a figure from outside."""
        now = self.desk.ports.now_ns()
        self._record(COMMAND, command_payload(command, value, instrument), now, now)
        self._do(self.conductor.command(command, value, instrument), now, now)

    def pinged(self, asked: int, answered: int) -> None:
        """Write down how long the venue took to answer a question, ns UTC."""
        self._record(PING, {"asked": asked, "answered": answered}, answered, answered)

    def kill(self, level: KillLevel, scope: str, by: str, reason: str) -> None:
        """Stop: first the gate, then the disk, then the venue, then the session."""
        self.desk.kill(level, scope, by, reason)
        if scope == ALL and level in _STATES:
            self.command(_STATES[level])

    def release(self, scope: str, by: str, confirmed_by: str, reason: str) -> None:
        """Let a scope trade again, where the desk agrees."""
        self.desk.release(scope, by, confirmed_by, reason)
        if scope == ALL and ALL not in self.desk.state.kills:
            self.command(Command.RESUME)

    def told(self, effect: OrderEvent | Alert) -> None:
        """Take in what the desk tells."""
        if isinstance(effect, Alert):
            self.alert(effect)
            return
        ts = self.desk.ts
        sent = self.desk.state.orders[effect.client_id].ts_sent
        if sent and effect.status is OrderStatus.ACCEPTED and effect.fill is None:  # not an exit that the venue made
            self.gauges.took(SUBMIT_TO_ACK, ts - sent)
        self._do(self.conductor.told(effect, ts), ts, ts)
        if self.tactics is not None and effect.client_id in self.tactics.by_client_id:
            self._work(ChildTold(effect, ts))

    def alert(self, alert: Alert) -> None:
        """Tell a person."""
        self.counts.alerts += 1
        self.gauges.alert(self.desk.ports.now_ns(), alert)
        self._listener(alert)

    # ------------------------------------------------------------------------------------------------------ the inside
    def _do(self, acts: list[Act], ts_event: int, ts_seen: int) -> None:
        if not acts and not self.conductor.has_judged:
            return
        self.counts.decisions += 1
        self._record(ACTED, {**acts_payload(acts), **self.conductor.evidence()}, ts_event, ts_seen)
        if acts:
            self.gauges.took(EVENT_TO_ACT, self.desk.ports.now_ns() - ts_seen)
        for act in acts:
            if isinstance(act, Place) and act.is_worked:
                self._want(act.wish, ts_seen)
            elif isinstance(act, Place):
                _, said = self.desk.submit(act.wish)
                if said:
                    self._refused(act.wish, said, ts_seen)
            else:
                self._withdraw(act.reference)

    def _want(self, wish: Wish, now: int) -> None:
        """Give an order to tactics."""
        state, name = self.desk.state, wish.instrument
        self._work(ParentWanted(wish.reference, wish, now, state.position(name), state.is_guarded(name)))

    def _work(self, told: TacticInput) -> None:
        """Let tactics take inputs in turn: what an effect causes at once waits until the others are carried out."""
        self._queue.append(told)
        if len(self._queue) > 1 or self.tactics is None:
            return
        while self._queue:
            for effect in step(self.tactics, self._queue[0]):
                self._carry_out(effect)
            self._queue.popleft()

    def _carry_out(self, effect: TacticEffect) -> None:
        now = self.desk.ports.now_ns()
        match effect:
            case SendChild(child, wish):
                name, said = self.desk.submit(wish)
                self._queue.append(ChildSent(child, name, now) if name else ChildRefused(child, said, now))
                order = self.desk.state.orders.get(name)
                if order is not None and not order.is_alive:  # it was over before anybody here knew its name
                    event = OrderEvent(name, order.status, order.filled, reason=order.reason)
                    self._queue.append(ChildTold(event, now))
            case CancelChild(client_id):
                self.desk.cancel(client_id)
            case ParentEnded(reference, status, reason):
                payload: dict[str, object] = {"reference": reference, "status": int(status), "reason": reason}
                self._record(ENDED, payload, now, now)
                self._do(self.conductor.ended(reference, status, now), now, now)
            case QuotesFilled(name, share):
                self._record(QUOTED, {"instrument": name, "share": share}, now, now)
            case Alert():
                self.alert(effect)

    def _refused(self, wish: Wish, said: str, now: int) -> None:
        """Give an order back to the session; a person is told of each cause once, however many orders it refuses."""
        self.counts.refused += 1
        self._record(REFUSED, {"reference": wish.reference, "reason": said}, now, now)
        self.conductor.refused(wish.reference, now)
        cause = wish.strategy, said
        if cause not in self._refusing:
            self._refusing[cause] = wish
            self.alert(Alert("order refused", said))

    def _withdraw(self, reference: int) -> None:
        if reference in self.conductor.worked:
            self._work(ParentCancelWanted(reference, self.desk.ports.now_ns()))
            return
        for client_id in self.conductor.clients(reference):
            self.desk.cancel(client_id)

    def _record(self, kind: str, payload: dict[str, object], ts_event: int, ts_seen: int) -> None:
        try:
            self.desk.journal.append(kind, payload, ts_event, ts_seen)
        except JournalUnavailableError:
            if not self.desk.state.is_journal_lost:
                self.desk.feed(JournalLost(self.desk.ports.now_ns()))


def _watch_target(desk: OrderDesk, name: str, bid: float, ask: float) -> None:
    """Close a position at its target, where the venue holds none."""
    wish = at_target(desk.state, name, bid, ask)
    if wish is not None:
        desk.submit(wish)
