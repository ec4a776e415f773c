"""Every forecaster of the package satisfies the contract, and the contract notices what it is there for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from numpy.typing import NDArray

from tradewright.core.types.rows import FeatureRows
from tradewright.models.baseline import BaseRate
from tradewright.models.contract import ForecasterContractError, check_forecaster, contract_lesson
from tradewright.models.forecaster import Forecaster, ForecasterParams, Lesson
from tradewright.models.registry import KINDS, forecaster_class, make_forecaster

#: Small, so that a few hundred rows are enough and a test is quick.
PARAMS: dict[str, dict[str, Any]] = {
    "base_rate": {},
    "ensemble": {"members": [{"kind": "logistic", "weight": 2.0}, {"kind": "lightgbm", "params": {"rounds": 5}}]},
    "last_sign": {},
    "lightgbm": {"rounds": 20},
    "logistic": {},
    "lstm": {"length": 3, "hidden": 8, "epochs": 5, "batch": 64, "learning_rate": 0.02},
    "transformer": {"length": 3, "size": 8, "heads": 2, "epochs": 5, "batch": 64, "learning_rate": 0.02},
    "xgboost": {"rounds": 20},
}


def test_everything_registered_is_tested() -> None:
    assert set(KINDS) == set(PARAMS)


@pytest.mark.parametrize("kind", KINDS)
def test_forecaster_satisfies_the_contract(kind: str) -> None:
    assert forecaster_class(kind).kind == kind
    check_forecaster(lambda: make_forecaster(kind, PARAMS[kind]))


@pytest.mark.parametrize("kind", ["last_sign", "lightgbm", "logistic", "lstm", "transformer", "xgboost"])
def test_an_edge_is_found(kind: str) -> None:
    lesson = contract_lesson(2000, seed=3, has_flat=False)
    train = Lesson(lesson.rows.take(slice(0, 1000)), lesson.targets.take(slice(0, 1000)))
    model = make_forecaster(kind, PARAMS[kind])
    model.learn(train)
    values = model.predict(lesson.rows)[1010:]
    said, was = np.where(values[:, 0] > values[:, 1], 1, -1), lesson.targets.direction[1010:]
    # The sign of the return explains a seventh of the growth, all features together a half.
    assert (said == was).mean() > (0.54 if kind == "last_sign" else 0.65)
    assert np.corrcoef(values[:, 3], lesson.targets.growth[1010:])[0, 1] > 0.1


@pytest.mark.parametrize("kind", ["lightgbm", "lstm", "xgboost"])
def test_another_seed_gives_another_model(kind: str) -> None:
    lesson = contract_lesson()
    answers = []
    for seed in (0, 0, 1):
        model = make_forecaster(kind, {**PARAMS[kind], "seed": seed})
        model.learn(lesson)
        answers.append(model.predict(lesson.rows).tobytes())
    assert answers[0] == answers[1] != answers[2]


class Tampered(BaseRate):
    """A forecaster with one fault."""

    def __init__(self, fault: str) -> None:
        super().__init__(ForecasterParams())
        self.fault = fault

    def learn(
        self, train: Lesson, validation: Lesson | None = None, progress: Callable[[str], None] | None = None
    ) -> None:
        if self.fault == "greedy":
            train = Lesson(train.rows, train.targets) if len(train.rows) > 50 else contract_lesson()
        super().learn(train, validation, progress)
        if self.fault == "scribbles":
            train.rows.values[0, 0] += 1.0

    def predict(self, rows: FeatureRows) -> NDArray[np.float64]:
        if self.fault == "blind":
            rows = FeatureRows(**{**{f: getattr(rows, f) for f in rows.__slots__}, "names": self.names()})
        values = super().predict(rows)
        if self.fault == "unsure":
            values[:, 0] *= 0.9
        if self.fault == "batchy" and len(values):
            values[:, 3] = np.nanmean(rows.values[:, 1])
        if self.fault == "short":
            values = values[:, :3]
        return values

    def names(self) -> tuple[str, ...]:
        return self._outcomes.names if self._outcomes else ()

    def save(self, folder: Path) -> tuple[str, ...]:
        files = super().save(folder)
        if self.fault == "silent file":
            (folder / "more.json").write_text("{}")
        if self.fault == "unsafe file":
            (folder / "more.pkl").write_text("{}")
            return (*files, "more.pkl")
        return files

    @classmethod
    def load(cls, folder: Path, params: ForecasterParams) -> Self:
        model = super().load(folder, params) if cls is BaseRate else cls("")
        model._outcomes = BaseRate.load(folder, params)._outcomes
        return model


class Random(Tampered):
    """A forecaster whose seed is its own age."""

    births = 0

    def predict(self, rows: FeatureRows) -> NDArray[np.float64]:
        values = super().predict(rows)
        values[:, 3] = float(self.age)
        return values

    def learn(
        self, train: Lesson, validation: Lesson | None = None, progress: Callable[[str], None] | None = None
    ) -> None:
        super().learn(train, validation, progress)
        Random.births += 1
        self.age = Random.births


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("scribbles", "writes into what it is given"),
        ("unsure", "whose sum is not 1"),
        ("short", r"expected float64\[n, 4\]"),
        ("batchy", "alone, .* among others"),
        ("silent file", "says it wrote"),
        ("unsafe file", "more.pkl, which is not in a safe format"),
        ("blind", "accepts columns in another order"),
        ("greedy", "accepts a lesson of twenty rows"),
    ],
)
def test_contract_catches(fault: str, rule: str) -> None:
    def make() -> Forecaster:
        return Tampered(fault)

    with pytest.raises(ForecasterContractError, match=rule) as caught:
        check_forecaster(make)
    assert str(caught.value).startswith("forecaster base_rate: ")


def test_contract_catches_a_model_that_is_another_one_each_time() -> None:
    with pytest.raises(ForecasterContractError, match="something else the second time"):
        check_forecaster(lambda: Random(""))


def test_contract_accepts_the_model_without_a_fault() -> None:
    check_forecaster(lambda: Tampered(""))
