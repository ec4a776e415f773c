"""Bollinger bands against TA-Lib, and flat windows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import talib
from numpy.lib.stride_tricks import sliding_window_view

from tradewright.core.types.bar import Bars
from tradewright.features import (
    bollinger_bandwidth,
    bollinger_lower,
    bollinger_percent_b,
    bollinger_upper,
    compute,
)


@pytest.mark.parametrize(("n", "width"), [(2, 1.0), (20, 2.0), (50, 2.5)])
def test_bands_are_talibs(n: int, width: float, lively: Bars, same_as: Callable[..., None]) -> None:
    upper, middle, lower = (b[n - 1 :] for b in talib.BBANDS(lively.close, n, width, width))
    same_as(bollinger_upper(n, width), upper, rel=1e-8, over=lively)
    same_as(bollinger_lower(n, width), lower, rel=1e-8, over=lively)
    same_as(bollinger_bandwidth(n, width), (upper - lower) / middle, rel=1e-3, floor=1e-9, over=lively)
    windows = sliding_window_view(lively.close, n)
    place = 0.5 + 0.5 * (lively.close[n - 1 :] - windows.mean(axis=1)) / (width * windows.std(axis=1))
    same_as(bollinger_percent_b(n, width), place, rel=1e-6, floor=1e-9, over=lively)


def test_a_flat_window_is_its_own_middle(make_bars: Callable[..., Bars]) -> None:
    flat = make_bars([7.0] * 5)
    assert compute(bollinger_percent_b(3), flat)[2:].tolist() == [0.5] * 3
    assert compute(bollinger_bandwidth(3), flat)[2:].tolist() == [0.0] * 3
    assert compute(bollinger_upper(3), flat)[2:].tolist() == [7.0] * 3


def test_a_width_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="width must be a number of at least 0, got -1"):
        bollinger_upper(20, -1.0)
