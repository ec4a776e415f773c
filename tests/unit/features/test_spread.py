"""Spread estimates: on a made-up market whose spread is known, and worked by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN
from tradewright.features import compute, corwin_schultz_spread, roll_spread


def bars_with_spread(spread: float) -> Bars:
    """Make bars from a walk of 390 trades each, bought or sold at random half a spread away from the middle."""
    rng = np.random.default_rng(3)
    n, trades = 4000, 390
    middle = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.0003, n * trades)))
    price = (middle * (1.0 + 0.5 * spread * rng.choice([-1.0, 1.0], n * trades))).reshape(n, trades)
    ts = np.arange(n, dtype=np.int64)
    fields = blank_fields(ts)
    fields[OPEN], fields[CLOSE] = price[:, 0], price[:, -1]
    fields[HIGH], fields[LOW] = price.max(axis=1), price.min(axis=1)
    return Bars("X", ts, ts + 1, fields)


def test_corwin_schultz_finds_the_spread() -> None:
    narrow = compute(corwin_schultz_spread(1000), bars_with_spread(0.005))[-1]
    wide = compute(corwin_schultz_spread(1000), bars_with_spread(0.02))[-1]
    # setting negative estimates to 0 pushes small spreads up, which the paper reports as well
    assert wide == pytest.approx(0.02, rel=0.15)
    assert narrow == pytest.approx(0.005, rel=0.35)


def test_corwin_schultz_by_hand(make_bars: Callable[..., Bars]) -> None:
    bars = make_bars([10.0, 10.0])
    bars.fields[HIGH], bars.fields[LOW] = 10.2, 9.9
    # beta = 2 ln(10.2/9.9)^2, gamma = ln(10.2/9.9)^2; with w = ln(10.2/9.9) = 0.0298529631:
    # alpha = ((sqrt 2 - 1) sqrt 2 w) / (3 - 2 sqrt 2) - w / sqrt(3 - 2 sqrt 2) = w (3.41421356 - 2.41421356) = w
    width = math.log(10.2 / 9.9)
    expected = 2.0 * (math.exp(width) - 1.0) / (1.0 + math.exp(width))
    assert compute(corwin_schultz_spread(1), bars)[1] == pytest.approx(expected, rel=1e-12)


def test_a_gap_is_no_spread(make_bars: Callable[..., Bars]) -> None:
    bars = make_bars([9.92, 10.0])
    bars.fields[HIGH], bars.fields[LOW] = [10.1, 10.15], [9.9, 9.95]
    # the second bar stayed 0.03 above the last close: it is moved down to 9.92 ... 10.12
    one, two, both = math.log(10.1 / 9.9), math.log(10.12 / 9.92), math.log(10.12 / 9.9)
    root = 3.0 - 2.0 * math.sqrt(2.0)
    alpha = (math.sqrt(2.0) - 1.0) * math.sqrt(one**2 + two**2) / root - both / math.sqrt(root)
    expected = 2.0 * (math.exp(alpha) - 1.0) / (1.0 + math.exp(alpha))
    assert expected > 0.0
    assert compute(corwin_schultz_spread(1), bars)[1] == pytest.approx(expected, rel=1e-9)


def test_roll_is_the_covariance_of_neighbours(bars: Bars, same_as: Callable[..., None]) -> None:
    n, moves = 30, np.diff(np.log(bars.close))
    covariance = np.array([np.cov(moves[k : k + n], moves[k + 1 : k + n + 1])[0, 1] for k in range(len(moves) - n)])
    same_as(roll_spread(n), 2.0 * np.sqrt(np.maximum(-covariance, 0.0)), rel=1e-6, floor=1e-9)


def test_roll_finds_a_pure_bounce(make_bars: Callable[..., Bars]) -> None:
    bounce = make_bars([100.0 * (1.001 if k % 2 else 0.999) for k in range(400)])
    # returns of +-s have covariance -s^2 (n/(n-1)): twice its root is 2 s
    assert compute(roll_spread(300), bounce)[-1] == pytest.approx(2.0 * math.log(1.001 / 0.999), rel=0.01)
    trend = make_bars([100.0 * 1.001**k for k in range(40)])
    assert compute(roll_spread(10), trend)[-1] == pytest.approx(0.0, abs=1e-9)
