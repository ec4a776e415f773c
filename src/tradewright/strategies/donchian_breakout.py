"""Trend: enter when the close leaves the range of the last bars, stay until it falls out of a shorter one."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from tradewright.core.types.account import Account
from tradewright.core.types.feature import FeatureSpec, feature
from tradewright.core.types.forecast import ForecastRow
from tradewright.strategies.signals import WEIGHT, Signals, bracket, target
from tradewright.strategies.strategy import Row, StrategyParams


class Params(StrategyParams):
    """Lengths in bars; weight as a share of equity; stop in average true ranges from the entry, 0 = none."""

    entry_bars: int = Field(20, ge=1, le=10_000)
    exit_bars: int = Field(10, ge=1, le=10_000)
    atr_bars: int = Field(20, ge=1, le=10_000)
    atr_stop: float = Field(2.0, ge=0, le=100)
    weight: float = Field(0.95, gt=0, le=10)
    allow_short: bool = False


def features(params: Params) -> dict[str, FeatureSpec]:
    """Both channels, of the bars before the present one, and the average true range."""
    return {
        "entry_high": feature("donchian_high", params.entry_bars),
        "entry_low": feature("donchian_low", params.entry_bars),
        "exit_high": feature("donchian_high", params.exit_bars),
        "exit_low": feature("donchian_low", params.exit_bars),
        "atr": feature("atr_wilder", params.atr_bars),
    }


def decide(
    row: Row,
    forecast: ForecastRow,  # noqa: ARG001  # the names of the arguments are the convention
    account: Account,
    params: Params,
    signals: Signals,
) -> None:
    """Compare the close with the channels; a close that only touches one is not a breakout."""
    price = account.price
    if account.position > 0.0:
        if price < row.exit_low:
            target(signals, 0.0)
        return
    if account.position < 0.0:
        if price > row.exit_high:
            target(signals, 0.0)
        return
    if np.isnan(row.atr):
        return
    if price > row.entry_high:
        k = target(signals, params.weight, WEIGHT)
    elif params.allow_short and price < row.entry_low:
        k = target(signals, -params.weight, WEIGHT)
    else:
        return
    distance = params.atr_stop * row.atr / price
    if distance > 0.0:
        bracket(signals, k, min(distance, 0.99))  # a long's stop stays above zero in the wildest market
