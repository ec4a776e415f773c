from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.analytics.sample_size import effective_sample, labels_alive, uniqueness


def test_labels_that_do_not_meet_count_whole() -> None:
    start = np.array([0, 10, 20])
    assert uniqueness(start, start + 10).tolist() == [1.0, 1.0, 1.0]


def test_labels_that_are_the_same_count_once() -> None:
    assert effective_sample(np.zeros(7, np.int64), np.full(7, 5)) == pytest.approx(1.0)
    groups = np.array([0, 0, 0, 1, 1, 1, 1])
    assert effective_sample(np.zeros(7, np.int64), np.full(7, 5), groups) == pytest.approx(2.0)


def test_rolling_labels_are_worth_their_horizons() -> None:
    start = np.arange(1000, dtype=np.int64)
    assert effective_sample(start, start + 20) == pytest.approx(1000 / 20, rel=0.05)
    assert labels_alive(start, start + 20) == pytest.approx(20.0, rel=0.02)


def test_a_label_that_ends_first_is_refused() -> None:
    with pytest.raises(ValueError, match="ends before"):
        uniqueness(np.array([5]), np.array([4]))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20), st.integers(0, 2)), min_size=1, max_size=40))
def test_equals_the_definition_step_by_step(labels: list[tuple[int, int, int]]) -> None:
    start, length, group = np.array(labels).T
    end = start + length
    found = uniqueness(start, end, group)
    for k, (a, b, g) in enumerate(zip(start, np.maximum(end, start + 1), group, strict=True)):
        mates = [(x, max(y, x + 1)) for x, y, z in zip(start, end, group, strict=True) if z == g]
        shares = [1.0 / sum(x <= t < y for x, y in mates) for t in range(a, b)]
        assert found[k] == pytest.approx(np.mean(shares))
    assert 0.0 < found.sum() <= len(labels) + 1e-9
