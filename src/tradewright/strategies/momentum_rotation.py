"""Rotation: hold the instruments with the highest trailing returns, in equal parts."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.feature import FeatureSpec, Floats, feature
from tradewright.strategies.columns import HELD_EVENTS, POSITION, SHARE, WORKING
from tradewright.strategies.signals import WEIGHT, Signals, on_instrument, target
from tradewright.strategies.strategy import StrategyParams

CROSS_SECTION = True
RETURN = 0  # the only column of `rows`


class Params(StrategyParams):
    """How many to hold, ranked by the return of how many bars; weight is the share of equity in all of them.

    ``hold_bars``: an instrument that has lost its place is sold once it was held for so many of its own bars.
    ``minimum_return``: nothing below it is held, whatever its rank; -1 ranks only.
    """

    top: int = Field(3, ge=1, le=10_000)
    window: int = Field(60, ge=1, le=10_000)
    hold_bars: int = Field(20, ge=1, le=1_000_000)
    minimum_return: float = Field(0.0, ge=-1)
    weight: float = Field(0.95, gt=0, le=10)


def features(params: Params) -> dict[str, FeatureSpec]:
    """Trailing return of the close."""
    return {"momentum": feature("simple_return", params.window)}


@inlined
def ranks_nb(rows: Floats) -> Floats:
    """Count the instruments that rank before each; of two equals the one with the lower number does."""
    ranks = np.zeros(len(rows))
    for j in range(len(rows)):
        for i in range(len(rows)):
            if rows[i, RETURN] > rows[j, RETURN] or (rows[i, RETURN] == rows[j, RETURN] and i < j):
                ranks[j] += 1.0
    return ranks


def decide(
    rows: Floats,
    forecasts: Floats,  # noqa: ARG001  # the names of the arguments are the convention
    accounts: Floats,
    params: Params,
    signals: Signals,
) -> None:
    """Sell what has lost its place, and give free places to the best that are not held.

    A place is free when its sale is filled, so a purchase never counts on money that is still tied up.
    """
    ranks = ranks_nb(rows)
    held = 0
    ordered = 0
    free = params.weight
    for j in range(len(accounts)):
        if accounts[j, POSITION] == 0.0:
            ordered += 1 if accounts[j, WORKING] > 0.0 else 0
            continue
        held += 1
        free -= accounts[j, SHARE]
        has_lost = ranks[j] >= params.top or rows[j, RETURN] <= params.minimum_return
        if has_lost and accounts[j, HELD_EVENTS] >= params.hold_bars:
            on_instrument(signals, target(signals, 0.0), j)
    places = int(params.top) - held - ordered
    if places <= 0 or free <= 0.0:
        return
    share = free / (places + ordered)  # an order on its way will want its part
    for rank in range(min(int(params.top), len(accounts))):
        for j in range(len(accounts)):
            if ranks[j] != rank or accounts[j, POSITION] != 0.0 or accounts[j, WORKING] > 0.0:
                continue
            if rows[j, RETURN] > params.minimum_return and places > 0:
                on_instrument(signals, target(signals, share, WEIGHT), j)
                places -= 1
