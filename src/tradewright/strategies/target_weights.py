"""Allocation: hold the weights of a dated table, and trade back to them when they have drifted out of a band."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from tradewright.core.types.feature import FeatureSpec, Floats
from tradewright.strategies.columns import EXPECTED_RETURN, SHARE, WORKING
from tradewright.strategies.signals import WEIGHT, Signals, on_instrument, target
from tradewright.strategies.strategy import StrategyParams

CROSS_SECTION = True
USES_FORECAST = True


class Params(StrategyParams):
    """How far a weight may drift, as a share of equity, before it is traded back; and a factor on all weights.

    The table (`tradewright allocate`) is given as `forecasts.file`; its column ``weight`` stands where a forecast has
    its expected return. An instrument of which the table says nothing yet is left alone; 0 closes it.
    """

    band: float = Field(0.02, ge=0, lt=1)
    leverage: float = Field(1.0, gt=0, le=10)


def features(params: Params) -> dict[str, FeatureSpec]:  # noqa: ARG001  # the convention hands them over
    """None: the table is all it reads."""
    return {}


def decide(
    rows: Floats,  # noqa: ARG001  # the names of the arguments are the convention
    forecasts: Floats,
    accounts: Floats,
    params: Params,
    signals: Signals,
) -> None:
    """Sell what is too heavy before buying what is too light; what has an order on its way waits for it.

    A weight of 0 is reached in full, whatever the band.
    """
    for is_purchase in (False, True):
        for j in range(len(accounts)):
            weight = params.leverage * forecasts[j, EXPECTED_RETURN]
            held = accounts[j, SHARE]
            if np.isnan(weight) or weight == held or accounts[j, WORKING] > 0.0:
                continue
            if (weight > held) == is_purchase and (weight == 0.0 or abs(weight - held) > params.band):
                on_instrument(signals, target(signals, weight, WEIGHT), j)
