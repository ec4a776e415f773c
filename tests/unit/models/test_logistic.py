from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tradewright.core.types.errors import ModelError
from tradewright.models.contract import contract_lesson
from tradewright.models.registry import forecaster_class, make_forecaster


@pytest.mark.parametrize("has_flat", [True, False])
def test_it_is_scikit_learns_model(has_flat: bool) -> None:
    lesson = contract_lesson(800, has_flat=has_flat)
    model = make_forecaster("logistic", {"c": 0.3})
    model.learn(lesson)
    values = lesson.rows.values
    filled = np.where(np.isnan(values), np.nanmedian(values, axis=0), values)
    inputs = (filled - filled.mean(axis=0)) / filled.std(axis=0)
    oracle = LogisticRegression(C=0.3, max_iter=300).fit(inputs, lesson.targets.direction, lesson.targets.weight)
    expected = oracle.predict_proba(inputs)
    columns = [{1: 0, -1: 1, 0: 2}[int(c)] for c in oracle.classes_]
    assert model.predict(lesson.rows)[:, columns] == pytest.approx(expected, abs=1e-9)


def test_what_is_missing_or_infinite_counts_as_the_median_of_the_training() -> None:
    lesson = contract_lesson()
    model = make_forecaster("logistic")
    model.learn(lesson)
    middle, rows = np.nanmedian(lesson.rows.values, axis=0), lesson.rows.take(slice(0, 1))
    answers = [
        model.predict(replace(rows, values=np.where(np.arange(5) == 1, value, rows.values)))
        for value in (middle[1], np.nan, np.inf, -np.inf)
    ]
    assert len({a.tobytes() for a in answers}) == 1


def test_a_constant_feature_says_nothing() -> None:
    lesson = contract_lesson()
    values = lesson.rows.values.copy()
    values[:, 2] = 0.1
    model = make_forecaster("logistic")
    model.learn(replace(lesson, rows=replace(lesson.rows, values=values)))
    assert np.isfinite(model.predict(lesson.rows)).all()


def test_a_fit_that_has_not_settled_is_told() -> None:
    told: list[str] = []
    make_forecaster("logistic", {"max_iterations": 1, "c": 100.0}).learn(contract_lesson(), progress=told.append)
    assert told == ["logistic: stopped after 1 iterations, before it had settled"]


@pytest.mark.parametrize("key", ["medians", "slopes", "intercepts"])
def test_numbers_that_do_not_fit_are_refused(tmp_path: Path, key: str) -> None:
    model = make_forecaster("logistic")
    model.learn(contract_lesson())
    model.save(tmp_path)
    numbers = json.loads((tmp_path / "logistic.json").read_text())
    numbers[key] = numbers[key][:-1]
    (tmp_path / "logistic.json").write_text(json.dumps(numbers))
    with pytest.raises(ModelError, match="do not fit the features"):
        forecaster_class("logistic").load(tmp_path, model.params)
