"""Forecasts: long or short while the probability of that direction is high enough, with the trend, above the costs."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from tradewright.core.types.account import Account
from tradewright.core.types.feature import FeatureSpec, feature
from tradewright.core.types.forecast import ForecastRow
from tradewright.strategies.signals import WEIGHT, Signals, bracket, or_none, target
from tradewright.strategies.strategy import Row, StrategyParams

USES_FORECAST = True
_SECONDS_AN_HOUR = 3600.0


class Params(StrategyParams):
    """Probabilities for each direction; distances as fractions of the entry; 0 turns a rule off.

    ``trend_slope``: smallest relative change a bar of the moving average over ``trend_bars``, in the direction of the
    trade; 0 asks for no trend. ``min_return``: smallest expected return in that direction after ``costs``, both as
    fractions, of a round trip; where both are 0 the expected return is not looked at. Without a forecast (NaN) nothing
    is entered or kept.
    """

    enter_up: float = Field(0.55, ge=0, le=1)
    leave_up: float = Field(0.5, ge=0, le=1)
    enter_down: float = Field(0.55, ge=0, le=1)
    leave_down: float = Field(0.5, ge=0, le=1)
    allow_short: bool = True
    trend_bars: int = Field(50, ge=1, le=10_000)
    trend_slope: float = Field(0.0, ge=0, le=1)
    min_return: float = Field(0.0, ge=0, lt=1)
    costs: float = Field(0.0, ge=0, lt=1)
    stop_loss: float = Field(0.02, ge=0, lt=1)
    take_profit: float = Field(0.04, ge=0)
    max_hours: float = Field(0.0, ge=0)
    weight: float = Field(0.95, gt=0, le=10)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        """Refuse levels that would enter and leave, or enter both ways, on the same forecast."""
        if self.leave_up > self.enter_up or self.leave_down > self.enter_down:
            msg = (
                "leave_up <= enter_up and leave_down <= enter_down are needed, "
                f"got {self.leave_up} > {self.enter_up} or {self.leave_down} > {self.enter_down}"
            )
            raise ValueError(msg)
        if self.allow_short and self.enter_up + self.enter_down < 1.0:
            msg = f"enter_up + enter_down >= 1 is needed, got {self.enter_up} + {self.enter_down}: both could hold"
            raise ValueError(msg)
        return self


def features(params: Params) -> dict[str, FeatureSpec]:
    """How steeply the moving average rises, relative, per bar."""
    return {"slope": feature("ema_slope", params.trend_bars)}


def decide(
    row: Row,
    forecast: ForecastRow,
    account: Account,
    params: Params,
    signals: Signals,
) -> None:
    """Leave by time or a forecast that fell; enter the direction whose level is passed, trend and return allowing."""
    if account.position != 0.0:
        is_late = params.max_hours > 0.0 and account.held_seconds >= params.max_hours * _SECONDS_AN_HOUR
        is_kept = forecast.p_up >= params.leave_up if account.position > 0.0 else forecast.p_down >= params.leave_down
        if is_late or not is_kept:
            target(signals, 0.0)
        return
    if forecast.p_up > params.enter_up:
        side = 1.0
    elif params.allow_short and forecast.p_down > params.enter_down:
        side = -1.0
    else:
        return
    if params.trend_slope > 0.0 and not side * row.slope >= params.trend_slope:
        return
    needed = params.min_return + params.costs
    if needed > 0.0 and not side * forecast.expected_return >= needed:
        return
    k = target(signals, side * params.weight, WEIGHT)
    bracket(signals, k, or_none(params.stop_loss), or_none(params.take_profit))
