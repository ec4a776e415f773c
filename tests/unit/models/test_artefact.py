from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradewright.core.types.errors import ModelError
from tradewright.core.types.rows import FeatureRows
from tradewright.models.artefact import Origin, load_model, save_model, verify_model
from tradewright.models.calibration import Calibration, OutcomeMap
from tradewright.models.contract import contract_lesson
from tradewright.models.model import FittedModel
from tradewright.models.registry import make_forecaster

LESSON = contract_lesson()
ORIGIN = Origin(datasets={"AAA": "a1", "BBB": "b2"}, code="c3", config={"label": {"bars": 5}}, seed=7, rows=600)
PARAMS: dict[str, dict[str, Any]] = {
    "logistic": {"c": 0.5},
    "xgboost": {"rounds": 5, "seed": 3},
    "lightgbm": {"rounds": 5},
    "ensemble": {"members": [{"kind": "logistic"}, {"kind": "xgboost", "params": {"rounds": 3}, "weight": 3.0}]},
}


def fitted(kind: str = "xgboost", rounds: int = 5) -> FittedModel:
    params = {**PARAMS[kind], **({"rounds": rounds} if kind == "xgboost" else {})}
    forecaster = make_forecaster(kind, params)
    forecaster.learn(LESSON)
    up = OutcomeMap(a=0.7, b=0.9, c=0.01)
    calibration = Calibration(method="beta", maps=(up, OutcomeMap(knots=((0.1, 0.2), (0.8, 0.7))), None))
    return FittedModel(forecaster, LESSON.rows.names, "contract", 300, calibration)


def values_of(folder: Path) -> bytes:
    return load_model(folder).predict(LESSON.rows).values.tobytes()


@pytest.mark.parametrize("kind", sorted(PARAMS))
def test_a_loaded_model_is_the_one_that_was_saved(tmp_path: Path, kind: str) -> None:
    model = fitted(kind)
    manifest = save_model(model, tmp_path / "m", ORIGIN)
    loaded = load_model(tmp_path / "m", "1.2.3")
    assert loaded.predict(LESSON.rows).values.tobytes() == model.predict(LESSON.rows).values.tobytes()
    assert (loaded.names, loaded.horizon_ns, loaded.calibration) == (model.names, 300, model.calibration)
    assert loaded.forecaster.params == model.forecaster.params
    assert verify_model(tmp_path / "m") == manifest
    assert manifest.origin == ORIGIN
    assert loaded.predict(LESSON.rows).model_version == "1.2.3"
    assert load_model(tmp_path / "m").version == manifest.digest[:12]


def test_equal_models_have_equal_bytes_and_digests(tmp_path: Path) -> None:
    one, two = save_model(fitted(), tmp_path / "a", ORIGIN), save_model(fitted(), tmp_path / "b", ORIGIN)
    assert one.digest == two.digest
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    other = save_model(fitted(rounds=6), tmp_path / "c", ORIGIN)
    moved = save_model(fitted(), tmp_path / "d", ORIGIN.model_copy(update={"code": "else"}))
    assert len({one.digest, other.digest, moved.digest}) == 3


def test_no_trace_is_left_beside_the_folder(tmp_path: Path) -> None:
    for rounds in (5, 6):
        save_model(fitted(rounds=rounds), tmp_path / "m", ORIGIN)
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def flip_a_bit(folder: Path) -> None:
    path = folder / "xgboost.json"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def cut(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes()[:-40])

    return change


def link(folder: Path) -> None:
    outside = folder.parent / "elsewhere.json"
    (folder / "xgboost.json").rename(outside)
    (folder / "xgboost.json").symlink_to(outside)


def told(**changes: object) -> Callable[[Path], None]:
    """Change the manifest; a key with two underscores leads inside."""

    def change(folder: Path) -> None:
        manifest = json.loads((folder / "model.json").read_text())
        for key, value in changes.items():
            manifest[key] = value
        (folder / "model.json").write_text(json.dumps(manifest))

    return change


def renamed(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        manifest = json.loads((folder / "model.json").read_text())
        manifest["files"][name] = manifest["files"].pop("xgboost.json")
        (folder / "model.json").write_text(json.dumps(manifest))
        target = folder / name.replace("\\", "_")
        if ".." not in name and not name.startswith("/"):
            target.parent.mkdir(exist_ok=True)
            (folder / "xgboost.json").rename(target)

    return change


def add_pickle(folder: Path) -> None:
    (folder / "model.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")


def as_folder(folder: Path) -> None:
    (folder / "xgboost.json").unlink()
    (folder / "xgboost.json").mkdir()


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (flip_a_bit, "xgboost.json is not the file that was written"),
        (cut("xgboost.json"), "xgboost.json is not the file that was written"),
        (cut("outcomes.json"), "outcomes.json is not the file that was written"),
        (cut("model.json"), "model.json cannot be read"),
        (lambda folder: (folder / "xgboost.json").unlink(), "xgboost.json cannot be read: No such file"),
        (lambda folder: (folder / "model.json").unlink(), "there is no model.json"),
        (lambda folder: (folder / "model.json").write_bytes(b"\xff\x00"), "model.json cannot be read"),
        (link, "xgboost.json is a link"),
        (as_folder, "xgboost.json is a link, or not a file"),
        (add_pickle, "model.pkl is in a format that can run code"),
        (renamed("trees.pkl"), "trees.pkl is in a format that can run code"),
        (renamed("trees.weights"), "trees.weights is not in a safe format"),
        (renamed("trees"), "trees is not in a safe format"),
        (renamed("../trees.json"), "'../trees.json' is not the name of a file inside"),
        (renamed("/etc/trees.json"), "is not the name of a file inside"),
        (renamed("a\\trees.json"), "is not the name of a file inside"),
        (told(format=2), "its format is 2, this version reads up to 1"),
        (told(kind="oracle"), "no model named 'oracle'"),
        (told(kind=7), "model.json cannot be read: kind"),
        (told(surplus=1), "model.json cannot be read: surplus"),
        (told(files={}), "model.json cannot be read: files"),
        (told(params={"rounds": -1}), "model.json cannot be used: rounds"),
        (told(params={"depth": 1}), "model.json cannot be used: depth"),
        (told(names=["a", "b"]), "its forecaster refuses its columns"),
        (told(kind="lightgbm", params={}), "lightgbm.txt cannot be read"),
    ],
)
def test_a_damaged_or_unsafe_artefact_is_refused(tmp_path: Path, damage: Callable[[Path], None], what: str) -> None:
    folder = tmp_path / "m"
    save_model(fitted(), folder, ORIGIN)
    load_model(folder)
    damage(folder)
    with pytest.raises(ModelError, match=what) as caught:
        load_model(folder)
    assert caught.value.fix
    assert str(tmp_path) in caught.value.where


def test_a_manifest_with_columns_in_another_order_is_refused(tmp_path: Path) -> None:
    save_model(fitted(), tmp_path / "m", ORIGIN)
    told(names=list(reversed(LESSON.rows.names)))(tmp_path / "m")
    with pytest.raises(ModelError):
        load_model(tmp_path / "m")


def test_other_things_may_lie_in_the_folder(tmp_path: Path) -> None:
    save_model(fitted(), tmp_path / "m", ORIGIN)
    (tmp_path / "m" / "card.html").write_text("<html>")
    (tmp_path / "m" / "evidence").mkdir()
    verify_model(tmp_path / "m")


def test_a_folder_reached_through_a_link_is_read(tmp_path: Path) -> None:
    save_model(fitted(), tmp_path / "m", ORIGIN)
    (tmp_path / "newest").symlink_to(tmp_path / "m")
    assert values_of(tmp_path / "newest") == values_of(tmp_path / "m")


def disk_full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("owner", "name"), [(Path, "write_bytes"), (Path, "write_text"), (os, "fsync"), (Path, "rename"), (Path, "mkdir")]
)
@pytest.mark.parametrize("is_there", [True, False])
def test_a_full_disk_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str, is_there: bool
) -> None:
    folder = tmp_path / "m"
    before = b""
    if is_there:
        save_model(fitted(), folder, ORIGIN)
        before = values_of(folder)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, disk_full)
        with pytest.raises(ModelError, match="cannot be written: No space left on device") as caught:
            save_model(fitted(rounds=9), folder, ORIGIN)
    assert "free space" in caught.value.fix
    assert [p.name for p in tmp_path.iterdir()] == (["m"] if is_there else [])
    if is_there:
        assert values_of(folder) == before


def test_a_disk_that_fills_up_between_the_two_renames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_model(fitted(), tmp_path / "m", ORIGIN)
    before = values_of(tmp_path / "m")
    real = Path.rename

    def second_fails(self: Path, target: Path) -> Path:
        if target == tmp_path / "m" and (self / "model.json").exists() and not self.name.endswith("-old"):
            disk_full()
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", second_fails)
        with pytest.raises(ModelError, match="No space left"):
            save_model(fitted(rounds=9), tmp_path / "m", ORIGIN)
    assert [p.name for p in tmp_path.iterdir()] == ["m"]
    assert values_of(tmp_path / "m") == before


def test_a_model_that_has_learned_nothing_is_not_saved(tmp_path: Path) -> None:
    model = FittedModel(make_forecaster("xgboost"), ("a",), "h", 1)
    with pytest.raises(ModelError, match="learned nothing yet"):
        save_model(model, tmp_path / "m", ORIGIN)
    assert list(tmp_path.iterdir()) == []


def test_rows_after_loading_must_be_the_models(tmp_path: Path) -> None:
    save_model(fitted(), tmp_path / "m", ORIGIN)
    rows = LESSON.rows
    turned = FeatureRows(
        rows.names[::-1], rows.values, rows.symbols, rows.instrument, rows.ts_event, rows.ts_seen, "contract"
    )
    with pytest.raises(ModelError, match="feature 1 is 'level' where the model has 'return_1'"):
        load_model(tmp_path / "m").predict(turned)
    assert np.isfinite(load_model(tmp_path / "m").predict(rows).values).all()
