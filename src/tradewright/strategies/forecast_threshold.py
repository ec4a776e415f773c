"""Forecasts: long while the forecast probability of a rise is high enough; never short."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from tradewright.core.types.account import Account
from tradewright.core.types.feature import FeatureSpec
from tradewright.core.types.forecast import ForecastRow
from tradewright.strategies.signals import WEIGHT, Signals, bracket, or_none, target
from tradewright.strategies.strategy import Row, StrategyParams

USES_FORECAST = True
_SECONDS_AN_HOUR = 3600.0


class Params(StrategyParams):
    """Probabilities of a rise; stop and target as fractions of the entry, time limit in hours, 0 = none.

    After an exit by stop, target or time the newest forecast still counts: while it is above ``enter_above``
    the next event enters again. Forecasts that expire (`data.forecasts.with_expiry`) put an end to that.
    """

    enter_above: float = Field(0.55, ge=0, le=1)
    leave_below: float = Field(0.5, ge=0, le=1)
    stop_loss: float = Field(0.02, ge=0, lt=1)
    take_profit: float = Field(0.04, ge=0)
    max_hours: float = Field(0.0, ge=0)
    weight: float = Field(0.95, gt=0, le=10)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        """Refuse a pair of levels that would enter and leave on the same forecast."""
        if self.leave_below > self.enter_above:
            msg = f"leave_below <= enter_above is needed, got {self.leave_below} > {self.enter_above}"
            raise ValueError(msg)
        return self


def features(params: Params) -> dict[str, FeatureSpec]:  # noqa: ARG001  # the convention hands them over
    """None: the forecast is all it reads."""
    return {}


def decide(
    row: Row,  # noqa: ARG001  # the names of the arguments are the convention
    forecast: ForecastRow,
    account: Account,
    params: Params,
    signals: Signals,
) -> None:
    """Compare the newest forecast with the two levels; without one (NaN) nothing is entered or kept."""
    if account.position != 0.0:
        is_late = params.max_hours > 0.0 and account.held_seconds >= params.max_hours * _SECONDS_AN_HOUR
        if is_late or not forecast.p_up >= params.leave_below:
            target(signals, 0.0)
    elif forecast.p_up > params.enter_above:
        k = target(signals, params.weight, WEIGHT)
        bracket(signals, k, or_none(params.stop_loss), or_none(params.take_profit))
