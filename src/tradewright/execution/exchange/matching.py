"""One account's orders in the engine's compiled book, so that fills equal those of the simulated venue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.verbs import call_verb_nb
from tradewright.core.types.dtypes import message_dtype, order_dtype
from tradewright.core.types.events import MarketEvents
from tradewright.core.types.message import VenueMessage, blank_order
from tradewright.core.types.order import OrderKind, Verb
from tradewright.execution.exchange.orders import Force, WorkOrder
from tradewright.execution.sim_venue import SimVenueParams, VenueMemory

#: Nothing is on its way.
NEVER = c.NEVER
_KINDS = {Force.DAY: c.DAY, Force.GTC: c.GTC, Force.IOC: c.IOC, Force.FOK: c.IOC}


class Matcher:
    """The book of one account: orders go in, answers come out.

    Parameters
    ----------
    params : SimVenueParams
        How the book fills.
    instruments : ndarray
        instrument_dtype[n].
    events : MarketEvents
        The whole market; `on_event` names one of it.
    """

    def __init__(self, params: SimVenueParams, instruments: NDArray[np.void], events: MarketEvents) -> None:
        self._memory = VenueMemory(params, instruments)
        self._memory.market.show(events)
        verbs = self._memory.verbs
        self._post, self._exchange, self._receive = (int(verbs[n][0]) for n in ("post", "exchange", "receive"))

    def submit(self, order: WorkOrder, now_ns: int, mark: float, group: int, *, carries_exits: bool) -> None:
        """Send an order. ``mark`` is the last price, ``group`` joins exits that cancel each other (0: no exit).

        With ``carries_exits`` the book itself gives the filled entry its exits, within the same event.
        """
        wish = order.wish
        record = blank_order(wish.limit, wish.stop, wish.trail)
        record["id"], record["instrument"], record["group"] = order.number, order.instrument, group
        record["kind"], record["side"], record["lots"] = int(wish.kind), int(wish.side), wish.lots
        record["tif"], record["ts_expire"] = _KINDS[wish.force], order.ts_expire or NEVER
        record["origin"], record["status"] = c.FROM_STRATEGY, c.SUBMITTED
        record["is_reduce_only"] = group != 0
        record["ts_created"] = now_ns
        if wish.kind is OrderKind.LIMIT and wish.limit is not None:
            record["is_triggered"] = wish.limit * wish.side > mark * wish.side  # it would take, not rest
        if carries_exits:
            record["attach_unit"] = 1  # prices
            for name, value in (("stop_loss", wish.stop_loss), ("take_profit", wish.take_profit)):
                record[name] = np.nan if value is None else value
        self._send(Verb.SUBMIT_ORDER, record, now_ns, c.NO_REASON)

    def replace(self, order: WorkOrder, now_ns: int, mark: float) -> None:
        """Send a working order's new size and prices."""
        record, wish = np.zeros(1, order_dtype), order.wish
        record["id"], record["instrument"], record["lots"] = order.number, order.instrument, wish.lots
        record["limit"] = np.nan if wish.limit is None else wish.limit
        record["stop"] = np.nan if wish.stop is None else wish.stop
        if wish.limit is not None:
            record["is_triggered"] = wish.limit * wish.side > mark * wish.side
        self._send(Verb.REPLACE_ORDER, record, now_ns, c.NO_REASON)

    def cancel(self, order: WorkOrder, now_ns: int, reason: int = c.CANCELED_BY_STRATEGY) -> None:
        """Ask for the end of a working order."""
        record = np.zeros(1, order_dtype)
        record["id"], record["instrument"] = order.number, order.instrument
        self._send(Verb.CANCEL_ORDER, record, now_ns, reason)

    def receive(self, now_ns: int) -> list[VenueMessage]:
        """Let the book take in what has reached it by now; return the answers that have come back by now."""
        if self._flying("inbox"):
            self._memory.grow_rings()
            call_verb_nb(self._receive, self._memory.address, now_ns, 0)
        return self._answers(now_ns)

    def on_event(self, i: int, now_ns: int) -> list[VenueMessage]:
        """Match event ``i`` of the market."""
        self._memory.grow_rings()
        call_verb_nb(self._exchange, self._memory.address, i, 0)
        return self._answers(now_ns)

    def next_due(self) -> int:
        """When the next message arrives on either side, ns UTC; `NEVER` if none is on its way."""
        due = NEVER
        for ring in ("inbox", "answers"):
            if self._flying(ring):
                place = int(self._memory.record[f"{ring}_head"][0]) & (self._memory.places - 1)
                due = min(due, self._memory.due(ring, place))
        return due

    def room(self, instrument: int, side: int) -> int:
        """Lots that the standing quote can still fill."""
        return int(self._memory.books["room_buy" if side > 0 else "room_sell"][instrument])

    def give_limit(self, number: int, instrument: int, limit: float) -> None:
        """Turn a resting stop into a stop-limit order."""
        orders = self._memory.orders[instrument]
        for k in range(int(self._memory.books["n"][instrument])):
            if orders["id"][k] == number:
                orders["kind"][k], orders["limit"][k] = c.STOP_LIMIT, limit

    def stop_of(self, number: int, instrument: int) -> float | None:
        """Where a trailing stop stands; None where that is not known."""
        orders = self._memory.orders[instrument]
        for k in range(int(self._memory.books["n"][instrument])):
            if orders["id"][k] == number and not np.isnan(orders["stop"][k]):
                return float(orders["stop"][k])
        return None

    def _flying(self, ring: str) -> bool:
        record = self._memory.record
        return bool(record[f"{ring}_head"][0] != record[f"{ring}_tail"][0])

    def _answers(self, now_ns: int) -> list[VenueMessage]:
        return self._memory.take_answers(now_ns) if self._flying("answers") else []

    def _send(self, verb: Verb, record: NDArray[np.void], now_ns: int, reason: int) -> None:
        header = np.zeros(1, message_dtype)
        header["verb"], header["ts_sent"], header["ts_open"], header["reason"] = int(verb), now_ns, now_ns, reason
        self._memory.grow_rings()
        call_verb_nb(self._post, self._memory.address, header.ctypes.data, record.ctypes.data)
