"""What every venue has to satisfy, as a suite for any adapter: a local server of its protocol, or a paper account.

It trades: one lot at prices far from the market, and, where ``Trial.fills`` says how, one lot at the market. Never
run it on an account with money.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

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
        await check.an_unknown_order_is_none()
        await check.a_bad_order_is_refused()
        if trial.fills:
            await check.a_fill_is_told_once_by_id()
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
        """Send the resting order again; only on venues that say they refuse it."""
        if self.venue.capabilities.idempotency in (Idempotency.TAG, Idempotency.NONE):
            return
        again = replace(self.intent(limit=self.trial.resting_price), client_id=self._resting().client_id)
        try:
            await self.venue.submit(again, lambda: None)
        except DuplicateIdError:
            return
        self.need(False, f"declared {self.venue.capabilities.idempotency}, but a second order was made under one id")

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
            await self.venue.submit(intent, lambda: None)

            async def is_booked(intent: OrderIntent = intent, after: int = after) -> bool:
                fills = [f for f in await self.venue.fills(0) if f.client_id == intent.client_id]
                held = {p.instrument: p.lots for p in await self.venue.positions()}.get(intent.instrument, 0)
                keys = [f.trade_id for f in fills]
                has_ids = self.venue.capabilities.trade_id_scope == "none" or len(set(keys)) == len(keys)
                self.need(has_ids, "two executions have one trade id")
                return sum(f.lots for f in fills) == intent.lots and held == after

            async def is_streamed(intent: OrderIntent = intent) -> bool:
                told = {
                    f.trade_id: f.lots
                    for f in self.heard
                    if isinstance(f, VenueFill) and f.client_id == intent.client_id
                }
                return sum(told.values()) == intent.lots

            await self.until("executions and positions do not follow a market order", is_booked)
            await self.until("the stream does not tell of an execution", is_streamed)

    def _resting(self) -> VenueOrder:
        assert self.resting is not None  # noqa: S101 - the checks run in order
        return self.resting
