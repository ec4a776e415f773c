from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from tradewright.analytics.performance import (
    CONVENTIONS,
    Performance,
    PerformanceParams,
    performance,
    time_in_market,
    turnover_per_year,
)
from tradewright.analytics.returns import DAY_NS
from tradewright.core.types.dtypes import fill_dtype, round_trip_dtype
from tradewright.core.types.errors import DataError, UsageError

Floats = NDArray[np.float64]
Records = NDArray[np.void]

START = 19_723 * DAY_NS
SECOND = 1_000_000_000
NO_TRIPS = np.zeros(0, round_trip_dtype)
NO_FILLS = np.zeros(0, fill_dtype)


def _run(
    equity: list[float],
    exposure: Floats | None = None,
    trips: Records = NO_TRIPS,
    fills: Records = NO_FILLS,
    initial_cash: float = 100.0,
    params: PerformanceParams | None = None,
) -> Performance:
    """Performance of a daily curve from 100 with nothing traded unless given."""
    stamps = START + np.arange(1, len(equity) + 1) * DAY_NS
    held = np.zeros(len(equity)) if exposure is None else exposure
    return performance(stamps, np.array(equity), held, trips, fills, initial_cash, params)


def test_numbers_of_a_small_run() -> None:
    equity = [110.0, 99.0, 121.0, 121.0]
    trips = np.zeros(4, round_trip_dtype)
    trips["pnl_micro"] = [10_000_000, -5_000_000, 20_000_000, 7_000_000]
    trips["entry_ts"] = [0, 10 * SECOND, 20 * SECOND, 30 * SECOND]
    trips["exit_ts"] = [2 * SECOND, 14 * SECOND, 26 * SECOND, 30 * SECOND]
    trips["is_open"][3] = 1
    fills = np.zeros(2, fill_dtype)
    fills["cash_micro"] = [-60_000_000, 50_000_000]
    fills["fee_micro"] = [300_000, 200_000]
    exposure = np.array([0.0, 50.0, 50.0, 0.0])
    found = _run(equity, trips=trips, fills=fills, exposure=exposure)
    returns = np.array([0.1, -0.1, 121 / 99 - 1, 0.0])

    assert (found.start_equity, found.end_equity) == (100.0, 121.0)
    assert found.total_return == pytest.approx(0.21)
    assert found.cagr == pytest.approx(1.21 ** (365 / 3) - 1)
    assert found.volatility == pytest.approx(returns.std(ddof=1) * math.sqrt(252))
    assert found.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1) * math.sqrt(252))
    assert found.sortino == pytest.approx(returns.mean() / math.sqrt(0.01 / 4) * math.sqrt(252))
    assert found.max_drawdown == pytest.approx(-0.1)
    assert found.max_drawdown_value == pytest.approx(11.0)
    assert found.max_drawdown_seconds == 2 * 86_400
    assert found.recovery_seconds == 86_400
    assert found.calmar == pytest.approx(found.cagr / 0.1)
    assert (found.trades, found.open_trades) == (3, 1)
    assert found.hit_rate == pytest.approx(2 / 3)
    assert found.profit_factor == pytest.approx(6.0)
    assert found.expectancy == pytest.approx(25 / 3)
    assert found.expectancy_ratio == pytest.approx(25 / 3 / 5)
    assert (found.best_trade, found.worst_trade, found.holding_seconds) == (20.0, -5.0, 4.0)
    assert (found.traded_value, found.costs) == (110.0, 0.5)
    assert found.turnover == pytest.approx(110.0 / np.mean(equity) * 365 / 3)
    assert found.exposure == pytest.approx(2 / 3)
    assert (found.days, found.periods_per_year) == (4, 252.0)
    assert found.years == pytest.approx(3 / 365)


@pytest.mark.parametrize("equity", [[], [100.0], [100.0, 100.0], [100.0] * 30])
def test_nothing_traded_and_nothing_moved(equity: list[float]) -> None:
    found = _run(equity)
    assert (found.total_return, found.max_drawdown, found.trades, found.costs) == (0.0, 0.0, 0, 0.0)
    for name in (
        "sharpe",
        "sortino",
        "calmar",
        "psr",
        "profit_factor",
        "hit_rate",
        "expectancy",
        "best_trade",
    ):
        assert math.isnan(getattr(found, name)), name
    assert found.cagr == 0.0 if len(equity) > 1 else math.isnan(found.cagr)


def test_one_observation() -> None:
    found = _run([90.0])
    assert found.total_return == pytest.approx(-0.1)
    assert found.max_drawdown == pytest.approx(-0.1)
    for name in ("cagr", "volatility", "sharpe", "turnover", "exposure", "psr", "recovery_seconds"):
        assert math.isnan(getattr(found, name)), name


def test_two_observations() -> None:
    found = _run([101.0, 103.0])
    assert math.isfinite(found.sharpe)
    assert 0.5 < found.psr < 1.0
    assert found.sortino == math.inf
    assert found.calmar == math.inf


def test_losing_everything() -> None:
    found = _run([50.0, 0.0, 0.0])
    assert (found.total_return, found.cagr, found.max_drawdown, found.calmar) == (-1.0, -1.0, -1.0, -1.0)
    assert math.isnan(found.sharpe)


def test_losing_more_than_everything() -> None:
    found = _run([50.0, -20.0])
    assert found.total_return == pytest.approx(-1.2)
    assert found.max_drawdown == pytest.approx(-1.2)
    assert math.isnan(found.cagr)


def test_parameters_are_used() -> None:
    equity = [101.0, 100.0, 103.0, 102.0]
    plain = _run(equity)
    given = _run(equity, params=PerformanceParams(periods_per_year=365.0))
    assert given.sharpe == pytest.approx(plain.sharpe * math.sqrt(365 / 252))
    assert _run(equity, params=PerformanceParams(risk_free_year=0.1)).sharpe < plain.sharpe
    assert _run(equity, params=PerformanceParams(risk_free_year=0.1)).psr < plain.psr
    assert _run(equity, params=PerformanceParams(ts_start=START)).years == pytest.approx(4 / 365)
    two_days = PerformanceParams(day_starts=START + np.arange(0, 6, 2) * DAY_NS)
    assert _run(equity, params=two_days).days == 2


def test_json_has_no_infinities() -> None:
    found = _run([101.0, 103.0])
    written = json.dumps(found.to_dict(), allow_nan=False)
    assert json.loads(written)["calmar"] is None
    assert json.loads(written)["total_return"] == found.total_return
    assert set(found.to_dict()) == {field.name for field in dataclasses.fields(Performance)}


def test_conventions_name_existing_numbers() -> None:
    assert set(CONVENTIONS) <= {field.name for field in dataclasses.fields(Performance)}


def test_bad_input_is_refused() -> None:
    with pytest.raises(DataError, match="1 exposures for 2 times"):
        _run([100.0, 101.0], exposure=np.zeros(1))
    with pytest.raises(DataError, match="kept no equity"):
        _run([], fills=np.zeros(1, fill_dtype))
    with pytest.raises(UsageError, match="starting equity"):
        _run([100.0], initial_cash=0.0)
    with pytest.raises(UsageError, match="periods a year is 0"):
        _run([100.0], params=PerformanceParams(periods_per_year=0.0))


def test_time_in_market_counts_time_not_stamps() -> None:
    stamps = np.array([0, 1, 10], dtype=np.int64)
    assert time_in_market(stamps, np.array([5.0, 0.0, 5.0])) == pytest.approx(0.1)
    assert math.isnan(time_in_market(stamps[:1], np.array([5.0])))


def test_turnover_is_not_defined_without_time_or_equity() -> None:
    assert turnover_per_year(200.0, np.array([100.0]), 365.0) == 2.0
    assert math.isnan(turnover_per_year(200.0, np.array([100.0]), 0.5))
    assert math.isnan(turnover_per_year(200.0, np.array([-1.0]), 365.0))
    assert math.isnan(turnover_per_year(200.0, np.empty(0), 365.0))
