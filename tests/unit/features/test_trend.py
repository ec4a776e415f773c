"""Directional movement, Aroon and CCI against TA-Lib."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import talib

from tradewright.core.types.bar import Bars
from tradewright.features import adx, aroon_down, aroon_oscillator, aroon_up, cci, compute, minus_di, plus_di


@pytest.mark.parametrize("n", [2, 14, 40])
def test_directional_movement_is_talibs(n: int, lively: Bars, same_as: Callable[..., None]) -> None:
    high, low, close = lively.high, lively.low, lively.close
    same_as(plus_di(n), talib.PLUS_DI(high, low, close, n)[n:], rel=1e-8, floor=1e-9, over=lively)
    same_as(minus_di(n), talib.MINUS_DI(high, low, close, n)[n:], rel=1e-8, floor=1e-9, over=lively)


@pytest.mark.parametrize("n", [3, 14, 40])
def test_adx_is_talibs(n: int, lively: Bars, same_as: Callable[..., None]) -> None:
    expected = talib.ADX(lively.high, lively.low, lively.close, n)[2 * n - 1 :]
    same_as(adx(n), expected, rel=1e-8, floor=1e-9, over=lively)


def test_a_standing_market_has_no_direction(make_bars: Callable[..., Bars]) -> None:
    flat = make_bars([5.0] * 8)
    assert compute(plus_di(2), flat)[2:].tolist() == [0.0] * 6
    assert compute(adx(2), flat)[3:].tolist() == [0.0] * 5
    assert compute(cci(3), flat)[2:].tolist() == [0.0] * 6


@pytest.mark.parametrize("n", [2, 14, 60])
def test_aroon_is_talibs(n: int, bars: Bars, lively: Bars, same_as: Callable[..., None]) -> None:
    for series in (bars, lively):  # with equal highs and without
        down, up = talib.AROON(series.high, series.low, n)
        same_as(aroon_up(n), up[n:], over=series)
        same_as(aroon_down(n), down[n:], over=series)
        same_as(aroon_oscillator(n), (up - down)[n:], floor=1e-9, over=series)


def test_aroon_of_one_bar(make_bars: Callable[..., Bars]) -> None:
    assert compute(aroon_up(1), make_bars([1.0, 2.0, 1.5, 1.5]))[1:].tolist() == [100.0, 0.0, 100.0]


@pytest.mark.parametrize("n", [2, 3, 20, 61])
def test_cci_is_talibs(n: int, lively: Bars, same_as: Callable[..., None]) -> None:
    expected = talib.CCI(lively.high, lively.low, lively.close, n)[n - 1 :]
    same_as(cci(n), expected, rel=1e-6, floor=1e-4, over=lively)
