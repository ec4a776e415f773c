"""Bars and comparisons for the feature tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, N_FIELDS, OPEN, SESSION, VOLUME
from tradewright.core.types.feature import Feature
from tradewright.data.synthetic import WalkParams, synthetic_bars
from tradewright.features import compute
from tradewright.features.contract import contract_bars


@pytest.fixture(scope="session")
def bars() -> Bars:
    """Random bars with flat stretches and missing volume."""
    return contract_bars(3000, seed=11)


@pytest.fixture(scope="session")
def lively() -> Bars:
    """Random bars that move at every step, where no convention about standing prices matters."""
    return synthetic_bars(2000, seed=5, params=WalkParams(ticks_per_unit=1_000_000))


@pytest.fixture(scope="session")
def make_bars() -> Callable[..., Bars]:
    """Build bars from closes; volume 1 and session 0 where they are not given."""

    def make(close: list[float], volume: list[float] | None = None, session: list[float] | None = None) -> Bars:
        fields = np.zeros((N_FIELDS, len(close)))
        fields[[OPEN, HIGH, LOW, CLOSE]] = close
        fields[VOLUME] = 1.0 if volume is None else volume
        fields[SESSION] = 0.0 if session is None else session
        ts = np.arange(len(close), dtype=np.int64)
        return Bars("X", ts, ts + 1, fields)

    return make


@pytest.fixture(scope="session")
def same_as(bars: Bars) -> Callable[..., None]:
    """Compare a feature with the end of the series that is expected; NaN before it."""

    def compare(
        feature: Feature,
        expected: NDArray[np.float64],
        rel: float = 1e-10,
        floor: float = 1e-12,
        over: Bars | None = None,
    ) -> None:
        values = compute(feature, bars if over is None else over)
        whole = np.concatenate([np.full(len(values) - len(expected), np.nan), expected])
        assert np.isnan(values).tolist() == np.isnan(whole).tolist()
        assert int(np.isnan(values).sum()) == feature.warmup
        np.testing.assert_allclose(values, whole, rtol=rel, atol=floor, equal_nan=True)

    return compare
