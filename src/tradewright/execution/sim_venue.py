"""The simulated venue as an object: the same compiled matching that the loop runs, one event at a time."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from tradewright.core.kernel.records import MarketMemory
from tradewright.core.kernel.verbs import call_verb_nb, verb_table
from tradewright.core.types.dtypes import book_dtype, message_dtype, order_dtype, venue_dtype
from tradewright.core.types.events import MarketEvents
from tradewright.core.types.message import VenueMessage, copied

Delay = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_NS_PER_MS = 1e6


class LatencyParams(BaseModel):
    """Time an order needs to the venue and its answer back, on quotes and trades; milliseconds.

    ``table`` holds measured pairs (request, answer) that are taken in turn, and replaces the two constants.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    request_ms: Delay = 0.0
    answer_ms: Delay = 0.0
    table: tuple[tuple[Delay, Delay], ...] = ()

    def to_table(self) -> NDArray[np.float64]:
        """Return f8[n, 2] in ns; no rows where there is no latency."""
        rows = self.table or ((self.request_ms, self.answer_ms),)
        table = np.array(rows, dtype=np.float64).reshape(-1, 2) * _NS_PER_MS
        return np.ascontiguousarray(table) if table.any() else np.zeros((0, 2))


class SimVenueParams(BaseModel):
    """How the simulated venue fills; the defaults are the pessimistic choices.

    ``limit_gap``: price of a resting limit that the open has jumped over: its own, or the better open.
    ``touch_fills``: trading at a limit's price fills it. ``target``: a bracket's target rests as a limit order, or is
    a market order once touched (on bars; costs included). ``protect_from``: whether a bracket's exits are live on the
    entry's own bar. ``queue``: resting limits wait for the
    quantity displayed before them; what is not displayed counts as endless (careful) or as nothing (displayed).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    limit_gap: Literal["limit", "open"] = "limit"
    touch_fills: bool = False
    target: Literal["limit", "market"] = "limit"
    protect_from: Literal["same_bar", "next_bar"] = "same_bar"
    queue: Literal["off", "careful", "displayed"] = "off"
    latency: LatencyParams = LatencyParams()
    slots: Annotated[int, Field(ge=4, le=4096)] = 16


class VenueMemory:
    """Everything the venue's compiled code reads and writes, kept alive by this object; ``address`` is its record's."""

    def __init__(self, params: SimVenueParams, instruments: NDArray[np.void], ring: int | None = None) -> None:
        n = len(instruments)
        slots = 2 * params.slots + 2  # orders may still be here that we believe gone
        self.market = MarketMemory()
        self.instruments = instruments
        self.books = np.zeros(n, book_dtype)
        for name in ("bid", "ask", "last", "was_bid", "was_ask"):
            self.books[name] = np.nan
        self.books["low_trigger"], self.books["high_trigger"] = -np.inf, np.inf
        self.orders = np.zeros((n, slots), order_dtype)
        self.latency = params.latency.to_table()
        self.record = np.zeros(1, venue_dtype)
        self.address = int(self.record.ctypes.data)
        record = self.record
        record["market"] = self.market.address
        self.verbs = verb_table()
        record["verbs"] = self.verbs.ctypes.data
        record["instruments"] = instruments.ctypes.data
        record["books"] = self.books.ctypes.data
        record["orders"] = self.orders.ctypes.data
        record["latency"] = self.latency.ctypes.data
        record["n_latency"] = len(self.latency)
        record["n_instruments"], record["n_slots"] = n, slots
        record["limit_gap_at_open"] = params.limit_gap == "open"
        record["touch_fills"] = params.touch_fills
        record["target_takes"] = params.target == "market"
        record["protect_from_next_bar"] = params.protect_from == "next_bar"
        record["uses_queue"] = ("off", "careful", "displayed").index(params.queue)
        record["phase"] = 2
        self._rings: dict[str, NDArray[np.void]] = {}
        self._first = record.copy()
        self._lay_rings(ring or 1 << (6 * slots).bit_length())
        pairs = ((record, self._first), (self.books, self.books.copy()))
        self._start = [(live.view(np.uint8), start.view(np.uint8)) for live, start in pairs]  # see SessionMemory

    def restart(self) -> None:
        """Go back to an empty venue; the rings stay as large as they have become."""
        for live, start in self._start:
            live[:] = start

    def _lay_rings(self, places: int) -> None:
        """Allocate both rings; what was on its way keeps its order."""
        old, record = self._rings, self.record
        flying = {}
        for ring, orders in (("inbox", "inbox_orders"), ("answers", "answer_orders")):
            head, tail = int(record[f"{ring}_head"][0]), int(record[f"{ring}_tail"][0])
            flying[ring] = tail - head
            for name, dtype in ((ring, message_dtype), (orders, order_dtype)):
                fresh = np.zeros(places, dtype)
                if tail > head:
                    fresh[: tail - head] = old[name][np.arange(head, tail) & int(record["mask"][0])]
                self._rings[name] = fresh
                record[name] = self._first[name] = fresh.ctypes.data
            record[f"{ring}_head"], record[f"{ring}_tail"] = 0, flying[ring]
        record["mask"] = self._first["mask"] = places - 1
        record["needs_room"] = 0

    @property
    def places(self) -> int:
        """Messages that a ring can hold."""
        return int(self.record["mask"][0]) + 1

    def grow_rings(self) -> None:
        """Double both rings if the next event could fill one; places stay a power of two.

        Raises
        ------
        RuntimeError
            If a ring has overflown: an error of this program, never of its user.
        """
        if self.record["has_overflown"][0]:
            msg = f"a ring of {self.places} messages has overflown"
            raise RuntimeError(msg)
        if self.record["needs_room"][0]:
            self._lay_rings(2 * self.places)
            while self._could_overflow():
                self._lay_rings(2 * self.places)

    def _could_overflow(self) -> bool:
        """Tell whether one more event could fill a ring; the bound is that of `watch_rings_nb`."""
        flying = {r: int(self.record[f"{r}_tail"][0] - self.record[f"{r}_head"][0]) for r in ("inbox", "answers")}
        return flying["answers"] + 6 * flying["inbox"] + 4 * int(self.record["n_slots"][0]) >= self.places

    def due(self, ring: str, place: int) -> int:
        """When the message at a place of a ring (``inbox``, ``answers``) arrives, ns UTC."""
        return int(self._rings[ring]["ts_due"][place])

    def take_answers(self, until_ns: int) -> list[VenueMessage]:
        """Take the answers that have reached us by a time out of the ring."""
        record = self.record
        taken = []
        head, tail, mask = (int(record[k][0]) for k in ("answers_head", "answers_tail", "mask"))
        while head != tail and self._rings["answers"]["ts_due"][head & mask] <= until_ns:
            place = head & mask
            taken.append(
                VenueMessage(
                    copied(self._rings["answers"][place : place + 1]),
                    copied(self._rings["answer_orders"][place : place + 1]),
                )
            )
            head += 1
        record["answers_head"] = head
        if head == tail:
            record["answers_head"] = record["answers_tail"] = 0
        return taken


class SimVenue:
    """A venue that fills against market events: ``submit`` commands, then ``on_market`` each event."""

    def __init__(self, params: SimVenueParams, instruments: NDArray[np.void], event: MarketEvents) -> None:
        self._memory = VenueMemory(params, instruments)
        self._memory.market.show(event)
        self._post, self._exchange = (int(self._memory.verbs[name][0]) for name in ("post", "exchange"))
        self._event = event

    def submit(self, message: VenueMessage) -> None:
        """Send a command; it takes effect when the request latency has passed."""
        self._memory.grow_rings()
        call_verb_nb(self._post, self._memory.address, message.header.ctypes.data, message.order.ctypes.data)

    def on_market(self) -> list[VenueMessage]:
        """Match the event standing in the shared one-event block; return the answers that have reached us by now."""
        record = self._memory.record
        self._memory.grow_rings()
        call_verb_nb(self._exchange, self._memory.address, 0, 0)
        if record["answers_head"][0] == record["answers_tail"][0]:
            return []
        return self._memory.take_answers(int(self._event.ts_seen[0]))
