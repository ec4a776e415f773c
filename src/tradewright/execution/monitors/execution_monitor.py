"""Slippage and latency of real fills while they happen, by instrument and session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tradewright.core.types.order import Side
from tradewright.execution.costs.distribution import Distribution
from tradewright.execution.monitors.fill_rows import FillRow
from tradewright.execution.monitors.sketch import Sketch
from tradewright.execution.tactics.messages import Effect, ParentAccepted, ParentEnded, ParentFilled
from tradewright.execution.tactics.state import Child, TacticsState

_MS = 1e-6
#: What is measured. Slippage in basis points, against us above zero; times in milliseconds.
SHORTFALL = "shortfall_bps"  # price beyond the mid at the decision: Perold, "The implementation shortfall" (1988)
SLIPPAGE = "slippage_bps"  # of orders that took: price beyond the mid when sent and half the spread
ACCEPT = "accept_ms"  # from the decision to the venue's first word
FILL = "fill_ms"  # from sending an order that took to its execution
PING = "ping_ms"  # round trip of a question


@dataclass(slots=True)
class _Tally:
    """What one order at the venue has filled."""

    lots: int = 0
    value: float = 0.0
    ts: int = 0
    fee: float | None = None


class ExecutionMonitor:
    """Looks at what the tactics say and keeps distributions, and rows for the execution model.

    Parameters
    ----------
    tactics : TacticsState
        Where orders and instruments are found.
    session_of : callable
        Name of the session a time lies in, ns UTC.
    """

    def __init__(self, tactics: TacticsState, session_of: Callable[[int], str]) -> None:
        self._tactics = tactics
        self._session_of = session_of
        self._sketches: dict[tuple[str, str, str], Sketch] = {}
        self._tallies: dict[str, _Tally] = {}
        self._rows: list[FillRow] = []

    def take(self, effect: Effect) -> None:
        """Look at an effect of the tactics, after the step that made it."""
        match effect:
            case ParentAccepted(order_id, ts):
                parent = self._tactics.parents[order_id]
                self._note(parent.wish.instrument, ACCEPT, ts, (ts - parent.ts) * _MS)
            case ParentFilled():
                self._filled(effect)
            case ParentEnded(order_id) if order_id in self._tactics.parents:
                for child in self._tactics.parents[order_id].children:
                    self._close(child)

    def pinged(self, venue: str, sent: int, answered: int) -> None:
        """Take the round trip of a question to a venue, ns UTC."""
        self._note(venue, PING, answered, (answered - sent) * _MS)

    def paid(self, client_id: str, fee: float) -> None:
        """Take a commission in the instrument's currency; it counts until the order has ended."""
        tally = self._tallies.get(client_id)
        if tally is not None:
            tally.fee = (tally.fee or 0.0) + fee

    def distributions(self) -> dict[tuple[str, str, str], Distribution]:
        """Return what was measured, by (instrument or venue, session, quantity)."""
        return {key: sketch.distribution() for key, sketch in sorted(self._sketches.items())}

    def take_rows(self) -> list[FillRow]:
        """Return the rows of orders that have ended since the last call."""
        rows, self._rows = self._rows, []
        return rows

    def _note(self, subject: str, quantity: str, ts: int, value: float, weight: float = 1.0) -> None:
        key = (subject, self._session_of(ts), quantity)
        self._sketches.setdefault(key, Sketch()).add(value, weight)

    def _filled(self, fill: ParentFilled) -> None:
        parent, child = self._tactics.by_client_id[fill.client_id]
        name, side = child.wish.instrument, child.wish.side
        tally = self._tallies.setdefault(fill.client_id, _Tally())
        tally.lots += fill.lots
        tally.value += fill.lots * fill.price
        tally.ts = fill.ts
        if fill.lots > 0:  # what is taken back is not paid
            if fill.decision_mid is not None:
                self._note(name, SHORTFALL, fill.decided, _beyond(side, fill.price, fill.decision_mid), fill.lots)
            if not fill.is_maker:
                self._note(name, FILL, fill.sent, (fill.ts - fill.sent) * _MS)
            if not fill.is_maker and fill.quote is not None:
                paid = _beyond(side, fill.price, fill.quote.mid) - fill.quote.half_spread_bps
                self._note(name, SLIPPAGE, fill.sent, paid, fill.lots)
        if parent.is_ended:
            self._close(child)

    def _close(self, child: Child) -> None:
        tally = self._tallies.pop(child.client_id, None)
        if tally is None or tally.lots <= 0:
            return
        wish, quote = child.wish, child.quote
        unit = float(self._tactics.instruments[wish.instrument].unit_value)
        row = FillRow(
            symbol=wish.instrument,
            decided=child.ts_sent,
            filled=tally.ts,
            side=int(wish.side),
            price=tally.value / tally.lots,
            size=tally.lots * unit,
            decision_price=None if quote is None else quote.mid,
            half_spread_bps=None if quote is None else quote.half_spread_bps,
            fee=tally.fee,
            ordered=wish.lots * unit,
            maker=child.is_maker,
        )
        self._rows.append(row)


def _beyond(side: Side, price: float, mid: float) -> float:
    return side * (price / mid - 1.0) * 1e4
