from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.analytics.reliability import BIN_SIZE, bin_numbers, reliability_bins, reliability_figure
from tradewright.analytics.tiers import TIERS, Tier, favoured, tier_numbers, tier_scores


def test_true_probabilities_lie_within_their_intervals() -> None:
    rng = np.random.default_rng(3)
    p = rng.uniform(0.3, 0.8, 4000)
    bins = reliability_bins(p, (rng.random(4000) < p).astype(np.float64))
    assert len(bins.n) == 10
    assert ((bins.low <= bins.forecast) & (bins.forecast <= bins.high)).sum() >= 9
    assert bins.error < 0.03
    assert int(bins.n.sum()) == 4000


def test_overconfidence_is_seen() -> None:
    rng = np.random.default_rng(4)
    p = rng.uniform(0.5, 0.9, 4000)
    bins = reliability_bins(p, (rng.random(4000) < 0.5).astype(np.float64))
    assert bins.error == pytest.approx(0.2, abs=0.03)
    assert bins.high[-1] < bins.forecast[-1]


def test_overlap_makes_bins_fewer_and_intervals_wider() -> None:
    p = np.linspace(0.4, 0.6, 1000)
    hits = (np.arange(1000) % 2).astype(np.float64)
    alone = reliability_bins(p, hits)
    shared = reliability_bins(p, hits, np.full(1000, 0.1))
    assert (len(alone.n), len(shared.n)) == (10, 2)
    assert shared.effective.sum() == pytest.approx(100.0)
    same = reliability_bins(p, hits, np.full(1000, 0.1), most=1)
    whole = reliability_bins(p, hits, most=1)
    assert same.high[0] - same.low[0] > 2.0 * (whole.high[0] - whole.low[0])


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 500))
def test_bins_ascend_and_equal_forecasts_share_one(seed: int, n: int) -> None:
    p = np.round(np.random.default_rng(seed).random(n), 2)
    numbers = bin_numbers(p, float(n))
    assert (np.diff(numbers[np.argsort(p, kind="stable")]) >= 0).all()
    assert len({(a, b) for a, b in zip(p.tolist(), numbers.tolist(), strict=True)}) == len(set(p.tolist()))
    assert len(set(numbers.tolist())) <= max(1, n // BIN_SIZE)


def test_the_diagram_draws_every_bin() -> None:
    rng = np.random.default_rng(5)
    p = rng.random(1000)
    bins = reliability_bins(p, (rng.random(1000) < p).astype(np.float64))
    figure: dict[str, list[dict[str, list[float]]]] = reliability_figure(bins)  # type: ignore[assignment]
    perfect, points = figure["data"]
    assert len(points["x"]) == len(points["customdata"]) == len(bins.n)
    assert perfect["x"] == perfect["y"]
    empty = reliability_figure(reliability_bins(np.empty(0), np.empty(0)))
    assert empty["data"][1]["x"] == []  # type: ignore[index]


def test_no_forecasts_have_no_error() -> None:
    assert np.isnan(reliability_bins(np.empty(0), np.empty(0)).error)


def test_a_forecast_belongs_to_the_highest_tier_it_reaches() -> None:
    assert tier_numbers(np.array([0.5, 0.55, 0.599, 0.6, 0.7, 1.0, np.nan])).tolist() == [-1, 0, 0, 1, 2, 2, -1]
    p, sign = favoured(np.array([0.6, 0.1, 0.5]), np.array([0.3, 0.7, 0.5]))
    assert p.tolist() == [0.6, 0.7, 0.5]
    assert sign.tolist() == [1, -1, 1]


def test_tiers_are_judged_apart() -> None:
    p = np.repeat([0.57, 0.65, 0.8], 100)
    hits = np.concatenate([np.arange(100) < 57, np.arange(100) < 60, np.arange(100) < 50]).astype(np.float64)
    low, medium, high = tier_scores(p, hits)
    assert [s.tier for s in (low, medium, high)] == list(TIERS)
    assert [s.precision for s in (low, medium, high)] == pytest.approx([0.57, 0.6, 0.5])
    assert [s.mae for s in (low, medium, high)] == pytest.approx([0.0, 0.05, 0.3])
    assert low.low < 0.57 < low.high
    (none,) = tier_scores(p, hits, tiers=(Tier("sure", 0.99),))
    assert none.n == 0
    assert np.isnan([none.precision, none.mae, none.low]).all()
