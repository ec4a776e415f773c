"""Pair trade: when one of two instruments outruns the other, sell it and buy the other until they meet."""

from math import sqrt

from tradewright.core.types.feature import FeatureSpec, Floats, feature
from tradewright.strategies.columns import POSITION, WORKING
from tradewright.strategies.signals import WEIGHT, Signals, on_instrument, target
from tradewright.strategies.strategy import StrategyParams

CROSS_SECTION = True  # decide once a timestamp, with tables over all instruments


class Params(StrategyParams):
    """Length in bars; the gap is measured in its own standard deviations; weight of each leg."""

    window: int = 20
    enter: float = 2.0
    leave: float = 0.5
    weight: float = 0.4


def features(params: Params) -> dict[str, FeatureSpec]:
    """Name the columns of ``rows``, in this order."""
    return {"run": feature("log_return", params.window), "vol": feature("rolling_volatility", params.window)}


def decide(rows: Floats, forecasts: Floats, accounts: Floats, params: Params, signals: Signals) -> None:
    """Trade the first two instruments of the run; a NaN gap, while warming up, does nothing."""
    if len(rows) < 2:
        raise ValueError("a pair needs two instruments")
    gap = (rows[0, 0] - rows[1, 0]) / sqrt((rows[0, 1] ** 2 + rows[1, 1] ** 2) * params.window + 1e-12)
    held = accounts[1, POSITION]  # positive: we sold 0 and bought 1, for 0 was ahead
    if held == 0.0 and accounts[1, WORKING] == 0.0 and abs(gap) > params.enter:
        weight = params.weight if gap > 0.0 else -params.weight
        on_instrument(signals, target(signals, -weight, WEIGHT), 0)
        on_instrument(signals, target(signals, weight, WEIGHT), 1)
    elif held != 0.0 and gap * held < params.leave * abs(held):
        on_instrument(signals, target(signals, 0.0), 0)
        on_instrument(signals, target(signals, 0.0), 1)
