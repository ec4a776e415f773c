from __future__ import annotations

import asyncio
from typing import cast

import pytest

from tradewright.core.types.errors import ConfigError
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.venue import Listing
from tradewright.execution.listings import check_listings
from tradewright.execution.venue import Venue


class Listings:
    name = "somewhere"

    def __init__(self, *listed: Listing) -> None:
        self._listed = {listing.instrument: listing for listing in listed}

    async def listing(self, instrument: str) -> Listing | None:
        return self._listed.get(instrument)


def checked(ours: Instrument, *listed: Listing) -> None:
    asyncio.run(check_listings(cast("Venue", Listings(*listed)), [ours]))


@pytest.mark.parametrize(
    ("lot", "tick"),
    [("0.001", "0.01"), ("0.005", "0.1"), ("1", "5"), ("1", "")],
    ids=["same", "wider", "whole", "silent"],
)
def test_what_lies_on_the_grid_passes(lot: str, tick: str) -> None:
    checked(Instrument("X", lot_size=lot, tick_size=tick or "0.00001"), Listing("X", "0.001", "0.01" if tick else ""))


@pytest.mark.parametrize(
    ("listing", "said"),
    [
        (Listing("Y"), "X is not listed"),
        (Listing("X", is_tradable=False), "X takes no orders now"),
        (Listing("X", "0.001"), "X goes by lot_size 0.001, the run's definition by 0.0015"),
        (Listing("X", "", "0.05"), "X goes by tick_size 0.05, the run's definition by 0.01"),
    ],
)
def test_what_the_venue_would_refuse_is_said_before(listing: Listing, said: str) -> None:
    with pytest.raises(ConfigError, match="somewhere trades otherwise") as caught:
        checked(Instrument("X", lot_size="0.0015", tick_size="0.01"), listing)
    assert said in str(caught.value)
