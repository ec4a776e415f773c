"""XGBoost and LightGBM, against the libraries themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
import xgboost as xgb
from numpy.typing import NDArray

from tradewright.core.types.errors import ModelError
from tradewright.models.contract import contract_lesson
from tradewright.models.forecaster import Lesson
from tradewright.models.lgbm import LightGBM, LightGBMParams
from tradewright.models.lgbm_shares import OneRow
from tradewright.models.registry import forecaster_class, make_forecaster
from tradewright.models.xgb import XGBoost, XGBoostParams
from tradewright.models.xgb_shares import shares_in

KINDS = ("lightgbm", "xgboost")
COLUMN_OF_PLACE = {3: [1, 2, 0], 2: [1, 0]}


def direct(kind: str, lesson: Lesson, native: dict[str, Any], rounds: int) -> NDArray[np.float64]:
    """Shares of the outcomes in ascending order of direction, from the library alone."""
    outcome = np.searchsorted(np.unique(lesson.targets.direction), lesson.targets.direction)
    values, weight = lesson.rows.values, lesson.targets.weight
    if kind == "xgboost":
        trees = xgb.train(native, xgb.QuantileDMatrix(values, outcome, weight=weight), rounds)
        raw = trees.predict(xgb.DMatrix(values))
    else:
        raw = np.asarray(lgb.train(native, lgb.Dataset(values, outcome, weight=weight), rounds).predict(values))
    raw = np.asarray(raw, np.float64)
    return np.column_stack([1.0 - raw, raw]) if raw.ndim == 1 else raw


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("has_flat", [True, False])
def test_trees_are_the_librarys(kind: str, has_flat: bool) -> None:
    lesson = contract_lesson(has_flat=has_flat)
    classes = 3 if has_flat else 2
    params = forecaster_class(kind).params_type.model_validate({"rounds": 12, "seed": 5})
    assert isinstance(params, XGBoostParams | LightGBMParams)
    model = make_forecaster(kind, params.model_dump())
    model.learn(lesson)
    expected = direct(kind, lesson, params.native(classes), 12)
    found = model.predict(lesson.rows)[:, COLUMN_OF_PLACE[classes]]
    assert found == pytest.approx(expected, abs=2e-7)


@pytest.mark.parametrize("has_flat", [True, False])
def test_shares_are_the_bits_of_xgboosts_own_call_for_one_row_and_for_many(has_flat: bool) -> None:
    lesson = contract_lesson(has_flat=has_flat)
    model = make_forecaster("xgboost", {"rounds": 30})
    model.learn(lesson)
    assert isinstance(model, XGBoost)
    values = lesson.rows.values
    expected = model.booster.inplace_predict(values)
    assert shares_in(model.booster, values).tobytes() == expected.tobytes()
    for i in range(0, 600, 7):
        assert shares_in(model.booster, values[i : i + 1]).tobytes() == expected[i : i + 1].tobytes()
    # Rows that do not lie one behind the other, and an answer that outlives the next.
    kept = shares_in(model.booster, values[::3])
    shares_in(model.booster, values[1::3])
    assert kept.tobytes() == expected[::3].tobytes()
    assert shares_in(model.booster, np.asfortranarray(values)).tobytes() == expected.tobytes()


@pytest.mark.parametrize("has_flat", [True, False])
def test_one_row_has_the_bits_of_lightgbms_own_call(has_flat: bool) -> None:
    lesson = contract_lesson(has_flat=has_flat)
    booster = lgb.train(
        LightGBMParams().native(3 if has_flat else 2), lgb.Dataset(lesson.rows.values, lesson.targets.direction + 1), 30
    )
    values = lesson.rows.values.copy()
    values[::5, 1] = np.nan
    expected = np.asarray(booster.predict(values))
    one_row = OneRow(booster)
    kept = one_row.shares(values[:1])
    for i in range(600):
        assert one_row.shares(values[i : i + 1]).tobytes() == expected[i : i + 1].tobytes()
    assert kept.tobytes() == expected[:1].tobytes()
    with pytest.raises(ValueError, match="columns"):
        one_row.shares(values[:1, :2])


@pytest.mark.parametrize("kind", KINDS)
def test_it_stops_where_the_validation_is_best_and_keeps_those_trees_only(kind: str, tmp_path: Path) -> None:
    lesson = contract_lesson(1000, seed=2)
    train, later = (Lesson(lesson.rows.take(s), lesson.targets.take(s)) for s in (slice(0, 600), slice(610, 1000)))
    told: list[str] = []
    model = make_forecaster(kind, {"rounds": 400, "learning_rate": 0.3, "early_stopping": 10})
    model.learn(train, later, told.append)
    rounds = int(told[0].split()[1])
    assert rounds < 100
    same = make_forecaster(kind, {"rounds": rounds, "learning_rate": 0.3})
    same.learn(train)
    assert model.predict(later.rows).tobytes() == same.predict(later.rows).tobytes()
    never = make_forecaster(kind, {"rounds": 60, "learning_rate": 0.3, "early_stopping": 0})
    never.learn(train, later, told.append)
    assert told[-1].split()[1] == "60"
    model.save(tmp_path)
    again = type(model).load(tmp_path, model.params)
    assert again.predict(later.rows).tobytes() == model.predict(later.rows).tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_an_outcome_seen_in_the_validation_only_does_not_matter(kind: str) -> None:
    lesson, flat = contract_lesson(has_flat=False), contract_lesson(seed=1)
    model = make_forecaster(kind, {"rounds": 10})
    model.learn(lesson, flat)
    assert (model.predict(flat.rows)[:, 2] == 0.0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_contributions_add_up_to_the_score(kind: str) -> None:
    lesson = contract_lesson(has_flat=False)
    model = make_forecaster(kind, {"rounds": 10})
    model.learn(lesson)
    assert isinstance(model, XGBoost | LightGBM)
    moved = model.contributions(lesson.rows)
    assert moved.shape == (600, 1, 5)
    up = model.predict(lesson.rows)[:, 0]
    rest = np.log(up / (1.0 - up)) - moved[:, 0].sum(axis=1)
    assert rest == pytest.approx(np.full(600, rest[0]), abs=1e-5)  # what is left is the constant they start from


@pytest.mark.parametrize("kind", KINDS)
def test_trees_of_other_features_are_refused(kind: str, tmp_path: Path) -> None:
    lesson = contract_lesson()
    fewer = replace(lesson.rows, names=lesson.rows.names[:4], values=lesson.rows.values[:, :4].copy())
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    made = []
    for rows, folder in ((lesson.rows, "a"), (fewer, "b")):
        model = make_forecaster(kind, {"rounds": 3})
        model.learn(replace(lesson, rows=rows))
        model.save(tmp_path / folder)
        made.append(model)
    (tmp_path / "b" / "outcomes.json").write_bytes((tmp_path / "a" / "outcomes.json").read_bytes())
    with pytest.raises(ModelError, match="cannot be read: its trees"):
        type(made[1]).load(tmp_path / "b", made[1].params)


@pytest.mark.parametrize("kind", KINDS)
def test_trees_of_another_number_of_outcomes_are_refused(kind: str, tmp_path: Path) -> None:
    for name, has_flat in (("a", True), ("b", False)):
        (tmp_path / name).mkdir()
        model = make_forecaster(kind, {"rounds": 3})
        model.learn(contract_lesson(has_flat=has_flat))
        model.save(tmp_path / name)
    (tmp_path / "a" / "outcomes.json").write_bytes((tmp_path / "b" / "outcomes.json").read_bytes())
    with pytest.raises(ModelError, match="its trees"):
        type(model).load(tmp_path / "a", model.params)


def test_weights_count() -> None:
    lesson = contract_lesson(has_flat=False)
    heavy = replace(lesson.targets, weight=np.where(lesson.targets.direction == 1, 1.8, 0.2))
    for kind in KINDS:
        plain, weighted = (make_forecaster(kind, {"rounds": 30}) for _ in range(2))
        plain.learn(lesson)
        weighted.learn(replace(lesson, targets=heavy))
        assert weighted.predict(lesson.rows)[:, 0].mean() > plain.predict(lesson.rows)[:, 0].mean() + 0.1
