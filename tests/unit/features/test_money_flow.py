"""Volume with direction against TA-Lib."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import talib

from tradewright.core.types.bar import Bars
from tradewright.features import compute, money_flow_index, obv_change, on_balance_volume


@pytest.mark.parametrize("n", [2, 14, 60])
def test_money_flow_index_is_talibs(n: int, lively: Bars, same_as: Callable[..., None]) -> None:
    expected = talib.MFI(lively.high, lively.low, lively.close, lively.volume, n)[n:]
    same_as(money_flow_index(n), expected, rel=1e-8, floor=1e-8, over=lively)


@pytest.mark.parametrize("n", [1, 20])
def test_on_balance_volume_is_talibs(n: int, bars: Bars, same_as: Callable[..., None]) -> None:
    obv = talib.OBV(bars.close, bars.volume)
    same_as(on_balance_volume(), obv)
    same_as(obv_change(n), obv[n:] - obv[:-n])


def test_without_volume_there_is_no_flow(make_bars: Callable[..., Bars]) -> None:
    silent = make_bars([1.0, 2.0, 3.0, 2.0], volume=[0.0] * 4)
    assert compute(money_flow_index(2), silent)[2:].tolist() == [50.0, 50.0]
    assert compute(obv_change(2), silent)[2:].tolist() == [0.0, 0.0]


def test_a_bar_that_did_not_move_counts_for_neither_side(make_bars: Callable[..., Bars]) -> None:
    bars = make_bars([1.0, 2.0, 2.0, 1.0], volume=[1.0, 10.0, 99.0, 5.0])
    assert compute(obv_change(2), bars)[2:].tolist() == [10.0, -5.0]
    assert compute(money_flow_index(2), bars)[2:].tolist() == [100.0, 0.0]
