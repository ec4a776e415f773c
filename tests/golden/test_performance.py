"""Performance, drawdown and overfitting statistics against answers from outside."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradewright.analytics.drawdown import drawdown_series, max_drawdown, max_drawdown_value
from tradewright.analytics.overfitting import (
    SharpeEstimate,
    deflated_sharpe,
    expected_max_sharpe,
    min_backtest_length,
    min_track_record_length,
    probabilistic_sharpe,
)
from tradewright.analytics.performance import (
    cagr,
    expectancy,
    expectancy_ratio,
    sharpe_ratio,
    sortino_ratio,
)
from tradewright.analytics.returns import simple_returns
from tradewright.core.types.errors import UsageError

_CASES: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("performance.json").read_text(encoding="utf-8")
)["cases"]


def _case(name: str) -> tuple[dict[str, Any], dict[str, Any], float]:
    case = _CASES[name]
    return case["inputs"], case["expected"], case["tolerance"]["abs"]


def _differs(value: float, trap: float, tolerance: float) -> bool:
    return abs(value - trap) > 10 * tolerance


def test_kat_01_expected_maximum_sharpe() -> None:
    given, expected, tolerance = _case("KAT-01")
    for n_trials, value in zip(given["n_trials"], expected["value"], strict=True):
        assert expected_max_sharpe(n_trials) == pytest.approx(value, abs=tolerance)


def test_kat_01_trap_one_trial_is_finite() -> None:
    assert expected_max_sharpe(1) == 0.0
    with pytest.raises(UsageError, match="number of trials is 0"):
        expected_max_sharpe(0)


def test_kat_02_minimum_backtest_length() -> None:
    given, expected, tolerance = _case("KAT-02")
    years = min_backtest_length(given["n_trials"], given["max_sharpe_is"])
    assert years == pytest.approx(expected["years"], abs=tolerance)


def test_kat_03_probabilistic_sharpe() -> None:
    given, expected, tolerance = _case("KAT-03")
    estimate = SharpeEstimate(given["sharpe_period"], given["n_obs"], given["skew"], given["kurtosis_pearson"])
    psr = probabilistic_sharpe(estimate, given["benchmark"])
    assert psr == pytest.approx(expected["psr"], abs=tolerance)
    assert _differs(psr, _CASES["KAT-03"]["trap"]["if_excess_kurtosis_used"], tolerance)


def test_kat_05_deflated_sharpe() -> None:
    given, expected, tolerance = _case("KAT-05")
    per_year = given["periods_per_year"]
    sharpe = given["sharpe_annual"] / math.sqrt(per_year)
    estimate = SharpeEstimate(sharpe, given["n_obs"], given["skew"], given["kurtosis_pearson"])
    variance = given["var_sharpe_annual"] / per_year
    threshold = math.sqrt(variance) * expected_max_sharpe(given["n_trials"])
    assert threshold == pytest.approx(expected["sr0_per_period"], abs=tolerance)
    dsr = deflated_sharpe(estimate, given["n_trials"], variance)
    assert dsr == pytest.approx(expected["dsr"], abs=tolerance)
    for trap in _CASES["KAT-05"]["trap"].values():
        assert _differs(dsr, trap, tolerance)


def test_kat_05_trap_excess_kurtosis_is_refused() -> None:
    given, _, _ = _case("KAT-05")
    excess = SharpeEstimate(0.158, given["n_obs"], given["skew"], given["kurtosis_pearson"] - 3.0)
    with pytest.raises(UsageError, match="Pearson"):
        deflated_sharpe(excess, given["n_trials"], 0.002)


def test_kat_07_minimum_track_record_length() -> None:
    given, expected, tolerance = _case("KAT-07")
    for case, years in zip(given["cases"], expected["years"], strict=True):
        root = math.sqrt(case["ppy"])
        estimate = SharpeEstimate(case["sr"] / root, 0, case["skew"], case["kurt"])
        n_obs = min_track_record_length(estimate, case["bench"] / root, given["confidence"])
        assert n_obs / case["ppy"] == pytest.approx(years, abs=tolerance)


def test_kat_08b_deflated_sharpe_of_short_series_is_defined() -> None:
    given, expected, tolerance = _case("KAT-08b")
    estimates = []
    for prices in given["prices"].values():
        curve = np.array(prices, dtype=np.float64)
        # The first price against itself: a first return of 0, which the source has in the moments only.
        returns = simple_returns(curve, curve[0])
        sharpe = sharpe_ratio(returns[1:], risk_free=given["risk_free"])
        moments = SharpeEstimate.of(returns)
        estimates.append(SharpeEstimate(sharpe, given["n_obs"], moments.skew, moments.kurtosis))
    variance = float(np.var([estimate.sharpe for estimate in estimates], ddof=1))
    dsr = [deflated_sharpe(estimate, given["n_trials"], variance) for estimate in estimates]
    assert dsr == pytest.approx(expected["dsr_pearson"], abs=tolerance)
    assert _differs(dsr[2], _CASES["KAT-08b"]["trap"]["vectorbt_published"][2], tolerance)


def test_kat_18_drawdown_counts_the_starting_equity() -> None:
    given, expected, tolerance = _case("KAT-18")
    equity = np.multiply.accumulate(1.0 + np.array(given["returns_pct"]) / 100.0)
    assert max_drawdown(equity, 1.0) == pytest.approx(expected["max_drawdown"], abs=tolerance)
    without_start = np.multiply.accumulate(1.0 + np.array(given["returns_pct"][1:]) / 100.0)
    assert max_drawdown(without_start, 1.0) == pytest.approx(expected["max_drawdown"], abs=tolerance)


def test_kat_20_sortino() -> None:
    given, expected, tolerance = _case("KAT-20")
    sortino = sortino_ratio(np.array(given["annual_returns"]), target=given["target"])
    assert sortino == pytest.approx(expected["sortino"], abs=tolerance)
    assert _differs(sortino, _CASES["KAT-20"]["trap"]["if_divided_by_number_of_losers"], tolerance)


def test_kat_21_sharpe_above_a_risk_free_return() -> None:
    given, expected, tolerance = _case("KAT-21")
    sharpe = sharpe_ratio(np.array(given["returns"]), risk_free=given["rf"])
    assert sharpe == pytest.approx(expected["sharpe"], abs=tolerance)


def test_kat_23_largest_in_money_is_not_largest_in_relation() -> None:
    given, expected, tolerance = _case("KAT-23")
    equity = given["start"] + np.cumsum(np.array(given["profits"], dtype=np.float64))
    money, relative = max_drawdown_value(equity, given["start"])
    assert money == pytest.approx(expected["max_abs"]["drawdown_abs"], abs=tolerance)
    assert -relative == pytest.approx(expected["max_abs"]["relative_at_that_point"], abs=tolerance)
    series = drawdown_series(equity, given["start"])
    worst = int(series.argmin())
    assert -series[worst] == pytest.approx(expected["max_relative"]["relative"], abs=tolerance)
    lost = equity[: worst + 1].max() - equity[worst]
    assert lost == pytest.approx(expected["max_relative"]["drawdown_abs"], abs=tolerance)


def test_kat_25_expectancy() -> None:
    given, expected, tolerance = _case("KAT-25")
    profits = np.array(given["profits"], dtype=np.float64)
    assert expectancy(profits) == pytest.approx(expected["expectancy"], abs=tolerance)
    assert expectancy_ratio(profits) == pytest.approx(expected["expectancy_ratio"], abs=tolerance)


def test_kat_26_growth_a_year() -> None:
    given, expected, tolerance = _case("KAT-26")
    for (start, end, days), value in zip(given["cases"], expected["cagr_rounded4"], strict=True):
        assert cagr(start, end, days) == pytest.approx(value, abs=tolerance)
