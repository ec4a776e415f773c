"""Momentum: long while the fast average is above the slow one."""

from __future__ import annotations

from pydantic import Field

from tradewright.core.types.account import Account
from tradewright.core.types.feature import FeatureSpec, feature
from tradewright.core.types.forecast import ForecastRow
from tradewright.strategies.signals import WEIGHT, Signals, bracket, or_none, target
from tradewright.strategies.strategy import Row, StrategyParams


class Params(StrategyParams):
    """Periods in bars; weight as a share of equity; stop and target as fractions of the entry, 0 = none."""

    fast: int = Field(20, ge=1, le=10_000)
    slow: int = Field(100, ge=2, le=10_000)
    weight: float = Field(0.95, gt=0, le=10)
    stop_loss: float = Field(0.0, ge=0, lt=1)
    take_profit: float = Field(0.0, ge=0)
    allow_short: bool = False


def features(params: Params) -> dict[str, FeatureSpec]:
    """Two exponential moving averages of the close."""
    return {"fast": feature("ema", params.fast), "slow": feature("ema", params.slow)}


def decide(
    row: Row,
    forecast: ForecastRow,  # noqa: ARG001  # the names of the arguments are the convention
    account: Account,
    params: Params,
    signals: Signals,
) -> None:
    """Follow the sign of fast - slow; stay out while either average is still warming up."""
    if row.fast > row.slow:
        wanted = 1.0
    elif row.fast < row.slow:
        wanted = -1.0 if params.allow_short else 0.0
    else:
        return
    if wanted * account.position > 0.0 or (wanted == 0.0 and account.position == 0.0):
        return
    k = target(signals, wanted * params.weight, WEIGHT)
    if wanted != 0.0:
        bracket(signals, k, or_none(params.stop_loss), or_none(params.take_profit))
