from __future__ import annotations

import numpy as np
import pytest

from tradewright.core.types.errors import ModelError
from tradewright.core.types.rows import FeatureRows
from tradewright.models.contract import contract_lesson
from tradewright.models.explain import permutation_importance, shap_importance
from tradewright.models.forecaster import Lesson
from tradewright.models.registry import make_forecaster

LESSON = contract_lesson(2000, seed=4)
TRAIN = Lesson(LESSON.rows.take(slice(0, 1400)), LESSON.targets.take(slice(0, 1400)))
LATER = Lesson(LESSON.rows.take(slice(1410, 2000)), LESSON.targets.take(slice(1410, 2000)))


@pytest.mark.parametrize("kind", ["logistic", "xgboost"])
def test_permutation_finds_what_matters(kind: str) -> None:
    model = make_forecaster(kind, {"rounds": 40} if kind == "xgboost" else {})
    model.learn(TRAIN)
    found = permutation_importance(model.predict, LATER, seed=1)
    assert [one.name for one in found[:2]] == ["trend", "return_1"]
    assert all(one.low <= one.value <= one.high for one in found)
    assert found[0].low > found[1].high > found[1].low > 0.0
    assert all(one.value < 0.02 for one in found[2:])
    assert found == permutation_importance(model.predict, LATER, seed=1)
    assert found != permutation_importance(model.predict, LATER, seed=2)


def test_a_feature_that_is_not_read_has_no_importance() -> None:
    model = make_forecaster("base_rate")
    model.learn(TRAIN)
    assert {one.value for one in permutation_importance(model.predict, LATER)} == {0.0}


def test_the_rows_are_left_alone_and_some_must_have_a_forecast() -> None:
    before = LATER.rows.values.tobytes()

    def silent(rows: FeatureRows) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        return np.full((len(rows), 4), np.nan)

    with pytest.raises(ModelError, match="no forecast for any of the rows"):
        permutation_importance(silent, LATER)
    assert LATER.rows.values.tobytes() == before
    with pytest.raises(ValueError, match="no spread"):
        permutation_importance(silent, LATER, repeats=1)


@pytest.mark.parametrize("kind", ["lightgbm", "xgboost"])
def test_shap_finds_what_matters(kind: str) -> None:
    model = make_forecaster(kind, {"rounds": 40})
    model.learn(TRAIN)
    found = shap_importance(model, LATER.rows)
    assert [one.name for one in found[:2]] == ["trend", "return_1"]
    assert found[1].value > 2.0 * found[2].value
    assert {one.name for one in shap_importance(model, LATER.rows, most=50)} == set(LATER.rows.names)


def test_shap_is_for_trees() -> None:
    model = make_forecaster("logistic")
    model.learn(TRAIN)
    with pytest.raises(ModelError, match="logistic has none") as caught:
        shap_importance(model, LATER.rows)
    assert "permutation" in caught.value.fix
