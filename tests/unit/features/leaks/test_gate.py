"""The gate passes what was judged and is clean, and nothing else."""

from __future__ import annotations

import pytest

from tradewright.features import ema
from tradewright.features.contract import contract_bars
from tradewright.features.leaks import Detector, LeakCase, LeakError, leak_gate, pipeline_of
from tradewright.features.leaks.gate import FOR_MODELS
from tradewright.features.leaks.planted import planted_leaks

BARS = contract_bars(400)
CLEAN = LeakCase("clean", pipeline_of({"ema": ema(9)}), BARS, {"ema": BARS.ts_event})


def test_a_clean_case_passes_and_its_report_says_what_ran() -> None:
    report = leak_gate(CLEAN)
    assert {v.detector for v in report.verdicts} == {
        Detector.TRUNCATION,
        Detector.SHUFFLE,
        Detector.DELAY,
        Detector.TIMESTAMP,
    }
    assert {d for d, _ in report.not_run} == {Detector.RANDOM_LABEL, Detector.LABEL_OVERLAP, Detector.SURVIVORSHIP}


def test_what_was_not_judged_does_not_pass() -> None:
    with pytest.raises(LeakError, match="random label test is required and could not run") as caught:
        leak_gate(CLEAN, required=FOR_MODELS)
    assert "a training" in caught.value.fix
    with pytest.raises(LeakError, match="timestamp test is required"):
        leak_gate(LeakCase("no times", pipeline_of({"ema": ema(9)}), BARS))


@pytest.mark.parametrize("number", range(9))
def test_a_leak_does_not_pass(number: int) -> None:
    planted = planted_leaks(BARS)[number]
    with pytest.raises(LeakError, match="a leak: ") as caught:
        leak_gate(planted.leaking, required=())
    assert caught.value.where == planted.leaking.name
    assert caught.value.exit_code == 1
    leak_gate(planted.honest, required=())
