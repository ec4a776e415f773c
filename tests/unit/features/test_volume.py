"""Volume z-score against NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from tradewright.core.types.bar import Bars
from tradewright.features import volume_zscore


@pytest.mark.parametrize("n", [2, 3, 14, 50, 200])
def test_volume_zscore(n: int, bars: Bars, same_as: Callable[..., None]) -> None:
    seen = sliding_window_view(bars.volume, n)
    deviation = seen.std(axis=1, ddof=1)
    distance = seen[:, -1] - seen.mean(axis=1)
    safe = np.where(deviation > 0.0, deviation, 1.0)
    same_as(volume_zscore(n), np.where(deviation > 0.0, distance / safe, 0.0), floor=1e-10)
