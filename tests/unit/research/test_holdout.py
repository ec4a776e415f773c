"""Nothing that learns or searches ever sees a row of the holdout."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.research.conftest import Bench

from tradewright.core.types.errors import ModelError, StoreError
from tradewright.models.forecaster import Forecaster, Lesson
from tradewright.models.registry import make_forecaster
from tradewright.research import training, tuning, validation
from tradewright.research.evaluation import EvaluationPlan, evaluate
from tradewright.research.executor import Serial
from tradewright.research.experiments import ExperimentStore
from tradewright.research.holdout import HoldoutGuard, TrainingPart
from tradewright.research.leak_evidence import LeakChecks
from tradewright.research.training import train
from tradewright.research.tuning import SearchRange, TuningParams, before_first_test, tune
from tradewright.research.validation import ValidationParams

SEARCH = {"model.c": SearchRange(low=0.01, high=1.0, log=True)}


class Spy:
    """Notes the newest time of which any forecaster learned anything."""

    def __init__(self, make: Callable[..., Forecaster]) -> None:
        self.make = make
        self.newest = 0

    def __call__(self, kind: str, params: Mapping[str, Any] | None = None) -> Forecaster:
        forecaster = self.make(kind, params)
        learn, predict = forecaster.learn, forecaster.predict

        def watched_learn(
            train: Lesson, validation: Lesson | None = None, progress: Callable[[str], None] | None = None
        ) -> None:
            for lesson in (train, validation):
                if lesson is not None and len(lesson.rows):
                    self.newest = max(self.newest, int(lesson.targets.ts_end.max()))
            learn(train, validation, progress)

        def watched_predict(rows: Any) -> Any:  # noqa: ANN401
            self.newest = max(self.newest, int(rows.ts_event.max(initial=0)))
            return predict(rows)

        forecaster.learn = watched_learn  # type: ignore[method-assign]
        forecaster.predict = watched_predict  # type: ignore[method-assign]
        return forecaster


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    made = Spy(make_forecaster)
    monkeypatch.setattr(validation, "make_forecaster", made)
    return made


def test_no_row_and_no_label_of_the_training_part_reaches_into_the_holdout(bench: Bench) -> None:
    part = bench.guard.part
    held, _ = bench.guard.look("test")
    assert part.data.rows.ts_event.max() < part.ends_ns
    assert part.data.targets.ts_end.max() < part.ends_ns == held.rows.ts_event[0]
    assert len(held) == pytest.approx(0.25 * len(bench.data), abs=1)


def test_training_sees_nothing_of_the_holdout(bench: Bench, spy: Spy) -> None:
    train(bench.guard.part, bench.plan, bench.folder / "model", bench.store, Serial())
    assert 0 < spy.newest < bench.guard.part.ends_ns
    assert bench.store.holdout_uses(bench.plan.family) == 0


def test_a_search_sees_neither_the_holdout_nor_any_outer_test_fold(bench: Bench, spy: Spy) -> None:
    plan = replace(bench.plan, validation=ValidationParams(folds=3, first_share=0.6, path_folds=0))
    part = before_first_test(bench.guard.part, plan.validation)
    tune(part, plan, TuningParams(trials=3, folds=2, search=SEARCH), bench.store, Serial())
    folds = validation.folds_of(bench.guard.part.data, plan.validation)
    first_tested = min(bench.guard.part.data.rows.ts_event[fold.test].min() for fold in folds)
    assert 0 < spy.newest <= first_tested < bench.guard.part.ends_ns
    assert bench.store.holdout_uses(bench.plan.family) == 0


def test_what_learns_or_searches_asks_for_a_training_part() -> None:
    for function in (training.train, training.out_of_sample, tuning.tune):
        first = next(iter(inspect.signature(function).parameters.values()))
        assert first.annotation == TrainingPart.__name__, function.__name__


def test_only_an_evaluation_looks_and_each_look_is_counted(bench: Bench) -> None:
    trained = train(bench.guard.part, bench.plan, bench.folder / "model", bench.store, Serial())
    plan = EvaluationPlan(bench.plan, LeakChecks(bars=400, runs=5, shuffles=2))
    uses = [evaluate(trained.folder, bench.guard, plan, bench.store, Serial()).manifest.holdout_uses for _ in range(2)]
    assert uses == [1, 2]


def test_a_look_that_cannot_be_written_down_gives_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise StoreError("full disk")

    monkeypatch.setattr(ExperimentStore, "use_holdout", refuse)
    with pytest.raises(StoreError, match="full disk"):
        bench.guard.look("test")


def test_a_holdout_that_leaves_nothing_to_learn_from_is_refused(bench: Bench) -> None:
    with pytest.raises(ModelError, match="left before the holdout"):
        HoldoutGuard(bench.data, 0.95, "f", bench.store)
    with pytest.raises(ModelError, match="Give 0 or more"):
        HoldoutGuard(bench.data, 1.0, "f", bench.store)


def test_without_a_holdout_every_row_may_be_learned_from(bench: Bench, tmp_path: Path) -> None:
    assert tmp_path.exists()
    guard = HoldoutGuard(bench.data, 0.0, "f", bench.store)
    assert not guard.has_holdout
    np.testing.assert_array_equal(guard.part.data.rows.ts_event, bench.data.rows.ts_event)
