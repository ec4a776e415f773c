from __future__ import annotations

import math

import numpy as np
import pytest

from tradewright.analytics.drawdown import drawdown_series, drawdowns, max_drawdown, max_drawdown_value
from tradewright.core.types.errors import DataError, UsageError

SECOND = 1_000_000_000


def _stamps(n: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(n, dtype=np.int64) * SECOND


def test_starting_equity_is_a_peak() -> None:
    assert drawdown_series(np.array([90.0, 95.0, 110.0, 55.0]), 100.0) == pytest.approx([-0.1, -0.05, 0, -0.5])


def test_table_of_drawdowns() -> None:
    equity = np.array([100.0, 90.0, 80.0, 100.0, 120.0, 120.0, 60.0, 100.0])
    found = drawdowns(_stamps(8), equity, 100.0)
    assert found.count == 2
    deep, shallow = found.worst
    assert (deep.depth, deep.depth_value, deep.peak, deep.trough) == (-0.5, 60.0, 120.0, 60.0)
    assert (deep.ts_peak, deep.ts_trough, deep.ts_recovery) == (5 * SECOND, 6 * SECOND, None)
    assert deep.seconds == 2.0
    assert math.isnan(deep.seconds_to_recovery)
    assert (shallow.ts_peak, shallow.ts_trough, shallow.ts_recovery) == (0, 2 * SECOND, 3 * SECOND)
    assert (shallow.seconds, shallow.seconds_to_trough, shallow.seconds_to_recovery) == (3.0, 2.0, 1.0)
    assert found.longest_seconds == 3.0


def test_only_the_worst_are_described_but_all_are_counted() -> None:
    equity = np.array([99.0, 100.0, 98.0, 100.0, 97.0, 100.0])
    found = drawdowns(_stamps(6), equity, 100.0, worst=2)
    assert [round(d.depth, 2) for d in found.worst] == [-0.03, -0.02]
    assert found.count == 3


def test_equal_depths_stay_in_order_of_time() -> None:
    found = drawdowns(_stamps(4), np.array([100.0, 90.0, 100.0, 90.0]), 100.0)
    assert [d.ts_trough for d in found.worst] == [1 * SECOND, 3 * SECOND]


def test_losing_from_the_start_dates_the_peak_at_the_first_stamp() -> None:
    (only,) = drawdowns(_stamps(3), np.array([90.0, 80.0, 100.0]), 100.0).worst
    assert (only.ts_peak, only.peak, only.ts_recovery) == (0, 100.0, 2 * SECOND)


@pytest.mark.parametrize("equity", [[], [100.0], [100.0, 100.0, 100.0], [100.0, 110.0]])
def test_without_drawdown(equity: list[float]) -> None:
    found = drawdowns(_stamps(len(equity)), np.array(equity), 100.0)
    assert (found.worst, found.count, found.longest_seconds) == ((), 0, 0.0)
    assert max_drawdown(np.array(equity), 100.0) == 0.0
    assert max_drawdown_value(np.array(equity), 100.0) == (0.0, 0.0)


def test_more_than_all_can_be_lost() -> None:
    assert max_drawdown(np.array([50.0, -10.0]), 100.0) == pytest.approx(-1.1)


def test_bad_input_is_refused() -> None:
    with pytest.raises(UsageError):
        max_drawdown(np.array([1.0]), 0.0)
    with pytest.raises(UsageError):
        max_drawdown_value(np.array([1.0]), math.nan)
    with pytest.raises(DataError):
        drawdowns(_stamps(2)[::-1], np.array([1.0, 2.0]), 1.0)
