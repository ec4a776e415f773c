"""Beta and correlation against NumPy; nothing without a reference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import REFERENCE
from tradewright.features import compute, reference_return, relative_return, rolling_beta, rolling_correlation


@pytest.mark.parametrize("n", [2, 3, 60])
def test_beta_and_correlation(n: int, bars: Bars, same_as: Callable[..., None]) -> None:
    own, other = (np.diff(np.log(x)) for x in (bars.close, bars.fields[REFERENCE]))
    pairs = [np.cov(other[k : k + n], own[k : k + n]) for k in range(len(own) - n + 1)]
    beta = np.array([c[0, 1] / c[0, 0] for c in pairs])
    same_as(rolling_beta(n), beta, rel=1e-6, floor=1e-9)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.array([c[0, 1] / np.sqrt(c[0, 0] * c[1, 1]) for c in pairs])
    correlation[[c[1, 1] == 0.0 for c in pairs]] = 0.0
    same_as(rolling_correlation(n), correlation, rel=1e-6, floor=1e-6)


@pytest.mark.parametrize("n", [1, 5])
def test_returns(n: int, bars: Bars, same_as: Callable[..., None]) -> None:
    other = bars.fields[REFERENCE, n:] / bars.fields[REFERENCE, :-n] - 1.0
    same_as(reference_return(n), other, rel=1e-7)
    same_as(relative_return(n), bars.close[n:] / bars.close[:-n] - 1.0 - other, rel=1e-6, floor=1e-12)


def test_an_instrument_is_its_own_reference(bars: Bars) -> None:
    twin = Bars("X", bars.ts_open, bars.ts_event, bars.fields.copy())
    twin.fields[REFERENCE] = 3.0 * twin.close
    # about one in ten of the windows stands still: no slope there
    moving = np.array([np.ptp(twin.close[i - 20 : i + 1]) > 0.0 for i in range(20, len(twin))])
    assert compute(rolling_beta(20), twin)[20:][moving] == pytest.approx(1.0)
    assert compute(rolling_correlation(20), twin)[20:][moving] == pytest.approx(1.0)


def test_a_standing_reference_has_no_slope(make_bars: Callable[..., Bars]) -> None:
    bars = make_bars([1.0, 2.0, 3.0, 2.0])
    bars.fields[REFERENCE] = 5.0
    assert compute(rolling_beta(2), bars)[2:].tolist() == [0.0, 0.0]
    assert compute(rolling_correlation(2), bars)[2:].tolist() == [0.0, 0.0]


def test_without_a_reference_there_is_no_value_and_after_a_hole_the_window_goes_on(bars: Bars) -> None:
    holed = Bars("X", bars.ts_open, bars.ts_event, bars.fields.copy())
    holed.fields[REFERENCE, :100] = np.nan
    values = compute(rolling_beta(10), holed)
    assert np.isnan(values[:110]).all()
    assert np.isfinite(values[110:]).all()
    holed.fields[REFERENCE] = np.nan
    for make in (reference_return, relative_return, rolling_beta, rolling_correlation):
        assert np.isnan(compute(make(), holed)).all()
