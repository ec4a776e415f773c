"""The deterministic middle: market rows and order events go in, wishes for the desk come out.

It has no clock and does no I/O. The runtime drives it from a feed and a desk; recovery and replay drive it from a
journal, and get the same to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel.records import single_event
from tradewright.core.types.dtypes import message_dtype
from tradewright.core.types.message import VenueMessage, copied
from tradewright.core.types.order import OrderStatus, Origin, Reason, Verb
from tradewright.engine.backtest import Run
from tradewright.engine.commands import Command
from tradewright.engine.live.orders import answer, exit_record, fee_of, whole, wish_of
from tradewright.engine.live.rows import MarketRow, show
from tradewright.engine.plan import BacktestPlan
from tradewright.engine.session import Session
from tradewright.execution.drill import DRILL
from tradewright.execution.orders.inputs import OrderEvent, Wish
from tradewright.execution.orders.state import OrdersState
from tradewright.execution.tactics.params import TacticParams
from tradewright.execution.tactics.routing import is_worked

Record = NDArray[np.void]
_ENDS = frozenset(
    {OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.DENIED, OrderStatus.EXPIRED, OrderStatus.ABANDONED}
)
_OVER = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED, OrderStatus.ABANDONED}
)


@dataclass(frozen=True, slots=True)
class Place:
    """Send this order; the answer goes to `Conductor.told`, a refusal to `Conductor.refused`.

    ``is_worked``: by tactics, perhaps as several orders; their executions go to `told`, the end to `Conductor.ended`.
    """

    wish: Wish
    is_worked: bool = False


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Cancel the session's order of this number."""

    reference: int


Act = Place | Withdraw


class Conductor:
    """One account, and the strategy, or the strategies, that trade on it.

    Parameters
    ----------
    plan : BacktestPlan
        Instruments, strategy, account, limits; its market is not read.
    state : OrdersState
        What the desk holds to be true; only looked at.
    takes_fractions : bool
        Whether the venue takes exits as fractions of the fill's price.
    tactics : TacticParams or None
        How orders are worked; None: they go out as they are.
    """

    def __init__(
        self, plan: BacktestPlan, state: OrdersState, *, takes_fractions: bool, tactics: TacticParams | None = None
    ) -> None:
        self.plan, self.state = plan, state
        self.run = Run(plan)
        self.event = single_event()
        self.session = Session(self.run.path(), self.run.memory, self.run.features, self.event)
        self.sent: dict[int, VenueMessage] = {}  # by number: what the session sent and is not over
        self.newest: list[VenueMessage] = []  # what it wished for after the newest event, timestamp or command
        self.since_epoch = 0  # the epoch this lineage began with
        self.worked: set[int] = set()  # numbers of orders that tactics work
        self._parts: dict[int, set[str]] = {}  # number -> client ids that were told of
        self._takes_fractions, self._tactics = takes_fractions, tactics
        self._numbers = {instrument.symbol: j for j, instrument in enumerate(plan.instruments)}
        self._orders: dict[int, Record] = {}  # our copies, by number
        self._exits: dict[str, int] = {}  # client id -> number, of orders that the session did not send
        self._adoptions = 0
        self._entries = [0] * len(plan.instruments)  # number of the newest entry of each
        self._successors: dict[int, Record] = {}  # number -> the order that takes its own place
        self._features = blake2b(digest_size=8)  # over the feature rows since the last `evidence`
        self._shown = (0, 0, 0)  # decisions, ended orders and denials that were in it
        cell = self.run.memory.cell
        self._decisions, self._ended, self._denials = map(cell, ("n_decisions", "n_order_log", "denials"))
        names = ("equity_micro", "cash_micro", "denials", "trading_state", "loss_state")
        self._book = {name: cell(name) for name in names} | {"fills": cell("n_fills")}

    # ------------------------------------------------------------------------------------------------- what comes in
    def market(self, row: MarketRow) -> list[Act]:
        """Take in a market event."""
        show(row, self.event)
        return self.shown(row.decides, row.forecast, row.forecast_ts)

    def shown(
        self, decides: bool, forecast: NDArray[np.float64] | None = None, forecast_ts: int | None = None
    ) -> list[Act]:
        """Take in the market event that stands in the one-event block; see `MarketRow`."""
        try:
            if decides:
                messages = self.session.on_market(forecast, forecast_ts)
            else:
                messages = self.session.warm(is_cross_section=self.plan.strategy.is_cross_section)
        except Exception:
            with self.run.blame():  # entered only now: it takes as long as half an event
                raise
        self.run.events += 1
        self._features.update(self.session.values.tobytes())
        return self._acts(messages)

    def stamp(self, now: int) -> list[Act]:
        """Take in that a timestamp is complete."""
        if not self.plan.strategy.is_cross_section:
            return []
        with self.run.blame():
            return self._acts(self.session.on_timer(now))

    def command(self, command: Command, value: float = float("nan"), instrument: int = 0) -> list[Act]:
        """Take in a person's command or a figure from outside."""
        return self._acts(self.session.on_command(command, value, instrument))

    def told(self, event: OrderEvent, now: int) -> list[Act]:
        """Take in what became of an order."""
        live = self.state.orders[event.client_id]
        if live.intent.epoch < self.since_epoch:  # of an earlier lineage, whose numbers were its own
            return []
        number = self.number(event.client_id) or self._adopted(event.client_id)
        if number in self._orders:
            self._parts.setdefault(number, set()).add(event.client_id)
        if number in self.worked and event.fill is None and event.status in _ENDS:
            return []  # the end of a part; tactics say when the whole has ended
        is_desks = not live.intent.reference and not live.intent.protects
        if is_desks and event.fill is None:  # the desk places, trims and cancels its exits by itself
            return []
        order = self._orders.get(number)
        if order is None:  # of an earlier lineage: its position was there when this session began
            return []
        successor = self._successors.get(number)
        if successor is not None and event.fill is None and event.status is OrderStatus.CANCELED:
            return self._succeed(number, order, successor)
        if live.intent.protects and order["lots"][0] != live.intent.lots:  # an exit that grew with its entry
            order["lots"] = live.intent.lots
            self.session.on_order_event(_replaced(order))
        instrument = self.plan.instruments[int(order["instrument"][0])]
        fee = 0.0 if event.fill is None else fee_of(event.fill, instrument)
        message = answer(event, order, now, -fee if event.fill_lots < 0 else fee)
        if message is not None:
            self.session.on_order_event(whole(message) if is_desks else message)
        if OrderStatus(int(order["status"][0])) in _OVER and event.fill_lots >= 0:
            self.sent.pop(number, None)
            self._successors.pop(number, None)
        elif (
            event.status is OrderStatus.FILLED
            and live.intent.reference
            and not (number in self.worked or self.clients(number))
        ):  # a part whose tactics died with their process: nobody sends the rest
            return self.ended(number, OrderStatus.CANCELED, now)
        return []

    def ended(self, reference: int, status: OrderStatus, now: int) -> list[Act]:
        """Take in that nothing more comes of an order that was worked."""
        self.worked.discard(reference)
        order = self._orders.get(reference)
        if order is None or OrderStatus(int(order["status"][0])) in _OVER:
            return []
        successor = self._successors.get(reference)
        if successor is not None and status is OrderStatus.CANCELED:
            return self._succeed(reference, order, successor)
        message = answer(OrderEvent("", status, 0), order, now, 0.0)
        if message is not None:
            self.session.on_order_event(message)
        self.sent.pop(reference, None)
        self._successors.pop(reference, None)
        if reference not in self._parts:  # nothing comes late
            del self._orders[reference]
        return []

    def refused(self, reference: int, now: int) -> None:
        """Take in that the desk did not take an order."""
        order = self._orders.pop(reference)
        self.sent.pop(reference, None)
        message = answer(OrderEvent("", OrderStatus.REJECTED, 0), order, now, 0.0)
        if message is not None:
            self.session.on_order_event(message)

    def wish(self, reference: int) -> Wish | None:
        """Return what is left of an order that the session sent; None where nothing is."""
        order = self._orders.get(reference)
        is_over = order is None or OrderStatus(int(order["status"][0])) in _OVER
        return None if order is None or is_over else self._wish(order)

    def number(self, client_id: str) -> int:
        """Return the session's number of an order, 0 where it has none."""
        live = self.state.orders.get(client_id)
        return 0 if live is None else live.intent.reference or self._exits.get(client_id, 0)

    def clients(self, reference: int) -> list[str]:
        """Return the client ids of what works under one of the session's numbers."""
        own = [k for k, order in self.state.open.items() if order.intent.reference == reference]
        return own or [k for k, number in self._exits.items() if number == reference and k in self.state.open]

    # ------------------------------------------------------------------------------------------------------ the inside
    def _acts(self, messages: list[VenueMessage]) -> list[Act]:
        acts: list[Act] = []
        self.newest = messages
        for message in messages:
            number = message.order_id
            if message.verb is Verb.SUBMIT_ORDER:
                order = copied(message.order)
                self._forget_old()
                self._orders[number], self.sent[number] = order, message
                if not order["is_reduce_only"][0]:
                    self._entries[int(order["instrument"][0])] = number
                acts.append(self._placed(number, self._wish(order)))
            elif number in self._orders:
                if message.verb is Verb.REPLACE_ORDER:
                    self._successors[number] = copied(message.order)
                acts.append(Withdraw(number))
        return acts

    def _placed(self, number: int, wish: Wish) -> Place:
        position = self.state.position(wish.instrument)
        guarded = self.state.is_guarded(wish.instrument)
        can = self.state.capabilities
        if self._tactics is None or not is_worked(self._tactics, can, wish, position, is_guarded=guarded):
            return Place(wish)
        self.worked.add(number)
        return Place(wish, is_worked=True)

    def _wish(self, order: Record) -> Wish:
        j = int(order["instrument"][0])
        mark = None if self._takes_fractions else float(self.run.memory.arrays["positions"]["price"][j])
        return wish_of(order, self.plan.instruments[j], self.plan.strategy.of(j).name, mark)

    def _succeed(self, number: int, order: Record, successor: Record) -> list[Act]:
        """Send a replaced order anew, for what its predecessor has left; to the session it is the same order."""
        del self._successors[number]
        for name in ("limit", "stop", "lots", "is_triggered"):
            order[name] = successor[name]
        left = int(order["lots"][0] - order["filled"][0])
        if left <= 0:
            return []
        self.sent[number] = VenueMessage(self.sent[number].header, copied(order))
        self.session.on_order_event(_replaced(order))
        return [self._placed(number, self._wish(order))]

    def _adopted(self, client_id: str) -> int:
        """Give an exit that the venue or the desk made a number of the session's."""
        intent = self.state.orders[client_id].intent
        j = self._numbers.get(intent.instrument)
        if j is None or intent.origin is Origin.STRATEGY or intent.strategy == DRILL:
            return 0
        parent = self.state.orders[intent.protects].intent.reference if intent.protects else self._entries[j]
        order = exit_record(intent, j, parent)
        if int(order["id"][0]) in self._orders:  # a second one of its kind
            order["id"] = -self._adoptions - 1
        number = int(order["id"][0])
        order["status"] = int(OrderStatus.SUBMITTED)
        self._forget_old()
        self._orders[number], self._exits[client_id] = order, number
        self._adoptions += 1
        return number

    def _forget_old(self) -> None:
        """Forget what the desk has forgotten; four orders are looked at for each new one, in turn.

        One that is over is kept as long as the desk knows a part of it, whose executions may come late.
        """
        for number in list(islice(self._orders, 4)):
            parts = self._parts.get(number, set())
            order = self._orders.pop(number)
            if number in self.sent or number in self.worked or any(name in self.state.orders for name in parts):
                self._orders[number] = order
                continue
            self._parts.pop(number, None)
            for name in parts:
                self._exits.pop(name, None)

    @property
    def has_judged(self) -> bool:
        """Whether the guard let anything through or refused anything since the last `evidence`."""
        return self._decisions[0] != self._shown[0] or self._denials[0] != self._shown[2]

    def evidence(self) -> dict[str, Any]:
        """Return what the decisions since the last call rest on and what was refused, as it stands in the journal.

        ``features``: hash over every feature row; ``verdicts``: hash over the guard's log; ``denied``: reason, symbol
        and signed lots of each order refused; ``book``: see there.
        """
        memory, was = self.run.memory, self._shown
        self._shown = (self._decisions[0], self._ended[0], self._denials[0])
        verdicts = memory.taken("decisions", "n_decisions")[was[0] :]
        ended = memory.taken("order_log", "n_order_log")[was[1] :] if self._shown[2] != was[2] else ()
        features, self._features = self._features.hexdigest(), blake2b(digest_size=8)
        shown = {
            "features": features,
            "verdicts": blake2b(verdicts.tobytes(), digest_size=8).hexdigest(),
            "denied": [_denial(self.plan, row) for row in ended if row["status"] == OrderStatus.DENIED],
            "book": self.book(),
        }
        if self.plan.keeps_newest:
            memory.shed()
            self._shown = (0, 0, self._denials[0])
        return shown

    def book(self) -> dict[str, Any]:
        """Return what the session holds to be true, for people and for comparing: numbers as they stand."""
        lots = self.run.memory.arrays["positions"]["lots"].tolist()
        book: dict[str, Any] = {name: cell[0] for name, cell in self._book.items()}
        return book | {"lots": dict(zip(self._numbers, lots, strict=True))}


def _replaced(order: Record) -> VenueMessage:
    header = np.zeros(1, message_dtype)
    header["verb"] = int(Verb.ORDER_REPLACED)
    return VenueMessage(header, copied(order))


def _denial(plan: BacktestPlan, row: np.void) -> list[object]:
    symbol = plan.instruments[int(row["instrument"])].symbol
    return [Reason(int(row["reason"])).name, symbol, int(row["side"] * row["lots"])]
