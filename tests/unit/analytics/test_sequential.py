from __future__ import annotations

import numpy as np
import pytest

from tradewright.analytics.sequential import NormalMixture, mean_sequence
from tradewright.core.types.errors import UsageError


def test_bounds_hold_at_all_times_together() -> None:
    outside = fixed = 0
    for seed in range(200):
        values = np.random.default_rng(seed).normal(0.0, 1.0, 1000)
        low, high = mean_sequence(values)
        outside += bool(((low > 0.0) | (high < 0.0))[20:].any())
        n = np.arange(1, 1001)
        fixed += bool((np.abs(np.cumsum(values)) / np.sqrt(n) > 1.96)[20:].any())
    assert outside <= 20
    assert fixed > 60  # what looking daily at fixed-sample intervals would have claimed


def test_bounds_find_a_mean() -> None:
    low, high = mean_sequence(np.random.default_rng(1).normal(0.5, 1.0, 500))
    assert low[-1] > 0.0
    assert high[-1] > 0.5 > low[-1]
    assert (np.isinf(low[0]), np.isinf(high[0])) == (True, True)


@pytest.mark.parametrize(("variance", "alpha"), [(0.0, 0.05), (1.0, 0.0), (1.0, 1.0)])
def test_impossible_numbers_are_refused(variance: float, alpha: float) -> None:
    with pytest.raises(UsageError):
        NormalMixture.tuned(variance, alpha)
