from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.core.types.forecast import Forecasts
from tradewright.strategies.patterns import Pattern, PatternParams, influence, shifts_over_time, with_pattern

RECORDS = st.integers(0, 2000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))
RATES = st.floats(0.0, 1.0)


def test_a_condition_has_its_own_record() -> None:
    gap = Pattern("gap", "open > high[1]")
    assert gap.after(is_win=True).after(is_win=False) == Pattern("gap", "open > high[1]", 1, 2)
    assert gap.after(is_win=True).key == gap.key
    assert gap.key != Pattern("gap", "open >= high[1]").key
    assert len(gap.key) == 16
    with pytest.raises(ValueError, match="3 wins of 2 cases"):
        Pattern("gap", "", 3, 2)


def test_by_hand() -> None:
    params = PatternParams(prior=50.0, floor=100, early_cap=0.01, cap=0.2)
    assert influence(Pattern("p", "", 70, 100), 0.5, params) == pytest.approx(95.0 / 150.0 - 0.5)
    assert influence(Pattern("p", "", 30, 30), 0.5, params) == 0.01  # under the floor
    assert influence(Pattern("p", "", 1000, 1000), 0.5, params) == 0.2
    assert influence(Pattern("p", ""), 0.5, PatternParams(prior=0.0)) == 0.0


@settings(deadline=None)
@given(RECORDS, RATES)
def test_influence_is_bounded_and_points_the_way_of_the_record(record: tuple[int, int], base: float) -> None:
    params = PatternParams()
    found = influence(Pattern("p", "", *record), base, params)
    limit = params.cap if record[1] >= params.floor else params.early_cap
    assert abs(found) <= limit
    excess = record[0] - base * record[1]
    assert found * excess >= -1e-9


@settings(deadline=None)
@given(RECORDS, RATES)
def test_a_win_instead_of_a_loss_never_lowers_it(record: tuple[int, int], base: float) -> None:
    wins, total = record
    if wins < total:
        assert influence(Pattern("p", "", wins + 1, total), base) >= influence(Pattern("p", "", wins, total), base)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.floats(-1.0, 1.0))
def test_forecasts_stay_probabilities(seed: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(3), 20).T
    values = np.vstack([p, np.zeros(20)])
    values[:, 3] = np.nan
    holds = rng.random(20) < 0.5
    series = Forecasts("AAA", np.arange(20, dtype=np.int64), values.copy())
    moved = with_pattern(series, holds, shift).values
    assert np.array_equal(moved[:, ~holds], values[:, ~holds], equal_nan=True)
    known = ~np.isnan(moved[0])
    assert moved[:3, known].sum(axis=0) == pytest.approx(np.ones(known.sum()))
    assert (moved[:3, known] >= 0.0).all()
    assert np.array_equal(moved[2], values[2], equal_nan=True)
    assert np.array_equal(series.values, values, equal_nan=True)


def test_a_case_counts_once_it_is_decided() -> None:
    params = PatternParams(prior=2.0, floor=1, cap=0.5)
    holds = np.array([True, False, True, True])
    rose = np.array([True, True, False, True])
    found = shifts_over_time(Pattern("p", ""), holds, rose, 2, params)
    # At bar 2 the case of bar 0 is known (1 of 1, base 1 of 1), at bar 3 no other; the base rate is 2 of 2 then.
    assert found.tolist() == [0.0, 0.0, 0.0, 0.0]
    later = shifts_over_time(Pattern("p", "", 0, 2), holds, ~rose, 1, params)
    # At bar 2: 0 of 3, base 0; at bar 3: 1 of 4 beside the base rate 1 of 3.
    assert later[2] == 0.0
    assert later[3] == pytest.approx((1.0 + 2.0 / 3.0) / 6.0 - 1.0 / 3.0)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 20), st.integers(0, 2**16))
def test_what_comes_later_moves_nothing(bars: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    holds, rose = rng.random(120) < 0.4, rng.random(120) < 0.6
    whole = shifts_over_time(Pattern("p", ""), holds, rose, bars)
    cut = int(rng.integers(1, 120))
    other = rose.copy()
    other[max(cut - bars, 0) :] ^= True  # decided after bar ``cut - 1``
    assert shifts_over_time(Pattern("p", ""), holds, other, bars)[:cut].tolist() == whole[:cut].tolist()
    assert (whole[~holds] == 0.0).all()
    assert np.abs(whole).max() <= PatternParams().cap
