"""Volatility against NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from tradewright.core.types.bar import Bars
from tradewright.features import rolling_volatility


@pytest.mark.parametrize("n", [2, 3, 14, 50, 200])
def test_volatility(n: int, bars: Bars, same_as: Callable[..., None]) -> None:
    log_returns = np.diff(np.log(bars.close))
    same_as(rolling_volatility(n), sliding_window_view(log_returns, n).std(axis=1, ddof=1), rel=1e-9)
