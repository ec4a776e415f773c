"""What every feature has to satisfy, as a suite that runs on any feature, a user's own included."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.dtypes import (
    AGGRESSOR,
    ASK,
    ASK_SIZE,
    BID,
    BID_SIZE,
    BUY_VOLUME,
    CLOSE,
    HIGH,
    LOCAL_TIME,
    LOW,
    OPEN,
    PRICE,
    REFERENCE,
    SESSION,
    SESSION_CLOSE,
    SESSION_OPEN,
    SIZE,
    TIME,
    TRADES,
    VOLUME,
)
from tradewright.core.types.errors import TradewrightError
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.batch import jobs_of, new_params, new_state, run_over
from tradewright.features.feature_set import FeatureSet
from tradewright.features.loops_nb import driver

_MINUTE_NS = 60_000_000_000
_DAY_NS = 1440 * _MINUTE_NS
_FIRST_NS = 20_000 * _DAY_NS + 870 * _MINUTE_NS
_SESSION_BARS = 97
_GUARD = 16


class FeatureContractError(TradewrightError):
    """A feature breaks a rule that batch, backtest and live rely on."""


def contract_bars(n: int, seed: int = 0) -> Bars:
    """Make ``n`` random one-minute bars with the corners in them.

    There are flat stretches, bars without volume and sessions without any; sessions have 97 bars, a day apart and with
    minutes missing; the local clock is changed once, some sessions end early, some bars do not know who bought.
    The prices
    are finite and positive, the high the highest and the low the lowest.
    """
    rng = np.random.default_rng(seed)
    ts_open = _session_times(n)
    fields = blank_fields(ts_open + _MINUTE_NS)
    moves = rng.normal(0.0, 0.001, n)
    place = np.arange(n)
    flat = place % 311 >= 270
    moves[flat] = 0.0
    fields[CLOSE] = 100.0 * np.exp(np.cumsum(moves))
    fields[OPEN] = np.roll(fields[CLOSE], 1)
    fields[OPEN, 0] = 100.0
    reach = np.where(flat, 0.0, rng.exponential(0.05, n))
    fields[HIGH] = np.maximum(fields[OPEN], fields[CLOSE]) + reach
    fields[LOW] = np.minimum(fields[OPEN], fields[CLOSE]) - reach
    fields[SESSION] = 20_000.0 + place // _SESSION_BARS
    fields[VOLUME] = np.round(rng.gamma(2.0, 50.0, n))
    fields[VOLUME, (fields[SESSION] % 5.0 == 2.0) | (place % 13 == 0)] = 0.0
    fields[TRADES] = np.round(fields[VOLUME] / 10.0)
    known = place % 389 < 250
    fields[BUY_VOLUME, known] = np.round(fields[VOLUME] * rng.random(n))[known]
    fields[REFERENCE] = 50.0 * np.exp(np.cumsum(0.5 * moves + rng.normal(0.0, 0.0005, n)))
    # The local clock is moved forward on the third day, and every fifth session ends before it was due.
    day = place // _SESSION_BARS
    fields[LOCAL_TIME] = fields[TIME] + np.where(day < 2, -5.0, -4.0) * 3600.0
    fields[SESSION_OPEN] = ts_open[place - place % _SESSION_BARS] / 1e9
    fields[SESSION_CLOSE] = fields[SESSION_OPEN] + np.where(day % 5 == 4, 60.0, 120.0) * 60.0
    return Bars("CONTRACT", ts_open, ts_open + _MINUTE_NS, fields)


def contract_events(kind: EventKind, n: int, seed: int = 0) -> MarketEvents:
    """Make ``n`` random quotes or trades with the corners in them: locked quotes, empty sides, unknown aggressors."""
    rng = np.random.default_rng(seed)
    ts = _FIRST_NS + np.cumsum(rng.integers(0, 3_000_000_000, n))
    fields = blank_fields(ts)
    ticks = 10_000.0 + np.cumsum(rng.integers(-1, 2, n))
    sizes = np.round(rng.gamma(1.0, 20.0, (2, n)))
    if kind is EventKind.QUOTE:
        fields[BID] = ticks / 100.0
        fields[ASK] = (ticks + rng.integers(0, 4, n)) / 100.0
        fields[[BID_SIZE, ASK_SIZE]] = sizes
        fields[BID_SIZE : ASK_SIZE + 1, np.arange(n) % 53 == 0] = 0.0
    else:
        fields[PRICE] = ticks / 100.0
        fields[SIZE] = sizes[0]
        fields[AGGRESSOR] = rng.choice([-1.0, 0.0, 1.0], n)
        fields[SIZE, np.arange(n) % 97 > 60] = 0.0
    fields[SESSION] = 20_000.0
    fields[LOCAL_TIME] = fields[TIME]
    fields[SESSION_OPEN], fields[SESSION_CLOSE] = 20_000.0 * 86_400.0, 20_001.0 * 86_400.0
    return MarketEvents(fields, ts, ts, ts, kind_all=kind)


def _session_times(n: int) -> NDArray[np.int64]:
    """Return when each minute bar begins, i8[n] ns UTC: one session a day, and minutes missing inside it."""
    place = np.arange(n, dtype=np.int64)
    missing = place % _SESSION_BARS // 40 * 7
    opened = _FIRST_NS + place // _SESSION_BARS * _DAY_NS
    return opened + (place % _SESSION_BARS + missing) * _MINUTE_NS


def check_feature(feature: Feature, bars: Bars | MarketEvents | None = None, seed: int = 0) -> None:
    """Check that a feature can be trusted; return quietly if it can.

    The rules: NaN exactly until its warm-up is over, then finite (or NaN, if it says that it `has_gaps`); the same
    bytes each time; the batch, single events and blocks of any size agree to the bit; the value at an event does not
    depend on what comes later; it keeps to its own memory; two instruments do not disturb each other; it is as much
    `earlier` than another feature as it says.

    Parameters
    ----------
    feature : Feature
        What to check.
    bars : Bars or MarketEvents, optional
        Events of the kind it reads to check it on; made up if not given (`contract_bars`, `contract_events`).
    seed : int
        Of the random cuts and shuffles, and of the bars if made up.

    Raises
    ------
    FeatureContractError
        At the first rule that is broken; names the feature, the rule and the bar.
    """
    if bars is None:
        n = 500 + 3 * max(feature.warmup, 0)
        is_of_bars = feature.reads in (None, EventKind.BAR)
        bars = contract_bars(n, seed) if is_of_bars else contract_events(feature.reads or EventKind.BAR, n, seed)
    if not 0 <= feature.warmup < len(bars):
        _fail(feature, f"a warm-up of {feature.warmup} does not fit {len(bars)} bars")
    expected = _check_memory(feature, bars)
    _check_values(feature, expected)
    if feature.earlier is not None:
        inner, n = feature.earlier
        before = np.concatenate([np.full(n, np.nan), run_over(inner, bars.fields)])[: len(bars)]
        _same(feature, f"it is not {inner.key} {n} events earlier", expected, before)
    _same(feature, "two runs over the same bars differ", run_over(feature, bars.fields), expected)
    rng = np.random.default_rng(seed)
    _same(feature, "single events differ from the batch", _one_by_one(feature, bars), expected)
    _same(feature, "blocks differ from the batch", _in_blocks(feature, bars, rng), expected)
    _same(feature, "another instrument's events disturb it", _beside_another(feature, bars), expected)
    for name, change in (("truncated", _truncated), ("shuffled", _shuffled)):
        for cut in _cuts(len(bars), rng):
            known = run_over(feature, change(bars.fields, cut, rng))[: cut + 1]
            _same(feature, f"a {name} future changes the past", known, expected[: cut + 1])


def _fail(feature: Feature, what: str) -> None:
    raise FeatureContractError(what, where=f"feature {feature.key}", fix="See tradewright.features.check_feature")


def _same(feature: Feature, what: str, got: Floats, expected: Floats) -> None:
    """Compare bit patterns, so that NaN equals NaN and -0.0 does not equal 0.0."""
    different = np.flatnonzero(got.view(np.int64) != expected.view(np.int64))
    if len(different):
        at = int(different[0])
        _fail(feature, f"{what}: at bar {at} {got[at]!r} instead of {expected[at]!r}")


def _check_values(feature: Feature, values: Floats) -> None:
    """NaN exactly until warm-up, finite afterwards."""
    early = np.flatnonzero(~np.isnan(values[: feature.warmup]))
    if len(early):
        _fail(feature, f"it has a value at bar {early[0]}, before its warm-up of {feature.warmup} bars is over")
    late = values[feature.warmup :]
    bad = np.flatnonzero(np.isinf(late) if feature.has_gaps else ~np.isfinite(late))
    if len(bad):
        at = int(bad[0]) + feature.warmup
        _fail(feature, f"{values[at]} at bar {at}, after its warm-up of {feature.warmup} bars")


def _check_memory(feature: Feature, events: Bars | MarketEvents) -> Floats:
    """Run with guards around the memory, twice with other numbers in them; return the values.

    The arrays are as long as the feature declares (or the registers are), so a step that reads or writes beyond its
    own memory meets a guard.
    """
    fields = events.fields.copy()
    runs = []
    for guard in (1.5, -7.0):
        state = np.concatenate([np.full(_GUARD, guard), new_state(feature), np.full(_GUARD, guard)])
        jobs = jobs_of([feature], [state[_GUARD:]], [new_params(feature)])
        out = np.empty(len(events))
        driver()(jobs.at, fields, 0, len(events), out.ctypes.data)
        if fields.tobytes() != events.fields.tobytes():
            _fail(feature, "its step writes into the market data")
        if (state[:_GUARD] != guard).any() or (state[-_GUARD:] != guard).any():
            _fail(feature, "its step writes outside its memory")
        runs.append(out)
    _same(feature, "its step reads outside its memory", runs[1], runs[0])
    return runs[0]


def _one(events: Bars | MarketEvents, i: int) -> Floats:
    """Return the fields of one event alone, f8[N_FIELDS, 1]: nothing else can be read."""
    return events.fields[:, i : i + 1].copy()


def _one_by_one(feature: Feature, events: Bars | MarketEvents) -> Floats:
    streaming = FeatureSet({"it": feature})
    return np.array([streaming.update(_one(events, i), 0)[0] for i in range(len(events))])


def _in_blocks(feature: Feature, bars: Bars | MarketEvents, rng: np.random.Generator) -> Floats:
    edges = [0, *_cuts(len(bars), rng), len(bars)]
    streaming = FeatureSet({"it": feature})
    parts = [streaming.extend(bars.fields, a, b)[0] for a, b in pairwise(edges)]
    return np.concatenate(parts)


def _beside_another(feature: Feature, bars: Bars | MarketEvents) -> Floats:
    """Take turns with a second instrument that sees the same bars backwards."""
    both = FeatureSet({"first": feature, "second": feature})
    last = len(bars) - 1
    values = np.empty(len(bars))
    for i in range(len(bars)):
        both.update(bars.fields, last - i, instrument=1)
        first, second = both.update(bars.fields, i, instrument=0)
        if first != second and not (np.isnan(first) and np.isnan(second)):
            _fail(feature, f"two copies in one set disagree at bar {i}: {first!r} and {second!r}")
        values[i] = first
    return values


def _cuts(n: int, rng: np.random.Generator) -> list[int]:
    """Return some ascending places to cut at, without repetition."""
    return sorted({int(c) for c in rng.integers(0, n, size=12)})


def _truncated(fields: Floats, cut: int, _rng: np.random.Generator) -> Floats:
    return np.ascontiguousarray(fields[:, : cut + 1])


def _shuffled(fields: Floats, cut: int, rng: np.random.Generator) -> Floats:
    """Mix up and scale the events after the cut, whole events at a time."""
    order = np.concatenate([np.arange(cut + 1), cut + 1 + rng.permutation(fields.shape[1] - cut - 1)])
    fields = np.ascontiguousarray(fields[:, order])
    fields[:VOLUME, cut + 1 :] *= 1.5
    return fields
