from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradewright.core.types.errors import ModelError
from tradewright.models.artefact import Origin, load_model, save_model
from tradewright.models.calibration import Calibration
from tradewright.models.contract import contract_lesson
from tradewright.models.ensemble import Ensemble
from tradewright.models.forecaster import Forecaster
from tradewright.models.model import FittedModel
from tradewright.models.registry import make_forecaster

LESSON = contract_lesson()
ROWS = LESSON.rows
LOGISTIC = {"kind": "logistic", "weight": 3.0}
TREES = {"kind": "xgboost", "params": {"rounds": 5}}


def learned(kind: str, params: dict[str, Any] | None = None) -> Forecaster:
    model = make_forecaster(kind, params)
    model.learn(LESSON)
    return model


def ensemble(*members: dict[str, Any], say: list[str] | None = None) -> Ensemble:
    model = make_forecaster("ensemble", {"members": members})
    assert isinstance(model, Ensemble)
    model.learn(LESSON, progress=(say if say is not None else []).append)
    return model


def fitted(kind: str, params: dict[str, Any] | None = None, **changes: Any) -> FittedModel:  # noqa: ANN401
    told: dict[str, Any] = {"feature_set_hash": "contract", "horizon_ns": LESSON.targets.horizon_ns, **changes}
    return FittedModel(learned(kind, params), ROWS.names, **told)


def test_it_is_the_weighted_mean() -> None:
    mean = (3.0 * learned("logistic").predict(ROWS) + learned("xgboost", {"rounds": 5}).predict(ROWS)) / 4.0
    assert ensemble(LOGISTIC, TREES).predict(ROWS) == pytest.approx(mean, abs=1e-12)


def test_the_seed_reaches_the_members_unless_they_have_their_own() -> None:
    own = {"kind": "xgboost", "params": {"rounds": 5, "seed": 9}}
    for member, seed in ((TREES, 4), (own, 9)):
        model = make_forecaster("ensemble", {"seed": 4, "members": [member]})
        model.learn(LESSON)
        assert model.predict(ROWS).tobytes() == learned("xgboost", {"rounds": 5, "seed": seed}).predict(ROWS).tobytes()


def test_artefacts_are_members_with_their_calibration(tmp_path: Path) -> None:
    model = fitted("logistic", calibration=Calibration(bias=-0.5, growth=(0.001, -0.001, 0.0)))
    save_model(model, tmp_path / "m", Origin())
    made = ensemble({"folder": str(tmp_path / "m"), "weight": 3.0}, TREES)
    mean = (3.0 * model.predict(ROWS).values + learned("xgboost", {"rounds": 5}).predict(ROWS)) / 4.0
    assert made.predict(ROWS) == pytest.approx(mean, abs=1e-12)
    whole = FittedModel(made, ROWS.names, "contract", 1)
    save_model(whole, tmp_path / "whole", Origin())
    (tmp_path / "m" / "logistic.json").unlink()  # it has its members with it
    assert load_model(tmp_path / "whole").predict(ROWS).values.tobytes() == made.predict(ROWS).tobytes()


def test_fitted_models_are_members() -> None:
    a, b = fitted("logistic"), fitted("base_rate")
    made = Ensemble.of([(a, 1.0), (b, 4.0)])
    mean = (a.predict(ROWS).values + 4.0 * b.predict(ROWS).values) / 5.0
    assert made.predict(ROWS) == pytest.approx(mean, abs=1e-12)
    assert made.lookback == 1
    for members in ([], [(a, 0.0)], [(a, float("nan"))]):
        with pytest.raises(ModelError, match="positive weights"):
            Ensemble.of(members)
    other = FittedModel(a.forecaster, ROWS.names[::-1], "contract", 1)
    with pytest.raises(ModelError, match="feature 1"):
        Ensemble.of([(a, 1.0), (other, 1.0)])


def no_folder(folder: Path) -> None:
    assert not folder.exists()


def damaged(folder: Path) -> None:
    save_model(fitted("logistic"), folder, Origin())
    (folder / "logistic.json").write_text("{")


def of_other_features(folder: Path) -> None:
    save_model(fitted("logistic", feature_set_hash="other"), folder, Origin())


def of_another_horizon(folder: Path) -> None:
    save_model(fitted("logistic", horizon_ns=1), folder, Origin())


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (no_folder, "no model.json"),
        (damaged, "logistic.json is not the file"),
        (of_other_features, "other features"),
        (of_another_horizon, "another horizon"),
    ],
)
def test_it_goes_on_without_a_member_that_cannot_be_had(tmp_path: Path, spoil: Any, reason: str) -> None:  # noqa: ANN401
    spoil(tmp_path / "m")
    said: list[str] = []
    made = ensemble({"folder": str(tmp_path / "m"), "weight": 100.0}, LOGISTIC, TREES, say=said)
    assert made.predict(ROWS).tobytes() == ensemble(LOGISTIC, TREES).predict(ROWS).tobytes()
    assert len(made.missing) == 1
    assert reason in made.missing[0]
    assert str(tmp_path / "m") in made.missing[0]
    assert said[-1] == f"ensemble: goes on without {made.missing[0]}"
    again = save_and_load(made, tmp_path / "whole")
    assert again.missing == made.missing
    assert again.predict(ROWS).tobytes() == made.predict(ROWS).tobytes()
    with pytest.raises(ModelError, match="no member of the ensemble answers"):
        ensemble({"folder": str(tmp_path / "m")})


def save_and_load(made: Ensemble, folder: Path) -> Ensemble:
    folder.mkdir()
    made.save(folder)
    return Ensemble.load(folder, made.params)


def test_it_goes_on_without_a_member_whose_library_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ensemble(LOGISTIC, TREES)
    (tmp_path / "m").mkdir()
    made.save(tmp_path / "m")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "xgboost", None)
        bare, loaded = ensemble(LOGISTIC, TREES), Ensemble.load(tmp_path / "m", made.params)
    for one in (bare, loaded):
        assert "xgboost" in one.missing[0]
        assert one.predict(ROWS).tobytes() == ensemble(LOGISTIC).predict(ROWS).tobytes()


def test_a_member_that_fails_is_missed_until_it_answers_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = ensemble(LOGISTIC, TREES)
    whole = made.predict(ROWS)

    def fails(*_: object) -> None:
        raise ModelError("its server is down")

    with monkeypatch.context() as patch:
        patch.setattr(type(learned("xgboost", {"rounds": 5})), "predict", fails)
        assert made.predict(ROWS).tobytes() == ensemble(LOGISTIC).predict(ROWS).tobytes()
        assert list(made.missing) == ["xgboost: its server is down"]
        with pytest.raises(ModelError, match="xgboost: its server is down"):
            Ensemble.of([(FittedModel(learned("xgboost"), ROWS.names, "", 1), 1.0)]).predict(ROWS)
    assert made.predict(ROWS).tobytes() == whole.tobytes()
    assert not made.missing


def test_rows_that_one_member_cannot_judge_are_left_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    made = ensemble(LOGISTIC, {"kind": "base_rate"})
    base = learned("base_rate").predict(ROWS)
    whole = made.predict(ROWS)
    real = type(learned("logistic")).predict

    def gappy(self: Any, rows: Any) -> Any:  # noqa: ANN401
        values = real(self, rows)
        values[:3] = np.nan
        return values

    monkeypatch.setattr(type(learned("logistic")), "predict", gappy)
    found = made.predict(ROWS)
    assert found[:3] == pytest.approx(base[:3], abs=1e-15)
    assert found[3:].tobytes() == whole[3:].tobytes()
    alone = ensemble(LOGISTIC).predict(ROWS)
    assert np.isnan(alone[:3]).all()
    assert not np.isnan(alone[3:]).any()
