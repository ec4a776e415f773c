from __future__ import annotations

import math

import numpy as np
import pytest

from tradewright.analytics.bootstrap import stationary_resamples
from tradewright.analytics.joint_bootstrap import (
    Resampling,
    TimeSums,
    paired_difference,
    resampled_sums,
    sums_over_labels,
)


def test_sums_are_those_of_the_series_drawn() -> None:
    values = np.random.default_rng(0).normal(size=50)
    drawn = stationary_resamples(values, 4.0, 200, np.random.default_rng(1))
    sums = resampled_sums(np.column_stack([values, values**2]), 4.0, 200, np.random.default_rng(1))
    assert sums[:, 0] == pytest.approx(drawn.sum(axis=0), abs=1e-9)
    assert sums[:, 1] == pytest.approx((drawn**2).sum(axis=0), abs=1e-9)


def test_what_both_sides_share_cancels() -> None:
    rng = np.random.default_rng(2)
    luck = (rng.random(2000) < 0.5).astype(np.float64)
    better = np.where(rng.random(2000) < 0.05, 1.0, luck)
    start = np.arange(2000, dtype=np.int64)
    paired = paired_difference(better, luck, start, start + 1)
    alone = paired_difference(better, np.full(2000, luck.mean()), start, start + 1)
    assert paired.lower > 0.0
    assert paired.upper - paired.lower < 0.5 * (alone.upper - alone.lower)


def test_overlap_widens_the_interval() -> None:
    rng = np.random.default_rng(3)
    steps = rng.normal(size=2020)
    hits = (np.convolve(steps, np.ones(20), "valid")[:2000] > 0.0).astype(np.float64)
    start = np.arange(2000, dtype=np.int64)
    half = np.full(2000, 0.5)
    naive = paired_difference(rng.permutation(hits), half, start, start + 1)
    aware = paired_difference(hits, half, start, start + 20)
    assert aware.upper - aware.lower > 2.0 * (naive.upper - naive.lower)


def test_covers_the_truth_about_as_often_as_it_says() -> None:
    start = np.arange(300, dtype=np.int64)
    covered = 0
    for seed in range(100):
        hits = (np.random.default_rng(seed).random(300) < 0.6).astype(np.float64)
        found = paired_difference(hits, np.zeros(300), start, start + 1, Resampling(300, seed))
        covered += found.lower <= 0.6 <= found.upper
    assert 88 <= covered <= 99


def test_rows_of_one_time_are_drawn_together_and_in_any_order() -> None:
    start = np.repeat(np.arange(100, dtype=np.int64), 3)
    value = np.random.default_rng(4).normal(size=300)
    columns = np.column_stack([value, np.ones(300)])
    sums = sums_over_labels(start, start + 1, columns, value)
    assert sums.sums.shape == (100, 2)
    assert (sums.sums[:, 1] == 3.0).all()
    shuffled = np.random.default_rng(5).permutation(300)
    again = sums_over_labels(start[shuffled], start[shuffled] + 1, columns[shuffled], value[shuffled])
    assert again.sums == pytest.approx(sums.sums)


def test_long_series_are_drawn_in_stretches() -> None:
    value = np.random.default_rng(6).normal(size=(30_000, 1))
    fine = TimeSums(value, 50.0).interval(lambda s: s[:, 0], Resampling(400, cells=30_000))
    coarse = TimeSums(value, 50.0).interval(lambda s: s[:, 0], Resampling(400, cells=1000))
    assert coarse.estimate == pytest.approx(fine.estimate)
    assert coarse.upper - coarse.lower == pytest.approx(fine.upper - fine.lower, rel=0.2)


def test_one_time_has_no_interval() -> None:
    found = paired_difference(np.ones(1), np.zeros(1), np.zeros(1, np.int64), np.ones(1, np.int64))
    assert found.estimate == 1.0
    assert math.isnan(found.lower)
