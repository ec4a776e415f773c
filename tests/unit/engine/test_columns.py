"""The columns of a sweep are those that each feature has alone, and a lag costs none of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tradewright.core.types.bar import Bars
from tradewright.core.types.errors import ConfigError
from tradewright.core.types.events import MarketEvents
from tradewright.core.types.feature import Feature
from tradewright.engine.columns import columns_of
from tradewright.features import FeatureSet, close_price, compute, ema, lagged, quoted_spread, sma
from tradewright.features.contract import contract_bars

WANTED = {f.key: f for f in (ema(9), lagged(1, ema(9)), lagged(4, ema(9)), lagged(2, lagged(1, sma(5))), close_price())}


def _columns(features: dict[str, Feature], events: MarketEvents) -> dict[str, np.ndarray]:
    with ThreadPoolExecutor(2) as pool:
        return columns_of(features, events, pool)


def test_each_is_what_it_is_alone() -> None:
    bars = contract_bars(500)
    columns = _columns(WANTED, MarketEvents.from_bars([bars]))
    for key, feature in WANTED.items():
        assert columns[key].tobytes() == compute(feature, bars).tobytes(), key


def test_a_lag_is_a_view_of_its_origin() -> None:
    columns = _columns(WANTED, MarketEvents.from_bars([contract_bars(500)]))
    now, before = columns[ema(9).key], columns[lagged(4, ema(9)).key]
    assert before.ctypes.data == now.ctypes.data - 4 * 8
    assert np.isnan(before[:4]).all()


@pytest.mark.parametrize("n", [0, 1, 3])
def test_fewer_events_than_the_lag(n: int) -> None:
    bars = contract_bars(10)
    few = Bars("X", bars.ts_open[:n], bars.ts_event[:n], np.ascontiguousarray(bars.fields[:, :n]))
    columns = _columns(WANTED, MarketEvents.from_bars([few]))
    assert all(columns[key].tobytes() == compute(feature, few).tobytes() for key, feature in WANTED.items())


def test_several_instruments_have_a_lag_each() -> None:
    first, second = contract_bars(300, seed=1), contract_bars(200, seed=2)
    events = MarketEvents.from_bars([first, second])
    columns = _columns(WANTED, events)
    for key, feature in WANTED.items():
        for number, bars in enumerate((first, second)):
            mine = np.ascontiguousarray(columns[key][events.instruments == number])
            assert mine.tobytes() == compute(feature, bars).tobytes(), key


def test_no_features_no_columns() -> None:
    assert _columns({}, MarketEvents.from_bars([contract_bars(5)])) == {}


def test_a_feature_that_finds_nothing_to_read_is_refused() -> None:
    with pytest.raises(ConfigError, match="it reads quote events"):
        _columns({"spread": quoted_spread()}, MarketEvents.from_bars([contract_bars(5)]))


def test_values_are_written_where_they_are_wanted() -> None:
    bars = contract_bars(50)
    out = np.zeros((1, 50))
    FeatureSet({"it": ema(3)}).extend(bars.fields, 0, 50, out=out)
    assert out.tobytes() == compute(ema(3), bars).tobytes()
    with pytest.raises(ValueError, match=r"^out must be C-contiguous float64\(1, 50\)"):
        FeatureSet({"it": ema(3)}).extend(bars.fields, 0, 50, out=np.zeros((1, 51)))
