"""The delay test accuses edges that die with the next bar, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from tradewright.core.types.bar import Bars
from tradewright.core.types.feature import Floats
from tradewright.data.synthetic import synthetic_bars
from tradewright.features.leaks import DelayParams, check_delay
from tradewright.features.leaks.delay import edge, ranks

BARS = synthetic_bars(3000, seed=7)
NEXT = np.append(np.diff(np.log(BARS.close)), np.nan)


@pytest.mark.parametrize("noise", [0.0, 1.0, 3.0])
def test_the_next_return_is_caught_even_under_noise(noise: float) -> None:
    mixed = NEXT + noise * np.nanstd(NEXT) * np.random.default_rng(1).normal(size=len(NEXT))
    (finding,) = check_delay({"peek": mixed}, BARS).findings
    assert finding.feature == "peek"
    assert "delay of 0" in finding.detail


def test_a_label_of_three_bars_dies_at_a_delay_of_three() -> None:
    label = np.append(np.log(BARS.close[3:] / BARS.close[:-3]), [np.nan] * 3)
    (finding,) = check_delay({"label": label}, BARS).findings
    assert "delay of 2" in finding.detail


def persistent(n: int, share: float) -> tuple[Bars, Floats]:
    """A market whose returns follow a slow signal, and the signal as known before each return."""
    rng = np.random.default_rng(3)
    signal = np.zeros(n)
    for i in range(1, n):
        signal[i] = 0.95 * signal[i - 1] + rng.normal()
    moves = np.append(0.0, share * signal[:-1] + rng.normal(size=n - 1)) * 1e-3
    bars = synthetic_bars(n, seed=1)
    bars.fields[3] = 100.0 * np.exp(np.cumsum(moves))
    bars.fields[0] = np.append(100.0, bars.close[:-1])
    bars.fields[1] = np.maximum(bars.open, bars.close)
    bars.fields[2] = np.minimum(bars.open, bars.close)
    return bars, signal


@pytest.mark.parametrize("share", [0.1, 0.3, 1.0])
def test_a_strong_honest_edge_that_fades_is_let_pass(share: float) -> None:
    bars, signal = persistent(3000, share)
    assert abs(edge(signal, np.append(bars.close[1:] / bars.close[:-1] - 1.0, np.nan), 0)) > 0.2
    assert check_delay({"signal": signal}, bars).is_clean


def test_noise_constants_and_unknown_columns_are_let_pass() -> None:
    columns = {"noise": np.random.default_rng(2).normal(size=3000), "one": np.ones(3000), "none": np.full(3000, np.nan)}
    assert check_delay(columns, BARS).is_clean


def test_ranks_share_the_mean_of_ties() -> None:
    assert ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [2.5, 0.0, 2.5, 1.0]


def test_an_honest_edge_of_one_bar_is_let_pass_where_the_market_has_one() -> None:
    """Prices that jump around a mean turn back at the next bar, and only there."""
    bars = synthetic_bars(3000, seed=2)
    bars.fields[3] = 100.0 + np.random.default_rng(4).normal(size=3000)
    bars.fields[0] = np.append(100.0, bars.close[:-1])
    bars.fields[1] = np.maximum(bars.open, bars.close)
    bars.fields[2] = np.minimum(bars.open, bars.close)
    distance = bars.close - 100.0
    after = np.append(bars.close[1:] / bars.close[:-1] - 1.0, np.nan)
    assert edge(distance, after, 0) < -0.6
    assert abs(edge(distance, after, 1)) < 0.1
    assert check_delay({"distance": distance}, bars).is_clean
    assert not check_delay({"distance": distance}, bars, DelayParams(margin=0.0)).is_clean
