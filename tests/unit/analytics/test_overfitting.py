from __future__ import annotations

import math

import numpy as np
import pytest

from tradewright.analytics.overfitting import (
    SharpeEstimate,
    deflated_sharpe,
    expected_max_sharpe,
    min_backtest_length,
    min_backtest_length_bound,
    min_track_record_length,
    normal_cdf,
    probabilistic_sharpe,
)
from tradewright.core.types.errors import UsageError

NORMAL = SharpeEstimate(0.1, 250, 0.0, 3.0)
UNKNOWN = SharpeEstimate(math.nan, 1, math.nan, math.nan)


def test_moments_of_a_two_valued_sample_are_those_of_theory() -> None:
    share = 0.25  # of ones among zeros: skew (1 - 2p) / sqrt(pq), kurtosis 1 / pq - 3
    estimate = SharpeEstimate.of(np.array([0.0, 0.0, 0.0, 1.0]), risk_free=0.05)
    assert estimate.n_obs == 4
    assert estimate.sharpe == pytest.approx((share - 0.05) / 0.5)
    assert estimate.skew == pytest.approx(0.5 / math.sqrt(3 / 16))
    assert estimate.kurtosis == pytest.approx(16 / 3 - 3)


def test_moments_of_a_large_normal_sample() -> None:
    estimate = SharpeEstimate.of(np.random.default_rng(0).standard_normal(200_000))
    assert estimate.skew == pytest.approx(0.0, abs=0.02)
    assert estimate.kurtosis == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize("returns", [[], [0.1], [0.1, 0.1, 0.1], [0.1, math.nan]])
def test_nothing_is_known_of_short_or_constant_returns(returns: list[float]) -> None:
    estimate = SharpeEstimate.of(np.array(returns))
    assert math.isnan(estimate.sharpe)
    assert math.isnan(probabilistic_sharpe(estimate))
    assert math.isnan(min_track_record_length(estimate))


@pytest.mark.parametrize(("x", "expected"), [(0.0, 0.5), (1.959963984540054, 0.975), (-8.0, 6.220960574271785e-16)])
def test_normal_cdf_is_exact_in_the_tail(x: float, expected: float) -> None:
    assert normal_cdf(x) == pytest.approx(expected, rel=1e-12)


def test_probability_is_a_half_at_the_benchmark_and_grows_with_length() -> None:
    assert probabilistic_sharpe(NORMAL, 0.1) == 0.5
    longer = SharpeEstimate(0.1, 1000, 0.0, 3.0)
    assert 0.5 < probabilistic_sharpe(NORMAL) < probabilistic_sharpe(longer) < 1.0


def test_track_record_length_is_where_the_probability_is_reached() -> None:
    needed = min_track_record_length(NORMAL, 0.02, 0.95)
    distance = (0.1 - 0.02) * math.sqrt(needed - 1) / math.sqrt(1 + 0.5 * 0.1**2)
    assert normal_cdf(distance) == pytest.approx(0.95)
    assert min_track_record_length(NORMAL, 0.1) == math.inf


def test_two_valued_returns_at_the_bound_are_certain() -> None:
    # skew 2 and kurtosis 5 are the bound; at a ratio of 1 the estimate's variance is exactly zero
    certain = SharpeEstimate(1.0, 10, 2.0, 5.0)
    assert probabilistic_sharpe(certain, 0.5) == 1.0
    assert probabilistic_sharpe(certain, 1.0) == 0.5
    assert probabilistic_sharpe(certain, 1.5) == 0.0


def test_deflation_lowers_the_probability() -> None:
    assert deflated_sharpe(NORMAL, 1, 0.01) == probabilistic_sharpe(NORMAL)
    assert deflated_sharpe(NORMAL, 20, 0.001) < probabilistic_sharpe(NORMAL)
    assert math.isnan(deflated_sharpe(UNKNOWN, 20, 0.001))


def test_expected_maximum_grows_and_is_near_the_simulated_one() -> None:
    values = [expected_max_sharpe(n) for n in (1, 2, 5, 10, 100, 1000)]
    assert values == sorted(values)
    drawn = np.random.default_rng(1).standard_normal((20_000, 50)).max(axis=1).mean()
    assert expected_max_sharpe(50) == pytest.approx(drawn, rel=0.02)


@pytest.mark.parametrize("n_trials", [1, 2, 10, 1000])
def test_backtest_length_is_below_its_bound(n_trials: int) -> None:
    assert min_backtest_length(n_trials, 1.5) <= min_backtest_length_bound(n_trials, 1.5)
    assert min_backtest_length(1, 1.5) == 0.0


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(UsageError, match="variance"):
        deflated_sharpe(NORMAL, 10, -0.1)
    with pytest.raises(UsageError, match="variance"):
        deflated_sharpe(NORMAL, 10, math.nan)
    with pytest.raises(UsageError, match="trials"):
        min_backtest_length_bound(0, 1.0)
    with pytest.raises(UsageError, match="guard against"):
        min_backtest_length(10, 0.0)
    with pytest.raises(UsageError, match="confidence"):
        min_track_record_length(NORMAL, 0.0, 1.0)
    with pytest.raises(UsageError, match="Pearson"):
        probabilistic_sharpe(SharpeEstimate(0.1, 250, 0.0, 0.0))
