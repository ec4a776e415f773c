"""Donchian channels against NumPy, exactly."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from numpy.lib.stride_tricks import sliding_window_view

from tradewright.core.types.bar import Bars
from tradewright.features import (
    donchian_high,
    donchian_high_inclusive,
    donchian_low,
    donchian_low_inclusive,
)


@pytest.mark.parametrize("n", [1, 2, 3, 14, 50, 200])
def test_donchian(n: int, bars: Bars, same_as: Callable[..., None]) -> None:
    highest = sliding_window_view(bars.high, n).max(axis=1)
    lowest = sliding_window_view(bars.low, n).min(axis=1)
    same_as(donchian_high_inclusive(n), highest, rel=0.0, floor=0.0)
    same_as(donchian_low_inclusive(n), lowest, rel=0.0, floor=0.0)
    same_as(donchian_high(n), highest[:-1], rel=0.0, floor=0.0)
    same_as(donchian_low(n), lowest[:-1], rel=0.0, floor=0.0)
