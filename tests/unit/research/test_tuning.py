from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.research.conftest import Bench
from tests.unit.research.test_training import Counting, J, R

from tradewright.core.types.errors import ConfigError, ModelError, StoreError
from tradewright.research.executor import Executor, Serial
from tradewright.research.holdout import TrainingPart
from tradewright.research.tuning import SearchRange, Tuned, TuningParams, before_first_test, tune
from tradewright.research.validation import ModelChoice, ValidationParams

SEARCH = {
    "model.c": SearchRange(low=0.001, high=1.0, log=True),
    "strategy.enter_up": SearchRange(low=0.5, high=0.6),
}
LATE = ValidationParams(folds=2, first_share=0.7, path_folds=0)


class Backwards(Serial):
    """Runs the newest job first, as other machines may."""

    def map(self, function: Callable[[J], R], jobs: Sequence[J]) -> Iterator[R]:
        return reversed([function(job) for job in reversed(jobs)])


@pytest.fixture
def part(bench: Bench) -> TrainingPart:
    return before_first_test(bench.guard.part, LATE)


def search(bench: Bench, part: TrainingPart, executor: Executor, **changes: object) -> Tuned:
    params = TuningParams.model_validate({"trials": 6, "folds": 2, "batch": 3, "search": SEARCH} | changes)
    return tune(part, bench.plan, params, bench.store, executor)


def test_every_trial_is_counted_and_the_best_is_chosen(bench: Bench, part: TrainingPart) -> None:
    found = search(bench, part, Serial(), prunes=False)
    trials = bench.store.trials(bench.plan.family)
    assert found.trials == len(trials) == 6
    scores = [t.score for t in trials if t.score is not None]
    assert found.value == pytest.approx(max(scores))
    best = max(trials, key=lambda t: t.score if t.score is not None else -9.0)
    assert best.config["model"]["params"]["c"] == found.choice.params["c"]
    assert best.config["money"]["params"]["enter_up"] == found.money.params["enter_up"]
    stamps = {t.stamps.tobytes() for t in trials if t.stamps is not None}
    assert len(stamps) == 1, "trials over other periods cannot be compared"


def test_the_same_search_chooses_the_same_wherever_it_runs(bench: Bench, part: TrainingPart) -> None:
    assert search(bench, part, Serial()) == search(bench, part, Backwards())


def test_an_interrupted_search_ends_where_an_uninterrupted_one_does(
    bench: Bench, part: TrainingPart, tmp_path: Path
) -> None:
    storage = f"sqlite:///{tmp_path / 'study.sqlite'}"
    with pytest.raises(KeyboardInterrupt):
        search(bench, part, Counting(stop_after=8), storage=storage, prunes=False)  # within the second batch
    second = Counting()
    resumed = search(bench, part, second, storage=storage, prunes=False)
    assert second.jobs == 6, "the batch that was finished is not run again"
    assert resumed == search(bench, part, Serial(), prunes=False)
    assert bench.store.trials_of(bench.plan.family) == 6


def test_a_trial_below_the_median_is_given_up_and_counted(bench: Bench, part: TrainingPart) -> None:
    search(bench, part, Serial(), trials=12, batch=2)
    trials = bench.store.trials(bench.plan.family)
    pruned = [t for t in trials if t.state == "pruned"]
    assert len(trials) == 12
    assert pruned
    assert all(t.score is None and t.returns is None for t in pruned)


def test_log_loss_can_be_the_objective(bench: Bench, part: TrainingPart) -> None:
    assert -1.2 < search(bench, part, Serial(), objective="log_loss", trials=3).value < -0.3


def test_methods_that_test_from_the_first_row_on_leave_nothing_to_search_on(bench: Bench) -> None:
    with pytest.raises(ModelError, match="before the first test fold"):
        before_first_test(bench.guard.part, ValidationParams(method="purged_kfold"))


def test_a_storage_that_cannot_be_reached_is_told(bench: Bench, part: TrainingPart) -> None:
    with pytest.raises(StoreError, match="storage of the search"):
        search(bench, part, Serial(), storage="sqlite:////nowhere/at/all/study.sqlite")


def test_a_kind_without_usual_ranges_asks_for_some(bench: Bench, part: TrainingPart) -> None:
    plan = replace(bench.plan, choice=ModelChoice(kind="last_sign"))
    with pytest.raises(ConfigError, match="nothing says what to search"):
        tune(part, plan, TuningParams(), bench.store, Serial())


def test_a_search_in_which_nothing_works_says_why(bench: Bench, part: TrainingPart) -> None:
    with pytest.raises(ModelError, match=r"none of 2 trials .* parameters of logistic"):
        search(bench, part, Serial(), trials=2, search={"model.depth": {"low": 1, "high": 5}})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"low": 1}, "give `low` and `high`, or `choices`"),
        ({"low": 1, "high": 2, "choices": [3]}, "give `low` and `high`, or `choices`"),
        ({"low": 3, "high": 2}, "low < high"),
        ({"low": 0.0, "high": 2.0, "log": True}, "above 0"),
    ],
)
def test_a_range_that_is_none_is_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SearchRange.model_validate(given)


def test_a_range_of_an_unknown_part_is_refused() -> None:
    with pytest.raises(ValueError, match=r"neither model\.NAME nor strategy\.NAME"):
        TuningParams(search={"depth": SearchRange(low=1, high=2)})
