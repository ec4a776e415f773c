from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.core.types.forecast import Forecasts
from tradewright.strategies.confirmation import confirm_step_nb, confirmation_state, confirmed

THRESHOLDS = (0.55, 0.6, 0.7)
SCORES = st.lists(st.sampled_from([0.4, 0.54, 0.56, 0.61, 0.65, 0.72, 0.9, math.nan]), min_size=1, max_size=60)


def _series(up: list[float]) -> Forecasts:
    p = np.array(up)
    values = np.stack([p, 1.0 - p, 0.0 * p, p - 0.5])
    return Forecasts("AAA", np.arange(len(p), dtype=np.int64), values)


def _tiers_by_machine(scores: list[float], scans: int) -> list[int]:
    """The rules as a machine with a state: some scans in a row above to rise, one below to fall."""
    tier, streaks, found = 0, [0, 0, 0], []
    for score in scores:
        reached = sum(score >= threshold for threshold in THRESHOLDS)
        streaks = [streak + 1 if k < reached else 0 for k, streak in enumerate(streaks)]
        tier = min(tier, reached)
        tier = max([tier, *(k + 1 for k, streak in enumerate(streaks) if streak >= scans)])
        found.append(tier)
    return found


@settings(deadline=None)
@given(SCORES, st.integers(1, 4))
def test_the_smallest_of_the_last_scans_is_the_machine(scores: list[float], scans: int) -> None:
    up = confirmed(_series(scores), scans).values[0]
    tiers = [sum(value >= threshold for threshold in THRESHOLDS) for value in up.tolist()]
    assert tiers == _tiers_by_machine(scores, scans)


@settings(deadline=None)
@given(SCORES, st.integers(1, 4))
def test_streaming_is_the_series_and_sees_no_future(scores: list[float], scans: int) -> None:
    series = _series(scores)
    whole = confirmed(series, scans).values
    state = confirmation_state(scans)
    for i in range(len(scores)):
        step = confirm_step_nb(state, float(series.values[0, i]), float(series.values[1, i]))
        assert np.array_equal(step, whole[:2, i], equal_nan=True)
        part = Forecasts("AAA", series.ts_seen[: i + 1], series.values[:, : i + 1])
        assert np.array_equal(confirmed(part, scans).values, whole[:, : i + 1], equal_nan=True)


@settings(deadline=None)
@given(SCORES, st.integers(1, 4))
def test_what_comes_out_are_probabilities(scores: list[float], scans: int) -> None:
    values = confirmed(_series(scores), scans).values[:3]
    known = ~np.isnan(values[0])
    assert np.array_equal(known, ~np.isnan(scores))
    assert values[:, known].sum(axis=0) == pytest.approx(np.ones(known.sum()))
    assert ((values[:, known] >= -1e-12) & (values[:, known] <= 1.0 + 1e-12)).all()


def test_by_hand() -> None:
    up = confirmed(_series([0.8, 0.7, 0.9, math.nan, 0.9, 0.9]), 2).values[0]
    assert up[[0, 1, 2, 4, 5]].tolist() == [0.0, 0.7, 0.7, 0.0, 0.9]  # an expired forecast breaks the row
    assert math.isnan(up[3])
    with pytest.raises(ValueError, match="at least 1 scan"):
        confirmed(_series([0.5]), 0)
