"""The truncation test: exact for streams, within its stated bounds for closed boxes."""

from __future__ import annotations

import numpy as np
import pytest

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import CLOSE
from tradewright.core.types.errors import RunError
from tradewright.core.types.feature import Feature, Floats
from tradewright.features import ema, log_return
from tradewright.features.contract import contract_bars, contract_events
from tradewright.features.leaks import Pipeline, TruncationParams, check_truncation, pipeline_of
from tradewright.features.leaks.cuts import choose_cuts, largest_step
from tradewright.features.leaks.pipeline import Market

BARS = contract_bars(700, 4)


def one_bar_knows(at: int, reach: int) -> Pipeline:
    """A closed box whose value at one bar is the close some bars later."""

    def compute(market: Market) -> dict[str, Floats]:
        close = market.fields[CLOSE].copy()
        if at + reach < len(close):
            close[at] = close[at + reach]
        return {"x": close, "honest": market.fields[CLOSE]}

    return Pipeline("one bar", compute)


@inlined
def peeking_step_nb(_state: Floats, _params: Floats, fields: Floats, i: int) -> float:
    """Read the next bar where there is one."""
    return float(fields[CLOSE, min(i + 1, fields.shape[1] - 1)])


def test_streams_are_tried_at_every_event() -> None:
    verdict = check_truncation(pipeline_of({"ema": ema(20), "ret": log_return(3)}), BARS)
    assert verdict.is_clean
    assert verdict.trials == len(BARS)
    assert verdict.proves.startswith("exact")


def test_a_step_that_reads_the_next_bar_is_named_with_its_first_bar() -> None:
    peeking = Feature("peeking.v1", peeking_step_nb, (), (), 0)
    verdict = check_truncation(pipeline_of({"ema": ema(5), "peeking": peeking}), BARS)
    assert [(f.feature, f.bar, f.ts_event) for f in verdict.findings] == [("peeking", 0, int(BARS.ts_event[0]))]


def test_every_cut_finds_one_value_that_knows_one_bar_ahead() -> None:
    every = TruncationParams(runs=len(BARS))
    for at in (0, 333, len(BARS) - 2):
        verdict = check_truncation(one_bar_knows(at, 1), BARS, every)
        assert [f.bar for f in verdict.findings] == [at]
        assert "exact at each of 700 events" in check_truncation(one_bar_knows(9, 0), BARS, every).proves


@pytest.mark.parametrize("seed", range(5))
def test_fewer_cuts_keep_their_word(seed: int) -> None:
    """Any leak as long as the widest stretch is found, wherever it is."""
    params = TruncationParams(runs=25, seed=seed)
    step = largest_step(choose_cuts(BARS, 25, seed), len(BARS))
    assert step < 120
    for at in range(0, len(BARS) - step, 37):
        verdict = check_truncation(one_bar_knows(at, step), BARS, params)
        assert [f.bar for f in verdict.findings] == [at]
        assert f"{step} or more events later" in verdict.proves


def test_small_differences_are_noise_and_larger_ones_are_not() -> None:
    def wobbling(size: float) -> Pipeline:
        return Pipeline("wobble", lambda m: {"x": m.fields[CLOSE] * (1.0 + size * len(m))})

    assert check_truncation(wobbling(1e-15), BARS).is_clean
    assert not check_truncation(wobbling(1e-9), BARS).is_clean


def test_values_of_a_mood_are_no_leak_and_no_clean_bill() -> None:
    rng = np.random.default_rng(0)
    moody = Pipeline("moody", lambda m: {"x": rng.normal(size=len(m))})
    with pytest.raises(RunError, match="other values each time"):
        check_truncation(moody, BARS)


def test_a_pipeline_that_needs_some_bars_is_judged_on_the_rest() -> None:
    def compute(market: Market) -> dict[str, Floats]:
        if len(market) < 50:
            raise ValueError("too short for me")
        return {"x": market.fields[CLOSE]}

    verdict = check_truncation(Pipeline("needs 50", compute), BARS)
    assert verdict.is_clean
    assert "could not be tried" in verdict.proves
    assert "too short for me" in verdict.proves


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda m: {"x": m.fields[CLOSE][:-1]}, "has the shape"),
        (lambda _m: {}, "returns no column"),
        (lambda m: {"x": m.fields[CLOSE], **({"y": m.fields[CLOSE]} if len(m) == 700 else {})}, "other columns"),
        (lambda _m: 1 / 0, "ZeroDivisionError"),
        (lambda m: {"x": ["a"] * len(m)}, "ValueError"),
    ],
)
def test_broken_pipelines_are_refused_clearly(compute: object, message: str) -> None:
    with pytest.raises(RunError, match=message):
        check_truncation(Pipeline("broken", compute), BARS)  # type: ignore[arg-type]


def test_markets_of_no_and_one_event() -> None:
    for n in (0, 1):
        market = contract_events(3, n) if n else contract_bars(1)  # type: ignore[arg-type]
        assert check_truncation(Pipeline("close", lambda m: {"x": m.fields[CLOSE]}), market).is_clean


def test_cuts_are_seeded_and_inside() -> None:
    cuts = choose_cuts(BARS, 60, 1)
    assert cuts.tolist() == choose_cuts(BARS, 60, 1).tolist()
    assert cuts.tolist() != choose_cuts(BARS, 60, 2).tolist()
    assert (np.diff(cuts) > 0).all()
    assert cuts[0] >= 1
    assert cuts[-1] == len(BARS) - 1
    assert len(cuts) <= 60


@pytest.mark.parametrize(("runs", "tolerance"), [(0, 1e-9), (5, -1.0), (5, 1.0)])
def test_params_that_make_no_sense_are_refused(runs: int, tolerance: float) -> None:
    with pytest.raises(ValueError, match="runs must be"):
        TruncationParams(runs, tolerance)
