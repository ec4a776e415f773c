"""Slippage and latency of real fills while they happen, by instrument and session.

A pure fold: a session drives it from its desk, `engine.live.metering` from a journal, and both get the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, OrderStatus, Side
from tradewright.core.types.venue import OrderIntent, VenueFill
from tradewright.execution.costs.distribution import Distribution
from tradewright.execution.monitors.bounds import BoundWatch, MonitorBounds
from tradewright.execution.monitors.fill_rows import FillRow
from tradewright.execution.monitors.sketch import Sketch
from tradewright.execution.orders.inputs import Alert, OrderEvent
from tradewright.execution.orders.state import TERMINAL
from tradewright.execution.tactics.messages import Quote

_MS = 1e-6
#: What is measured. Slippage in basis points, against us above zero; times in milliseconds.
SHORTFALL = "shortfall_bps"  # price beyond the mid at the decision: Perold, "The implementation shortfall" (1988)
SLIPPAGE = "slippage_bps"  # of orders that took: price beyond the mid when sent and half the spread
ACCEPT = "accept_ms"  # from the order's intent to the venue's first word
FILL = "fill_ms"  # from the intent of an order that took to its execution
PING = "ping_ms"  # round trip of a question
_AT_VENUE = (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED)
#: So long after its newest part the decision of an order is forgotten: what follows counts from its own quote.
_REMEMBERED_NS = 86_400_000_000_000
_STOPS = (OrderKind.STOP, OrderKind.STOP_LIMIT, OrderKind.TRAILING_STOP)


@dataclass(slots=True)
class _Watched:
    """An order at the venue, the market when it was sent, the mid when its decision fell, and what it filled."""

    intent: OrderIntent
    quote: Quote | None
    decision_mid: float | None
    rests: bool
    is_accepted: bool = False
    lots: int = 0
    value: float = 0.0
    ts: int = 0
    fee: float | None = None
    rested: bool = False

    @property
    def is_stop(self) -> bool:
        """Whether it waited for its own price: it has no decision to count from."""
        return self.intent.kind in _STOPS


class ExecutionMonitor:
    """Looks at orders and what becomes of them; keeps distributions, and rows for the execution model.

    Parameters
    ----------
    instruments : mapping
        By symbol; orders in others are not watched.
    quotes : mapping
        The newest quote by symbol; whoever drives the monitor keeps it.
    session_of : callable
        Name of the session a time lies in, ns UTC.
    bounds : MonitorBounds
        Beyond which a person is told.
    keeps_rows : bool
        Whether anybody will take the rows.
    """

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        quotes: Mapping[str, Quote],
        session_of: Callable[[int], str],
        bounds: MonitorBounds | None = None,
        *,
        keeps_rows: bool = True,
    ) -> None:
        self._instruments, self._quotes, self._session_of = instruments, quotes, session_of
        self.watch = BoundWatch(bounds or MonitorBounds())
        self._sketches: dict[tuple[str, str, str], Sketch] = {}
        self._watched: dict[str, _Watched] = {}
        self._mids: dict[int, tuple[float | None, int]] = {}  # by the session's number of an order; and its last use
        self._rows: list[FillRow] = []
        self.keeps_rows = keeps_rows

    def begin(self) -> None:
        """Forget the numbers of the session's orders: another lineage counts anew."""
        self._mids.clear()

    def intended(self, intent: OrderIntent) -> None:
        """Take in that an order is about to be sent."""
        if intent.instrument not in self._instruments:
            return
        quote = self._quotes.get(intent.instrument)
        mid = None if quote is None else quote.mid
        if intent.reference:
            while self._mids and intent.ts_event - self._mids[oldest := next(iter(self._mids))][1] > _REMEMBERED_NS:
                del self._mids[oldest]
            mid, _ = self._mids.pop(intent.reference, (mid, 0))  # it may have several parts
            self._mids[intent.reference] = mid, intent.ts_event  # the newest last
        self._watched[intent.client_id] = _Watched(intent, quote, mid, _rests(intent, quote))

    def told(self, event: OrderEvent, ts: int) -> list[Alert]:
        """Take in what became of an order, known at ``ts``, ns UTC; return what a person should know."""
        order = self._watched.get(event.client_id)
        if order is None:
            return []
        alerts = list[Alert]()
        if not order.is_accepted and event.status in _AT_VENUE:
            order.is_accepted = True
            alerts += self._note(order.intent.instrument, ACCEPT, ts, (ts - order.intent.ts_event) * _MS)
        if event.fill is not None:
            alerts += self._filled(order, event.fill, event.fill_lots, ts)
        if event.status in TERMINAL and not event.unseen:
            self._close(self._watched.pop(event.client_id))
        return alerts

    def pinged(self, venue: str, asked: int, answered: int) -> list[Alert]:
        """Take in the round trip of a question to a venue, ns UTC; return what a person should know."""
        return self._note(venue, PING, answered, (answered - asked) * _MS)

    def distributions(self) -> dict[tuple[str, str, str], Distribution]:
        """Return what was measured, by (instrument or venue, session, quantity)."""
        return {key: sketch.distribution() for key, sketch in sorted(self._sketches.items())}

    def take_rows(self) -> list[FillRow]:
        """Return the rows of orders that have ended since the last call."""
        rows, self._rows = self._rows, []
        return rows

    def _note(self, subject: str, quantity: str, ts: int, value: float, weight: float = 1.0) -> list[Alert]:
        key = (subject, self._session_of(ts), quantity)
        self._sketches.setdefault(key, Sketch()).add(value, weight)
        said = self.watch.take(subject, quantity, value)
        return [Alert("execution beyond its bound", said, is_page=True)] if said else []

    def _filled(self, order: _Watched, fill: VenueFill, lots: int, ts: int) -> list[Alert]:
        intent, quote = order.intent, order.quote
        order.lots += lots
        order.value += lots * fill.price
        order.ts, order.rested = ts, order.rests or fill.is_maker
        if fill.fee is not None and fill.fee_currency in ("", self._instruments[intent.instrument].currency):
            order.fee = (order.fee or 0.0) + (fill.fee if lots > 0 else -fill.fee)
        if lots <= 0 or order.is_stop:  # what is taken back is not paid
            return []
        alerts = list[Alert]()
        name, sent = intent.instrument, intent.ts_event
        if order.decision_mid is not None:
            alerts += self._note(name, SHORTFALL, sent, _beyond(intent.side, fill.price, order.decision_mid), lots)
        if not order.rested:
            alerts += self._note(name, FILL, sent, (ts - sent) * _MS)
            if quote is not None:
                paid = _beyond(intent.side, fill.price, quote.mid) - quote.half_spread_bps
                alerts += self._note(name, SLIPPAGE, sent, paid, lots)
        return alerts

    def _close(self, order: _Watched) -> None:
        if order.lots <= 0 or not self.keeps_rows:
            return
        intent, quote = order.intent, None if order.is_stop else order.quote
        unit = float(self._instruments[intent.instrument].unit_value)
        mid = None if quote is None else quote.mid
        row = FillRow(
            symbol=intent.instrument,
            decided=order.ts if order.is_stop else intent.ts_event,
            filled=order.ts,
            side=int(intent.side),
            price=order.value / order.lots,
            size=order.lots * unit,
            decision_price=intent.stop_price if order.is_stop else mid,
            half_spread_bps=None if quote is None else quote.half_spread_bps,
            fee=order.fee,
            ordered=intent.lots * unit,
            maker=order.rested,
        )
        self._rows.append(row)


def _rests(intent: OrderIntent, quote: Quote | None) -> bool:
    """Tell whether an order waits for others: its limit did not reach the far touch when it was sent."""
    if intent.kind is not OrderKind.LIMIT or intent.limit_price is None:
        return False
    if quote is None:
        return True
    touch = quote.ask if intent.side > 0 else quote.bid
    return intent.side * (intent.limit_price - touch) < 0.0


def _beyond(side: Side, price: float, mid: float) -> float:
    return side * (price / mid - 1.0) * 1e4
