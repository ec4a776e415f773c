from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from tradewright.core.types.errors import StoreError
from tradewright.research.experiments import ExperimentStore, Trial, family_of, hash_of


def trial(config: dict[str, object], **changes: object) -> Trial:
    given = {"family": "f", "dataset": "d", "feature_set": "s", "config": config, "score": 1.0} | changes
    return Trial(**given)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> ExperimentStore:
    clock = count(5)
    return ExperimentStore(tmp_path / "deep" / "e.sqlite", lambda: next(clock))


def test_every_configuration_counts_once(store: ExperimentStore) -> None:
    assert store.record(trial({"depth": 3}))
    assert store.record(trial({"depth": 4}))
    assert not store.record(trial({"depth": 3}))
    assert store.trials_of("f") == 2
    assert store.record(trial({"depth": 3}, dataset="other rows"))
    assert store.record(trial({"depth": 3}, feature_set="other features"))
    assert store.trials_of("f") == 4
    assert store.trials_of("unknown") == 0


def test_what_was_recorded_comes_back(store: ExperimentStore) -> None:
    stamps, returns = np.array([3, 9], np.int64), np.array([0.1, -0.25])
    store.record(trial({"b": 1, "a": [2]}, stamps=stamps, returns=returns, score=0.5))
    store.record(trial({"b": 2}, score=None, state="pruned"))
    first, second = store.trials("f")
    np.testing.assert_array_equal(first.stamps, stamps)
    np.testing.assert_array_equal(first.returns, returns)
    assert (first.config, first.score, first.number, first.at_ns) == ({"a": [2], "b": 1}, 0.5, 1, 5)
    assert (second.returns, second.score, second.state) == (None, None, "pruned")


def test_a_trial_given_up_and_finished_later_is_one_trial_with_its_result(store: ExperimentStore) -> None:
    store.record(trial({"depth": 3}, score=None, state="pruned"))
    store.record(trial({"depth": 3}, score=0.7))
    (only,) = store.trials("f")
    assert (only.state, only.score) == ("complete", 0.7)
    store.record(trial({"depth": 3}, score=None, state="failed"))
    assert store.trials("f")[0].score == 0.7


def test_every_look_at_the_holdout_counts(store: ExperimentStore) -> None:
    assert [store.use_holdout("f", "d", "again") for _ in range(3)] == [1, 2, 3]
    assert store.holdout_uses("f") == 3
    assert store.holdout_uses("g") == 0
    assert store.families() == ("f",)


def test_a_family_is_bars_and_target() -> None:
    assert family_of({"A": "1", "B": "2"}, "t") == family_of({"B": "2", "A": "1"}, "t")
    assert len({family_of({"A": "1"}, "t"), family_of({"A": "2"}, "t"), family_of({"A": "1"}, "u")}) == 3


def test_the_order_of_keys_does_not_change_a_configuration() -> None:
    assert hash_of({"a": 1, "b": {"c": 2, "d": 3}}) == hash_of({"b": {"d": 3, "c": 2}, "a": 1})


def write_many(path: Path, writer: int) -> int:
    store = ExperimentStore(path, time.time_ns)
    for number in range(25):
        store.record(trial({"number": number, "writer": writer if number % 5 else 0}))
        store.use_holdout("f", "d", "race")
    return writer


def test_writers_in_several_processes_lose_nothing_and_count_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "e.sqlite"
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(write_many, [path] * 3, range(1, 4))) == [1, 2, 3]
    store = ExperimentStore(path, time.time_ns)
    assert store.trials_of("f") == 3 * 20 + 5
    assert store.holdout_uses("f") == 75


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "e.sqlite"
    path.write_bytes(b"this is no database at all, whatever its name says" * 100)
    with pytest.raises(StoreError, match="cannot be used"):
        ExperimentStore(path, time.time_ns)


def test_a_place_under_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be used"):
        ExperimentStore(tmp_path / "file" / "e.sqlite", time.time_ns)
