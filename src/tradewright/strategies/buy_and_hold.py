"""Benchmark: buy every instrument once, in equal parts, and keep it."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from tradewright.core.types.feature import FeatureSpec, Floats
from tradewright.strategies.columns import POSITION, PRICE, SHARE, WORKING
from tradewright.strategies.signals import WEIGHT, Signals, on_instrument, target
from tradewright.strategies.strategy import StrategyParams

CROSS_SECTION = True


class Params(StrategyParams):
    """Share of equity to invest in all; the rest covers costs and a gap at the next open."""

    weight: float = Field(0.98, gt=0, le=10)


def features(params: Params) -> dict[str, FeatureSpec]:  # noqa: ARG001  # the convention hands them over
    """None: nothing is looked at."""
    return {}


def decide(
    rows: Floats,  # noqa: ARG001  # the names of the arguments are the convention
    forecasts: Floats,  # noqa: ARG001
    accounts: Floats,
    params: Params,
    signals: Signals,
) -> None:
    """Buy what is not held yet, as soon as it has a price.

    Each gets an equal part of what is not invested, so that an instrument which begins later gets what was
    left for it, and not more than there is.
    """
    missing = 0
    free = params.weight
    for j in range(len(accounts)):
        if accounts[j, POSITION] == 0.0:
            missing += 1
        free -= accounts[j, SHARE]
    if missing == 0 or free <= 0.0:
        return
    for j in range(len(accounts)):
        is_ordered = accounts[j, POSITION] != 0.0 or accounts[j, WORKING] > 0.0
        if not is_ordered and not np.isnan(accounts[j, PRICE]):
            on_instrument(signals, target(signals, free / missing, WEIGHT), j)
