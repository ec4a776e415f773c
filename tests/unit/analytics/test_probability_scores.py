from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss

from tradewright.analytics.probability_scores import (
    SMALLEST,
    binary_brier,
    brier_losses,
    decompose,
    decompose_binary,
    log_losses,
    skill,
)


def _forecasts(seed: int, n: int, k: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(k), n), rng.integers(0, k, n)


def test_agree_with_another_library() -> None:
    p, outcomes = _forecasts(0, 500)
    assert log_losses(p, outcomes).mean() == pytest.approx(log_loss(outcomes, p, labels=[0, 1, 2]), rel=1e-12)
    hits = (outcomes == 0).astype(np.float64)
    assert binary_brier(p[:, 0], hits) == pytest.approx(brier_score_loss(hits, p[:, 0]), rel=1e-12)


def test_worst_and_best() -> None:
    sure = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    outcomes = np.array([0, 1])
    assert brier_losses(sure, outcomes).tolist() == [0.0, 2.0]
    assert log_losses(sure, outcomes).tolist() == [0.0, pytest.approx(-np.log(SMALLEST))]
    assert skill(0.5, 1.0) == 0.5
    assert np.isnan(skill(0.5, 0.0))


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 200), st.integers(0, 12))
def test_parts_add_up_to_the_score(seed: int, n: int, bins: int) -> None:
    p, outcomes = _forecasts(seed, n)
    if bins == 0:
        p = np.round(p, 1)  # forecasts that repeat
    parts = decompose(p, outcomes, bins)
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within
    assert total == pytest.approx(brier_losses(p, outcomes).mean(), abs=1e-12)
    assert parts.reliability >= 0.0
    assert parts.resolution >= 0.0
    if bins == 0:
        assert parts.within == pytest.approx(0.0, abs=1e-12)


def test_resolution_is_of_forecasts_that_tell_apart() -> None:
    p = np.array([0.9, 0.9, 0.1, 0.1])
    hits = np.array([1.0, 1.0, 0.0, 0.0])
    telling, blind = decompose_binary(p, hits), decompose_binary(np.full(4, 0.5), hits)
    assert telling.resolution == pytest.approx(0.25)
    assert blind.resolution == 0.0
    assert blind.reliability == 0.0
