"""What every venue has to satisfy, as a suite for any adapter: a local server of its protocol, or a paper account.

It trades: one lot at prices far from the market, and, where ``Trial.fills`` says how, one lot at the market. Never
run it on an account with money.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

from tradewright.core.types.errors import TradewrightError, VenueError
from tradewright.core.types.order import OrderKind, OrderStatus, Side
from tradewright.core.types.venue import Idempotency, OrderIntent, StreamGap, VenueEvent, VenueFill, VenueOrder
from tradewright.execution.orders.client_id import client_id
from tradewright.execution.venue import DuplicateIdError, GateClosedError, Venue, VenueRejectedError

_PATIENCE_S = 10.0


class VenueContractError(TradewrightError):
    """A venue breaks a rule that order truth relies on."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How to try a venue: an instrument, a price at which a buy order rests, and an epoch no run has had.

    ``fills``: whether a market order fills now; then it is bought and sold again.
    """

    instrument: str
    resting_price: float
    epoch: int
    ts_event: int
    lots: int = 1
    fills: bool = True


async def check_venue(venue: Venue, trial: Trial) -> None:
    """Hold every rule of the port against a venue.

    Raises
    ------
    VenueContractError
        At the first rule that it breaks.
    """
    check = _Check(venue, trial)
    listening = asyncio.create_task(check.listen())
    try:
        await check.says_that_it_listens()
        await check.a_closed_gate_sends_nothing()
        await check.a_resting_order_is_seen_everywhere()
        await check.an_id_is_what_was_declared()
        await check.a_cancel_ends_it()
        await check.an_id_that_has_ended_is_what_was_declared()
        await check.all_are_cancelled_at_once()
        await check.a_replacement_is_one_step_or_refused()
        await check.account_listing_and_clock_answer()
        await check.an_unknown_order_is_none()
        await check.a_bad_order_is_refused()
        if trial.fills:
            await check.a_fill_is_told_once_by_id()
            await check.exits_beside_each_other_are_as_declared()
    finally:
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError, VenueError):
            await listening


class _Check:
    def __init__(self, venue: Venue, trial: Trial) -> None:
        self.venue = venue
        self.trial = trial
        self.heard: list[VenueEvent] = []
        self.sequence = 0
        self.resting: VenueOrder | None = None

    async def listen(self) -> None:
        async for event in self.venue.stream():
            self.heard.append(event)

    def intent(self, side: Side = Side.BUY, limit: float | None = None) -> OrderIntent:
        self.sequence += 1
        trial, max_len = self.trial, self.venue.capabilities.id_max_len
        name = client_id(self.venue.account_id, "contract", trial.epoch, self.sequence, max_len)
        kind = OrderKind.MARKET if limit is None else OrderKind.LIMIT
        return OrderIntent(
            client_id=name,
            sequence=self.sequence,
            epoch=trial.epoch,
            strategy="contract",
            instrument=trial.instrument,
            side=side,
            kind=kind,
            lots=trial.lots,
            ts_event=trial.ts_event,
            limit_price=limit,
            is_reduce_only=side is Side.SELL,
        )

    def need(self, truth: bool, what: str) -> None:
        if not truth:
            raise VenueContractError(what, where=self.venue.name)

    async def until(self, what: str, holds: Callable[[], Awaitable[bool]]) -> None:
        """Wait until something holds: a venue may take its time, up to a limit."""
        waited = 0.0
        while not await holds():
            self.need(waited < _PATIENCE_S, what)
            await asyncio.sleep(0.05)
            waited += 0.05

    async def says_that_it_listens(self) -> None:
        async def speaks() -> bool:
            return any(isinstance(e, StreamGap) for e in self.heard)

        await self.until("the stream does not begin with a StreamGap, which says to ask for what was before", speaks)

    async def a_closed_gate_sends_nothing(self) -> None:
        intent = self.intent(limit=self.trial.resting_price)

        def closed() -> None:
            raise GateClosedError("closed")

        try:
            await self.venue.submit(intent, closed)
        except GateClosedError:
            found = await self.venue.order(intent.client_id)
            self.need(found is None, "an order went out through a closed gate")
            return
        self.need(False, "submit does not ask the gate, or swallows its answer")

    async def a_resting_order_is_seen_everywhere(self) -> None:
        intent = self.intent(limit=self.trial.resting_price)
        asked = 0

        def gate() -> None:
            nonlocal asked
            asked += 1

        told = await self.venue.submit(intent, gate)
        self.need(asked == 1, f"the gate was asked {asked} times for one order: is it sent more than once?")
        self.need(told.client_id == intent.client_id, "the answer does not carry the client id")
        self.need(bool(told.venue_id), "the answer has no id of the venue")

        async def is_listed() -> bool:
            by_id = await self.venue.order(intent.client_id)
            listed = [o for o in await self.venue.open_orders() if o.client_id == intent.client_id]
            since = await self.venue.order_history(0) if self.venue.capabilities.retention_s else [told]
            in_history = any(o.client_id == intent.client_id for o in since)
            self.need(len(listed) < 2, "one submit made two orders")
            return bool(by_id and by_id.is_open and listed and in_history)

        async def is_streamed() -> bool:
            return any(isinstance(e, VenueOrder) and e.client_id == intent.client_id for e in self.heard)

        await self.until("an open order is missing from order(), open_orders() or order_history()", is_listed)
        await self.until("the stream does not tell of an order", is_streamed)
        self.resting = told

    async def an_id_is_what_was_declared(self) -> None:
        """Send the resting order again: it is refused, or, where ids are labels, a second order is made."""
        idempotency = self.venue.capabilities.idempotency
        if idempotency is Idempotency.NONE:
            return
        is_label = idempotency is Idempotency.TAG
        first, again = self._resting(), await self._sent_again()
        self.need(
            (again is not None) is is_label,
            f"declared {idempotency}, but a second order was {'not ' if is_label else ''}made under one id",
        )
        if again is None:
            return
        self.need(again.venue_id != first.venue_id, "two orders of one id have one id of the venue")
        await self.venue.cancel(again.client_id, again.venue_id)

        async def is_gone() -> bool:
            listed = {o.venue_id for o in await self.venue.open_orders() if o.client_id == first.client_id}
            return listed == {first.venue_id}

        await self.until("cancelling by the venue's id ends another order than that", is_gone)

    async def an_id_that_has_ended_is_what_was_declared(self) -> None:
        """Send the id of a cancelled order again: for ever and for a while mean that it is still refused."""
        idempotency = self.venue.capabilities.idempotency
        if idempotency in (Idempotency.NONE, Idempotency.TAG):
            return
        again = await self._sent_again()
        is_free = idempotency is Idempotency.OPEN_ONLY
        self.need(
            (again is not None) is is_free, f"declared {idempotency}, but the id of an order that has ended is not"
        )
        if again is not None:
            await self.venue.cancel(again.client_id, again.venue_id)

    async def _sent_again(self) -> VenueOrder | None:
        again = replace(self.intent(limit=self.trial.resting_price), client_id=self._resting().client_id)
        try:
            return await self.venue.submit(again, lambda: None)
        except DuplicateIdError:
            return None

    async def a_cancel_ends_it(self) -> None:
        told = self._resting()
        await self.venue.cancel(told.client_id, told.venue_id)

        async def is_gone() -> bool:
            now = await self.venue.order(told.client_id)
            listed = any(o.client_id == told.client_id for o in await self.venue.open_orders())
            return now is not None and now.status is OrderStatus.CANCELED and not listed

        await self.until("a cancelled order does not become CANCELED, or is still listed as open", is_gone)
        try:
            await self.venue.cancel(told.client_id, told.venue_id)
        except VenueRejectedError:
            return
        self.need(False, "cancelling an order that has ended is not refused: nobody could tell what was cancelled")

    async def all_are_cancelled_at_once(self) -> None:
        intents = [self.intent(limit=self.trial.resting_price) for _ in range(2)]
        for intent in intents:
            await self.venue.submit(intent, lambda: None)
        await self.venue.cancel_all(self.trial.instrument)
        await self.until(
            "cancel_all leaves orders open", lambda: _none_open(self.venue, {i.client_id for i in intents})
        )

    async def a_replacement_is_one_step_or_refused(self) -> None:
        """Expect ``total``: the new size is the whole; nothing has filled here, so ``remaining`` is the same."""
        old, new = self.intent(limit=self.trial.resting_price), self.intent(limit=self.trial.resting_price)
        told = await self.venue.submit(old, lambda: None)
        can = self.venue.capabilities.replace != "none"
        try:
            told = await self.venue.replace(old.client_id, new, lambda: None)
            self.need(can, "replace works, but is declared not to: a policy would cancel first")
            self.need(told.client_id == new.client_id, "the replacement does not carry its client id")
        except VenueRejectedError:
            self.need(not can, f"declared replace={self.venue.capabilities.replace}, but it is refused")
        now = new if can else old

        async def is_alone() -> bool:
            ids = [o.client_id for o in await self.venue.open_orders() if o.client_id in (old.client_id, new.client_id)]
            return ids == [now.client_id]

        await self.until("replacing did not leave exactly one order", is_alone)
        await self.venue.cancel(told.client_id, told.venue_id)
        await self.until("a replacement is not cancelled", lambda: _none_open(self.venue, {now.client_id}))

    async def account_listing_and_clock_answer(self) -> None:
        account = await self.venue.account()
        self.need(account.equity > 0 and account.ts_event > 0, "the account has no equity, or no time")
        listing = await self.venue.listing(self.trial.instrument)
        self.need(listing is not None and listing.is_tradable, "the instrument is not listed, or takes no orders")
        if self.venue.capabilities.server_time:
            self.need(await self.venue.server_time_ns() > 0, "declared a clock that does not answer")

    async def an_unknown_order_is_none(self) -> None:
        self.need(await self.venue.order(self.intent().client_id) is None, "an order that nobody sent is found")

    async def a_bad_order_is_refused(self) -> None:
        """Expect a definite no as VenueRejectedError: anything vaguer leaves the order unknown."""
        bad = replace(self.intent(limit=self.trial.resting_price), lots=0)
        try:
            await self.venue.submit(bad, lambda: None)
        except VenueRejectedError:
            return
        self.need(False, "an order for nothing is not refused")

    async def a_fill_is_told_once_by_id(self) -> None:
        before = {p.instrument: p.lots for p in await self.venue.positions()}.get(self.trial.instrument, 0)
        for side, after in ((Side.BUY, before + self.trial.lots), (Side.SELL, before)):
            intent = self.intent(side)
            told = await self.venue.submit(intent, lambda: None)
            mine = partial(_is_of, told)

            async def is_booked(intent: OrderIntent = intent, after: int = after, mine: _IsOf = mine) -> bool:
                fills = [f for f in await self.venue.fills(0) if mine(f)]
                held = {p.instrument: p.lots for p in await self.venue.positions()}.get(intent.instrument, 0)
                keys = [f.trade_id for f in fills]
                has_ids = self.venue.capabilities.trade_id_scope == "none" or len(set(keys)) == len(keys)
                self.need(has_ids, "two executions have one trade id")
                return sum(f.lots for f in fills) == intent.lots and held == after

            async def is_streamed(intent: OrderIntent = intent, mine: _IsOf = mine) -> bool:
                heard = {f.trade_id: f.lots for f in self.heard if isinstance(f, VenueFill) and mine(f)}
                asked = {f.trade_id for f in await self.venue.fills(0) if mine(f)}
                self.need(set(heard) <= asked, "the stream and the question give one execution two trade ids")
                return sum(heard.values()) == intent.lots

            await self.until("executions and positions do not follow a market order", is_booked)
            await self.until("the stream does not tell of an execution", is_streamed)

    async def exits_beside_each_other_are_as_declared(self) -> None:
        """Close a position at the market while a stop of its size works."""
        reserves = self.venue.capabilities.exits_hold_lots
        await self.venue.submit(self.intent(), lambda: None)
        stop = replace(self.intent(Side.SELL), kind=OrderKind.STOP, stop_price=self.trial.resting_price)
        told = await self.venue.submit(stop, lambda: None)
        try:
            await self.venue.submit(self.intent(Side.SELL), lambda: None)
            is_refused = False
        except VenueRejectedError:
            is_refused = True
        self.need(
            is_refused is reserves,
            f"declared exits_hold_lots={reserves}, but a second exit is {'not ' * reserves}refused",
        )
        await self.venue.cancel(stop.client_id, told.venue_id)
        await self.until("a stop is not cancelled", lambda: _none_open(self.venue, {stop.client_id}))
        if is_refused:
            await self.venue.submit(self.intent(Side.SELL), lambda: None)

    def _resting(self) -> VenueOrder:
        assert self.resting is not None  # noqa: S101 - the checks run in order
        return self.resting


async def _none_open(venue: Venue, names: set[str]) -> bool:
    return not any(o.client_id in names for o in await venue.open_orders())


_IsOf = Callable[[VenueFill], bool]


def _is_of(order: VenueOrder, fill: VenueFill) -> bool:
    """Whether an execution belongs to an order: by client id, or, where a venue leaves that out, by its own."""
    return fill.client_id == order.client_id or (not fill.client_id and fill.venue_id == order.venue_id)
