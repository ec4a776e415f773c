"""Overfitting, calibration, overlap, intervals and sequential looks against answers from outside."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradewright.analytics.cscv import backtest_overfitting, split_count
from tradewright.analytics.probability_scores import (
    binary_brier,
    brier_losses,
    decompose_binary,
    log_losses,
)
from tradewright.analytics.reliability import reliability_bins
from tradewright.analytics.sample_size import uniqueness
from tradewright.analytics.sequential import NormalMixture, always_valid_p, likelihood_ratio
from tradewright.analytics.wilson import tries_for_half_width, wilson_interval
from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN
from tradewright.core.types.errors import UsageError
from tradewright.features.labels import BarrierParams, average_uniqueness, triple_barrier
from tradewright.models.splits import CombinatorialPurged

_CASES: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("statistics.json").read_text(encoding="utf-8"))[
    "cases"
]


def _case(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return _CASES[name]["inputs"], _CASES[name]["expected"]


def test_kat_09_number_of_halves() -> None:
    given, expected = _case("KAT-09")
    assert [split_count(blocks) for blocks in given["S"]] == expected["splits"]
    assert len(backtest_overfitting(np.random.default_rng(0).normal(size=(64, 2)), 16).logits) == 12_870
    for odd in (3, 5, 0):
        with pytest.raises(UsageError, match="even number"):
            split_count(odd)


def test_kat_10_overfitting_by_hand() -> None:
    given, expected = _case("KAT-10")
    found = backtest_overfitting(np.array(given["matrix"]), given["S"], metric="mean")
    assert np.sort(found.logits) == pytest.approx(expected["logits_sorted"], abs=1e-12)
    assert found.probability == pytest.approx(expected["pbo"], abs=1e-12)


def test_kat_12_of_noise_the_probability_is_about_one_half() -> None:
    given, expected = _case("KAT-12")
    shape = (given["T"], given["N"])
    found = [
        backtest_overfitting(np.random.default_rng(seed).normal(size=shape), given["S"]).probability
        for seed in range(given["reps"])
    ]
    low, high = expected["mean_pbo_interval"]
    assert low < np.mean(found) < high
    assert np.std(found) == pytest.approx(expected["std_of_60"], abs=0.06)


@pytest.mark.parametrize(
    ("label", "embargo", "answer"), [(15, 0, "purge1_train"), (5, 10, "embargo1_train")], ids=["purge", "embargo"]
)
def test_kat_13_combinatorial_folds(label: int, embargo: int, answer: str) -> None:
    given, expected = _case("KAT-13")
    ts = 10 * np.arange(given["n"], dtype=np.int64)
    splitter = CombinatorialPurged(given["n_folds"], given["n_test_folds"], embargo)
    folds = list(splitter.split(ts, ts + label))
    assert [fold.train.tolist() for fold in folds] == expected[answer]
    tests = [[row for group in groups for row in group] for groups in expected["test_sets"]]
    assert [fold.test.tolist() for fold in folds] == tests
    assert (len(folds), splitter.n_paths) == (expected["n_splits"], expected["n_paths"])


def test_kat_15_uniqueness_of_overlapping_labels() -> None:
    given, expected = _case("KAT-15")
    first, last = np.array(given["spans_inclusive"]).T
    found = uniqueness(first, last + 1)
    assert found == pytest.approx(expected["avg_uniqueness_full"], abs=1e-12)
    by_bars = average_uniqueness(first, last + 1, given["n_bars"] + 1)
    assert by_bars == pytest.approx(expected["avg_uniqueness_full"], abs=1e-12)


def test_kat_15_chances_of_the_next_draw() -> None:
    given, expected = _case("KAT-15")
    spans = given["spans_inclusive"]
    drawn = [spans[k] for k in given["already_drawn"]]
    candidates = []
    for span in spans:
        first, last = np.array([*drawn, span]).T
        candidates.append(uniqueness(first, last + 1)[-1])
    assert candidates == pytest.approx(expected["candidate_uniqueness"], abs=1e-12)
    chances = np.array(candidates) / np.sum(candidates)
    assert chances == pytest.approx(expected["draw_probabilities"], abs=1e-12)


def test_kat_16_triple_barrier() -> None:
    """Four quiet bars are added, because a label here needs its whole horizon even if it is decided before.

    Returns are not compared: ours are those of a fill at the barrier, the source's those of the close beyond it.
    """
    given, expected = _case("KAT-16")
    close = np.array(given["prices"] + 4 * given["prices"][-1:], dtype=np.float64)
    ts = np.arange(1, len(close) + 1, dtype=np.int64)
    fields = blank_fields(ts)
    fields[[OPEN, HIGH, LOW, CLOSE]] = close
    params = BarrierParams(given["pt"], given["sl"], given["vertical_bars"])
    labels = triple_barrier(Bars("X", ts - 1, ts, fields), np.ones(len(close)), params, np.array(given["events"]))
    assert labels.value.tolist() == expected["labels"]
    assert labels.end.tolist() == expected["touch_index"]


def test_kat_35_brier_score_and_log_loss() -> None:
    given, expected = _case("KAT-35")
    hits, p = (np.array(given["brier"][name], dtype=np.float64) for name in ("y", "p"))
    assert binary_brier(p, hits) == pytest.approx(expected["brier"], abs=1e-12)
    both = np.column_stack([1.0 - p, p])
    assert brier_losses(both, hits.astype(np.int64)).mean() == pytest.approx(2.0 * expected["brier"], abs=1e-12)
    outcomes = np.array([["ham", "spam"].index(word) for word in given["log_loss"]["y"]])
    losses = log_losses(np.array(given["log_loss"]["p_cols_ham_spam"]), outcomes)
    assert losses.mean() == pytest.approx(expected["log_loss"], abs=1e-5)


def test_kat_37_an_overconfident_bucket() -> None:
    given, expected = _case("KAT-37")
    p = np.full(given["n"], given["p"])
    hits = (np.arange(given["n"]) < given["hits"]).astype(np.float64)
    assert reliability_bins(p, hits).error == pytest.approx(expected["ece"], abs=1e-9)
    assert binary_brier(p, hits) == pytest.approx(expected["brier"], abs=1e-9)
    parts = decompose_binary(p, hits)
    for name in ("reliability", "resolution", "uncertainty"):
        assert getattr(parts, name) == pytest.approx(expected[name], abs=1e-9)


def test_kat_38_confidence_sequence() -> None:
    given, expected = _case("KAT-38")
    mixture = NormalMixture.tuned(given["v_opt"], given["alpha"])
    assert mixture.rho == pytest.approx(expected["rho"], abs=1e-5)
    assert mixture.log_evidence(given["s"], given["v"]) == pytest.approx(expected["log_mixture"], abs=1e-5)
    bound = float(mixture.bound(np.array([float(given["v"])]))[0])
    assert bound == pytest.approx(expected["bound"], abs=1e-5)
    assert bound > 1.5 * _CASES["KAT-38"]["trap"]["fixed_sample_z_bound"]


def test_kat_40_always_valid_p_values() -> None:
    given, expected = _case("KAT-40")
    ratios = [
        likelihood_ratio(case["mean_diff"], case["n_per_arm"], case["sigma2"], case["tau2"]) for case in given["cases"]
    ]
    assert ratios == pytest.approx(expected["lambda"], rel=1e-9)
    assert [ratio >= 1.0 / given["alpha"] for ratio in ratios] == expected["reject"]
    alone = [float(always_valid_p(np.array([ratio]))[0]) for ratio in ratios]
    assert alone == pytest.approx(expected["always_valid_p"], rel=1e-9)
    assert (np.diff(always_valid_p(np.array(ratios))) <= 0.0).all()


def test_kat_41_wilson_intervals() -> None:
    given, expected = _case("KAT-41")
    for (hits, n), bounds in zip(given["cases"], expected["wilson"], strict=True):
        assert wilson_interval(hits, n) == pytest.approx(bounds, abs=1e-9)
    low, high = wilson_interval(68, 100)
    assert high - low > 0.17  # a hundred tries do not make a narrow interval
    assert tries_for_half_width(0.68, 0.05) == expected["n_needed_for_half_width_0.05_at_p_0.68"]


def test_wilson_bounds_at_the_ends_are_the_ends() -> None:
    assert wilson_interval(0, 20)[0] == 0.0
    assert wilson_interval(20, 20)[1] == 1.0
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert not any(math.isnan(bound) for bound in wilson_interval(1e-9, 1e-9))
