"""Mean reversion: trade against a stretch away from the day's average price, and leave when it has eased."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from tradewright.core.types.account import Account
from tradewright.core.types.feature import FeatureSpec, feature
from tradewright.core.types.forecast import ForecastRow
from tradewright.strategies.signals import WEIGHT, Signals, bracket, or_none, target
from tradewright.strategies.strategy import Row, StrategyParams


class Params(StrategyParams):
    """Distances in standard deviations from the session's VWAP; stop as a fraction of the entry, 0 = none.

    Made for bars within a day: on daily bars the session is the bar itself. Beyond ``break_z`` a stretch counts as
    a break: nothing is entered there, and what is held is given up. ``max_bars`` is the longest holding, 0 = no
    limit. After a stop or the time limit the next bar may enter again where the stretch still lies between the two
    levels.
    """

    window: int = Field(20, ge=2, le=10_000)
    entry_z: float = Field(2.0, gt=0, le=100)
    exit_z: float = Field(0.5, ge=-100, le=100)
    break_z: float = Field(4.0, gt=0, le=100)
    stop_loss: float = Field(0.02, ge=0, lt=1)
    max_bars: int = Field(24, ge=0, le=1_000_000)
    weight: float = Field(0.95, gt=0, le=10)
    allow_short: bool = True

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        """Refuse levels that could never lead to a trade, or would end it at once."""
        if not self.exit_z < self.entry_z < self.break_z:
            msg = f"exit_z < entry_z < break_z is needed, got {self.exit_z}, {self.entry_z}, {self.break_z}"
            raise ValueError(msg)
        return self


def features(params: Params) -> dict[str, FeatureSpec]:
    """Distance from the session's volume-weighted average price, in standard deviations of that distance."""
    return {"z": feature("vwap_zscore", params.window)}


def decide(
    row: Row,
    forecast: ForecastRow,  # noqa: ARG001  # the names of the arguments are the convention
    account: Account,
    params: Params,
    signals: Signals,
) -> None:
    """Enter between entry and break level; leave inside the exit level, beyond the break, or by time."""
    if account.position != 0.0:
        side = 1.0 if account.position > 0.0 else -1.0
        stretch = -side * row.z  # positive: the price is still on the side where we entered
        is_late = params.max_bars > 0 and account.held_events >= params.max_bars
        if stretch <= params.exit_z or stretch >= params.break_z or is_late:
            target(signals, 0.0)
        return
    if params.entry_z < -row.z < params.break_z:
        wanted = params.weight
    elif params.allow_short and params.entry_z < row.z < params.break_z:
        wanted = -params.weight
    else:
        return
    k = target(signals, wanted, WEIGHT)
    bracket(signals, k, or_none(params.stop_loss))
