"""Volatility against NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import HIGH
from tradewright.features import (
    compute,
    garman_klass_volatility,
    parkinson_volatility,
    realised_volatility,
    rogers_satchell_volatility,
    rolling_volatility,
    volatility_regime,
    yang_zhang_volatility,
)


@pytest.mark.parametrize("n", [2, 3, 14, 50, 200])
def test_volatility(n: int, bars: Bars, same_as: Callable[..., None]) -> None:
    log_returns = np.diff(np.log(bars.close))
    same_as(rolling_volatility(n), sliding_window_view(log_returns, n).std(axis=1, ddof=1), rel=1e-9)


def mean_of(values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = sliding_window_view(values, n).mean(axis=1)
    return mean


@pytest.mark.parametrize("n", [1, 2, 20])
def test_estimators_from_the_range(n: int, bars: Bars, same_as: Callable[..., None]) -> None:
    high, low, close = (np.log(x / bars.open) for x in (bars.high, bars.low, bars.close))
    same_as(parkinson_volatility(n), np.sqrt(mean_of((high - low) ** 2, n) / (4.0 * np.log(2.0))), floor=1e-9)
    garman_klass = 0.5 * (high - low) ** 2 - (2.0 * np.log(2.0) - 1.0) * close**2
    same_as(garman_klass_volatility(n), np.sqrt(np.maximum(mean_of(garman_klass, n), 0.0)), rel=1e-7, floor=1e-9)
    rogers_satchell = high * (high - close) + low * (low - close)
    same_as(rogers_satchell_volatility(n), np.sqrt(mean_of(rogers_satchell, n)), rel=1e-7, floor=1e-9)


def test_realised_volatility(bars: Bars, same_as: Callable[..., None]) -> None:
    same_as(realised_volatility(20), np.sqrt(mean_of(np.diff(np.log(bars.close)) ** 2, 20)), floor=1e-12)


@pytest.mark.parametrize("n", [2, 20])
def test_yang_zhang(n: int, bars: Bars, same_as: Callable[..., None]) -> None:
    jump = np.log(bars.open[1:] / bars.close[:-1])
    high, low, close = (np.log(x / bars.open)[1:] for x in (bars.high, bars.low, bars.close))
    k = 0.34 / (1.34 + (n + 1.0) / (n - 1.0))
    inside = mean_of(high * (high - close) + low * (low - close), n)
    jumps, moves = (sliding_window_view(x, n).var(axis=1, ddof=1) for x in (jump, close))
    same_as(yang_zhang_volatility(n), np.sqrt(jumps + k * moves + (1.0 - k) * inside), rel=1e-7, floor=1e-9)


def test_the_regime_is_where_volatility_stands_among_its_quantiles(bars: Bars) -> None:
    n, window = 10, 60
    values = compute(volatility_regime(n, window, 0.2, 0.9), bars)
    volatility = compute(rolling_volatility(n), bars)
    assert np.isnan(values[: n + window - 1]).all()
    for i in range(n + window - 1, len(bars)):
        low, high = np.quantile(volatility[i - window + 1 : i + 1], [0.2, 0.9])
        assert values[i] == float(volatility[i] > low) + float(volatility[i] > high)
    assert set(values[n + window - 1 :]) == {0.0, 1.0, 2.0}


def test_quantiles_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match=r"high must be a number of at least 0\.5 and at most 1"):
        volatility_regime(20, 250, 0.5, 0.4)


def test_a_hand_worked_parkinson(make_bars: Callable[..., Bars]) -> None:
    bars = make_bars([1.0])
    bars.fields[HIGH] = np.e
    # ln(e / 1)^2 / (4 ln 2) = 1 / 2.7725887; its root
    assert compute(parkinson_volatility(1), bars)[0] == pytest.approx(0.6005612043932249, rel=1e-12)
