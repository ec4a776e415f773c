"""The venue contract, on the simulated venue; and that it notices what it is there for."""

from __future__ import annotations

import asyncio

import pytest
from tests.faults.sim_loop import START_NS, SimLoop
from tests.faults.sim_venue import SimVenue
from tests.faults.world import CAPABILITIES, X

from tradewright.core.types.order import OrderStatus
from tradewright.core.types.venue import Idempotency, OrderIntent, VenueOrder
from tradewright.execution.contract import Trial, VenueContractError, check_venue
from tradewright.execution.venue import Gate, VenueRejectedError


def tried(kind: type[SimVenue], idempotency: Idempotency = Idempotency.HARD) -> None:
    loop = SimLoop()
    asyncio.set_event_loop(loop)
    venue = kind(loop, 1, CAPABILITIES.model_copy(update={"idempotency": idempotency}))
    try:
        loop.run_until_complete(check_venue(venue, Trial(X, 90.0, 1, START_NS)))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


@pytest.mark.parametrize("idempotency", [Idempotency.HARD, Idempotency.OPEN_ONLY, Idempotency.TAG])
def test_the_simulated_venue_satisfies_the_contract(idempotency: Idempotency) -> None:
    tried(SimVenue, idempotency)


class SendsTwice(SimVenue):
    """A transport that repeats a POST."""

    async def submit(self, intent: OrderIntent, gate: Gate) -> VenueOrder:
        gate()
        return await super().submit(intent, gate)


class IgnoresTheGate(SimVenue):
    async def submit(self, intent: OrderIntent, gate: Gate) -> VenueOrder:  # noqa: ARG002
        return await super().submit(intent, lambda: None)


class TakesAnIdTwice(SimVenue):
    def _accept(self, intent: OrderIntent, fault: str) -> VenueOrder:
        self.mine.clear()
        return super()._accept(intent, fault)


class ForgetsEndedIds(SimVenue):
    """Declared to refuse an id for ever."""

    def _accept(self, intent: OrderIntent, fault: str) -> VenueOrder:
        self.capabilities = CAPABILITIES.model_copy(update={"idempotency": Idempotency.OPEN_ONLY})
        try:
            return super()._accept(intent, fault)
        finally:
            self.capabilities = CAPABILITIES


class CancelsTheFirstOnly(SimVenue):
    async def cancel_all(self, instrument: str = "") -> None:  # noqa: ARG002
        await self._call(lambda: self._cancel(next(k for k, b in self.books.items() if b.told.is_open)))


class KeepsTheReplaced(SimVenue):
    async def replace(self, client_id: str, intent: OrderIntent, gate: Gate) -> VenueOrder:  # noqa: ARG002
        return await super().submit(intent, gate)


class CancelsNothing(SimVenue):
    def _cancel(self, venue_id: str) -> None:
        pass


class IsVague(SimVenue):
    async def cancel(self, client_id: str, venue_id: str) -> None:
        try:
            await super().cancel(client_id, venue_id)
        except VenueRejectedError:
            return


class IsMute(SimVenue):
    def _note(self, told: VenueOrder) -> None:
        pass


class FillsWithoutExecution(SimVenue):
    def execute(self, told: VenueOrder, lots: int):  # type: ignore[no-untyped-def]  # noqa: ANN201, ARG002
        self.end(told.venue_id, OrderStatus.CANCELED)


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (SendsTwice, "the gate was asked 2 times"),
        (IgnoresTheGate, "does not ask the gate"),
        (TakesAnIdTwice, "second order was made under one id"),
        (ForgetsEndedIds, "the id of an order that has ended is not"),
        (CancelsTheFirstOnly, "cancel_all leaves orders open"),
        (KeepsTheReplaced, "but is declared not to"),
        (CancelsNothing, "does not become CANCELED"),
        (IsVague, "is not refused"),
        (IsMute, "the stream does not tell of an order"),
        (FillsWithoutExecution, "do not follow a market order"),
    ],
)
def test_a_breach_is_noticed(kind: type[SimVenue], what: str) -> None:
    with pytest.raises(VenueContractError, match=what):
        tried(kind)
