"""What differs between two looks is told, once, and what a look no longer shows is not kept."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from tradewright.adapters.mt5.polling import events
from tradewright.core.types.order import OrderStatus, Side
from tradewright.core.types.venue import StreamGap, VenueEvent, VenueFill, VenueOrder
from tradewright.execution.venue import VenueUnavailableError

FILL = VenueFill("T1", "a", "V1", "X", Side.BUY, 3, 100.0, 1)
OPEN = VenueOrder("a", "V1", "X", Side.BUY, 5, 0, OrderStatus.ACCEPTED, 1)
PART = VenueOrder("a", "V1", "X", Side.BUY, 5, 3, OrderStatus.PARTIALLY_FILLED, 2)


class Shown:
    """Shows one thing after another."""

    def __init__(self, *looks: tuple[list[VenueOrder], list[VenueFill]] | None) -> None:
        self.looks, self.at, self.pairings = looks, -1, 0

    async def order_history(self, since_ns: int) -> list[VenueOrder]:  # noqa: ARG002  # as the port has it
        self.at += 1
        look = self.looks[self.at]
        if look is None:
            raise VenueUnavailableError("the line is down")
        return look[0]

    async def fills(self, since_ns: int) -> list[VenueFill]:  # noqa: ARG002  # as the port has it
        look = self.looks[self.at]
        assert look is not None
        return look[1]

    async def net_pairs(self) -> None:
        self.pairings += 1


def heard(shown: Shown, count: int) -> list[VenueEvent]:
    async def play() -> list[VenueEvent]:
        async def sleep(_: float) -> None:
            return

        told: list[VenueEvent] = []
        async with aclosing(events(shown, 1.0, lambda: 0, sleep)) as stream:
            async for event in stream:
                told.append(event)
                if len(told) == count:
                    break
        return told

    return asyncio.run(play())


def test_a_change_is_told_once_and_executions_before_their_orders() -> None:
    shown = Shown(([OPEN], []), ([OPEN], []), ([PART], [FILL]), ([PART], [FILL]), ([], []), ([], [FILL]))
    assert heard(shown, 4) == [StreamGap("connected", 0), FILL, PART, FILL]
    assert shown.pairings == 3


def test_a_look_that_fails_is_a_gap_and_nothing_before_it_is_lost() -> None:
    shown = Shown(([OPEN], []), None, None, ([OPEN], [FILL]), ([PART], [FILL]))
    gap, lost, part = heard(shown, 3)
    assert (gap, part) == (StreamGap("connected", 0), PART)
    assert isinstance(lost, StreamGap)
    assert "the line is down" in lost.reason
