"""Normalisations against NumPy, around several inner features."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.events import EventKind
from tradewright.core.types.feature import Feature
from tradewright.features import (
    bar_volume,
    close_price,
    compute,
    log_return,
    overnight_gap,
    quoted_spread,
    robust_zscore,
    rolling_rank,
    rsi_wilder,
    sma,
    volume_zscore,
    zscore,
)
from tradewright.features.contract import contract_bars

INNER = (log_return(), bar_volume(), rsi_wilder(5), sma(7))


@pytest.fixture(scope="module")
def bars() -> Bars:
    return contract_bars(700, seed=3)


def windows(of: Feature, n: int, bars: Bars) -> tuple[NDArray[np.float64], list[NDArray[np.float64]]]:
    """Return the inner values and, for each bar at which there are ``n``, the last ``n`` of them."""
    values = compute(of, bars)
    return values, [values[i - n + 1 : i + 1] for i in range(of.warmup + n - 1, len(values))]


@pytest.mark.parametrize("n", [2, 9, 50])
@pytest.mark.parametrize("of", INNER, ids=lambda f: f.name)
def test_normalised(of: Feature, n: int, bars: Bars) -> None:
    _, known = windows(of, n, bars)
    for make in (zscore, robust_zscore, rolling_rank):
        got = compute(make(n, of), bars)
        assert np.isnan(got[: of.warmup + n - 1]).all()
        for value, window in zip(got[of.warmup + n - 1 :], known, strict=True):
            if has_dispersion(window) or make is not rolling_rank:  # a rank cannot overlook rounding
                assert value == pytest.approx(EXPECTED[make.__name__](window), rel=1e-6, abs=1e-6)


def of_moments(window: NDArray[np.float64]) -> float:
    return float((window[-1] - window.mean()) / window.std(ddof=1)) if has_dispersion(window) else 0.0


def has_dispersion(window: NDArray[np.float64]) -> bool:
    return bool(np.ptp(window) > 1e-11 * abs(window[-1]))


def of_median(window: NDArray[np.float64]) -> float:
    if not has_dispersion(window):
        return 0.0
    deviation = 1.4826 * float(np.median(np.abs(window - np.median(window))))
    if deviation <= 1e-12 * abs(np.median(window)):  # more than half of the values are one, but for rounding
        deviation = 1.2533 * float(np.abs(window - np.median(window)).mean())
    return float(window[-1] - np.median(window)) / deviation if deviation > 0.0 else 0.0


def of_rank(window: NDArray[np.float64]) -> float:
    rank = np.count_nonzero(window < window[-1]) + (np.count_nonzero(window == window[-1]) + 1.0) / 2.0
    return float((rank - 1.0) / (len(window) - 1))


EXPECTED = {"zscore": of_moments, "robust_zscore": of_median, "rolling_rank": of_rank}


def test_the_zscore_of_volume_is_the_feature_of_that_name(bars: Bars) -> None:
    assert compute(zscore(20, bar_volume()), bars).tobytes() == compute(volume_zscore(20), bars).tobytes()


def test_one_step_serves_all_parameters() -> None:
    assert zscore(20, sma(5)).step is zscore(50, sma(9)).step
    assert zscore(20, sma(5)).step is not zscore(20, close_price()).step
    assert zscore(20, sma(5)).key != zscore(20, sma(6)).key


def test_what_the_inner_feature_is_passes_through() -> None:
    assert zscore(5, quoted_spread()).reads is EventKind.QUOTE
    assert zscore(5, overnight_gap()).has_gaps
    assert rolling_rank(5, rsi_wilder(9)).warmup == 13


def test_values_that_are_missing_are_left_out(bars: Bars) -> None:
    of = overnight_gap()
    values = compute(of, bars)
    known = values[~np.isnan(values)]
    got = compute(rolling_rank(40, of), bars)
    first = int(np.isnan(values).sum())
    assert np.isnan(got[: first + 39]).all()
    assert got[first + 39] == pytest.approx(of_rank(known[:40]))
