"""Asking every source about one order that nobody knows, independent ones last."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING

from tradewright.core.types.errors import VenueError
from tradewright.core.types.venue import VenueFill, VenueOrder
from tradewright.execution.orders.inputs import Absent, Source
from tradewright.execution.orders.state import SECOND

if TYPE_CHECKING:
    from tradewright.execution.desk import OrderDesk


class Inquiry:
    """Questions about orders; what is found, and what is not, goes to the desk."""

    def __init__(self, desk: OrderDesk) -> None:
        self.desk = desk
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
        asked = self.desk.ports.now_ns()
        try:
            async with asyncio.timeout(self.desk.params.answer_s):
                rows = await question
        except (VenueError, TimeoutError):
            return
        now, venue_id = self.desk.ports.now_ns(), self.desk.state.orders[client_id].venue_id
        mine = [row for row in rows if row.client_id == client_id or (venue_id and row.venue_id == venue_id)]
        news = [row for row in mine if not (isinstance(row, VenueFill) and self.desk.has(row))]
        for row in news:
            self.desk.take(row, source, now)
        if not news:  # executions that we have are no news of what became of the rest
            self.desk.feed(Absent(client_id, source, asked, now))

    async def _positions(self, client_id: str, instrument: str) -> None:
        asked = self.desk.ports.now_ns()
        try:
            async with asyncio.timeout(self.desk.params.answer_s):
                rows = await self.desk.venue.positions()
        except (VenueError, TimeoutError):
            return
        known = self.desk.state.of(instrument)
        if sum(p.lots for p in rows if p.instrument == instrument) == known.position + known.external:
            self.desk.feed(Absent(client_id, Source.POSITIONS, asked, self.desk.ports.now_ns()))
