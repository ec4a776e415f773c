"""Momentum in several timeframes against bars made by polars, gaps included."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.dtypes import CLOSE
from tradewright.features import compute, momentum_alignment, momentum_divergence, timeframe_return

MINUTE = 60 * 10**9
FRAMES = (1, 5, 15, 60, 240)


def gappy_bars(n: int = 3000, seed: int = 4) -> Bars:
    """One-minute bars with single minutes, hours and whole days missing."""
    rng = np.random.default_rng(seed)
    steps = rng.choice(np.array([1, 1, 1, 1, 2, 7]), n)
    steps[rng.integers(0, n, 20)] = rng.integers(60, 2000, 20)
    ts = (28_000_000 + np.cumsum(steps)) * MINUTE
    fields = blank_fields(ts)
    fields[CLOSE] = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.001, n)))
    return Bars("X", ts - MINUTE, ts, fields)


def expected_growth(bars: Bars, minutes: int, lookback: int) -> NDArray[np.float64]:
    """Return what is known after each bar: polars makes the higher bars, each becomes visible once it is complete."""
    frame = pl.DataFrame({"ts": bars.ts_event, "close": bars.close}).with_columns(pl.from_epoch("ts", time_unit="ns"))
    every = timedelta(minutes=minutes)
    higher = frame.group_by_dynamic("ts", every=every, closed="right", label="right").agg(pl.col("close").last())
    ends = higher["ts"].dt.epoch("ns").to_numpy()
    growth = higher["close"].to_numpy()[lookback:] / higher["close"].to_numpy()[:-lookback] - 1.0
    out = np.full(len(bars), np.nan)
    for i, now in enumerate(bars.ts_event):
        # complete: it has ended by now, and the bar at its end or one after has been seen
        complete = int(np.searchsorted(ends, now, side="right"))
        if complete > lookback:
            out[i] = growth[complete - lookback - 1]
    return out


@pytest.mark.parametrize(("minutes", "lookback"), [(5, 1), (60, 3), (7, 2)])
def test_a_higher_bar_is_seen_once_complete(minutes: int, lookback: int) -> None:
    bars = gappy_bars()
    got = compute(timeframe_return(minutes, lookback), bars)
    np.testing.assert_allclose(got, expected_growth(bars, minutes, lookback), rtol=1e-12)


def test_alignment_and_divergence_are_made_of_signs() -> None:
    bars = gappy_bars()
    signs = np.sign([expected_growth(bars, minutes, 2) for minutes in FRAMES])
    alignment = signs.sum(axis=0) / 5.0
    divergence = (signs[:2].sum(axis=0) - signs[3:].sum(axis=0)) / 4.0
    divergence[np.isnan(alignment)] = np.nan
    assert np.isfinite(alignment).sum() > 1000
    np.testing.assert_allclose(compute(momentum_alignment(2), bars), alignment, atol=1e-12)
    np.testing.assert_allclose(compute(momentum_divergence(2), bars), divergence, atol=1e-12)


def test_an_hour_is_not_seen_before_its_last_minute() -> None:
    ts = (np.arange(1, 181, dtype=np.int64)) * MINUTE
    fields = blank_fields(ts)
    fields[CLOSE] = np.arange(1.0, 181.0)
    values = compute(timeframe_return(60), Bars("X", ts - MINUTE, ts, fields))
    assert np.isnan(values[:119]).all()
    assert values[119:179].tolist() == [1.0] * 60  # 120 / 60 - 1, until the third hour is complete
    assert math.isclose(values[179], 0.5)
