"""Session VWAP and its z-score against NumPy, and their corners."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import SESSION
from tradewright.features import compute, vwap_session, vwap_zscore


def session_vwap(bars: Bars) -> NDArray[np.float64]:
    """Sum afresh for every bar."""
    typical = (bars.high + bars.low + bars.close) / 3.0
    out = np.empty(len(bars))
    for i in range(len(bars)):
        part = (bars.fields[SESSION] == bars.fields[SESSION, i]) & (np.arange(len(bars)) <= i)
        traded = bars.volume[part].sum()
        out[i] = (typical[part] * bars.volume[part]).sum() / traded if traded > 0.0 else typical[i]
    return out


def test_vwap(bars: Bars, same_as: Callable[..., None]) -> None:
    same_as(vwap_session(), session_vwap(bars))


@pytest.mark.parametrize("n", [3, 14, 50])
def test_vwap_zscore(n: int, bars: Bars) -> None:
    distance = bars.close - session_vwap(bars)
    deviation = sliding_window_view(distance, n).std(axis=1, ddof=1)
    got = compute(vwap_zscore(n), bars)[n - 1 :]
    clear = deviation > 1e-9
    assert clear.mean() > 0.8
    expected = distance[n - 1 :][clear] / deviation[clear]
    np.testing.assert_allclose(got[clear], expected, rtol=1e-6, atol=1e-9)


def test_vwap_stays_over_a_bar_without_volume_and_starts_afresh(make_bars: Callable[..., Bars]) -> None:
    bars = make_bars([10.0, 20.0, 99.0, 30.0], volume=[1.0, 3.0, 0.0, 5.0], session=[1.0, 1.0, 1.0, 2.0])
    assert compute(vwap_session(), bars).tolist() == [10.0, 17.5, 17.5, 30.0]


def test_vwap_of_a_session_without_volume_is_the_typical_price(make_bars: Callable[..., Bars]) -> None:
    bars = make_bars([10.0, 20.0, 30.0], volume=[1.0, 0.0, 0.0], session=[1.0, 2.0, 2.0])
    assert compute(vwap_session(), bars).tolist() == [10.0, 20.0, 30.0]


def test_vwap_zscore_measures_from_the_vwap_in_sample_deviations(make_bars: Callable[..., Bars]) -> None:
    bars = make_bars([10.0, 14.0, 12.0])
    # distances 0, 2, 0: their sample deviation over the last two is sqrt(2)
    assert compute(vwap_zscore(2), bars)[1:] == pytest.approx([math.sqrt(2.0), 0.0])


def test_vwap_zscore_is_zero_without_dispersion(make_bars: Callable[..., Bars]) -> None:
    assert compute(vwap_zscore(2), make_bars([10.0] * 5))[1:].tolist() == [0.0] * 4
