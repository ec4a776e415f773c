"""Asking every source about one order that nobody knows, independent ones last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Protocol

from tradewright.core.types.errors import VenueError
from tradewright.core.types.venue import VenueEvent, VenueFill, VenueOrder
from tradewright.execution.orders.inputs import Absent, Input, Source
from tradewright.execution.orders.state import SECOND, OrdersState
from tradewright.execution.venue import Venue


class Asker(Protocol):
    """Whoever wants to know: what it knows, whom to ask, and how it is told."""

    state: OrdersState
    venue: Venue

    def has(self, fill: VenueFill) -> bool:
        """Tell whether an execution is known."""

    def take(self, row: VenueEvent, source: Source, now: int) -> None:
        """Take in what was found."""

    def feed(self, told: Input) -> None:
        """Take in that nothing was."""


class Inquiry:
    """Questions about orders. ``now_ns``: ns UTC; ``answer_s``: how long an answer may take."""

    def __init__(self, desk: Asker, now_ns: Callable[[], int], answer_s: float) -> None:
        self.desk, self._now_ns, self._answer_s = desk, now_ns, answer_s
        self._asking: set[str] = set()

    async def ask(self, client_id: str) -> None:
        """Ask every source about one order, independent ones last; a source that fails says nothing."""
        if client_id in self._asking:
            return
        self._asking.add(client_id)
        intent = self.desk.state.orders[client_id].intent
        since = intent.ts_event - int(self.desk.state.params.overlap_s * SECOND)
        try:
            await self._look(client_id, Source.ORDER, self._one(client_id))
            await self._look(client_id, Source.OPEN_ORDERS, self.desk.venue.open_orders())
            await self._look(client_id, Source.HISTORY, self.desk.venue.order_history(since))
            await self._look(client_id, Source.FILLS, self.desk.venue.fills(since))
            await self._positions(client_id, intent.instrument)
        finally:
            self._asking.discard(client_id)

    async def _one(self, client_id: str) -> list[VenueOrder]:
        told = await self.desk.venue.order(client_id)
        return [] if told is None else [told]

    async def _look(
        self, client_id: str, source: Source, question: Coroutine[None, None, list[VenueOrder] | list[VenueFill]]
    ) -> None:
        asked = self._now_ns()
        try:
            async with asyncio.timeout(self._answer_s):
                rows = await question
        except (VenueError, TimeoutError):
            return
        now, order = self._now_ns(), self.desk.state.orders.get(client_id)
        if order is None:  # the process slept for hours meanwhile
            return
        venue_id = order.venue_id
        mine = [row for row in rows if row.client_id == client_id or (venue_id and row.venue_id == venue_id)]
        news = [row for row in mine if not (isinstance(row, VenueFill) and self.desk.has(row))]
        for row in news:
            self.desk.take(row, source, now)
        if not news:  # executions that we have are no news of what became of the rest
            self.desk.feed(Absent(client_id, source, asked, now))

    async def _positions(self, client_id: str, instrument: str) -> None:
        asked = self._now_ns()
        try:
            async with asyncio.timeout(self._answer_s):
                rows = await self.desk.venue.positions()
        except (VenueError, TimeoutError):
            return
        known = self.desk.state.of(instrument)
        if sum(p.lots for p in rows if p.instrument == instrument) == known.position + known.external:
            self.desk.feed(Absent(client_id, Source.POSITIONS, asked, self._now_ns()))
