"""What every feature has to satisfy, as a suite that runs on any feature, a user's own included."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, N_FIELDS, OPEN, SESSION, VOLUME
from tradewright.core.types.errors import TradewrightError
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.batch import compute, new_params, new_state
from tradewright.features.feature_set import FeatureSet

_MINUTE_NS = 60_000_000_000
_SESSION_BARS = 97


class FeatureContractError(TradewrightError):
    """A feature breaks a rule that batch, backtest and live rely on."""


def contract_bars(n: int, seed: int = 0) -> Bars:
    """Make ``n`` random one-minute bars with the corners in them.

    There are flat stretches, bars without volume and sessions without any; sessions have 97 bars. The prices
    are finite and positive, the high the highest and the low the lowest.
    """
    rng = np.random.default_rng(seed)
    fields = np.empty((N_FIELDS, n))
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
    ts_open = place.astype(np.int64) * _MINUTE_NS
    return Bars("CONTRACT", ts_open, ts_open + _MINUTE_NS, fields)


def check_feature(feature: Feature, bars: Bars | None = None, seed: int = 0) -> None:
    """Check that a feature can be trusted; return quietly if it can.

    The rules: NaN exactly until its warm-up is over, then finite; the same bytes each time; the batch, single
    events and blocks of any size agree to the bit; the value at a bar does not depend on what comes later;
    inputs are left alone; two instruments do not disturb each other.

    Parameters
    ----------
    feature : Feature
        What to check.
    bars : Bars, optional
        Bars to check it on, finite; made up if not given (`contract_bars`).
    seed : int
        Of the random cuts and shuffles, and of the bars if made up.

    Raises
    ------
    FeatureContractError
        At the first rule that is broken; names the feature, the rule and the bar.
    """
    if bars is None:
        bars = contract_bars(500 + 3 * max(feature.warmup, 0), seed)
    if not 0 <= feature.warmup < len(bars):
        _fail(feature, f"a warm-up of {feature.warmup} does not fit {len(bars)} bars")
    _check_inputs_untouched(feature, bars)
    expected = compute(feature, bars)
    _check_values(feature, expected)
    _same(feature, "two runs over the same bars differ", compute(feature, bars), expected)
    rng = np.random.default_rng(seed)
    _same(feature, "single events differ from the batch", _one_by_one(feature, bars), expected)
    _same(feature, "the bare step differs from the batch", _bare(feature, bars), expected)
    _same(feature, "blocks differ from the batch", _in_blocks(feature, bars, rng), expected)
    _same(feature, "another instrument's events disturb it", _beside_another(feature, bars), expected)
    for name, change in (("truncated", _truncated), ("shuffled", _shuffled)):
        for cut in _cuts(len(bars), rng):
            known = compute(feature, change(bars, cut, rng))[: cut + 1]
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
    bad = np.flatnonzero(~np.isfinite(values[feature.warmup :]))
    if len(bad):
        at = int(bad[0]) + feature.warmup
        _fail(feature, f"{values[at]} at bar {at}, after its warm-up of {feature.warmup} bars")


def _check_inputs_untouched(feature: Feature, bars: Bars) -> None:
    """Call the bare step on copies and see whether it wrote into them."""
    fields = bars.fields.copy()
    params = new_params(feature)
    state = new_state(feature)
    for i in range(len(bars)):
        feature.step(state, params, fields, i)
    if not np.array_equal(fields, bars.fields):
        _fail(feature, "its step writes into the market data")
    if not np.array_equal(params, new_params(feature)):
        _fail(feature, "its step writes into its parameters")


def _one(bars: Bars, i: int) -> Floats:
    """Return the fields of one event alone, f8[6, 1]: nothing else can be read."""
    return bars.fields[:, i : i + 1].copy()


def _one_by_one(feature: Feature, bars: Bars) -> Floats:
    streaming = FeatureSet({"it": feature})
    return np.array([streaming.update(_one(bars, i), 0)[0] for i in range(len(bars))])


def _bare(feature: Feature, bars: Bars) -> Floats:
    """Call the step directly, with arrays exactly as long as the feature declares."""
    state = np.array(feature.state, dtype=np.float64)
    params = np.array(feature.params, dtype=np.float64)
    return np.array([feature.step(state, params, _one(bars, i), 0) for i in range(len(bars))])


def _in_blocks(feature: Feature, bars: Bars, rng: np.random.Generator) -> Floats:
    edges = [0, *_cuts(len(bars), rng), len(bars)]
    streaming = FeatureSet({"it": feature})
    parts = [streaming.extend(bars.fields, a, b)[0] for a, b in pairwise(edges)]
    return np.concatenate(parts)


def _beside_another(feature: Feature, bars: Bars) -> Floats:
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


def _truncated(bars: Bars, cut: int, _rng: np.random.Generator) -> Bars:
    fields = np.ascontiguousarray(bars.fields[:, : cut + 1])
    return Bars(bars.instrument, bars.ts_open[: cut + 1], bars.ts_event[: cut + 1], fields)


def _shuffled(bars: Bars, cut: int, rng: np.random.Generator) -> Bars:
    """Mix up and scale the bars after the cut, whole bars at a time."""
    order = np.concatenate([np.arange(cut + 1), cut + 1 + rng.permutation(len(bars) - cut - 1)])
    fields = np.ascontiguousarray(bars.fields[:, order])
    fields[:VOLUME, cut + 1 :] *= 1.5
    return Bars(bars.instrument, bars.ts_open, bars.ts_event, fields)
