"""RSI against TA-Lib, and its corners."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import talib

from tradewright.core.types.bar import Bars
from tradewright.features import compute, rsi_wilder


@pytest.mark.parametrize("n", [2, 3, 14, 50, 200])
def test_rsi_is_talibs(n: int, bars: Bars, same_as: Callable[..., None]) -> None:
    same_as(rsi_wilder(n), talib.RSI(bars.close, n), rel=1e-9)


@pytest.mark.parametrize(
    ("close", "expected"),
    [([5.0, 5.0, 5.0, 5.0], 50.0), ([5.0, 6.0, 7.0, 8.0], 100.0), ([8.0, 7.0, 6.0, 5.0], 0.0)],
    ids=["standing", "rising", "falling"],
)
def test_rsi_of_a_plain_market(close: list[float], expected: float, make_bars: Callable[..., Bars]) -> None:
    assert compute(rsi_wilder(2), make_bars(close))[2:].tolist() == [expected, expected]
