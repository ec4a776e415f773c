"""Bar fields."""

from __future__ import annotations

import numpy as np

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import SESSION
from tradewright.features import bar_volume, close_price, compute, high_price, low_price, open_price


def test_price_fields(bars: Bars) -> None:
    features = (open_price(), high_price(), low_price(), close_price(), bar_volume())
    assert np.array([compute(f, bars) for f in features]).tobytes() == bars.fields[:SESSION].tobytes()
