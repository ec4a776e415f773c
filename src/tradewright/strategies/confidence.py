"""Forecasts: a position as large as the forecast is sure, in tiers that two scans in a row must confirm."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field, model_validator

from tradewright.core.types.account import Account
from tradewright.core.types.feature import FeatureSpec, feature
from tradewright.core.types.forecast import ForecastRow
from tradewright.strategies.signals import WEIGHT, Signals, bracket, or_none, target
from tradewright.strategies.strategy import Row, StrategyParams

USES_FORECAST = True
#: Scans in a row above a threshold that lift a forecast into a tier (`strategies.confirmation`); one below drops it.
CONFIRM_SCANS = 2
#: Under a sizing rule a tier holds its share of what the rule says.
FULL_SIZE = "weight"
#: The boosters, each at the size at which `tradewright experiment ablate` asks what it earns.
BOOSTERS = {"alignment_boost": 0.5, "regime_boost": 0.5, "session_minutes": 30.0}


class Params(StrategyParams):
    """Tiers by the confirmed probability of the favoured direction, and what share of ``weight`` each holds.

    ``bias``: share taken off the lead of the favoured direction over the other; calibrated models carry theirs already.
    A position is changed once it is off by more than ``rebalance`` of ``weight``.

    Boosters, all off at 0, because their value has to be shown first (`BOOSTERS`): ``alignment_boost`` and
    ``regime_boost`` make the position larger or smaller by up to that share where timeframes agree with its direction,
    and in calm against wild volatility; within ``session_minutes`` of the session's opening and close nothing is
    entered or enlarged. While a booster's feature has no value yet, nothing is entered.
    """

    low: float = Field(0.55, ge=0, le=1)
    medium: float = Field(0.6, ge=0, le=1)
    high: float = Field(0.7, ge=0, le=1)
    low_share: float = Field(0.3, ge=0, le=1)
    medium_share: float = Field(0.6, ge=0, le=1)
    high_share: float = Field(1.0, ge=0, le=1)
    bias: float = Field(0.0, gt=-1, le=0)
    weight: float = Field(0.95, gt=0, le=10)
    rebalance: float = Field(0.15, gt=0, le=1)
    stop_loss: float = Field(0.02, ge=0, lt=1)
    allow_short: bool = True
    alignment_boost: float = Field(0.0, ge=0, le=1)
    regime_boost: float = Field(0.0, ge=0, le=1)
    session_minutes: float = Field(0.0, ge=0, le=1440)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        """Refuse tiers that are not in order."""
        if not (self.low <= self.medium <= self.high and self.low_share <= self.medium_share <= self.high_share):
            msg = "tiers and their shares must ascend: low <= medium <= high"
            raise ValueError(msg)
        return self


def features(params: Params) -> dict[str, FeatureSpec]:
    """Name what the boosters read; of one that is off the close stands in, which is never looked at."""
    unread = feature("close_price")
    has_session = params.session_minutes > 0.0
    return {
        "alignment": feature("momentum_alignment") if params.alignment_boost > 0.0 else unread,
        "regime": feature("volatility_regime") if params.regime_boost > 0.0 else unread,
        "since_open": feature("minutes_since_open") if has_session else unread,
        "until_close": feature("minutes_until_close") if has_session else unread,
    }


def decide(
    row: Row,
    forecast: ForecastRow,
    account: Account,
    params: Params,
    signals: Signals,
) -> None:
    """Hold the weight of the tier in the favoured direction; turning round goes through flat."""
    side = -1.0 if forecast.p_down > forecast.p_up else 1.0
    score = max(forecast.p_up, forecast.p_down) + 0.5 * params.bias * abs(forecast.p_up - forecast.p_down)
    share = 0.0
    if score >= params.high:
        share = params.high_share
    elif score >= params.medium:
        share = params.medium_share
    elif score >= params.low:
        share = params.low_share
    if side < 0.0 and not params.allow_short:
        share = 0.0
    wanted = share * params.weight
    if params.alignment_boost > 0.0:
        wanted *= 1.0 + params.alignment_boost * side * row.alignment
    if params.regime_boost > 0.0:
        wanted *= 1.0 + params.regime_boost * (1.0 - row.regime)
    if share == 0.0 or wanted <= 0.0 or account.position * side < 0.0:
        if account.position != 0.0:
            target(signals, 0.0)
        return
    change = wanted - side * account.weight
    is_small = account.position != 0.0 and abs(change) <= params.rebalance * params.weight
    if np.isnan(change) or is_small:
        return
    if change > 0.0 and params.session_minutes > 0.0:
        edge = min(row.since_open, row.until_close)
        if not edge >= params.session_minutes:
            return
    k = target(signals, side * wanted, WEIGHT)
    if account.position == 0.0:
        bracket(signals, k, or_none(params.stop_loss))
