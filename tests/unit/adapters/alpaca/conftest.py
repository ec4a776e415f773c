"""A local Alpaca, and its history asked without pauses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from tests.venues.alpaca_venue import LIVE_TO, AlpacaVenue
from tests.venues.faults import Fault

from tradewright.adapters.alpaca.history import AlpacaHistory, open_http
from tradewright.adapters.alpaca.params import AlpacaParams
from tradewright.data.ports import Fetched, Wanted

Ask = Callable[..., list[Fetched]]


async def no_pause(_seconds: float) -> None:
    await asyncio.sleep(0)


async def asked(params: AlpacaParams, wanted: Wanted, now_ns: int) -> list[Fetched]:
    """Return all pieces of what is wanted."""
    source = AlpacaHistory(params, now_ns=lambda: now_ns, http=open_http(params, sleep=no_pause))
    try:
        return [await source.fetch(wanted, piece) for piece in source.pieces(wanted)]
    finally:
        await source.close()


@pytest.fixture
def ask() -> Ask:
    """Return a function that starts a venue with faults and gives all pieces of what is wanted."""

    def _ask(wanted: Wanted, faults: Sequence[Fault] = (), *, now_ns: int = LIVE_TO, **changes: Any) -> list[Fetched]:  # noqa: ANN401
        plan = changes.pop("plan", "paid")
        with AlpacaVenue(faults, plan=plan, now_ns=now_ns) as venue:
            pieces: list[Fetched] = run(asked(venue.params(**changes), wanted, now_ns))
            fired = {fault.kind for fault in faults}
            assert set(venue.script.fired) == fired, "a fault of the script never happened"
            return pieces

    return _ask


def run(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401
    """Run a coroutine to its end, or fail after half a minute."""
    return asyncio.run(asyncio.wait_for(work, 30))
