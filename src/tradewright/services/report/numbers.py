"""Everything computed for a report from a finished run; what a run writes as metrics comes from here too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.benchmark import buy_and_hold, marks_at
from tradewright.analytics.bootstrap import HeadlineStatistics, Interval, block_bootstrap
from tradewright.analytics.drawdown import Drawdowns, drawdowns
from tradewright.analytics.equity_path import AccountRun
from tradewright.analytics.monthly import MonthlyReturns, monthly_returns
from tradewright.analytics.performance import Performance, PerformanceParams, performance
from tradewright.analytics.returns import DailyEquity, daily_equity
from tradewright.analytics.round_trips import round_trips
from tradewright.core.types.bar import Bars

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Records = NDArray[np.void]

_MICRO = 1e6
_LEAST_RESAMPLES, _MOST_RESAMPLES = 400, 2_000
_RESAMPLED_VALUES = 20_000_000


class RunResult(AccountRun, Protocol):
    """What a finished backtest hands over; see `tradewright.engine.backtest.BacktestResult`."""

    @property
    def exposure(self) -> Floats:
        """f8[s], gross exposure in account currency."""

    @property
    def marks(self) -> Floats:
        """f8[n_instruments], last prices; NaN before the first."""


@dataclass(frozen=True, slots=True)
class RunNumbers:
    """The computed side of a report.

    ``trips`` round_trip_dtype[t]; ``trade_returns`` f8[t], result over the value at the average entry, NaN
    for a trip still open; ``hold`` f8[s], buy and hold at the run's stamps, or None where a rate is missing;
    ``intervals`` by the field names of `Performance`.
    """

    performance: Performance
    daily: DailyEquity
    months: MonthlyReturns
    under: Drawdowns
    intervals: Mapping[str, Interval]
    trips: Records
    trade_returns: Floats
    hold: Floats | None
    hold_performance: Performance | None


def numbers_of(
    result: RunResult,
    bars: Sequence[Bars],
    params: PerformanceParams | None = None,
    fx: Floats | None = None,
    seed: int = 0,
) -> RunNumbers:
    """Compute the numbers of a run.

    Parameters
    ----------
    result : RunResult
    bars : sequence of Bars
        Of the traded instruments, in any order, for buy and hold; may be empty.
    params : PerformanceParams, optional
        Trading days and rates.
    fx : f8[n_instruments], optional
        Account currency per unit of each instrument's currency at the end; without it the rate of the
        instrument's last fill, which values a position still open a little differently.
    seed : int
        Of the bootstrap.

    Raises
    ------
    DataError
        The equity curve or the fills contradict themselves.
    """
    params = params or PerformanceParams()
    rates = _last_rates(result) if fx is None else fx
    unit_values = np.array([float(i.unit_value) for i in result.instruments])
    trips = round_trips(result.fills, unit_values, result.marks, rates)
    summary = _performance(result, result.equity, trips, params)
    daily = daily_equity(result.stamps, result.equity, result.initial_cash, params.day_starts)
    hold = _buy_and_hold(result, bars)
    nothing = result.fills[:0]
    return RunNumbers(
        performance=summary,
        daily=daily,
        months=monthly_returns(daily, result.initial_cash),
        under=drawdowns(result.stamps, result.equity, result.initial_cash),
        intervals=_intervals(daily, summary, params, trips, seed),
        trips=trips,
        trade_returns=_trade_returns(trips, result.fills, unit_values),
        hold=hold,
        hold_performance=None
        if hold is None
        else performance(result.stamps, hold, hold, trips[:0], nothing, result.initial_cash, params),
    )


def _performance(result: RunResult, equity: Floats, trips: Records, params: PerformanceParams) -> Performance:
    return performance(result.stamps, equity, result.exposure, trips, result.fills, result.initial_cash, params)


def _intervals(
    daily: DailyEquity, summary: Performance, params: PerformanceParams, trips: Records, seed: int
) -> dict[str, Interval]:
    """Return intervals from daily returns, and from closed trades in order of their exits."""
    risk_free = params.risk_free_year / summary.periods_per_year
    statistics = HeadlineStatistics(summary.periods_per_year, summary.years, risk_free)
    found = block_bootstrap(daily.returns, statistics, n=_resamples(len(daily)), seed=seed)
    closed = trips[trips["is_open"] == 0]
    profits = closed["pnl_micro"][np.argsort(closed["exit_ts"], kind="stable")] / _MICRO
    return found | block_bootstrap(profits, _trade_statistics, n=_resamples(len(profits)), seed=seed)


def _resamples(length: int) -> int:
    """Return how often to resample: fewer for very long series, whose bounds need fewer to settle."""
    return max(_LEAST_RESAMPLES, min(_MOST_RESAMPLES, _RESAMPLED_VALUES // max(length, 1)))


def _trade_statistics(profits: Floats) -> Mapping[str, Floats]:
    """Return the numbers of `trade_statistics` for each column of ``profits``, f8[n, c]."""
    won = np.where(profits > 0.0, profits, 0.0).sum(axis=0)
    lost = np.where(profits < 0.0, -profits, 0.0).sum(axis=0)
    factor = np.where(won > 0.0, np.inf, np.nan)
    np.divide(won, lost, out=factor, where=lost > 0.0)
    return {
        "hit_rate": (profits > 0.0).mean(axis=0),
        "profit_factor": factor,
        "expectancy": profits.mean(axis=0),
    }


def _buy_and_hold(result: RunResult, bars: Sequence[Bars]) -> Floats | None:
    """Return buy and hold of all instruments, or None where one has no bars or another currency."""
    by_name = {b.instrument: b for b in bars}
    traded = result.instruments
    if not traded or any(i.symbol not in by_name or i.currency != result.currency for i in traded):
        return None
    marks = [marks_at(result.stamps, by_name[i.symbol].ts_event, by_name[i.symbol].close) for i in traded]
    return buy_and_hold(np.array(marks), result.initial_cash)


def _last_rates(result: RunResult) -> Floats:
    rates = np.ones(len(result.instruments))
    rates[result.fills["instrument"]] = result.fills["fx"]  # the last of repeated places stays
    return rates


def _trade_returns(trips: Records, fills: Records, unit_values: Floats) -> Floats:
    """Return each closed trip's result over the value of its largest size at the average entry price."""
    fx = np.ones(len(trips))
    for number in np.unique(trips["instrument"]):
        own = fills[fills["instrument"] == number]
        chosen = trips["instrument"] == number
        fx[chosen] = own["fx"][np.searchsorted(own["event"], trips["entry_event"][chosen])]
    value = trips["lots"] * unit_values[trips["instrument"]] * np.abs(trips["entry_price"]) * fx
    returns = np.full(len(trips), np.nan)
    np.divide(trips["pnl_micro"] / _MICRO, value, out=returns, where=(value > 0) & (trips["is_open"] == 0))
    return returns
