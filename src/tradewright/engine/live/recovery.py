"""A session from its journal: the conductor driven by what was written instead of by a feed and a desk.

A lineage begins with a `SESSION` record that says so and ends with the next; restarts continue it. What a lineage's
inputs were, in order, is all there is to it: market rows, timestamps, commands, and the desk's own inputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from typing import Any

from tradewright.core.types.errors import StrategyError, VenueError
from tradewright.core.types.journal import JournalRecord
from tradewright.core.types.order import OrderStatus
from tradewright.engine.commands import Command
from tradewright.engine.live.conductor import Act, Conductor, Place
from tradewright.engine.live.rows import MARKET, RecordedEvents
from tradewright.execution.journal.frame import decode_body, encode_body
from tradewright.execution.journal.reading import SESSION
from tradewright.execution.orders.inputs import CancelOrder, CancelWanted, Intended, OrderEvent, Sent, Wish
from tradewright.execution.orders.machine import step
from tradewright.execution.orders.recovery import from_record
from tradewright.execution.orders.state import OrdersState
from tradewright.execution.sim_broker import SimBroker

STAMP, COMMAND, ACTED, REFUSED, ENDED = "stamp", "command", "acted", "refused", "ended"
_INPUTS = frozenset({MARKET, STAMP, COMMAND})
PING = "ping"  # how long the venue took to answer; nothing is decided by it
QUOTE = "quote"  # best bid and ask beside bars: tactics and targets follow them, no decision of the session does
QUOTED = "quoted"  # what share of an order its quotes filled
_PLAIN = asdict(Wish("", "", 1, 1, 0))  # type: ignore[arg-type]  # only for what a field is when nobody set it
_ALWAYS = ("strategy", "instrument", "side", "kind")


def acts_payload(acts: list[Act]) -> dict[str, object]:
    """Return what the conductor wants as a journal payload: orders without the fields that nobody set."""
    return {"acts": [_act(act) for act in acts]}


def _act(act: Act) -> dict[str, object]:
    if not isinstance(act, Place):
        return {"withdraw": act.reference}
    fields: dict[str, object] = {"is_worked": True} if act.is_worked else {}
    wish = act.wish
    for name, plain in _PLAIN.items():
        value = getattr(wish, name)
        if value != plain or name in _ALWAYS:
            fields[name] = value
    return fields


def command_payload(command: Command, value: float, instrument: int) -> dict[str, object]:
    """Return a command as a journal payload."""
    return {"command": int(command), "value": None if math.isnan(value) else value, "instrument": instrument}


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a replay did something else than the session did."""

    sequence: int
    ts: int
    what: str
    was: object
    now: object


@dataclass(slots=True)
class Retelling:
    """What a journal has led to so far.

    ``begin`` makes what a lineage began with, or None for one that this program cannot retell: of that only orders and
    positions count. ``conductor`` and ``broker`` are those of the newest lineage. ``waiting``: what was done and has no
    `ACTED` record yet, as acts and as the record that has to follow. ``differences``: where another one followed, at
    most ``most``. ``cut_off``: how often an end of the process came before; that is no difference. ``trace``: over all
    that was done.
    """

    state: OrdersState
    begin: Callable[[JournalRecord], tuple[Conductor, SimBroker | None] | None]
    conductor: Conductor | None = None
    broker: SimBroker | None = None
    waiting: list[tuple[list[Act], dict[str, Any]]] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    most: int = 20
    inputs: int = 0
    decisions: int = 0
    cut_off: int = 0
    begun: JournalRecord | None = None
    newest: list[int] = field(default_factory=list)  # ts_event of the newest row of each instrument
    owed: list[Act] = field(default_factory=list)  # decided, and not carried out so far
    trace: blake2b = field(default_factory=lambda: blake2b(digest_size=8))
    _events: RecordedEvents = field(init=False, repr=False)  # of the conductor, where there is one

    def take(self, record: JournalRecord) -> None:
        """Take in a record."""
        kind = record.kind
        if kind == SESSION:
            self._break_off()
            if record.payload.get("begins", True):
                self.begun = record
                self.conductor, self.broker = self.begin(record) or (None, None)
                self.newest = []
                if self.conductor is not None:
                    self.newest = [0] * len(self.conductor.plan.instruments)
                    session = self.conductor.session
                    self._events = RecordedEvents(self.conductor.event, session.forecast, session.forecast_ts)
                    self.conductor.since_epoch = int(str(record.payload.get("epoch", 0)))
            elif self.conductor is not None:
                self.conductor.worked.clear()  # nobody works them any more: their parts stand for themselves
            return
        if kind in _INPUTS:  # nearly all there is
            if self.conductor is not None:
                if self.waiting:
                    self._settle(record)
                self.inputs += 1
                self._input(record, self.conductor)
            return
        told = from_record(record)
        if told is not None:
            self._desk(told, record)
        elif self.conductor is None:
            return
        elif kind == ACTED:
            self._compare(record)
        elif kind == ENDED:
            reference = int(str(record.payload["reference"]))
            self._carried_out(reference)
            status = OrderStatus(int(str(record.payload["status"])))
            self._did(self.conductor.ended(reference, status, record.ts_seen))
        elif kind == REFUSED:
            reference = int(str(record.payload["reference"]))
            self._carried_out(reference)
            self.conductor.refused(reference, record.ts_seen)

    def _input(self, record: JournalRecord, conductor: Conductor) -> None:
        """Let the conductor take in what the session took in."""
        if record.kind == MARKET:
            decides = self._events.show(record)
            if self.broker is not None:
                self.broker.on_market()  # what it told stands in the journal
            self.newest[self._events.instrument[0]] = record.ts_event
            try:
                acts = conductor.shown(decides)
            except StrategyError:  # as it did then; the session went on without asking it
                return
            if acts or conductor.has_judged:
                self._did(acts)
        elif record.kind == STAMP:
            with suppress(StrategyError):
                self._did(conductor.stamp(record.ts_seen))
        else:
            value = record.payload["value"]
            number = float("nan") if value is None else float(str(value))
            command = Command(int(str(record.payload["command"])))
            self._did(conductor.command(command, number, int(str(record.payload["instrument"]))))

    def finish(self) -> None:
        """Say that the journal ends here."""
        self._break_off()

    def _did(self, acts: list[Act]) -> None:
        """Note what the conductor did, as the session wrote it down."""
        if self.conductor is not None and (acts or self.conductor.has_judged):
            payload = {**acts_payload(acts), **self.conductor.evidence()}
            self.trace.update(encode_body(ACTED, 0, 0, payload))
            self.waiting.append((acts, payload))

    def unfinished(self) -> list[Act]:
        """Return what was decided last and never carried out: the process ended in between."""
        return [*self.owed, *(act for acts, _ in self.waiting for act in acts)]

    def _carried_out(self, reference: int) -> None:
        if self.owed:
            self.owed = [act for act in self.owed if _number(act) != reference]

    def _desk(self, told: Any, record: JournalRecord) -> None:
        effects = step(self.state, told)
        if isinstance(told, Intended):
            self._carried_out(told.intent.reference)
        elif isinstance(told, CancelWanted) and self.conductor is not None:
            self._carried_out(self.conductor.number(told.client_id))
        if self.broker is not None and isinstance(told, Sent):
            self.broker.take(self.state.orders[told.client_id].intent)
        for effect in effects:
            if isinstance(effect, OrderEvent) and self.conductor is not None:
                self._did(self.conductor.told(effect, record.ts_seen))
            elif isinstance(effect, CancelOrder) and self.broker is not None:
                with suppress(VenueError):  # it was refused then too
                    self.broker.withdraw(effect.client_id)

    def _compare(self, record: JournalRecord) -> None:
        self.decisions += 1
        acts, now = self.waiting.pop(0) if self.waiting else ([], {})
        if now != record.payload:
            now = _as_written(now)
            for what, was in record.payload.items():
                if now.get(what) != was:
                    self._differ(record, what, was, now.get(what))
        self.owed += acts

    def _settle(self, record: JournalRecord) -> None:
        """Find that the session did nothing where it should have."""
        for _, now in self.waiting:
            self._differ(record, "acted where the session did not", None, _as_written(now)["acts"])
        self.waiting.clear()

    def _break_off(self) -> None:
        self.cut_off += len(self.waiting)
        self.owed += [act for acts, _ in self.waiting for act in acts]
        self.waiting.clear()

    def _differ(self, record: JournalRecord, what: str, was: object, now: object) -> None:
        if len(self.differences) < self.most:
            self.differences.append(Difference(record.sequence, record.ts_seen, what, was, now))


def _as_written(payload: dict[str, Any]) -> dict[str, Any]:
    return decode_body(encode_body(ACTED, 0, 0, payload))[3]


def _number(act: Act) -> int:
    return act.wish.reference if isinstance(act, Place) else act.reference
