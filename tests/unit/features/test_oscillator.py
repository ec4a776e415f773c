"""Oscillators against TA-Lib, and flat windows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import talib
from talib._ta_lib import MA_Type

from tradewright.core.types.bar import Bars
from tradewright.features import compute, rate_of_change, stochastic_d, stochastic_k, williams_r


@pytest.mark.parametrize(("n", "smooth", "signal"), [(14, 3, 3), (5, 1, 2), (50, 10, 4)])
def test_stochastic_is_talibs(n: int, smooth: int, signal: int, lively: Bars, same_as: Callable[..., None]) -> None:
    k, _ = talib.STOCH(lively.high, lively.low, lively.close, n, smooth, MA_Type.SMA, 1, MA_Type.SMA)
    _, d = talib.STOCH(lively.high, lively.low, lively.close, n, smooth, MA_Type.SMA, signal, MA_Type.SMA)
    same_as(stochastic_k(n, smooth), k[n + smooth - 2 :], rel=1e-8, floor=1e-8, over=lively)
    same_as(stochastic_d(n, smooth, signal), d[n + smooth + signal - 3 :], rel=1e-8, floor=1e-8, over=lively)


@pytest.mark.parametrize("n", [2, 14, 100])
def test_williams_r_and_rate_of_change_are_talibs(n: int, lively: Bars, same_as: Callable[..., None]) -> None:
    expected = talib.WILLR(lively.high, lively.low, lively.close, n)[n - 1 :]
    same_as(williams_r(n), expected, rel=1e-8, floor=1e-8, over=lively)
    same_as(rate_of_change(n), talib.ROC(lively.close, n)[n:], rel=1e-6, floor=1e-10, over=lively)


def test_a_flat_window_is_its_own_middle(make_bars: Callable[..., Bars]) -> None:
    flat = make_bars([7.0] * 6)
    assert compute(williams_r(2), flat)[1:].tolist() == [-50.0] * 5
    assert compute(stochastic_k(2, 2), flat)[2:].tolist() == [50.0] * 4
    assert compute(stochastic_d(2, 1, 3), flat)[3:].tolist() == [50.0] * 3
    assert compute(rate_of_change(2), flat)[2:].tolist() == [0.0] * 4
