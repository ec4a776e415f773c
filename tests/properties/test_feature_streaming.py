"""Features give the same bits however the events are cut, and windows agree with exact arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, N_FIELDS, OPEN, SESSION, VOLUME
from tradewright.core.types.feature import Feature
from tradewright.features import (
    REGISTRY,
    FeatureSet,
    compute,
    donchian_high_inclusive,
    donchian_low_inclusive,
    rolling_volatility,
    sma,
    volume_zscore,
)
from tradewright.features.contract import contract_bars

ALL: dict[str, Feature] = {name: constructor() for name, constructor in REGISTRY.items()}

positive = st.floats(1e-3, 1e9, allow_nan=False)


def bars_of(values: list[float]) -> Bars:
    """Put one series into every price row and into the volume."""
    fields = np.empty((N_FIELDS, len(values)))
    fields[[OPEN, HIGH, LOW, CLOSE, VOLUME]] = values
    fields[SESSION] = 0.0
    ts = np.arange(len(values), dtype=np.int64)
    return Bars("X", ts, ts + 1, fields)


@st.composite
def pieces(draw: st.DrawFn, n: int) -> list[tuple[int, int, bool]]:
    """Cut ``n`` events into ranges, each either a block or single events."""
    edges = sorted({0, n, *draw(st.lists(st.integers(0, n), max_size=12))})
    return [(a, b, draw(st.booleans())) for a, b in pairwise(edges)]


def take_in(
    features: FeatureSet, bars: Bars, cuts: list[tuple[int, int, bool]], instrument: int
) -> NDArray[np.float64]:
    """Return values, f8[k, n], taken in piece by piece."""
    parts: list[NDArray[np.float64]] = []
    for start, stop, is_block in cuts:
        if is_block:
            parts.append(np.array(features.extend(bars.fields, start, stop, instrument)))
        else:
            rows = [features.update(bars.fields, i, instrument) for i in range(start, stop)]
            parts.append(np.array(rows).T)
    return np.concatenate(parts, axis=1)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 150).flatmap(lambda n: st.tuples(st.just(n), pieces(n), pieces(n))),
)
def test_any_mixture_of_blocks_and_events_gives_the_batch_to_the_bit(
    seed: int, cut: tuple[int, list[tuple[int, int, bool]], list[tuple[int, int, bool]]]
) -> None:
    n, first_cuts, second_cuts = cut
    first, second = contract_bars(n, seed), contract_bars(n, seed + 1)
    features = FeatureSet(ALL)
    got_first = take_in(features, first, first_cuts, instrument=0)
    got_second = take_in(features, second, second_cuts, instrument=1)
    for bars, got in ((first, got_first), (second, got_second)):
        expected = np.array([compute(feature, bars) for feature in ALL.values()])
        assert got.tobytes() == expected.tobytes()


@settings(max_examples=60, deadline=None)
@given(st.lists(positive, min_size=1, max_size=80), st.integers(1, 12))
def test_extremes_are_exact(values: list[float], n: int) -> None:
    bars = bars_of(values)
    high = compute(donchian_high_inclusive(n), bars)
    low = compute(donchian_low_inclusive(n), bars)
    for i in range(n - 1, len(values)):
        assert high[i] == max(values[i - n + 1 : i + 1])
        assert low[i] == min(values[i - n + 1 : i + 1])


@settings(max_examples=60, deadline=None)
@given(st.lists(positive, min_size=1, max_size=80), st.integers(1, 12))
def test_sma_is_as_good_as_one_summation_of_the_window(values: list[float], n: int) -> None:
    got = compute(sma(n), bars_of(values))
    for i in range(n - 1, len(values)):
        exact = sum(map(Fraction, values[i - n + 1 : i + 1]), Fraction()) / n
        assert abs(Fraction(got[i]) - exact) <= exact * (n + 1) * Fraction(2) ** -52


@settings(max_examples=60, deadline=None)
@given(st.lists(positive, min_size=2, max_size=60), st.integers(2, 9))
def test_volume_zscore_agrees_with_exact_arithmetic(values: list[float], n: int) -> None:
    got = compute(volume_zscore(n), bars_of(values))
    for i in range(n - 1, len(values)):
        window = [Fraction(v) for v in values[i - n + 1 : i + 1]]
        mean = sum(window, Fraction()) / n
        variance = sum(((v - mean) ** 2 for v in window), Fraction()) / (n - 1)
        spread = math.sqrt(variance)
        if spread > 1e-9 * float(mean):
            assert got[i] == pytest.approx(float(window[-1] - mean) / spread, rel=1e-5, abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(positive, st.integers(2, 30), st.integers(2, 90))
def test_a_standing_market_has_no_volatility_and_no_zscore(value: float, n: int, length: int) -> None:
    bars = bars_of([value] * length)
    for feature in (rolling_volatility(n), volume_zscore(n)):
        values = compute(feature, bars)[feature.warmup :]
        assert (values == 0.0).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_a_huge_value_leaves_no_trace_once_it_has_left_the_window(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(1.0, 2.0, 200)
    spiked = values.copy()
    spiked[50] = 1e15
    after = slice(50 + n, None)
    assert np.array_equal(compute(sma(n), bars_of(list(spiked)))[after], compute(sma(n), bars_of(list(values)))[after])
