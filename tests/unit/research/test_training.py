from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from tests.unit.research.conftest import TRADES, Bench

from tradewright.core.types.errors import ConfigError, ModelError
from tradewright.models.artefact import load_model
from tradewright.models.model import FittedModel
from tradewright.models.splits import Fold
from tradewright.research import training, validation
from tradewright.research.dataset import Dataset
from tradewright.research.executor import Executor, Processes, Serial
from tradewright.research.money import MoneyParams
from tradewright.research.training import Trained, TrainingPlan, out_of_sample, train
from tradewright.research.validation import FoldForecasts, ModelChoice, ValidationParams, folds_of, forecast_rows

J = TypeVar("J")
R = TypeVar("R")


class Counting(Serial):
    """Notes how many jobs ran; may stop after some, as a killed process does."""

    def __init__(self, stop_after: int = 1_000) -> None:
        self.jobs = 0
        self.stop_after = stop_after

    def map(self, function: Callable[[J], R], jobs: Sequence[J]) -> Iterator[R]:
        for job in jobs:
            if self.jobs == self.stop_after:
                raise KeyboardInterrupt
            self.jobs += 1
            yield function(job)


def run(bench: Bench, executor: Executor, plan: TrainingPlan | None = None, name: str = "model") -> Trained:
    return train(bench.guard.part, plan or bench.plan, bench.folder / name, bench.store, executor)


def test_every_test_row_is_forecast_once_by_a_model_of_the_past(bench: Bench) -> None:
    done = run(bench, Serial())
    folds = folds_of(bench.guard.part.data, bench.plan.validation)
    assert len(done.folds) == len(folds) == 3
    rows = bench.guard.part.data.rows
    for forecasts, fold in zip(done.folds, folds, strict=True):
        np.testing.assert_array_equal(forecasts.rows, fold.test)
        assert bench.guard.part.data.targets.ts_end[fold.train].max() <= rows.ts_event[fold.test].min()
        for values in (forecasts.values, forecasts.base_rate, forecasts.last_sign):
            np.testing.assert_allclose(values[:, :3].sum(axis=1), 1.0)


def test_a_planted_edge_is_found_and_earns(bench: Bench) -> None:
    score = bench.store.trials(bench.plan.family)
    assert not score
    done = run(bench, Serial())
    (trial,) = bench.store.trials(bench.plan.family)
    assert trial.score is not None
    assert trial.score > 1.0
    np.testing.assert_array_equal(trial.returns, done.returns.value)


def test_the_artefact_forecasts_what_the_fitted_model_did_and_says_where_it_is_from(bench: Bench) -> None:
    done = run(bench, Serial())
    origin = done.manifest.origin
    assert origin.datasets == dict(bench.data.bars_digests)
    assert (origin.code, origin.rows, origin.config) == ("c0de", len(bench.guard.part.data), {"name": "bench"})
    model = load_model(done.folder)
    said = forecast_rows(model, bench.data.rows, np.arange(50, 60)).values
    assert not np.isnan(said).any()


def test_finished_folds_are_not_made_again_after_an_interruption(bench: Bench) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(bench, Counting(stop_after=2))
    second = Counting()
    done = run(bench, second)
    assert second.jobs == 1
    fresh = run(bench, Counting(), replace(bench.plan, keep=bench.folder / "other"), "fresh")
    assert done.manifest.digest == fresh.manifest.digest
    for kept, made in zip(done.folds, fresh.folds, strict=True):
        np.testing.assert_array_equal(kept.values, made.values)


@pytest.mark.parametrize("killed_in", [1, 3])
def test_checkpoints_outlive_a_kill_and_nothing_else(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, killed_in: int
) -> None:
    found: list[bool] = []  # of each fit, whether an earlier one had left something to go on from

    def fit(*args: Any, **more: Any) -> FittedModel:  # noqa: ANN401 -- of the real one
        checkpoints = more["checkpoints"]
        found.append((checkpoints / "half").exists())
        checkpoints.mkdir(parents=True, exist_ok=True)
        (checkpoints / "half").touch()
        if len(found) == killed_in + 1:
            raise KeyboardInterrupt
        return validation.fit(*args, **more)

    def forecast_fold(choice: ModelChoice, data: Dataset, fold: Fold, checkpoints: Path) -> FoldForecasts:
        fit(choice, data, fold.train, late=fold.validation, checkpoints=checkpoints)
        return validation.forecast_fold(choice, data, fold)

    monkeypatch.setattr(training, "fit", fit)  # the last of four: the model itself
    monkeypatch.setattr(training, "forecast_fold", forecast_fold)
    with pytest.raises(KeyboardInterrupt):
        run(bench, Serial())
    left = [path for path in bench.plan.keep.iterdir() if path.is_dir()]
    assert [path.name.endswith("-final") for path in left] == [killed_in == 3]
    run(bench, Serial())
    assert found == [False] * (killed_in + 1) + [True] + [False] * (3 - killed_in)
    assert not [path for path in bench.plan.keep.iterdir() if path.is_dir()]


def test_other_parameters_or_code_make_other_folds(bench: Bench) -> None:
    run(bench, Serial())
    for plan in (
        replace(bench.plan, choice=ModelChoice(kind="logistic", params={"c": 0.5}, calibration="platt")),
        replace(bench.plan, code="other"),
        replace(bench.plan, seed=1),
    ):
        counting = Counting()
        out_of_sample(bench.guard.part, plan, counting)
        assert counting.jobs == 3


def test_a_damaged_fold_is_made_again(bench: Bench) -> None:
    run(bench, Serial())
    for path in bench.plan.keep.glob("*.npz"):
        path.write_bytes(path.read_bytes()[:100])
    counting = Counting()
    out_of_sample(bench.guard.part, bench.plan, counting)
    assert counting.jobs == 3


def test_processes_give_the_same_bits(bench: Bench) -> None:
    here = out_of_sample(bench.guard.part, bench.plan, Serial())
    with Processes(2) as pool:
        there = out_of_sample(bench.guard.part, replace(bench.plan, keep=bench.folder / "there"), pool)
    for one, other in zip(here, there, strict=True):
        np.testing.assert_array_equal(one.values, other.values)


def test_the_same_training_twice_is_one_trial_and_another_threshold_another(bench: Bench) -> None:
    run(bench, Serial())
    run(bench, Serial())
    assert bench.store.trials_of(bench.plan.family) == 1
    run(bench, Serial(), replace(bench.plan, money=MoneyParams(params=TRADES | {"enter_up": 0.53})))
    assert bench.store.trials_of(bench.plan.family) == 2


def test_a_fold_that_cannot_learn_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "folds_of", lambda data, _: folds_of(data.take(np.arange(150)), ValidationParams()))
    with pytest.raises(ModelError, match="fold 0, training rows"):
        run(bench, Serial())


def test_an_embargo_longer_than_the_data_is_refused(bench: Bench) -> None:
    plan = replace(bench.plan, validation=ValidationParams(method="purged_kfold", embargo_bars=5_000))
    with pytest.raises(ModelError, match=r"embargo .* is longer than"):
        run(bench, Serial(), plan)


def test_a_parameter_that_the_strategy_does_not_have_is_refused(bench: Bench) -> None:
    plan = replace(bench.plan, money=MoneyParams(params={"enter_above": 0.6}))
    with pytest.raises(ConfigError, match=r"strategy\.params\.enter_above"):
        run(bench, Serial(), plan)


def test_nothing_half_written_is_left(bench: Bench) -> None:
    run(bench, Serial())
    assert [p.name for p in Path(bench.folder).iterdir() if p.name.startswith(".")] == []
    assert not [p for p in bench.plan.keep.iterdir() if p.suffix != ".npz"]
