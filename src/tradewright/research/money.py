"""Forecasts judged in money: the same strategy, engine and costs for a model and for those it must beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tradewright.analytics.returns import DAY_NS, DAYS_PER_YEAR, daily_equity, simple_returns
from tradewright.core.types.bar import Bars
from tradewright.core.types.errors import ConfigError, ModelError
from tradewright.core.types.forecast import Forecasts
from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.engine.backtest import BacktestResult, run_backtest
from tradewright.engine.plan import AccountParams, plan_of_bars
from tradewright.strategies.registry import built_in
from tradewright.strategies.strategy import Strategy, StrategyParams

#: Days below which an intraday record is kept bar by bar: fewer daily returns say nothing.
_FEW_DAYS = 60
_BPS = 1e4
_NS_PER_MS = 1_000_000
#: Of slippages within the latency budget, the one a late decision pays.
_BAD_FILL = 0.9


class MoneyParams(BaseModel):
    """How forecasts become money.

    ``strategy`` and ``params``: what trades them. ``budget_ms``: a decision that comes later than this is late; it
    fills at a bad slippage: ``late_slippage_bps``, or where that is not given the 90th percentile of how far the price
    of these bars ranges within the budget (half a bar's range, by the root of time).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    strategy: str = "probability"
    params: dict[str, Any] = Field(default_factory=dict)
    initial_cash: float = Field(default=100_000.0, gt=0, le=1e12)
    costs: tuple[float, ...] = (1.0, 2.0, 3.0)
    budget_ms: float = Field(default=500.0, gt=0)
    late_slippage_bps: float | None = Field(default=None, ge=0)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where forecasts are traded: ``bars`` of each instrument, in the same order; ``first_ns`` to ``last_ns`` count."""

    instruments: tuple[Instrument, ...]
    bars: tuple[Bars, ...]
    first_ns: int
    last_ns: int
    initial_cash: float = 100_000.0

    def cut(self) -> tuple[Bars, ...]:
        """Return the bars that end within the time that counts."""
        return tuple(_between(bars, self.first_ns, self.last_ns) for bars in self.bars)


@dataclass(frozen=True, slots=True)
class NetReturns:
    """Returns after costs: ``value`` f8[n] at ``ts`` i8[n] ns UTC, by day or by bar; how many of them make a year."""

    ts: NDArray[np.int64]
    value: NDArray[np.float64]
    periods_per_year: float
    is_daily: bool


@dataclass(frozen=True, slots=True)
class Trader:
    """A strategy with its parameters."""

    strategy: Strategy
    params: StrategyParams


def trader_of(name: str, params: dict[str, Any]) -> Trader:
    """Return a built-in strategy with its parameters.

    Raises
    ------
    StrategyLoadError, ConfigError
        If there is no such strategy, or it has no such parameters.
    """
    strategy = built_in(name)
    try:
        return Trader(strategy, strategy.params.model_validate(params))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(["strategy", "params", *(str(p) for p in first["loc"])])
        fix = f"Allowed: {', '.join(strategy.params.model_fields)}."
        raise ConfigError(first["msg"].removeprefix("Value error, "), where=where, fix=fix) from error


def trade(
    stage: Stage, trader: Trader, forecasts: Sequence[Forecasts], cost: float = 1.0, extra_slippage_bps: float = 0.0
) -> BacktestResult:
    """Run a strategy on the stage at ``cost`` times the instruments' costs.

    Raises
    ------
    ModelError
        If no bar lies in the time that counts.
    """
    bars = [b for b in stage.cut() if len(b)]
    chosen = [i for i, b in zip(stage.instruments, stage.cut(), strict=True) if len(b)]
    if not bars:
        raise ModelError("there are no bars where there are forecasts", where="evaluation", fix="Widen the data.")
    instruments = tuple(replace(i, fees=scaled(i.fees, cost, extra_slippage_bps)) for i in chosen)
    plan = plan_of_bars(instruments, bars, trader.strategy, trader.params)
    traded = {i.symbol for i in instruments}
    plan = replace(
        plan,
        account=AccountParams(stage.initial_cash, instruments[0].currency),
        forecasts=tuple(f for f in forecasts if f.instrument in traded),
    )
    return run_backtest(plan)


def net_returns(result: BacktestResult, is_daily: bool | None = None) -> NetReturns:
    """Return the net returns of a run by trading day, or by bar.

    If it is not said which, by bar where an intraday run has under 60 days. What is compared, or stands in one table,
    must be told.
    """
    calendar = result.instruments[0].calendar
    days = calendar.day_starts(int(result.stamps[0]), int(result.stamps[-1]))
    daily = daily_equity(result.stamps, result.equity, result.initial_cash, days)
    if is_daily is None:
        is_daily = len(daily) >= _FEW_DAYS or len(daily) >= len(result.stamps) // 2
    if is_daily:
        return NetReturns(daily.stamps, daily.returns, daily.periods_per_year, is_daily=True)
    years = float(result.stamps[-1] - result.stamps[0]) / (DAY_NS * DAYS_PER_YEAR)
    rate = (len(result.stamps) - 1) / years
    return NetReturns(result.stamps, simple_returns(result.equity, result.initial_cash), rate, is_daily=False)


def scaled(fees: FeeModel, cost: float, extra_slippage_bps: float = 0.0) -> FeeModel:
    """Return ``cost`` times a cost model, every part of it, with some slippage on top."""
    if cost == 1.0 and extra_slippage_bps == 0.0:
        return fees
    numbers = {f.name: getattr(fees, f.name) * cost for f in fields(FeeModel) if f.name != "name"}
    numbers["slippage_bps"] += extra_slippage_bps
    return FeeModel(name=f"{fees.name} x{cost:g}", **numbers)


def late_slippage_bps(stage: Stage, params: MoneyParams) -> float:
    """Return what a late decision pays on top, in basis points."""
    if params.late_slippage_bps is not None:
        return params.late_slippage_bps
    worst = 0.0
    for bars in stage.cut():
        if len(bars) > 1:
            interval = float(np.median(np.diff(bars.ts_event)))
            reach = 0.5 * (bars.high - bars.low) / bars.close
            share = min(params.budget_ms * _NS_PER_MS / interval, 1.0)
            worst = max(worst, float(np.quantile(reach, _BAD_FILL)) * share**0.5 * _BPS)
    return worst


def _between(bars: Bars, first_ns: int, last_ns: int) -> Bars:
    start, stop = np.searchsorted(bars.ts_event, [first_ns, last_ns + 1])
    inside = np.ascontiguousarray(bars.fields[:, start:stop])
    return Bars(bars.instrument, bars.ts_open[start:stop], bars.ts_event[start:stop], inside)
