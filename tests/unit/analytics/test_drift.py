from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tradewright.analytics.drift import (
    DriftParams,
    benjamini_hochberg,
    feature_drift,
    kolmogorov_smirnov,
    stability_index,
)


def test_the_test_agrees_with_another_library() -> None:
    rng = np.random.default_rng(0)
    for shift in (0.0, 0.05, 0.1):
        a, b = rng.normal(size=2000), rng.normal(shift, 1.0, 1500)
        distance, p = kolmogorov_smirnov(a, b)
        other = stats.ks_2samp(a, b, method="exact")
        assert distance == pytest.approx(other.statistic, abs=1e-12)
        assert p == pytest.approx(other.pvalue, rel=0.1, abs=2e-3)


def test_adjusted_p_values_agree_with_another_library() -> None:
    p = np.random.default_rng(1).random(50) ** 3
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))
    assert len(benjamini_hochberg(np.empty(0))) == 0


def test_index_by_hand() -> None:
    training = np.arange(100.0)
    assert stability_index(training, training) == 0.0
    half = stability_index(training, np.arange(50.0), bins=2)
    assert half == pytest.approx((1.0 - 0.5) * np.log(2.0) + (1e-4 - 0.5) * np.log(1e-4 / 0.5))
    missing = np.where(np.arange(100) % 2 == 0, np.nan, training)
    assert stability_index(training, missing) > 1.0
    assert np.isnan(stability_index(training, np.empty(0)))


def test_slow_features_are_worth_fewer_rows() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=1000), rng.normal(0.1, 1.0, 1000)
    assert kolmogorov_smirnov(a, b, 0.05)[1] > kolmogorov_smirnov(a, b)[1]


def test_only_what_changed_drifts() -> None:
    rng = np.random.default_rng(3)
    names = [f"f{k}" for k in range(30)]
    training, recent = rng.normal(size=(2000, 30)), rng.normal(size=(1000, 30))
    recent[:, 4] = 2.0 * recent[:, 4] + 1.0
    recent[:, 9] = np.nan
    recent[:, 17] += 0.02  # too small to matter
    found = feature_drift(names, training, recent)
    assert [drift.name for drift in found if drift.is_drifting] == ["f4", "f9"]
    assert [drift.name for drift in found] == names
    assert all(drift.adjusted >= drift.p_value for drift in found)
    strict = feature_drift(names, training, recent, DriftParams(psi=100.0))
    assert not any(drift.is_drifting for drift in strict)
