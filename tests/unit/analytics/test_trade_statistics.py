from __future__ import annotations

import math

import numpy as np
import pytest

from tradewright.analytics.trade_statistics import expectancy, expectancy_ratio, hit_rate, profit_factor


@pytest.mark.parametrize(
    ("profits", "hit", "factor", "mean", "ratio"),
    [
        ([], math.nan, math.nan, math.nan, math.nan),
        ([0.0], 0.0, math.nan, 0.0, math.nan),
        ([5.0], 1.0, math.inf, 5.0, math.inf),
        ([-5.0], 0.0, 0.0, -5.0, -1.0),
        ([3.0, -1.0, -1.0, 0.0], 0.25, 1.5, 0.25, 0.25),
    ],
)
def test_trade_numbers(profits: list[float], hit: float, factor: float, mean: float, ratio: float) -> None:
    given = np.array(profits)
    assert hit_rate(given) == pytest.approx(hit, nan_ok=True)
    assert profit_factor(given) == pytest.approx(factor, nan_ok=True)
    assert expectancy(given) == pytest.approx(mean, nan_ok=True)
    assert expectancy_ratio(given) == pytest.approx(ratio, nan_ok=True)
