"""Sets of features: order, memory for each instrument, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from tradewright.features import FeatureSet, close_price, compute, ema, sma
from tradewright.features.contract import contract_bars

BARS = contract_bars(120, seed=3)


def test_values_stand_in_the_order_of_the_names() -> None:
    features = FeatureSet({"slow": ema(9), "close": close_price(), "fast": ema(3)})
    assert features.names == ("slow", "close", "fast")
    assert len(features) == 3
    assert features.warmup == 8
    assert features.features["fast"] == ema(3)
    columns = features.extend(BARS.fields, 0, len(BARS))
    for column, feature in zip(columns, (ema(9), close_price(), ema(3)), strict=True):
        assert column.tobytes() == compute(feature, BARS).tobytes()


def test_a_row_is_not_overwritten_by_the_next_event() -> None:
    features = FeatureSet({"close": close_price()})
    first = features.update(BARS.fields, 0)
    features.update(BARS.fields, 1)
    assert first[0] == BARS.close[0]


def test_instruments_do_not_share_memory() -> None:
    features = FeatureSet({"sma": sma(4)})
    features.extend(BARS.fields, 0, 50, instrument=0)
    assert np.isnan(features.update(BARS.fields, 50, instrument=1)[0])
    assert not np.isnan(features.update(BARS.fields, 50, instrument=0)[0])


def test_sets_do_not_share_memory() -> None:
    feature = sma(4)
    one, other = FeatureSet({"x": feature}), FeatureSet({"x": feature})
    one.extend(BARS.fields, 0, 50)
    assert np.isnan(other.update(BARS.fields, 50)[0])


def test_reset_forgets() -> None:
    features = FeatureSet({"sma": sma(4)})
    first = features.extend(BARS.fields, 0, 50)[0]
    features.reset()
    assert features.extend(BARS.fields, 0, 50)[0].tobytes() == first.tobytes()


def test_an_empty_set_and_an_empty_block() -> None:
    assert FeatureSet({}).warmup == 0
    assert FeatureSet({}).update(BARS.fields, 0).shape == (0,)
    assert FeatureSet({"x": ema(3)}).extend(BARS.fields, 5, 5)[0].shape == (0,)


def test_an_event_outside_is_refused() -> None:
    features = FeatureSet({"x": ema(3)})
    with pytest.raises(ValueError, match="120 events given"):
        features.update(BARS.fields, 120)
    with pytest.raises(ValueError, match="120 events given"):
        features.update(BARS.fields, -1)
