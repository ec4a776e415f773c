"""Features give the same bits however the events are cut, and windows agree with exact arithmetic."""

from __future__ import annotations

import math
import os
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.dtypes import (
    BUY_VOLUME,
    CLOSE,
    HIGH,
    LOW,
    N_FIELDS,
    OPEN,
    REFERENCE,
    SESSION,
    TRADES,
    VOLUME,
)
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.core.types.feature import Feature
from tradewright.data.clock import fill_clock
from tradewright.data.presets import CALENDARS
from tradewright.features import (
    REGISTRY,
    FeatureSet,
    close_price,
    compute,
    donchian_high_inclusive,
    donchian_low_inclusive,
    robust_zscore,
    rolling_rank,
    rolling_volatility,
    sma,
    volume_zscore,
)
from tradewright.features.contract import contract_bars, contract_events

EVERY: dict[str, Feature] = {name: constructor() for name, constructor in REGISTRY.items()}
ALL = {name: feature for name, feature in EVERY.items() if feature.reads in (None, EventKind.BAR)}

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
    features: FeatureSet, bars: Bars | MarketEvents, cuts: list[tuple[int, int, bool]], instrument: int
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


#: Markets, and a day near which their clocks change or they close early.
MARKETS = (
    ("us_equity", datetime(2024, 3, 8, tzinfo=UTC)),  # the weekend on which New York's clock skips an hour
    ("us_equity", datetime(2024, 11, 1, tzinfo=UTC)),  # ... repeats one
    ("us_equity", datetime(2024, 11, 27, tzinfo=UTC)),  # Thanksgiving, and the half day after it
    ("fx", datetime(2024, 3, 29, tzinfo=UTC)),  # London's clock changes, New York's does not
    ("lse", datetime(2024, 12, 23, tzinfo=UTC)),  # two half days and two holidays
    ("24/7", datetime(2024, 12, 31, tzinfo=UTC)),
)


@st.composite
def market_days(draw: st.DrawFn) -> Bars:
    """Draw bars of a real calendar with missing minutes, nights and days, and what sources know or do not know."""
    name, first = draw(st.sampled_from(MARKETS))
    interval = draw(st.sampled_from([60, 300, 3600])) * 10**9
    n = draw(st.integers(2, 160))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    steps = rng.choice(np.array([1, 1, 1, 1, 2, 5, 30, 400]), n)
    ts_open = int(first.timestamp()) * 10**9 + interval * np.cumsum(steps).astype(np.int64)
    bars = contract_bars(n, draw(st.integers(0, 1000)))
    fields = bars.fields.copy()
    fill_clock(fields, ts_open, ts_open + interval, CALENDARS[name])
    if draw(st.booleans()):
        fields[REFERENCE, : draw(st.integers(0, n))] = np.nan
    if draw(st.booleans()):
        fields[[TRADES, BUY_VOLUME]] = [[0.0], [np.nan]]
    return Bars("X", ts_open, ts_open + interval, fields)


@settings(max_examples=60, deadline=None)
@given(market_days(), st.data())
def test_gaps_breaks_early_closes_and_clock_changes_give_the_same_bits(bars: Bars, data: st.DataObject) -> None:
    expected = np.array([compute(feature, bars) for feature in ALL.values()])
    cut = data.draw(pieces(len(bars)))
    assert take_in(FeatureSet(ALL), bars, cut, instrument=0).tobytes() == expected.tobytes()
    assert not np.isinf(expected).any()
    known = data.draw(st.integers(1, len(bars)))
    early = Bars("X", bars.ts_open[:known], bars.ts_event[:known], np.ascontiguousarray(bars.fields[:, :known]))
    truncated = np.array([compute(feature, early) for feature in ALL.values()])
    assert truncated.tobytes() == np.ascontiguousarray(expected[:, :known]).tobytes()


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([EventKind.QUOTE, EventKind.TRADE]), st.integers(0, 1000), st.integers(1, 200), st.data())
def test_quotes_and_trades_give_the_same_bits(kind: EventKind, seed: int, n: int, data: st.DataObject) -> None:
    events = contract_events(kind, n, seed)
    made = {name: feature for name, feature in EVERY.items() if feature.reads in (None, kind)}
    expected = np.array([compute(feature, events) for feature in made.values()])
    assert take_in(FeatureSet(made), events, data.draw(pieces(n)), instrument=0).tobytes() == expected.tobytes()


REAL = {"nvda/NVDA_5m.csv.gz": "us_equity", "crypto_1m/BTCUSDT_1min_sample.csv.gz": "24/7"}


@pytest.mark.parametrize("name", sorted(REAL))
def test_real_bars_give_the_same_bits(name: str) -> None:
    path = Path(os.environ.get("TRADEWRIGHT_DEV_DATA", "")) / name
    if "TRADEWRIGHT_DEV_DATA" not in os.environ or not path.is_file():
        pytest.skip(f"the development data ({name}) is absent; TRADEWRIGHT_DEV_DATA names its folder")
    columns = ("open", "high", "low", "close", "volume")
    frame = pl.read_csv(path, try_parse_dates=True).head(6000)
    ts_open = frame[frame.columns[0]].dt.epoch("ns").to_numpy()
    interval = int(np.median(np.diff(ts_open)))
    fields = blank_fields(ts_open + interval)
    fields[[OPEN, HIGH, LOW, CLOSE, VOLUME]] = frame.select(columns).to_numpy().T
    fill_clock(fields, ts_open, ts_open + interval, CALENDARS[REAL[name]])
    bars = Bars("X", ts_open, ts_open + interval, fields)
    expected = np.array([compute(feature, bars) for feature in ALL.values()])
    one_by_one = take_in(FeatureSet(ALL), bars, [(0, len(bars), False)], instrument=0)
    in_blocks = take_in(FeatureSet(ALL), bars, [(0, 7, True), (7, 1100, True), (1100, len(bars), True)], instrument=0)
    assert one_by_one.tobytes() == expected.tobytes()
    assert in_blocks.tobytes() == expected.tobytes()
    needs_reference = {"reference_return", "relative_return", "rolling_beta", "rolling_correlation"}
    silent = {n for n, row in zip(ALL, expected, strict=True) if not np.isfinite(row).any()}
    assert silent == needs_reference
    assert not np.isinf(expected).any()


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=2, max_size=60), st.integers(2, 9))
def test_ranks_and_medians_of_values_that_repeat(values: list[int], n: int) -> None:
    bars = bars_of([float(v) for v in values])
    ranks = compute(rolling_rank(n, close_price()), bars)
    robust = compute(robust_zscore(n, close_price()), bars)
    for i in range(n - 1, len(values)):
        window = np.array(values[i - n + 1 : i + 1], np.float64)
        below, equal = np.count_nonzero(window < window[-1]), np.count_nonzero(window == window[-1])
        assert ranks[i] == (below + 0.5 * (equal - 1)) / (n - 1)
        off = np.abs(window - np.median(window))
        scale = 1.4826 * np.median(off) or 1.2533 * off.mean()
        assert robust[i] == pytest.approx((window[-1] - np.median(window)) / scale if scale else 0.0, rel=1e-12)
