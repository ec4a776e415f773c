"""The order desk: journals every input, steps the machine, and carries its effects out at a venue.

One event loop, one thread; only flushes may run in another. An input is in the journal before the machine sees it, and
an intent is on the disk before its first byte leaves. Nothing here decides; what a venue's silence or a dead disk means
is the machine's matter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass

from tradewright.core.types.errors import VenueError
from tradewright.core.types.venue import OrderIntent, StreamGap, VenueEvent, VenueFill, VenueOrder
from tradewright.execution.inquiry import Inquiry
from tradewright.execution.journal.errors import JournalUnavailableError
from tradewright.execution.journal.flushing import Beside, Flusher
from tradewright.execution.journal.writing import Journal
from tradewright.execution.orders.fills import fill_key
from tradewright.execution.orders.gate import refusal
from tradewright.execution.orders.inputs import (
    Alert,
    Ask,
    CancelOrder,
    CancelWanted,
    Effect,
    Failed,
    Filled,
    Input,
    Intended,
    JournalLost,
    Killed,
    KillLevel,
    OrderEvent,
    Outcome,
    Reconcile,
    Released,
    Reported,
    Sent,
    Source,
    Started,
    Submit,
    Ticked,
    Viewed,
    Want,
    Wish,
    Withdraw,
)
from tradewright.execution.orders.machine import make_intent, step
from tradewright.execution.orders.recovery import kind_of, to_payload
from tradewright.execution.orders.state import ALL, SECOND, OrdersState
from tradewright.execution.venue import (
    DuplicateIdError,
    GateClosedError,
    Venue,
    VenueAuthError,
    VenueRejectedError,
    VenueUnavailableError,
)

_OUTCOMES: tuple[tuple[type[Exception], Outcome], ...] = (
    (DuplicateIdError, Outcome.DUPLICATE),
    (VenueRejectedError, Outcome.REFUSED),
    (VenueAuthError, Outcome.AUTH),
    (VenueUnavailableError, Outcome.NOT_SENT),
    (GateClosedError, Outcome.NOT_SENT),
)


@dataclass(frozen=True, slots=True)
class DeskParams:
    """Times, seconds. ``stream_breaks``: so many lost streams in a minute stop new orders.

    ``poll_s``: how often the venue is asked while the stream has been found silent and orders are open.
    """

    tick_s: float = 0.25
    answer_s: float = 10.0
    expect_s: float = 3.0
    poll_s: float = 1.0
    stream_breaks: int = 20
    longest_wait_s: float = 30.0


@dataclass(frozen=True, slots=True)
class DeskPorts:
    """What the desk is given: clock (ns UTC), whether the lease is still ours, and whom to tell.

    ``heed``: looks for kills that wait outside and carries them out; asked right before every first byte.
    ``intended``: sees each intent before it is sent. ``beside``: runs the journal's flush, see `Flusher`.
    """

    now_ns: Callable[[], int]
    is_mine: Callable[[], bool]
    tell: Callable[[OrderEvent | Alert], None]
    heed: Callable[[], object] = bool
    intended: Callable[[OrderIntent], object] = bool
    beside: Beside | None = None


class OrderDesk:
    """Orders of one account at one venue.

    Parameters
    ----------
    venue : Venue
        Where orders go.
    journal : Journal
        Open for writing; its records have been played into ``state``.
    state : OrdersState
        As recovered.
    ports : DeskPorts
        Clock, lease, listener.
    """

    def __init__(
        self, venue: Venue, journal: Journal, state: OrdersState, ports: DeskPorts, params: DeskParams | None = None
    ) -> None:
        self.venue = venue
        self.journal = journal
        self.state = state
        self.ports = ports
        self.params = params or DeskParams()
        self.ts = 0  # of the input whose effects are being carried out, ns UTC
        self.tasks: set[asyncio.Task[object]] = set()  # requests under way
        self._flusher = Flusher(journal, ports.beside)
        self._inquiry = Inquiry(self, ports.now_ns, self.params.answer_s)
        self._wants_view = asyncio.Event()
        self._expected: dict[str, int] = {}  # client id -> by when the stream should have spoken of it
        self._stream: asyncio.Task[None] | None = None
        self._breaks: list[int] = []
        self._poll_at: int | None = None  # None: the stream speaks
        self.kills: Mapping[str, KillLevel] = state.kills

    # ------------------------------------------------------------------------------------------------ what we are told
    def submit(self, wish: Wish) -> tuple[str, str]:
        """Make an intent durable and send it; return its client id, or "" and why it was refused.

        The answer comes to ``ports.tell``; nothing that the venue does is raised here.
        """
        self.state.now = max(self.state.now, self.ports.now_ns())
        said = refusal(self.state, wish)
        if said:
            return "", said
        now = self.ports.now_ns()
        intent = make_intent(self.state, wish, now)
        self.ports.intended(intent)
        self.feed(Intended(intent, now))
        return (
            (intent.client_id, "") if intent.client_id in self.state.orders else ("", "the journal cannot be written")
        )

    def cancel(self, client_id: str) -> None:
        """Cancel an order; works without a journal."""
        self.feed(CancelWanted(client_id, self.ports.now_ns()))

    def kill(self, level: KillLevel, scope: str, by: str, reason: str) -> None:
        """Stop: the gate is closed before anything else happens, then the disk, then the venue."""
        self.state.kills[scope] = max(level, self.state.kills.get(scope, KillLevel.NONE))
        self.feed(Killed(level, scope, by, reason, self.ports.now_ns()))

    def release(self, scope: str, by: str, confirmed_by: str, reason: str) -> None:
        """Let a scope trade again; refused without two people, a reason, and agreement with the venue."""
        self.feed(Released(scope, by, confirmed_by, reason, self.ports.now_ns()))

    def feed(self, told: Input) -> None:
        """Journal an input, step, and carry out the effects."""
        kind = kind_of(told)
        if kind is not None:
            try:
                self.journal.append(kind, to_payload(told), told.ts, told.ts)
            except JournalUnavailableError:
                if not self.state.is_journal_lost:
                    self._step(JournalLost(told.ts))
                if isinstance(told, Intended | Released):
                    return  # what the disk does not have must not permit anything
        self._step(told)

    def _step(self, told: Input) -> None:
        self.ts = told.ts
        for effect in step(self.state, told):
            if isinstance(effect, CancelOrder) and isinstance(told, Ticked):
                # ticks are not journalled: a restart has to know that it was us who cancelled
                self.feed(CancelWanted(effect.client_id, told.ts))
            self._carry_out(effect)

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Submit(intent):
                self._start(self._send(intent, self.journal.sequence))
            case Withdraw(client_id, reason):
                self.feed(Failed(client_id, "submit", Outcome.NOT_SENT, reason, self.ports.now_ns()))
            case CancelOrder(client_id, venue_id):
                self._start(self._cancel(client_id, venue_id))
            case Ask(client_id):
                self._start(self._inquiry.ask(client_id))
            case Want(wish):
                _, said = self.submit(wish)
                if said:
                    self.ports.tell(Alert("protection refused", f"{wish.instrument}: {said}", is_page=True))
            case Reconcile():
                self._wants_view.set()
            case OrderEvent() | Alert():
                self.ports.tell(effect)

    def _start(self, work: Coroutine[None, None, object]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # ------------------------------------------------------------------------------------------------------- the venue
    async def _send(self, intent: OrderIntent, record: int) -> None:
        """Send an order whose intent is that record of the journal."""
        said = await self._flusher.upto(record, self.params.answer_s)
        if said:
            self.feed(Failed(intent.client_id, "submit", Outcome.NOT_SENT, said, self.ports.now_ns()))
            return

        def gate() -> None:
            self.feed(Sent(intent.client_id, self.ports.now_ns()))
            self.ports.heed()
            said = refusal(self.state, intent) or ("" if self.ports.is_mine() else "another writer holds the account")
            if said:
                raise GateClosedError(said)

        never = 1 << 62
        self._expected[intent.client_id] = never  # the stream may be quicker than the answer
        try:
            async with asyncio.timeout(self.params.answer_s):
                told = await self.venue.submit(intent, gate)
        except Exception as error:  # noqa: BLE001 - whatever an adapter raises: what became of the order is not known
            self._expected.pop(intent.client_id, None)
            self._failed(intent.client_id, "submit", error)
            return
        now = self.ports.now_ns()
        if intent.client_id in self._expected:
            self._expected[intent.client_id] = now + int(self.params.expect_s * SECOND)
        self.feed(Reported(told, Source.SUBMIT, now))

    async def _cancel(self, client_id: str, venue_id: str) -> None:
        try:
            async with asyncio.timeout(self.params.answer_s):
                await self.venue.cancel(client_id, venue_id)
        except Exception as error:  # noqa: BLE001 - as above
            self._failed(client_id, "cancel", error)

    def _failed(self, client_id: str, verb: str, error: Exception) -> None:
        outcome = next((o for kind, o in _OUTCOMES if isinstance(error, kind)), Outcome.TIMEOUT)
        if not isinstance(error, VenueError | TimeoutError):
            text = f"{verb} raised {type(error).__name__}"  # not its text: a library's may hold the key
            self.ports.tell(Alert("adapter error", text, is_page=True))
        text = error.what if isinstance(error, VenueError) else type(error).__name__
        self.feed(Failed(client_id, verb, outcome, text, self.ports.now_ns()))
        if outcome is not Outcome.NOT_SENT:
            self._wants_view.set()

    def has(self, fill: VenueFill) -> bool:
        """Tell whether an execution is known, just as it is."""
        return self.state.fills.get(fill_key(self.state, fill)) == fill

    def take(self, row: VenueEvent, source: Source, now: int) -> None:
        """Take in a row that the venue told, in an answer or in the stream."""
        if isinstance(row, VenueOrder):
            self.feed(Reported(row, source, now))
        elif isinstance(row, VenueFill):
            if source is Source.STREAM or not self.has(row):
                self.feed(Filled(row, source, now))
        else:
            self._wants_view.set()

    async def reconcile(self) -> None:
        """Compare with the venue once: executions, then open orders and positions.

        Raises
        ------
        VenueError
            If the venue did not answer: then nothing was concluded.
        """
        async with asyncio.timeout(self.params.answer_s):
            overlap = int(self.state.params.overlap_s * SECOND)
            for fill in await self.venue.fills(self.state.watermark - overlap):
                self.take(fill, Source.FILLS, self.ports.now_ns())
            asked = self.ports.now_ns()
            orders = await self.venue.open_orders()
            positions = await self.venue.positions()
        self.feed(Viewed(tuple(orders), tuple(positions), asked, self.ports.now_ns()))

    # ----------------------------------------------------------------------------------------------------- its own life
    async def run(self, epoch: int) -> None:
        """Work until cancelled: begin the epoch, reconcile, protect, then open the gate."""
        self.feed(Started(epoch, self.ports.now_ns()))
        try:
            async with asyncio.TaskGroup() as group:
                self._stream = group.create_task(self._listen_forever())
                group.create_task(self._reconcile_forever())
                while True:
                    await asyncio.sleep(self.params.tick_s)
                    self._tick()
        finally:
            for task in list(self.tasks):
                task.cancel()

    def _tick(self) -> None:
        now = self.ports.now_ns()
        if self.journal.is_due:
            self._start(self._flusher.upto(self.journal.sequence, self.params.answer_s))
        self.feed(Ticked(now))
        if any(by <= now for by in self._expected.values()):  # the stream lives and says nothing
            self._expected.clear()
            self.ports.tell(Alert("stream silent", "it did not speak of our order; subscribing anew"))
            self._poll_at = now
            if self._stream is not None:
                self._stream.cancel("resubscribe")
        if self._poll_at is not None and now >= self._poll_at and self.state.open:
            self._poll_at = now + int(self.params.poll_s * SECOND)
            self._wants_view.set()

    async def _reconcile_forever(self) -> None:
        wait = 1.0
        while True:
            await self._wants_view.wait()
            self._wants_view.clear()
            try:
                await self.reconcile()
                wait = 1.0
            except VenueAuthError as error:
                self.kill(KillLevel.BLOCK_NEW, ALL, "desk", f"the venue does not take the key: {error.what}")
                await asyncio.sleep(self.params.longest_wait_s)
            except (VenueError, TimeoutError):
                await asyncio.sleep(wait)
                wait = min(2 * wait, self.params.longest_wait_s)
                self._wants_view.set()

    async def _listen_forever(self) -> None:
        """Follow the stream; after each loss ask for what was missed before anything new is decided."""
        while True:
            try:
                async for event in self.venue.stream():
                    now = self.ports.now_ns()
                    if not isinstance(event, StreamGap):
                        self._expected.pop(event.client_id, None)
                        self._poll_at = None
                    self.take(event, Source.STREAM, now)
            except (VenueError, TimeoutError):
                pass
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if error.args != ("resubscribe",) or task is None or task.uncancel():  # the end came with it
                    raise
            await asyncio.sleep(self._stream_lost())

    def _stream_lost(self) -> float:
        """Return how long to wait, longer after each loss in a minute; too many stop new orders."""
        now = self.ports.now_ns()
        self._wants_view.set()
        self._breaks = [ts for ts in self._breaks if now - ts < 60 * SECOND] + [now]
        if len(self._breaks) == self.params.stream_breaks:
            self.kill(KillLevel.BLOCK_NEW, ALL, "desk", f"the stream broke {len(self._breaks)} times in a minute")
        return float(min(0.1 * 2 ** min(len(self._breaks), 10), self.params.longest_wait_s))
