from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tradewright.analytics.bootstrap import (
    Floats,
    HeadlineStatistics,
    automatic_block_length,
    block_bootstrap,
    politis_white_length,
    stationary_resamples,
)
from tradewright.analytics.drawdown import max_drawdown
from tradewright.analytics.ratios import annual_volatility, cagr, calmar_ratio, sharpe_ratio, sortino_ratio
from tradewright.core.types.errors import UsageError

HEADLINE = HeadlineStatistics(252.0, 1.0)


def _mean(returns: Floats) -> Mapping[str, Floats]:
    return {"mean": returns.mean(axis=0)}


def _autoregressive(n: int, rho: float, seed: int = 0) -> Floats:
    noise = np.random.default_rng(seed).standard_normal(n)
    series = np.empty(n)
    series[0] = noise[0]
    for k in range(1, n):
        series[k] = rho * series[k - 1] + noise[k]
    return series


def test_headline_numbers_are_those_of_the_single_functions() -> None:
    rng = np.random.default_rng(2)
    returns = rng.normal(0.0003, 0.01, (500, 3))
    found = HeadlineStatistics(252.0, 500 / 252, 0.0001)(returns)
    for k in range(3):
        column = returns[:, k]
        equity = np.multiply.accumulate(1.0 + column)
        growth = cagr(1.0, float(equity[-1]), 365.0 * 500 / 252)
        worst = max_drawdown(equity, 1.0)
        expected = {
            "total_return": equity[-1] - 1.0,
            "cagr": growth,
            "volatility": annual_volatility(column, 252.0),
            "sharpe": sharpe_ratio(column, 252.0, 0.0001),
            "sortino": sortino_ratio(column, 252.0, 0.0001),
            "max_drawdown": worst,
            "calmar": calmar_ratio(growth, worst),
        }
        assert {name: values[k] for name, values in found.items()} == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("returns", [[0.0, 0.0, 0.0], [0.01, 0.01], [-0.01, -0.01], [0.02], [-0.5, -1.0, 0.1]])
def test_headline_numbers_of_special_series_are_those_of_the_single_functions(returns: list[float]) -> None:
    column = np.array(returns)
    equity = np.multiply.accumulate(1.0 + column)
    found = HEADLINE(column[:, np.newaxis])
    growth = cagr(1.0, float(equity[-1]), 365.0)
    worst = max_drawdown(equity, 1.0)
    assert found["sharpe"][0] == pytest.approx(sharpe_ratio(column, 252.0), nan_ok=True)
    assert found["sortino"][0] == pytest.approx(sortino_ratio(column, 252.0), nan_ok=True)
    assert found["volatility"][0] == pytest.approx(annual_volatility(column, 252.0), nan_ok=True)
    assert found["calmar"][0] == pytest.approx(calmar_ratio(growth, worst), nan_ok=True)


def test_ruin_ends_a_series_at_zero() -> None:
    found = HEADLINE(np.array([[0.5], [-1.5], [-3.0]]))
    assert (found["total_return"][0], found["max_drawdown"][0], found["cagr"][0]) == (-1.0, -1.0, -1.0)


def test_growth_a_year_needs_a_day() -> None:
    found = HeadlineStatistics(252.0, 0.0)(np.array([[0.1], [0.1]]))
    assert np.isnan(found["cagr"]).all()


def test_same_seed_same_intervals() -> None:
    returns = np.random.default_rng(5).normal(0.0, 0.01, 300)
    first = block_bootstrap(returns, HEADLINE, n=300, seed=7)
    assert first == block_bootstrap(returns, HEADLINE, n=300, seed=7)
    assert first["sharpe"] != block_bootstrap(returns, HEADLINE, n=300, seed=8)["sharpe"]


def test_all_headline_numbers_have_intervals_around_the_estimate() -> None:
    returns = np.random.default_rng(6).normal(0.0005, 0.01, 1000)
    intervals = block_bootstrap(returns, HEADLINE, n=500)
    assert set(intervals) == {
        "total_return",
        "cagr",
        "volatility",
        "sharpe",
        "sortino",
        "max_drawdown",
        "calmar",
    }
    for interval in intervals.values():
        assert interval.lower < interval.estimate < interval.upper
        assert (interval.confidence, interval.undefined) == (0.95, 0.0)


def test_interval_of_a_mean_has_the_width_theory_gives() -> None:
    returns = np.random.default_rng(1).normal(0.0, 1.0, 2000)
    interval = block_bootstrap(returns, _mean, block=1.0, n=4000)["mean"]
    width = 2 * 1.96 * returns.std() / math.sqrt(2000)
    assert interval.upper - interval.lower == pytest.approx(width, rel=0.05)


def test_blocks_widen_the_interval_of_a_dependent_series() -> None:
    series = _autoregressive(2000, 0.8)
    single = block_bootstrap(series, _mean, block=1.0, n=1000)["mean"]
    blocks = block_bootstrap(series, _mean, n=1000)["mean"]
    theory = 2 * 1.96 / 0.2 / math.sqrt(2000)
    assert blocks.upper - blocks.lower > 2 * (single.upper - single.lower)
    assert blocks.upper - blocks.lower == pytest.approx(theory, rel=0.25)


def test_wider_confidence_contains_the_narrower() -> None:
    returns = np.random.default_rng(9).normal(0.0, 0.01, 200)
    wide = block_bootstrap(returns, _mean, n=500, confidence=0.99)["mean"]
    narrow = block_bootstrap(returns, _mean, n=500, confidence=0.8)["mean"]
    assert wide.lower < narrow.lower < narrow.upper < wide.upper


def test_mean_block_length_is_as_asked() -> None:
    original = np.arange(1000, dtype=np.float64)
    drawn = stationary_resamples(original, 20.0, 400, np.random.default_rng(0))
    goes_on = (np.diff(drawn, axis=0) == 1.0) | (np.diff(drawn, axis=0) == -999.0)
    assert 1.0 / (1.0 - goes_on.mean()) == pytest.approx(20.0, rel=0.05)
    assert np.bincount(drawn.astype(np.int64).ravel(), minlength=1000).min() > 200  # every day has its chance


def test_longest_block_turns_the_series_around() -> None:
    drawn = stationary_resamples(np.arange(3.0), 3.0, 50, np.random.default_rng(0))
    assert {tuple(column) for column in drawn.T} >= {(0.0, 1.0, 2.0), (1.0, 2.0, 0.0), (2.0, 0.0, 1.0)}


@pytest.mark.parametrize("rho", [0.3, 0.6, 0.9])
def test_block_length_of_an_autoregression_is_near_theory(rho: float) -> None:
    n = 20_000
    theory = (2 * rho / (1 - rho**2)) ** (2 / 3) * n ** (1 / 3)
    found = np.median([politis_white_length(_autoregressive(n, rho, seed)) for seed in range(7)])
    assert found == pytest.approx(theory, rel=0.25)


def test_block_length_of_independent_returns_is_short() -> None:
    lengths = [politis_white_length(np.random.default_rng(s).standard_normal(2500)) for s in range(20)]
    assert np.median(lengths) < 6.0


def test_block_length_sees_clusters_of_volatility() -> None:
    rng = np.random.default_rng(4)
    returns = rng.standard_normal(3000) * np.exp(_autoregressive(3000, 0.95, 3) * 0.3)
    assert automatic_block_length(returns) > 2 * politis_white_length(returns)


@pytest.mark.parametrize("series", [[], [1.0], [1.0, 2.0, 3.0], [2.0] * 50])
def test_block_length_of_little_is_one(series: list[float]) -> None:
    assert politis_white_length(np.array(series)) == 1.0


def test_block_length_without_variance_of_the_mean_is_the_longest() -> None:
    assert politis_white_length(np.array([1.0, -1.0, 0.0, 0.0])) == 2.0  # the correlation cancels exactly


@pytest.mark.parametrize("n", [4, 5, 8, 20])
def test_block_length_stays_in_range(n: int) -> None:
    for seed in range(20):
        assert 1.0 <= politis_white_length(_autoregressive(n, 0.9, seed)) <= n


def test_no_returns_have_no_numbers() -> None:
    assert block_bootstrap(np.empty(0), HEADLINE) == {}


@pytest.mark.parametrize("returns", [[0.01], [0.01, math.nan, 0.02]])
def test_no_interval_for_one_or_undefined_returns(returns: list[float]) -> None:
    for interval in block_bootstrap(np.array(returns), HEADLINE, n=10).values():
        assert math.isnan(interval.lower)
        assert math.isnan(interval.upper)
        assert interval.undefined == 1.0


def test_constant_returns_have_no_sharpe_interval_but_a_return_interval() -> None:
    intervals = block_bootstrap(np.full(20, 0.01), HEADLINE, n=50)
    assert math.isnan(intervals["sharpe"].lower)
    assert intervals["sharpe"].undefined == 1.0
    total = intervals["total_return"]
    assert (total.lower, total.upper) == (total.estimate, total.estimate)
    assert intervals["calmar"].upper == math.inf


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"block": 0.5}, "block length"),
        ({"block": 11.0}, "block length"),
        ({"block": math.nan}, "block length"),
        ({"n": 0}, "resamples"),
        ({"confidence": 1.0}, "confidence"),
    ],
)
def test_arguments_out_of_range_are_refused(given: dict[str, Any], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        block_bootstrap(np.zeros(10), HEADLINE, **given)
