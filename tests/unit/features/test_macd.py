"""MACD against TA-Lib."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import talib

from tradewright.core.types.bar import Bars
from tradewright.features import macd_histogram, macd_line, macd_signal


@pytest.mark.parametrize(("fast", "slow", "signal"), [(12, 26, 9), (3, 10, 16), (5, 6, 2)])
def test_macd_is_talibs(fast: int, slow: int, signal: int, lively: Bars, same_as: Callable[..., None]) -> None:
    _, expected, histogram = talib.MACD(lively.close, fast, slow, signal)
    first = slow + signal - 2
    same_as(macd_signal(fast, slow, signal), expected[first:], rel=1e-7, floor=1e-10, over=lively)
    same_as(macd_histogram(fast, slow, signal), histogram[first:], rel=1e-5, floor=1e-10, over=lively)
    line, _, _ = talib.MACD(lively.close, fast, slow, 1)
    same_as(macd_line(fast, slow), line[slow - 1 :], rel=1e-7, floor=1e-10, over=lively)


def test_swapped_lengths_give_the_negative(lively: Bars, same_as: Callable[..., None]) -> None:
    line, _, _ = talib.MACD(lively.close, 12, 26, 1)
    same_as(macd_line(26, 12), -line[25:], rel=1e-7, floor=1e-10, over=lively)
