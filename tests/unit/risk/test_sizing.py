"""Sizing rules: known answers, and properties that hold for any numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewright.core.types.errors import UsageError
from tradewright.risk.sizing import (
    affordable_lots,
    correlation_scale,
    fixed_risk_units,
    kelly_fraction,
    kelly_risk,
    volatility_weight,
    whole_lots,
)

MONEY = st.fractions(0, 10_000_000, max_denominator=100)
PRICE = st.fractions(Fraction(1, 10_000), 100_000, max_denominator=10_000)
SHARE = st.fractions(0, 1, max_denominator=10_000)


def test_fixed_risk_as_published() -> None:
    # 0.1 % of 1,000,000 over 0.001 of price: 1,000,000 units in batches of 1000
    # (nautechsystems/nautilus_trader, tests of its fixed-risk sizer, commit a95c8042: numbers only)
    units = fixed_risk_units(
        Fraction(1_000_000), Fraction(1, 1000), Fraction("1.00100"), Fraction("1.00000"), Fraction(1)
    )
    assert whole_lots(units, Fraction(1000)) * 1000 == 1_000_000


@pytest.mark.parametrize(("equity", "fx", "stop"), [(0, 1, "1"), (1_000_000, 0, "1"), (1_000_000, 1, "1.001")])
def test_fixed_risk_is_nothing_where_it_is_not_defined(equity: int, fx: int, stop: str) -> None:
    found = fixed_risk_units(Fraction(equity), Fraction(1, 1000), Fraction("1.001"), Fraction(stop), Fraction(fx))
    assert found == 0


@given(MONEY, SHARE, PRICE, PRICE, PRICE)
def test_what_the_stop_loses_never_exceeds_the_risk(
    equity: Fraction, risk: Fraction, entry: Fraction, stop: Fraction, lot: Fraction
) -> None:
    lots = whole_lots(fixed_risk_units(equity, risk, entry, stop, Fraction(1)), lot)
    assert lots * lot * abs(entry - stop) <= equity * risk
    assert lots >= 0


@given(st.fractions(-1000, 1000, max_denominator=1000), PRICE, st.integers(1, 50), st.integers(1, 500))
def test_lots_are_never_larger_than_the_size_and_keep_its_side(
    size: Fraction, lot: Fraction, least: int, more: int
) -> None:
    lots = whole_lots(size, lot, least, least + more)
    assert abs(lots) * lot <= abs(size)
    assert lots * size >= 0
    assert lots == 0 or least <= abs(lots) <= least + more


@given(st.integers(-1000, 1000), st.fractions(-1000, 100_000, max_denominator=100), PRICE)
def test_margin_is_never_exceeded(lots: int, free: Fraction, margin: Fraction) -> None:
    found = affordable_lots(lots, free, margin)
    assert abs(found) <= abs(lots)
    assert found * lots >= 0
    assert found == 0 or abs(found) * margin <= free


@pytest.mark.parametrize(
    ("win_rate", "payoff", "kelly"), [(0.53, 1, 0.06), (0.6, 1, 0.2), (0.5, 2, 0.25), (0.4, 1, 0.0), (0.55, 0.8, 0.0)]
)
def test_kelly_as_published(win_rate: float, payoff: float, kelly: float) -> None:
    # f* = p - q/b: Kelly 1956; 0.53 at even money is example 2.1 of chapter 9 of Thorp's paper
    assert kelly_fraction(win_rate, payoff) == pytest.approx(kelly, abs=1e-12)


@pytest.mark.parametrize(
    ("win_rate", "payoff", "risk"), [(0.6, 1, 0.01), (0.5, 2, 0.01), (0.4, 1, 0), (0.55, 0.8, 0), (1.0, 1, 0.01)]
)
def test_half_of_kelly_capped_at_one_percent(win_rate: float, payoff: float, risk: float) -> None:
    assert kelly_risk(win_rate, payoff) == risk


@given(st.floats(0, 1), st.floats(0, 100))
def test_kelly_is_never_reversed_nor_above_its_cap(win_rate: float, payoff: float) -> None:
    assert 0.0 <= kelly_risk(win_rate, payoff) <= 0.01


@given(st.floats(0, 1), st.floats(0.01, 10), st.floats(0, 1))
def test_less_evidence_never_risks_more(win_rate: float, payoff: float, less: float) -> None:
    assert kelly_risk(win_rate * less, payoff, 1.0, 1.0) <= kelly_risk(win_rate, payoff, 1.0, 1.0)
    assert kelly_risk(win_rate, payoff * less, 1.0, 1.0) <= kelly_risk(win_rate, payoff, 1.0, 1.0)


@pytest.mark.parametrize(("win_rate", "payoff"), [(1.1, 1), (-0.1, 1), (0.5, 0), (0.5, -1), (0.5, math.inf)])
def test_kelly_of_nonsense_is_refused(win_rate: float, payoff: float) -> None:
    with pytest.raises(UsageError):
        kelly_fraction(win_rate, payoff)


def test_volatility_target() -> None:
    # 10 % a year from 1 % a day of 252: 0.1 / (0.01 x root 252) = 0.62994
    assert volatility_weight(0.1, 0.01, 252) == pytest.approx(0.629941, abs=1e-6)
    assert math.isnan(volatility_weight(0.1, 0.0, 252))
    assert math.isnan(volatility_weight(0.1, math.nan, 252))


def test_correlation_scale_by_hand() -> None:
    assert correlation_scale(np.eye(4)) == 1.0
    assert correlation_scale(np.ones((4, 4))) == 0.5
    # two at 0.5: root(2/3)
    assert correlation_scale(np.array([[1.0, 0.5], [0.5, 1.0]])) == pytest.approx(math.sqrt(2 / 3))
    assert correlation_scale(np.array([[1.0, -0.9], [-0.9, 1.0]])) == 1.0


@given(st.integers(1, 6), st.integers(0, 10_000))
def test_scaled_positions_risk_no_more_than_independent_ones(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    draws = rng.normal(size=(n + 2, n)) + rng.normal(size=(n + 2, 1))
    matrix = np.atleast_2d(np.corrcoef(draws, rowvar=False))
    scale = correlation_scale(matrix)
    assert 0.0 < scale <= 1.0
    assert scale * math.sqrt(max(float(matrix.sum()), 0.0)) <= math.sqrt(n) + 1e-9


@pytest.mark.parametrize("matrix", [np.zeros((2, 2)), np.full((2, 2), 1.5), np.array([[np.nan]]), np.ones((1, 2))])
def test_what_is_no_correlation_is_refused(matrix: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> None:
    with pytest.raises(UsageError):
        correlation_scale(matrix)
