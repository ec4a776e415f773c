"""Ranges against TA-Lib."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import talib

from tradewright.core.types.bar import Bars
from tradewright.features import atr_sma, atr_wilder, true_range

PERIODS = [2, 3, 14, 50, 200]


@pytest.mark.parametrize("n", PERIODS)
def test_atr_is_talibs_after_a_bar_that_adds_nothing(n: int, bars: Bars, same_as: Callable[..., None]) -> None:
    # TA-Lib has no range for its first bar. Given one more bar in front, whose close lies inside the first
    # bar's range, its ranges are ours.
    front = bars.close[:1]
    high, low, close = (np.concatenate([front, row]) for row in (bars.high, bars.low, bars.close))
    same_as(atr_wilder(n), talib.ATR(high, low, close, n)[1:])


@pytest.mark.parametrize("n", PERIODS)
def test_atr_sma_is_talibs_average_of_talibs_range(n: int, bars: Bars, same_as: Callable[..., None]) -> None:
    width = talib.TRANGE(bars.high, bars.low, bars.close)
    same_as(atr_sma(n), talib.SMA(width[1:], n))


def test_true_range_is_talibs_after_the_first_bar(bars: Bars, same_as: Callable[..., None]) -> None:
    width = talib.TRANGE(bars.high, bars.low, bars.close)
    width[0] = bars.high[0] - bars.low[0]
    same_as(true_range(), width)


@pytest.mark.parametrize("n", [1])
def test_atr_of_one_bar_is_the_range(n: int, bars: Bars, same_as: Callable[..., None]) -> None:
    width = talib.TRANGE(bars.high, bars.low, bars.close)
    same_as(atr_sma(n), width[1:])
