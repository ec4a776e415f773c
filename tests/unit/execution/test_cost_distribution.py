"""Distributions: what is kept of samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewright.core.types.execution_costs import PROBABILITIES
from tradewright.execution.costs.distribution import distribution_of

SAMPLES = st.lists(st.floats(-100, 1000), min_size=1, max_size=50)


def test_the_numbers_of_one_to_a_hundred() -> None:
    found = distribution_of(np.arange(1.0, 101.0))
    assert (found.n, found.mean, found.p50) == (100, 50.5, 50.5)
    assert found.p90 == pytest.approx(90.5)
    assert (found.quantiles[0], found.quantiles[-1]) == (1.0, 100.0)
    assert found.at(0.5) == 50.5


def test_a_weight_is_as_good_as_a_repetition() -> None:
    heavy = distribution_of(np.array([1.0, 2.0]), np.array([1.0, 3.0]))
    assert heavy.mean == 1.75
    assert heavy.p50 > 1.5
    assert distribution_of(np.array([5.0]), np.array([9.0])).quantiles == (5.0,) * len(PROBABILITIES)


@given(SAMPLES)
def test_a_sketch_stays_within_its_samples_and_rises(values: list[float]) -> None:
    found = distribution_of(np.array(values))
    assert found.quantiles[0] == pytest.approx(min(values), abs=1e-6)
    assert found.quantiles[-1] == pytest.approx(max(values), abs=1e-6)
    assert all(np.diff(found.quantiles) >= 0.0)


@given(SAMPLES, st.floats(-100, 1000))
def test_the_share_above_a_value_falls_and_ends_at_nothing(values: list[float], value: float) -> None:
    found = distribution_of(np.array(values))
    share = found.share_above(value)
    assert 0.0 <= share <= 1.0
    assert found.share_above(value + 1.0) <= share
    assert found.share_above(found.quantiles[-1]) == 0.0
    assert found.share_above(found.quantiles[0] - 1.0) == 1.0


def test_half_of_a_hundred_samples_are_above_the_median() -> None:
    assert distribution_of(np.arange(1.0, 101.0)).share_above(50.5) == pytest.approx(0.5)


def test_ties_count_as_not_above() -> None:
    assert distribution_of(np.array([1.0] * 9 + [2.0])).share_above(1.0) == pytest.approx(0.1, abs=0.11)


@pytest.mark.parametrize("values", [[], [1.0, np.nan], [np.inf]])
def test_what_is_no_sample_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite samples"):
        distribution_of(np.array(values))
