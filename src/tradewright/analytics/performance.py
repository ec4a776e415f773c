"""The headline numbers of a run, from its equity curve, fills and round trips.

Every number's convention stands in `CONVENTIONS` and in the docstring of the function that computes it. A
number that is not defined is NaN (too few data, nothing to divide by) or ``inf`` (a gain without any loss to
compare it with); `Performance.to_dict` turns both into None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.drawdown import drawdowns, max_drawdown_value
from tradewright.analytics.overfitting import SharpeEstimate, probabilistic_sharpe
from tradewright.analytics.ratios import (
    annual_volatility,
    cagr,
    calmar_ratio,
    sharpe_ratio,
    sortino_ratio,
)
from tradewright.analytics.returns import DAY_NS, DAYS_PER_YEAR, daily_equity
from tradewright.analytics.trade_statistics import expectancy, expectancy_ratio, hit_rate, profit_factor
from tradewright.core.types.errors import DataError, UsageError

__all__ = [
    "CONVENTIONS",
    "Performance",
    "PerformanceParams",
    "annual_volatility",
    "cagr",
    "calmar_ratio",
    "expectancy",
    "expectancy_ratio",
    "hit_rate",
    "performance",
    "profit_factor",
    "sharpe_ratio",
    "sortino_ratio",
    "time_in_market",
    "turnover_per_year",
]

#: How each number is meant; the name changes when the meaning does.
CONVENTIONS: Mapping[str, str] = MappingProxyType(
    {
        "total_return": "total_return.end_over_start.v1",
        "cagr": "cagr.365_days.v1",
        "volatility": "volatility.daily.ddof1.sqrt_periods.v1",
        "sharpe": "sharpe.daily.ddof1.sqrt_periods.v1",
        "sortino": "sortino.daily.downside_over_all.sqrt_periods.v1",
        "calmar": "calmar.cagr_over_abs_max_drawdown.v1",
        "max_drawdown": "max_drawdown.every_stamp.start_is_peak.v1",
        "max_drawdown_seconds": "max_drawdown_seconds.longest_peak_to_recovery.v1",
        "recovery_seconds": "recovery_seconds.deepest_trough_to_recovery.v1",
        "psr": "psr.daily.pearson_population.benchmark_0.v1",
        "hit_rate": "hit_rate.closed.v1",
        "profit_factor": "profit_factor.closed.v1",
        "expectancy": "expectancy.closed.mean.v1",
        "expectancy_ratio": "expectancy_ratio.closed.mean_over_mean_loss.v1",
        "turnover": "turnover.traded_over_mean_equity_per_365_days.v1",
        "costs": "costs.commission.v1",
        "exposure": "exposure.share_of_time.v1",
        "periods_per_year": "periods_per_year.observed_days.v1",
    }
)

_SECOND_NS = 1e9
_MICRO = 1e6


@dataclass(frozen=True, slots=True)
class PerformanceParams:
    """What the numbers are measured against.

    Parameters
    ----------
    day_starts : i8[k], optional
        Starts of the trading days, ns UTC; without it days are UTC days.
    periods_per_year : float, optional
        Trading days a year; without it judged from the days observed (`returns.periods_per_year`).
    risk_free_year : float
        Return a year without risk; a period has this over ``periods_per_year``. Used by Sharpe, Sortino (as
        the target) and PSR.
    ts_start : int, optional
        When the run began, ns UTC, for the length of the run; without it the first stamp.
    """

    day_starts: NDArray[np.int64] | None = None
    periods_per_year: float | None = None
    risk_free_year: float = 0.0
    ts_start: int | None = None


@dataclass(frozen=True, slots=True)
class Performance:
    """Headline numbers; money in account currency, shares and returns as fractions, times in seconds.

    Trade numbers are of closed round trips; ``open_trades`` are those still open. Ratios use one return a
    trading day, drawdowns every stamp. ``costs`` is the commission paid; spread and slippage are inside the
    fill prices.
    """

    start_equity: float
    end_equity: float
    total_return: float
    cagr: float
    volatility: float
    sharpe: float
    sortino: float
    calmar: float
    max_drawdown: float
    max_drawdown_value: float
    max_drawdown_seconds: float
    recovery_seconds: float
    psr: float
    trades: int
    open_trades: int
    hit_rate: float
    profit_factor: float
    expectancy: float
    expectancy_ratio: float
    best_trade: float
    worst_trade: float
    holding_seconds: float
    traded_value: float
    turnover: float
    costs: float
    exposure: float
    years: float
    days: int
    periods_per_year: float

    def to_dict(self) -> dict[str, float | int | None]:
        """Return the numbers by name, None for what is not finite: ready for strict JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value if math.isfinite(value) else None for name, value in values.items()}


def performance(
    stamps: NDArray[np.int64],
    equity: NDArray[np.float64],
    exposure: NDArray[np.float64],
    trips: NDArray[np.void],
    fills: NDArray[np.void],
    initial_cash: float,
    params: PerformanceParams | None = None,
) -> Performance:
    """Compute the headline numbers of one run.

    Parameters
    ----------
    stamps : i8[s]
        Times of the run, ns UTC, ascending.
    equity, exposure : f8[s]
        Equity and gross exposure after each, account currency.
    trips : round_trip_dtype[t]
        From `round_trips.round_trips`.
    fills : fill_dtype[k]
        For turnover and costs.
    initial_cash : float
        Starting equity, positive.
    params : PerformanceParams, optional

    Raises
    ------
    DataError
        The curve is not in order, not finite, of unequal lengths, or missing where there are fills.
    UsageError
        ``initial_cash`` or ``periods_per_year`` is not positive.
    """
    params = params or PerformanceParams()
    _check(stamps, exposure, fills, params)
    daily = daily_equity(stamps, equity, initial_cash, params.day_starts)
    per_year = params.periods_per_year or daily.periods_per_year
    risk_free = params.risk_free_year / per_year
    returns = daily.returns
    end = float(equity[-1]) if len(equity) else initial_cash
    days = _days(stamps, params.ts_start)
    growth = cagr(initial_cash, end, days)
    under = drawdowns(stamps, equity, initial_cash, worst=1)
    deepest = under.worst[0].depth if under.worst else 0.0
    traded = float(np.abs(fills["cash_micro"]).sum()) / _MICRO
    closed = trips[trips["is_open"] == 0]
    profits = closed["pnl_micro"] / _MICRO
    holding = (closed["exit_ts"] - closed["entry_ts"]) / _SECOND_NS
    return Performance(
        start_equity=initial_cash,
        end_equity=end,
        total_return=end / initial_cash - 1.0,
        cagr=growth,
        volatility=annual_volatility(returns, per_year),
        sharpe=sharpe_ratio(returns, per_year, risk_free),
        sortino=sortino_ratio(returns, per_year, risk_free),
        calmar=calmar_ratio(growth, deepest),
        max_drawdown=deepest,
        max_drawdown_value=max_drawdown_value(equity, initial_cash)[0],
        max_drawdown_seconds=under.longest_seconds,
        recovery_seconds=under.worst[0].seconds_to_recovery if under.worst else math.nan,
        psr=probabilistic_sharpe(SharpeEstimate.of(returns, risk_free)),
        trades=len(closed),
        open_trades=len(trips) - len(closed),
        hit_rate=hit_rate(profits),
        profit_factor=profit_factor(profits),
        expectancy=expectancy(profits),
        expectancy_ratio=expectancy_ratio(profits),
        best_trade=float(profits.max()) if len(profits) else math.nan,
        worst_trade=float(profits.min()) if len(profits) else math.nan,
        holding_seconds=float(holding.mean()) if len(holding) else math.nan,
        traded_value=traded,
        turnover=turnover_per_year(traded, equity, days),
        costs=float(fills["fee_micro"].sum()) / _MICRO,
        exposure=time_in_market(stamps, exposure),
        years=days / DAYS_PER_YEAR,
        days=len(daily),
        periods_per_year=per_year,
    )


def time_in_market(stamps: NDArray[np.int64], exposure: NDArray[np.float64]) -> float:
    """Return the share of the time from the first to the last stamp with any exposure, in [0, 1].

    The exposure after a stamp holds until the next one, nights and weekends included. NaN under two stamps.
    """
    if len(stamps) < 2:
        return math.nan
    durations = np.diff(stamps)
    return float(durations[exposure[:-1] > 0.0].sum()) / float(stamps[-1] - stamps[0])


def turnover_per_year(traded_value: float, equity: NDArray[np.float64], days: float) -> float:
    """Return the value bought and sold over the mean equity of all stamps, per 365 days.

    NaN where less than one day passed or the mean equity is not positive.
    """
    if len(equity) == 0 or not days >= 1.0:
        return math.nan
    mean = float(np.mean(equity))
    return traded_value / mean * (DAYS_PER_YEAR / days) if mean > 0.0 else math.nan


def _days(stamps: NDArray[np.int64], ts_start: int | None) -> float:
    if len(stamps) == 0:
        return 0.0
    return (int(stamps[-1]) - (int(stamps[0]) if ts_start is None else ts_start)) / DAY_NS


def _check(
    stamps: NDArray[np.int64],
    exposure: NDArray[np.float64],
    fills: NDArray[np.void],
    params: PerformanceParams,
) -> None:
    if params.periods_per_year is not None and not params.periods_per_year > 0.0:
        what = f"number of periods a year is {params.periods_per_year}"
        raise UsageError(what, where="periods_per_year", fix="Give a positive number, or none to have it judged")
    if len(exposure) != len(stamps):
        what = f"{len(exposure)} exposures for {len(stamps)} times"
        raise DataError(what, where="equity curve")
    if len(stamps) == 0 and len(fills) > 0:
        what = "the run traded but kept no equity"
        raise DataError(what, where="equity curve", fix="Run it again and keep the equity curve")
