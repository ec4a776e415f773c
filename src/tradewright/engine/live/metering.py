"""What orders of a session paid and how long they took, read from its journal: as its monitor saw it, to the bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from tradewright.core.types.instrument import Instrument
from tradewright.core.types.journal import JournalRecord
from tradewright.core.types.venue import Idempotency
from tradewright.engine.live.recovery import PING, QUOTE, QUOTED
from tradewright.engine.live.rows import MARKET, bid_and_ask, row_of
from tradewright.execution.journal.reading import SESSION
from tradewright.execution.monitors.bounds import MonitorBounds
from tradewright.execution.monitors.execution_monitor import ExecutionMonitor
from tradewright.execution.orders.inputs import Intended, OrderEvent
from tradewright.execution.orders.machine import step
from tradewright.execution.orders.recovery import from_record
from tradewright.execution.orders.state import OrdersState
from tradewright.execution.tactics.messages import Quote
from tradewright.execution.venue import Capabilities


class JournalMeter:
    """Takes the records of one account, in order; `monitor` holds what they tell.

    ``quotes``: the newest by symbol; ``quoted``: of which orders quotes filled which share, by symbol, in turn.

    Parameters
    ----------
    instruments : mapping
        By symbol; what is not among them is left out.
    session_of, bounds, keeps_rows
        As of `ExecutionMonitor`.
    """

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        session_of: Callable[[int], str] = lambda _: "all",
        bounds: MonitorBounds | None = None,
        *,
        keeps_rows: bool = True,
    ) -> None:
        self.quotes: dict[str, Quote] = {}
        self.quoted: list[tuple[str, float]] = []
        self._new_monitor = partial(
            ExecutionMonitor, instruments, self.quotes, session_of, bounds, keeps_rows=keeps_rows
        )
        self.monitor = self._new_monitor()
        self.modes: set[str] = set()  # of the sessions that sent orders
        self.strangers: set[str] = set()  # instruments that were ordered and are not among those given
        self._instruments = instruments
        self._state = OrdersState("", Capabilities(idempotency=Idempotency.HARD))
        self._symbols: Sequence[str] = ()
        self._venue = ""
        self._quoted: dict[str, int] = {}  # when the newest quote beside bars was known, by symbol

    def follow(self, record: JournalRecord) -> None:
        """Take in a record, and keep of what is measured the newest lineage's alone."""
        if record.kind == SESSION:
            self.open(continues=not record.payload.get("begins", True))
        self.take(record)

    def open(self, *, continues: bool) -> None:
        """Begin a session, which has seen no market yet; what is known of orders stays."""
        self._forget_market()
        if not continues:
            self.monitor = self._new_monitor()
            self.quoted.clear()

    def take(self, record: JournalRecord) -> None:
        """Take in a record."""
        if record.kind == SESSION:
            self._session(record)
        elif record.kind == MARKET:
            row = row_of(record)
            name, quote = self._symbols[row.instrument], Quote.of(*bid_and_ask(row))
            if quote is not None and self._quoted.get(name, 0) < row.ts_event:
                self.quotes[name] = quote
        elif record.kind == QUOTE:
            name = str(record.payload["instrument"])
            self._quoted[name] = record.ts_seen
            self.quotes[name] = Quote(_number(record, "bid"), _number(record, "ask"))
        elif record.kind == PING:
            asked, answered = (int(str(record.payload[name])) for name in ("asked", "answered"))
            self.monitor.pinged(self._venue, asked, answered)
        elif record.kind == QUOTED:
            self.quoted.append((str(record.payload["instrument"]), _number(record, "share")))
        else:
            self._desk(record)

    def _session(self, record: JournalRecord) -> None:
        named = record.payload.get("instruments")
        self._symbols = [str(name) for name in named] if isinstance(named, list) else []
        self._venue = str(record.payload.get("venue", ""))
        if record.payload.get("begins", True):
            self.monitor.begin()
        self._forget_market()

    def _forget_market(self) -> None:
        """Know no quote: a session that starts has seen no market yet."""
        self.quotes.clear()
        self._quoted.clear()

    def _desk(self, record: JournalRecord) -> None:
        told = from_record(record)
        if told is None:
            return
        effects = step(self._state, told)
        if isinstance(told, Intended):
            self.modes.add(record.mode)
            if told.intent.instrument not in self._instruments:
                self.strangers.add(told.intent.instrument)
            self.monitor.intended(told.intent)
        for effect in effects:
            if isinstance(effect, OrderEvent):
                self.monitor.told(effect, told.ts)


def _number(record: JournalRecord, name: str) -> float:
    return float(str(record.payload[name]))
