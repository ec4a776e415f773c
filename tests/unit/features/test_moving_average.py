"""Averages against TA-Lib and their definition."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import talib

from tradewright.core.types.bar import Bars
from tradewright.features import compute, ema, ema_recursive, sma

PERIODS = [2, 3, 14, 50, 200]


@pytest.mark.parametrize("n", PERIODS)
def test_ema_is_talibs(n: int, bars: Bars, same_as: Callable[..., None]) -> None:
    same_as(ema(n), talib.EMA(bars.close, n))


@pytest.mark.parametrize("n", PERIODS)
def test_sma_is_talibs(n: int, bars: Bars, same_as: Callable[..., None]) -> None:
    same_as(sma(n), talib.SMA(bars.close, n))


def test_averages_of_one_bar_are_the_close(bars: Bars) -> None:
    for feature in (ema(1), ema_recursive(1), sma(1)):
        assert compute(feature, bars).tobytes() == bars.close.tobytes()


@pytest.mark.parametrize("n", PERIODS)
def test_ema_recursive_is_its_weighted_sum(n: int, bars: Bars) -> None:
    alpha = 2.0 / (n + 1)
    i = 700
    weights = alpha * (1.0 - alpha) ** np.arange(i + 1)
    weights[i] = (1.0 - alpha) ** i
    expected = float(weights @ bars.close[i::-1])
    assert compute(ema_recursive(n), bars)[i] == pytest.approx(expected, rel=1e-12)


def test_one_nan_leaves_the_sma_with_its_bar(make_bars: Callable[..., Bars]) -> None:
    values = compute(sma(3), make_bars([1.0, 2.0, float("nan"), 4.0, 5.0, 6.0, 7.0]))
    assert np.isnan(values[:5]).all()
    assert values[5:].tolist() == [5.0, 6.0]


def test_sma_does_not_drift(make_bars: Callable[..., Bars]) -> None:
    rng = np.random.default_rng(5)
    close = np.concatenate([rng.uniform(1e9, 2e9, 50_000), rng.uniform(1.0, 2.0, 50_000)])
    values = compute(sma(100), make_bars(close.tolist()))
    assert values[-1] == pytest.approx(float(np.mean(close[-100:])), rel=1e-14)
