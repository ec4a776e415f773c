"""Slopes of averages against TA-Lib's averages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import talib

from tradewright.core.types.bar import Bars
from tradewright.features import ema_slope, sma_slope


@pytest.mark.parametrize(("n", "bars_back"), [(1, 1), (5, 1), (20, 3)])
def test_slopes(n: int, bars_back: int, lively: Bars, same_as: Callable[..., None]) -> None:
    for make, average in ((ema_slope, talib.EMA), (sma_slope, talib.SMA)):
        values = average(lively.close, n)[n - 1 :] if n > 1 else lively.close
        expected = (values[bars_back:] / values[:-bars_back] - 1.0) / bars_back
        same_as(make(n, bars_back), expected, rel=1e-6, floor=1e-12, over=lively)
