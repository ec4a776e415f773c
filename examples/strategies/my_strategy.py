"""My strategy: in an up-trend, buy a pullback and protect it with a stop and a target."""

from pydantic import Field

from tradewright.core.types.account import Account
from tradewright.core.types.feature import FeatureSpec, feature
from tradewright.core.types.forecast import ForecastRow
from tradewright.strategies.signals import WEIGHT, Signals, bracket, target
from tradewright.strategies.strategy import Row, StrategyParams


class Params(StrategyParams):
    """Every number you may want to change: ``--set rsi_below=25``."""

    trend_bars: int = Field(200, ge=2, le=5_000)
    rsi_bars: int = Field(14, ge=2, le=500)
    rsi_below: float = Field(40.0, ge=0, le=100)
    rsi_above: float = Field(60.0, ge=0, le=100)
    stop_loss: float = Field(0.02, gt=0, lt=1)  # fraction of the entry price
    take_profit: float = Field(0.04, gt=0)


def features(params: Params) -> dict[str, FeatureSpec]:
    """Name what `decide` finds in ``row``."""
    return {"trend": feature("sma", params.trend_bars), "rsi": feature("rsi_wilder", params.rsi_bars)}


def decide(row: Row, forecast: ForecastRow, account: Account, params: Params, signals: Signals) -> None:
    """Run after every bar, compiled; it remembers nothing: all it knows is in its arguments."""
    # a feature that is still warming up is NaN, and comparisons with NaN are false: nothing happens
    if account.position == 0.0:
        if account.price > row.trend and row.rsi < params.rsi_below:
            k = target(signals, 0.95, WEIGHT)  # buy for 95 % of the equity at the next open
            bracket(signals, k, stop_loss=params.stop_loss, take_profit=params.take_profit)
    elif row.rsi > params.rsi_above:
        target(signals, 0.0)  # close
