"""A venue in memory that keeps its protocol and breaks everything around it, by seed and by script.

It fills market orders at once, limits and stops when the price gets there. What happens between it and the client is
the network's: every request and answer takes its time, may be lost, and the stream repeats, shuffles, falls silent.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TypeVar

import numpy as np
from tests.faults.sim_loop import SimLoop

from tradewright.core.types.order import OrderKind, OrderStatus, Side, TimeInForce
from tradewright.core.types.venue import (
    Idempotency,
    Listing,
    OrderIntent,
    StreamGap,
    VenueAccount,
    VenueEvent,
    VenueFill,
    VenueOrder,
    VenuePosition,
)
from tradewright.execution.venue import (
    Capabilities,
    DuplicateIdError,
    Gate,
    VenueAuthError,
    VenueRejectedError,
    VenueTimeoutError,
    VenueUnavailableError,
)

T = TypeVar("T")
_OPEN = (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)


@dataclass
class Book:
    """One order at the venue."""

    intent: OrderIntent
    told: VenueOrder
    made: float
    changed: float


@dataclass
class Weather:
    """What the network and the venue do to us. Shares are per message; delays in seconds."""

    latency: tuple[float, float] = (0.001, 0.04)
    loses_request: float = 0.0
    loses_answer: float = 0.0
    repeats: float = 0.0
    shuffles_s: float = 0.0
    is_silent: bool = False  # the stream lives and says nothing
    is_away: bool = False  # 503 before anything is read
    is_key_revoked: bool = False
    hides_s: float = 0.0  # a new order is not shown by queries for so long
    forgets_orders: bool = False  # queries by id and history know nothing
    has_fees_late: bool = False


class SimVenue:
    """Satisfies `Venue`. ``script`` holds faults for the next submits: lose request, lose answer, reject, late, ''."""

    name = "simulated"
    account_id = "A1"

    def __init__(self, loop: SimLoop, seed: int, capabilities: Capabilities) -> None:
        self.capabilities = capabilities
        self.weather = Weather()
        self.script: deque[str] = deque()
        self.cancel_script: deque[str] = deque()
        self.fill_share = 1.0  # of what could fill at once
        self.rejects_stops = False
        self.enforces_reduce_only = True
        self.price: dict[str, float] = {}
        self.books: dict[str, Book] = {}  # by venue id
        self.mine: dict[str, dict[str, Book]] = {}  # by client id of the intent
        self.working: dict[str, Book] = {}  # those that are open
        self.executions: list[VenueFill] = []
        self.held: dict[str, int] = {}
        self.log: list[str] = []
        self.on_arrival: Callable[[OrderIntent], None] = lambda _intent: None
        self.on_gate: Callable[[OrderIntent], None] = lambda _intent: None
        self.submits = 0
        self.cancels: list[tuple[float, str]] = []
        self._loop = loop
        self._rng = np.random.default_rng(seed)
        self._streams: list[asyncio.Queue[VenueEvent | Exception]] = []

    # ------------------------------------------------------------------------------------------------------- network
    def _delay(self) -> float:
        low, high = self.weather.latency
        return float(self._rng.uniform(low, high))

    def _chance(self, share: float) -> bool:
        return bool(self._rng.random() < share)

    async def _call(self, work: Callable[[], T], fault: str = "") -> T:
        """Carry a request there and its answer back; the work is done even if the asker has died meanwhile."""
        weather = self.weather
        answer: asyncio.Future[T] = self._loop.create_future()
        if weather.is_away:
            await asyncio.sleep(self._delay())
            raise VenueUnavailableError("system maintenance")
        is_lost = fault == "lose request" or self._chance(weather.loses_request)
        loses_answer = fault in ("lose answer", "late") or self._chance(weather.loses_answer)

        def arrive() -> None:
            try:
                if self.weather.is_key_revoked:
                    raise VenueAuthError("invalid key")
                done = work()
            except Exception as error:  # noqa: BLE001 - handed on
                if not loses_answer and not answer.done():
                    self._loop.call_later(self._delay(), _set_error, answer, error)
                return
            if not loses_answer:
                self._loop.call_later(self._delay(), _set, answer, done)

        if not is_lost:
            self._loop.call_later(self._delay() + (7.0 if fault == "late" else 0.0), arrive)
        try:
            async with asyncio.timeout(2.0):
                return await answer
        except TimeoutError:
            raise VenueTimeoutError("no answer") from None

    def _tell(self, event: VenueEvent) -> None:
        if self.weather.is_silent:
            return
        for _ in range(1 + self._chance(self.weather.repeats)):
            extra = float(self._rng.uniform(0, self.weather.shuffles_s)) if self.weather.shuffles_s else 0.0
            for queue in self._streams:
                self._loop.call_later(self._delay() + extra, queue.put_nowait, event)

    def break_streams(self) -> None:
        """Cut every stream; what is told meanwhile is lost."""
        for queue in self._streams:
            queue.put_nowait(VenueTimeoutError("connection reset"))
        self._streams.clear()

    # ---------------------------------------------------------------------------------------------------------- verbs
    async def submit(self, intent: OrderIntent, gate: Gate) -> VenueOrder:
        fault = self.script.popleft() if self.script else ""
        if self.weather.is_away:
            raise VenueUnavailableError("system maintenance")
        gate()
        self.on_gate(intent)
        self.submits += 1
        return await self._call(lambda: self._accept(intent, fault), fault)

    async def cancel(self, client_id: str, venue_id: str) -> None:  # noqa: ARG002 - the port's
        fault = self.cancel_script.popleft() if self.cancel_script else ""
        self.cancels.append((self._loop.time(), venue_id))
        await self._call(lambda: self._cancel(venue_id), fault)

    async def replace(self, client_id: str, intent: OrderIntent, gate: Gate) -> VenueOrder:
        if self.capabilities.replace == "none":
            raise VenueRejectedError("an order cannot be replaced")
        gate()
        self.on_gate(intent)
        return await self._call(lambda: self._replace(client_id, intent))

    async def cancel_all(self, instrument: str = "") -> None:
        def work() -> None:
            for venue_id, book in list(self.working.items()):
                if instrument in ("", book.told.instrument):
                    self.end(venue_id, OrderStatus.CANCELED)

        await self._call(work)

    async def order(self, client_id: str) -> VenueOrder | None:
        def work() -> VenueOrder | None:
            seen = [b.told for b in self._visible(self.mine.get(client_id, {})) if b.told.client_id == client_id]
            return seen[-1] if seen and not self.weather.forgets_orders else None

        return await self._call(work)

    async def open_orders(self) -> list[VenueOrder]:
        return await self._call(lambda: [b.told for b in self._visible(self.working)])

    async def order_history(self, since_ns: int) -> list[VenueOrder]:
        return await self._call(
            lambda: (
                []
                if self.weather.forgets_orders
                else [b.told for b in self._visible(self.books) if b.told.ts_event >= since_ns]
            )
        )

    async def fills(self, since_ns: int) -> list[VenueFill]:
        def work() -> list[VenueFill]:
            return list(takewhile(lambda f: f.ts_event >= since_ns, reversed(self.executions)))[::-1]

        return await self._call(work)

    async def positions(self) -> list[VenuePosition]:
        return await self._call(lambda: [VenuePosition(k, v) for k, v in sorted(self.held.items()) if v])

    async def listing(self, instrument: str) -> Listing | None:
        return Listing(instrument)

    async def account(self) -> VenueAccount:
        return await self._call(lambda: VenueAccount(1e5, 1e5, self._loop.now_ns()))

    async def server_time_ns(self) -> int:
        return await self._call(self._loop.now_ns)

    async def stream(self) -> AsyncIterator[VenueEvent]:
        await asyncio.sleep(self._delay())
        if self.weather.is_away:
            raise VenueUnavailableError("system maintenance")
        queue: asyncio.Queue[VenueEvent | Exception] = asyncio.Queue()
        self._streams.append(queue)
        yield StreamGap("connected", self._loop.now_ns())
        while True:
            event = await queue.get()
            if isinstance(event, Exception):
                raise event
            yield event

    # ------------------------------------------------------------------------------------------------- at the venue
    def _visible(self, books: Mapping[str, Book]) -> list[Book]:
        now = self._loop.time()
        return [b for b in books.values() if now - b.made >= self.weather.hides_s]

    def _accept(self, intent: OrderIntent, fault: str) -> VenueOrder:
        if intent.lots <= 0:
            raise VenueRejectedError("an order for nothing")
        if fault == "reject" or (self.rejects_stops and intent.kind is OrderKind.STOP):
            raise VenueRejectedError("insufficient funds")
        self._check_held(intent)
        same = self.find(intent.client_id)
        now = self._loop.time()
        kind = self.capabilities.idempotency
        is_known = (
            (kind is Idempotency.HARD and same)
            or (kind is Idempotency.OPEN_ONLY and any(b.told.status in _OPEN for b in same))
            or (kind is Idempotency.WINDOW and any(now - b.made < self.capabilities.id_window_s for b in same))
        )
        if is_known:
            raise DuplicateIdError("client id is taken")
        self.on_arrival(intent)
        venue_id = f"V{len(self.books) + 1}"
        side, lots, ts = intent.side, intent.lots, self._loop.now_ns()
        told = VenueOrder(intent.client_id, venue_id, intent.instrument, side, lots, 0, OrderStatus.ACCEPTED, ts)
        self.books[venue_id] = self.working[venue_id] = book = Book(intent, told, now, now)
        self.mine.setdefault(intent.client_id, {})[venue_id] = book
        self._note(told)
        if intent.kind is OrderKind.MARKET:
            self._loop.call_later(self._delay(), self.fill, venue_id, None)
        else:
            self._loop.call_later(self._delay(), self.match, intent.instrument)
        if intent.kind is OrderKind.LIMIT and intent.time_in_force is TimeInForce.IOC:
            self._loop.call_later(1.5 * self.weather.latency[1], self.end, venue_id, OrderStatus.CANCELED)
        return told

    def _check_held(self, intent: OrderIntent) -> None:
        """Refuse what a venue refuses that holds the lots of working exits, or turns no position."""
        held = self.held.get(intent.instrument, 0)
        if held * intent.side >= 0:
            return
        working = sum(
            b.told.lots - b.told.filled
            for b in self.working.values()
            if b.told.instrument == intent.instrument and b.told.side is intent.side
        )
        if self.capabilities.exits_hold_lots and intent.lots + working > abs(held):
            raise VenueRejectedError("insufficient qty available for order")
        if not self.capabilities.turns_positions and intent.lots > abs(held):
            raise VenueRejectedError("position intent mismatch")

    def _cancel(self, venue_id: str) -> None:
        book = self.books.get(venue_id)
        if book is None or book.told.status not in _OPEN:
            raise VenueRejectedError("unknown order")
        self.end(venue_id, OrderStatus.CANCELED)

    def _replace(self, client_id: str, intent: OrderIntent) -> VenueOrder:
        for venue_id, book in list(self.working.items()):
            if book.told.client_id == client_id:
                self.end(venue_id, OrderStatus.CANCELED)
                return self._accept(replace(intent, lots=intent.lots - book.told.filled), "")
        raise VenueRejectedError("unknown order")

    def end(self, venue_id: str, status: OrderStatus) -> None:
        """End an order, whoever asked."""
        book = self.books[venue_id]
        if book.told.status in _OPEN:
            self._change(book, replace(book.told, status=status))

    def _change(self, book: Book, told: VenueOrder) -> None:
        book.told = replace(told, ts_event=self._loop.now_ns())
        book.changed = self._loop.time()
        if told.status not in _OPEN:
            self.working.pop(told.venue_id, None)
        self._note(book.told)

    def _note(self, told: VenueOrder) -> None:
        self.log.append(f"{self._loop.time():.6f} {told.client_id} {told.venue_id} {told.status.name} {told.filled}")
        self._tell(told)

    def fill(self, venue_id: str, lots: int | None, *, force: bool = False) -> None:
        """Execute an order at the price, as much as may be; ``force``: although it has ended."""
        book = self.books[venue_id]
        told, intent = book.told, book.intent
        if told.status not in _OPEN and not force:
            return
        left = told.lots - told.filled
        most = left if lots is not None else max(1, int(left * self.fill_share))
        size = min(left, most if lots is None else lots)
        if intent.is_reduce_only and self.enforces_reduce_only:
            held = self.held.get(told.instrument, 0)
            size = min(size, abs(held)) if held * told.side < 0 else 0
            if size == 0:
                self.end(venue_id, OrderStatus.CANCELED)
                return
        if size <= 0:
            return
        filled = told.filled + size
        status = OrderStatus.FILLED if filled == told.lots else OrderStatus.PARTIALLY_FILLED
        self.execute(told, size)
        self._change(book, replace(told, filled=filled, status=told.status if force else status))
        if lots is None and filled < told.lots:
            self._loop.call_later(1.0, self.fill, venue_id, None)

    def execute(self, told: VenueOrder, lots: int) -> VenueFill:
        """Book and tell an execution."""
        fee = None if self.weather.has_fees_late else 0.5
        made = VenueFill(
            trade_id=f"T{len(self.executions) + 1}",
            client_id=told.client_id,
            venue_id=told.venue_id,
            instrument=told.instrument,
            side=told.side,
            lots=lots,
            price=self.price.get(told.instrument, 100.0),
            ts_event=self._loop.now_ns(),
            fee=fee,
            fee_currency="USD",
        )
        self.executions.append(made)
        self.held[told.instrument] = self.held.get(told.instrument, 0) + told.side * lots
        self.log.append(f"{self._loop.time():.6f} fill {told.venue_id} {lots}")
        self._tell(made)
        if self.weather.has_fees_late:
            self._loop.call_later(40.0, self._pay, len(self.executions) - 1)
        return made

    def _pay(self, number: int) -> None:
        self.executions[number] = replace(self.executions[number], fee=0.5)
        self._tell(self.executions[number])

    def by_hand(self, instrument: str, side: Side, lots: int) -> None:
        """Let a person trade on the account, at the market."""
        venue_id = f"H{len(self.executions) + 1}"
        told = VenueOrder("", venue_id, instrument, side, lots, lots, OrderStatus.FILLED, self._loop.now_ns())
        self.execute(told, lots)

    def bust(self, number: int) -> None:
        """Take an execution back."""
        was = self.executions[number]
        made = replace(was, trade_id=f"B{was.trade_id}", busts=was.trade_id, ts_event=self._loop.now_ns())
        self.executions.append(made)
        self.held[was.instrument] -= was.side * was.lots
        self._tell(made)

    def move(self, instrument: str, price: float) -> None:
        """Set the price and fill what it reaches."""
        self.price[instrument] = price
        self.match(instrument)

    def match(self, instrument: str) -> None:
        price = self.price.get(instrument, 100.0)
        for venue_id, book in list(self.working.items()):
            intent = book.intent
            beyond = -1.0
            if intent.kind is OrderKind.LIMIT and intent.limit_price is not None:
                beyond = intent.side * (intent.limit_price - price)
            elif intent.kind is OrderKind.STOP and intent.stop_price is not None:
                beyond = intent.side * (price - intent.stop_price)
            if intent.instrument == instrument and beyond >= 0:
                self.fill(venue_id, None)

    def find(self, client_id: str) -> list[Book]:
        """Return every order ever made under a client id."""
        return list(self.mine.get(client_id, {}).values())


def _set(answer: asyncio.Future[T], value: T) -> None:
    if not answer.done():
        answer.set_result(value)


def _set_error(answer: asyncio.Future[T], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
