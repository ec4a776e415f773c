"""A stream for a venue that has none: what differs between two looks at orders and executions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from tradewright.adapters.http import Sleep
from tradewright.core.types.venue import StreamGap, VenueEvent, VenueFill, VenueOrder
from tradewright.execution.venue import VenueTimeoutError, VenueUnavailableError

_SECOND = 1_000_000_000
_LONGEST_WAIT_S = 30.0
#: Each look reaches so far behind the one before.
_OVERLAP_NS = 60 * _SECOND
#: What a row is, and the venue's id of it.
Key = tuple[str, str]


class Looked(Protocol):
    """What is looked at."""

    async def order_history(self, since_ns: int) -> list[VenueOrder]:
        """Return orders that ended since a time, and those that are open."""

    async def fills(self, since_ns: int) -> list[VenueFill]:
        """Return executions since a time."""

    async def net_pairs(self) -> None:
        """Have positions that stand against each other close each other."""


async def events(
    venue: Looked, every_s: float, clock_ns: Callable[[], int], sleep: Sleep
) -> AsyncGenerator[VenueEvent, None]:
    """Yield events for ever: a gap first and after each look that failed, executions before their orders."""
    seen: dict[Key, VenueOrder | VenueFill] = {}
    since, wait, lost = clock_ns(), every_s, "connected"
    while True:
        began = clock_ns()
        try:
            found = await _found(venue, since - _OVERLAP_NS)
            news = [row for key, row in found.items() if seen.get(key) != row]
            seen = found  # what ended before the time that is asked about does not come again
            if news or lost:
                await venue.net_pairs()
        except (VenueTimeoutError, VenueUnavailableError) as error:
            lost = lost or error.what
            await sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT_S)
            continue
        if lost:  # what this look has found belongs to the time that has to be asked for
            yield StreamGap(lost, clock_ns())
        else:
            for event in news:
                yield event
        since, wait, lost = began, every_s, ""
        await sleep(every_s)


async def _found(venue: Looked, since_ns: int) -> dict[Key, VenueOrder | VenueFill]:
    """Look: executions, then orders."""
    told, made = await venue.order_history(since_ns), await venue.fills(since_ns)
    fills: dict[Key, VenueOrder | VenueFill] = {("fill", fill.trade_id): fill for fill in made}
    return fills | {("order", order.venue_id): order for order in told}
