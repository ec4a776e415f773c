"""Labels worked by hand: horizons, barriers, ties, sides, overlaps."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN
from tradewright.features import REGISTRY, compute, rolling_volatility
from tradewright.features.contract import contract_bars
from tradewright.features.labels import (
    BarrierParams,
    average_uniqueness,
    concurrency,
    fixed_horizon,
    meta_labels,
    return_weights,
    triple_barrier,
)

MINUTE = 60 * 10**9


def market(*rows: tuple[float, float, float, float]) -> Bars:
    """Bars of one minute from open, high, low, close."""
    ts = np.arange(1, len(rows) + 1, dtype=np.int64) * MINUTE
    fields = blank_fields(ts)
    fields[[OPEN, HIGH, LOW, CLOSE]] = np.array(rows).T
    return Bars("X", ts - MINUTE, ts, fields)


START = (100.0, 100.0, 100.0, 100.0)
CALM = (100.0, 100.5, 99.5, 100.2)


def test_a_horizon_is_a_number_of_bars() -> None:
    bars = market(*((c, c, c, c) for c in (10.0, 11.0, 10.0, 10.5, 10.45)))
    labels = fixed_horizon(bars, 2, threshold=0.01)
    assert labels.start.tolist() == [0, 1, 2]
    assert labels.end.tolist() == [2, 3, 4]
    assert labels.ts_start.tolist() == [MINUTE, 2 * MINUTE, 3 * MINUTE]
    assert labels.ts_end.tolist() == [3 * MINUTE, 4 * MINUTE, 5 * MINUTE]
    assert labels.growth == pytest.approx([0.0, 10.5 / 11.0 - 1.0, 0.045])
    assert labels.value.tolist() == [0.0, -1.0, 1.0]
    assert fixed_horizon(bars, 2, threshold=0.045).value.tolist() == [0.0, -1.0, 0.0]
    assert fixed_horizon(bars, 2, starts=np.array([1, 4])).start.tolist() == [1]
    assert len(fixed_horizon(bars, 9)) == 0


@pytest.mark.parametrize(
    ("row", "touched", "growth"),
    [
        ((100.0, 102.5, 99.5, 101.0), 1, 0.02),  # reaches the barrier above
        ((100.0, 101.0, 97.0, 99.0), -1, -0.02),  # reaches the one below
        ((100.0, 103.0, 97.0, 102.0), -1, -0.02),  # both: nobody knows the order, so the loss
        ((103.0, 104.0, 97.0, 98.0), 1, 0.02),  # opens above: the profit came first, and earns no more than its barrier
        ((95.0, 103.0, 94.0, 102.0), -1, -0.05),  # opens below: the loss is what the market gave
        ((100.0, 102.0, 98.5, 100.0), 1, 0.02),  # touching is enough
    ],
)
def test_which_barrier_comes_first(row: tuple[float, float, float, float], touched: int, growth: float) -> None:
    bars = market(START, CALM, row, CALM)
    labels = triple_barrier(bars, np.full(4, 0.01), BarrierParams(2.0, 2.0, 3), np.array([0]))
    assert labels.touched.tolist() == [touched]
    assert labels.value.tolist() == [float(touched)]
    assert labels.end.tolist() == [2]
    assert labels.growth == pytest.approx([growth])


def test_a_side_turns_the_barriers_round() -> None:
    both = market(START, (100.0, 103.0, 97.0, 102.0), CALM)
    falls = market(START, (100.0, 100.5, 97.9, 98.0), CALM)
    jumps = market(START, (105.0, 106.0, 104.0, 105.0), CALM)
    short = np.array([-1.0, 0.0, np.nan])
    params = BarrierParams(2.0, 2.0, 2)
    for bars, value, growth in ((both, 0.0, -0.02), (falls, 1.0, 0.02), (jumps, 0.0, -0.05)):
        labels = meta_labels(bars, np.full(3, 0.01), short, params)
        assert (labels.start.tolist(), labels.value.tolist()) == ([0], [value])
        assert labels.growth == pytest.approx([growth])
    assert meta_labels(both, np.full(3, 0.01), -short, params).value.tolist() == [0.0]


def test_time_is_up_after_bars_or_after_a_time() -> None:
    bars = market(START, CALM, CALM, (100.0, 100.4, 99.0, 99.1), CALM)
    scale = np.full(5, 0.05)
    labels = triple_barrier(bars, scale, BarrierParams(max_bars=3), np.array([0, 1, 2]))
    assert labels.start.tolist() == [0, 1]  # the third would need a bar that is not there
    assert labels.touched.tolist() == [0, 0]
    assert labels.value.tolist() == [-1.0, 0.0]
    assert labels.growth == pytest.approx([99.1 / 100.0 - 1.0, 0.0])
    neutral = triple_barrier(bars, scale, BarrierParams(max_bars=3, is_time_neutral=True), np.array([0]))
    assert neutral.value.tolist() == [0.0]
    timed = triple_barrier(bars, scale, BarrierParams(max_bars=10, max_ns=2 * MINUTE + 1), np.array([0, 2, 3]))
    assert timed.start.tolist() == [0]  # for the other two the time is not over
    assert timed.end.tolist() == [2]


def test_no_barrier_and_no_scale() -> None:
    bars = market(START, (100.0, 150.0, 99.5, 149.0), CALM, CALM)
    open_above = triple_barrier(bars, np.full(4, 0.01), BarrierParams(math.inf, 1.0, 2), np.array([0]))
    assert open_above.touched.tolist() == [0]
    scale = np.array([np.nan, 0.0, -1.0, 0.01])
    assert len(triple_barrier(bars, scale, BarrierParams(max_bars=1))) == 0


def test_a_label_depends_on_nothing_beyond_its_end() -> None:
    bars = contract_bars(400, seed=2)
    scale = compute(rolling_volatility(20), bars)
    params = BarrierParams(2.0, 1.5, 15)
    labels = triple_barrier(bars, scale, params)
    assert {-1, 0, 1} == set(labels.touched.tolist())
    for k in range(0, len(labels), 25):
        changed = Bars("X", bars.ts_open, bars.ts_event, bars.fields.copy())
        changed.fields[: CLOSE + 1, labels.end[k] + 1 :] *= 3.0
        again = triple_barrier(changed, scale, params)
        assert (again.end[k], again.value[k], again.growth[k]) == (labels.end[k], labels.value[k], labels.growth[k])


def test_uniqueness_of_overlapping_labels() -> None:
    # three labels over the returns of bars 1-3, 3-4 and 6: bar 3 is shared by two
    start, end = np.array([0, 2, 5]), np.array([3, 4, 6])
    assert concurrency(start, end, 8).tolist() == [0, 1, 1, 2, 1, 0, 1, 0]
    assert average_uniqueness(start, end, 8) == pytest.approx([(1 + 1 + 0.5) / 3, (0.5 + 1) / 2, 1.0])


def test_weights_follow_the_returns_that_a_label_has_to_itself() -> None:
    start, end = np.array([0, 1]), np.array([2, 2])
    close = np.exp([0.0, 0.1, 0.3, 0.3])
    # returns 0.1 (first alone) and 0.2 (shared): 0.1 + 0.1 and 0.1
    assert return_weights(start, end, close) == pytest.approx([4.0 / 3.0, 2.0 / 3.0])
    assert return_weights(start, end, np.ones(4)).tolist() == [1.0, 1.0]


def test_senseless_arguments_are_refused() -> None:
    bars = market(START, CALM)
    with pytest.raises(ValueError, match="horizon must be a whole number of at least 1, got 0"):
        fixed_horizon(bars, 0)
    with pytest.raises(ValueError, match="loss must be a number of at least 0, got -1"):
        BarrierParams(loss=-1.0)
    with pytest.raises(ValueError, match=r"the scale \(3,\) does not fit 2 bars"):
        triple_barrier(bars, np.ones(3))
    with pytest.raises(ValueError, match="side must hold -1, 0 or 1"):
        meta_labels(bars, np.ones(2), np.array([2.0, 0.0]))
    with pytest.raises(ValueError, match="ascending numbers of the 2 bars"):
        fixed_horizon(bars, 1, starts=np.array([1, 0]))
    with pytest.raises(ValueError, match="each label must begin before it ends, within 4 bars"):
        average_uniqueness(np.array([1]), np.array([1]), 4)


def test_labels_are_no_features() -> None:
    assert not set(REGISTRY) & {"fixed_horizon", "triple_barrier", "meta_labels"}
