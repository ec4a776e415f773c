"""What must hold for every equity curve."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewright.analytics.bootstrap import HeadlineStatistics, block_bootstrap, stationary_resamples
from tradewright.analytics.drawdown import drawdowns, max_drawdown
from tradewright.analytics.monthly import monthly_returns
from tradewright.analytics.overfitting import SharpeEstimate, probabilistic_sharpe
from tradewright.analytics.performance import performance
from tradewright.analytics.returns import DAY_NS, daily_equity
from tradewright.core.types.dtypes import fill_dtype, round_trip_dtype

_curve = st.lists(st.floats(1.0, 1e6), max_size=60)
_return = st.floats(-0.5, 0.5)


def _stamps(n: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(1, n + 1, dtype=np.int64) * (DAY_NS // 2)


@given(_curve)
def test_drawdown_is_the_worst_of_all_pairs(values: list[float]) -> None:
    whole = [100.0, *values]
    expected = min((b / a - 1.0 for i, a in enumerate(whole) for b in whole[i:]), default=0.0)
    assert max_drawdown(np.array(values), 100.0) == pytest.approx(expected, abs=1e-12)


@given(_curve)
def test_described_drawdowns_cover_the_series(values: list[float]) -> None:
    equity = np.array(values)
    stamps = _stamps(len(values))
    found = drawdowns(stamps, equity, 100.0, worst=len(values))
    assert len(found.worst) == found.count
    assert [d.depth for d in found.worst] == sorted(d.depth for d in found.worst)
    under = sum(int(((stamps > d.ts_peak) & (stamps < d.ts_end)).sum()) + (d.ts_recovery is None) for d in found.worst)
    # the first stamp can be both the peak's date and under water, where the start is the peak
    starts_under = bool(len(values)) and values[0] < 100.0 and found.count > 0
    only_stamp = len(values) == 1
    assert under + (starts_under and not only_stamp) == int((found.series < 0.0).sum())
    assert found.longest_seconds == max((d.seconds for d in found.worst), default=0.0)


@given(_curve)
def test_numbers_of_any_curve_are_never_a_traceback(values: list[float]) -> None:
    equity = np.array(values)
    numbers = performance(
        _stamps(len(values)),
        equity,
        np.zeros(len(values)),
        np.zeros(0, round_trip_dtype),
        np.zeros(0, fill_dtype),
        100.0,
    )
    end = values[-1] if values else 100.0
    assert numbers.total_return == end / 100.0 - 1.0
    assert -1.0 <= numbers.max_drawdown <= 0.0
    assert all(value is None or math.isfinite(value) for value in numbers.to_dict().values())
    daily = daily_equity(_stamps(len(values)), equity, 100.0)
    assert np.prod(1.0 + daily.returns) * 100.0 == pytest.approx(end)
    table = monthly_returns(daily, 100.0)
    assert np.nanprod(1.0 + table.returns) * 100.0 == pytest.approx(end)
    assert np.nanprod(1.0 + table.totals) * 100.0 == pytest.approx(end)


@given(st.lists(_return, max_size=30))
def test_kurtosis_of_a_sample_is_always_possible(values: list[float]) -> None:
    estimate = SharpeEstimate.of(np.array(values))
    probability = probabilistic_sharpe(estimate)
    assert math.isnan(probability) or 0.0 <= probability <= 1.0


@given(st.lists(_return, min_size=1, max_size=30), st.floats(1.0, 30.0), st.integers(0, 1000))
def test_resamples_hold_only_days_of_the_original(values: list[float], block: float, seed: int) -> None:
    returns = np.array(values)
    drawn = stationary_resamples(returns, min(block, len(values)), 7, np.random.default_rng(seed))
    assert drawn.shape == (len(values), 7)
    assert set(drawn.ravel().tolist()) <= set(values)


@given(st.lists(_return, max_size=30))
def test_intervals_are_ordered_or_undefined(values: list[float]) -> None:
    for interval in block_bootstrap(np.array(values), HeadlineStatistics(252.0, 0.5), n=40).values():
        assert math.isnan(interval.lower) == math.isnan(interval.upper)
        assert math.isnan(interval.lower) or interval.lower <= interval.upper
