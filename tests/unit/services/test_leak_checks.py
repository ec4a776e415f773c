"""What `features check` asks about: everything registered, and stored bars."""

from __future__ import annotations

import numpy as np
import pytest

from tradewright.core.types.errors import UsageError
from tradewright.engine.feature_build import SeenBars
from tradewright.features import ema, log_return
from tradewright.features.contract import contract_bars
from tradewright.features.leaks import Detector, Pipeline, pipeline_of
from tradewright.features.registry import REGISTRY
from tradewright.services.leak_checks import CheckParams, check_registered, check_stored

BARS = contract_bars(600)
SEEN = SeenBars(BARS, BARS.ts_event, BARS.ts_event)
PIPELINE = pipeline_of({"ema": ema(9), "ret": log_return(1)})


def test_every_registered_feature_is_judged_and_clean() -> None:
    judged = 0
    for report in check_registered(CheckParams(seed=3)):
        trials = {v.detector: v.trials for v in report.verdicts}
        judged += trials[Detector.TIMESTAMP] // trials[Detector.TRUNCATION]  # values over events: columns
        assert report.is_clean
    assert judged == len(REGISTRY)


def test_stored_bars_are_judged_with_a_training() -> None:
    report = check_stored("x", SEEN, PIPELINE, CheckParams(horizon=5))
    assert report.is_clean
    assert [d for d, _ in report.not_run] == [Detector.SURVIVORSHIP]
    report = check_stored("x", SEEN, PIPELINE, CheckParams(horizon=0))
    assert {d for d, _ in report.not_run} == {Detector.SURVIVORSHIP, Detector.RANDOM_LABEL, Detector.LABEL_OVERLAP}


def test_bars_that_claim_to_be_seen_before_they_ended_are_found() -> None:
    early = SeenBars(BARS, BARS.ts_open, BARS.ts_open)
    report = check_stored("x", early, PIPELINE, CheckParams(horizon=0))
    assert report.caught_by == (Detector.TIMESTAMP,)


def test_times_that_a_pipeline_declares_count() -> None:
    late = {"x": BARS.ts_event + 1}
    report = check_stored("x", SEEN, Pipeline("close", lambda m: {"x": m.fields[3]}), CheckParams(horizon=0), late)
    assert [(f.feature, f.bar) for f in report.findings] == [("x", 0)]


def test_a_market_without_moves_has_no_training_and_few_bars_are_refused() -> None:
    flat = contract_bars(300)
    flat.fields[:4] = 100.0
    report = check_stored("x", SeenBars(flat, flat.ts_event, flat.ts_event), PIPELINE, CheckParams())
    assert report.is_clean
    assert Detector.RANDOM_LABEL in {d for d, _ in report.not_run}
    few = contract_bars(100)
    with pytest.raises(UsageError, match="100 bars are too few"):
        check_stored("x", SeenBars(few, few.ts_event, np.array(few.ts_event)), PIPELINE, CheckParams())
