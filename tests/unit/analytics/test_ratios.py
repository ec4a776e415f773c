from __future__ import annotations

import math

import empyrical
import numpy as np
import pytest

from tradewright.analytics.drawdown import max_drawdown
from tradewright.analytics.ratios import (
    annual_volatility,
    cagr,
    calmar_ratio,
    deviation,
    sharpe_ratio,
    sortino_ratio,
)

EMPTY = np.empty(0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("per_year", [252, 365])
def test_agree_with_empyrical(seed: int, per_year: int) -> None:
    returns = np.random.default_rng(seed).standard_t(4, 500) * 0.01
    equity = np.multiply.accumulate(1.0 + returns)
    assert sharpe_ratio(returns, per_year) == pytest.approx(
        empyrical.sharpe_ratio(returns, annualization=per_year), rel=1e-12
    )
    assert sharpe_ratio(returns, per_year, 0.0001) == pytest.approx(
        empyrical.sharpe_ratio(returns, risk_free=0.0001, annualization=per_year), rel=1e-12
    )
    assert sortino_ratio(returns, per_year, 0.0002) == pytest.approx(
        empyrical.sortino_ratio(returns, required_return=0.0002, annualization=per_year), rel=1e-12
    )
    assert annual_volatility(returns, per_year) == pytest.approx(
        empyrical.annual_volatility(returns, annualization=per_year), rel=1e-12
    )
    assert max_drawdown(equity, 1.0) == pytest.approx(empyrical.max_drawdown(returns), rel=1e-12)
    # empyrical measures time in periods: with as many days as periods the growth a year agrees
    growth = cagr(1.0, float(equity[-1]), len(returns) * 365.0 / per_year)
    assert growth == pytest.approx(empyrical.cagr(returns, annualization=per_year), rel=1e-9)
    assert calmar_ratio(growth, max_drawdown(equity, 1.0)) == pytest.approx(
        empyrical.calmar_ratio(returns, annualization=per_year), rel=1e-9
    )


@pytest.mark.parametrize("returns", [[], [0.01], [0.0, 0.0], [0.01, 0.01], [0.1] * 7, [-0.1] * 3])
def test_sharpe_of_too_little_or_constant_returns_is_nan(returns: list[float]) -> None:
    assert math.isnan(sharpe_ratio(np.array(returns), 252))


def test_rounding_is_not_variation() -> None:
    equity = 100.0 * 1.01 ** np.arange(50)
    returns = equity[1:] / equity[:-1] - 1.0
    assert np.std(returns, ddof=1) > 0.0
    assert deviation(returns) == 0.0
    assert math.isnan(sharpe_ratio(returns))


def test_small_but_real_variation_is_kept() -> None:
    assert deviation(np.array([1e-12, 0.0, 1e-12])) > 0.0


def test_two_returns_are_enough() -> None:
    assert sharpe_ratio(np.array([0.0, 0.02])) == pytest.approx(0.01 / math.sqrt(0.0002))


@pytest.mark.parametrize(
    ("returns", "expected"),
    [([], math.nan), ([0.0, 0.0], math.nan), ([0.01], math.inf), ([0.01, 0.0], math.inf), ([-0.01], -1.0)],
)
def test_sortino_of_short_series(returns: list[float], expected: float) -> None:
    assert sortino_ratio(np.array(returns)) == pytest.approx(expected, nan_ok=True)


def test_undefined_returns_make_undefined_ratios() -> None:
    returns = np.array([0.1, math.nan, -0.1])
    for ratio in (sharpe_ratio, sortino_ratio):
        assert math.isnan(ratio(returns))
    assert math.isnan(annual_volatility(returns, 252))
    assert math.isnan(annual_volatility(EMPTY, 252))


@pytest.mark.parametrize(
    ("start", "end", "days", "expected"),
    [
        (100.0, 121.0, 730.0, 0.1),
        (100.0, 100.0, 10.0, 0.0),
        (100.0, 0.0, 365.0, -1.0),
        (100.0, -1.0, 365.0, math.nan),
        (0.0, 100.0, 365.0, math.nan),
        (100.0, 110.0, 0.0, math.nan),
        (100.0, 110.0, 0.5, math.nan),
        (1.0, 1e9, 1.0, math.inf),
    ],
)
def test_cagr(start: float, end: float, days: float, expected: float) -> None:
    assert cagr(start, end, days) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("growth", "drawdown", "expected"),
    [
        (0.2, -0.1, 2.0),
        (-0.2, -0.4, -0.5),
        (0.2, 0.0, math.inf),
        (0.0, 0.0, math.nan),
        (math.nan, 0.0, math.nan),
        (math.nan, -0.1, math.nan),
    ],
)
def test_calmar(growth: float, drawdown: float, expected: float) -> None:
    assert calmar_ratio(growth, drawdown) == pytest.approx(expected, nan_ok=True)
