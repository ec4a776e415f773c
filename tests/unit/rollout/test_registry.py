from __future__ import annotations

import errno
import json
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.unit.rollout.conftest import AddModel
from tests.unit.rollout.made_up import SET_HASH, make_model, rows_of

from tradewright.core.types.errors import ModelError, StoreError, UsageError
from tradewright.models.artefact import verify_model
from tradewright.rollout.registry import JOURNAL, REGISTRY, Registry
from tradewright.rollout.serving import load_promoted, load_version
from tradewright.rollout.signing import KEY_FILE, SigningKey, key_from
from tradewright.rollout.switching import promote_unproven, rollback
from tradewright.rollout.verification import repair, verify
from tradewright.rollout.versions import Semantic, Stage, label_of

REASON = "the exchange changed its fees overnight"


def problems(registry: Registry) -> list[str]:
    return [p for checked in verify(registry) for p in checked.problems]


def test_an_empty_registry_has_nothing_and_makes_nothing(registry: Registry) -> None:
    assert registry.versions() == ()
    assert registry.promoted("acme") is None
    assert not registry.root.exists()


def test_an_artefact_is_stored_by_its_content(registry: Registry, add: AddModel) -> None:
    version = add(edge=None)
    assert version.folder == registry.root / "artefacts" / version.digest
    assert verify_model(version.folder).digest == version.digest
    assert (version.name, version.version, version.stage) == ("acme", "1.0.0", Stage.CANDIDATE)
    assert version.row.params["seed"] == 0
    assert version.row.datasets == {"ACME": "0" * 32}
    assert set(version.row.files) == set(verify_model(version.folder).files)


def test_numbers_say_what_changed(registry: Registry, add: AddModel, tmp_path: Path) -> None:
    assert add(0, edge=None).version == "1.0.0"
    assert add(1, edge=None).version == "1.1.0"
    assert add(2, edge=None, bump="patch").version == "1.1.1"
    make_model(tmp_path / "other", 3, feature_set_hash="0ther" * 6)
    assert registry.add(tmp_path / "other", "acme", "patch").version == "2.0.0"
    make_model(tmp_path / "naive", 4, kind="base_rate", feature_set_hash="0ther" * 6)
    assert registry.add(tmp_path / "naive", "acme").version == "3.0.0"
    assert add(5, "beta", edge=None).version == "1.0.0"


def test_the_same_artefact_keeps_its_number(registry: Registry, add: AddModel) -> None:
    assert add(0, edge=None).version == add(0, edge=None).version
    assert len(registry.versions()) == 1


@pytest.mark.parametrize("text", ["acme", "acme@1.1.0", "acme@latest"])
def test_finding(registry: Registry, add: AddModel, text: str) -> None:
    add(0, edge=None)
    second = add(1, edge=None)
    assert registry.find(text) == second
    assert registry.find(second.digest[:8]) == second


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("acne", "Registered: acme"),
        ("acme@9.0.0", "It has 1.0.0"),
        ("acme@promoted", "no version 'promoted'"),
        ("", "no model is called ''"),
    ],
)
def test_what_is_not_there_is_said(registry: Registry, add: AddModel, text: str, said: str) -> None:
    add(0, edge=None)
    with pytest.raises(UsageError, match=said):
        registry.find(text)


@pytest.mark.parametrize("name", ["", "../x", "a b", "a@b", ".hidden", "x" * 81])
def test_names_that_cannot_be_paths_are_refused(registry: Registry, tmp_path: Path, name: str) -> None:
    make_model(tmp_path / "m")
    with pytest.raises(UsageError, match="cannot name a model"):
        registry.add(tmp_path / "m", name)


def test_a_label_says_kind_parameters_and_hash() -> None:
    assert label_of("xgboost", {"eta": 0.1, "depth": 4, "seed": 7}, "abcdef0123") == "xgboost-depth=4-eta=0.1-abcdef01"


def test_versions_are_ordered_by_number() -> None:
    assert Semantic.parse("1.10.0") > Semantic.parse("1.9.9")
    with pytest.raises(UsageError, match="is not a version"):
        Semantic.parse("1.2")


def test_registry_json_can_be_read_by_people(registry: Registry, add: AddModel) -> None:
    promote_unproven(registry, add(0, edge=None), REASON)
    told = json.loads((registry.root / REGISTRY).read_text())
    row = told["models"]["acme"]["versions"]["1.0.0"]
    assert told["models"]["acme"]["promoted"] == "1.0.0"
    assert row["unproven"] == REASON
    assert row["feature_set_hash"] == SET_HASH
    assert row["deployed"][0]["to_ns"] is None


def test_a_damaged_artefact_is_not_registered(registry: Registry, tmp_path: Path) -> None:
    make_model(tmp_path / "m")
    victim = next(p for p in (tmp_path / "m").iterdir() if p.name != "model.json")
    victim.write_bytes(victim.read_bytes() + b" ")
    with pytest.raises(ModelError, match="not the file that was written"):
        registry.add(tmp_path / "m", "acme")
    assert registry.versions() == ()


def test_an_unsafe_format_is_not_registered(registry: Registry, tmp_path: Path) -> None:
    make_model(tmp_path / "m")
    (tmp_path / "m" / "extra.pkl").write_bytes(b"cos\nsystem\n")
    with pytest.raises(ModelError, match="can run code"):
        registry.add(tmp_path / "m", "acme")


def test_a_full_disk_leaves_the_registry_as_it_was(
    registry: Registry, add: AddModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote_unproven(registry, add(0, edge=None), REASON)
    before = (registry.root / REGISTRY).read_bytes(), (registry.root / JOURNAL).read_bytes()
    make_model(tmp_path / "m", 1)

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tradewright.rollout.commit.os", SimpleNamespace(**vars(os) | {"fsync": full}))
    with pytest.raises(StoreError, match="No space left"):
        registry.add(tmp_path / "m", "acme")
    with pytest.raises(StoreError, match="No space left"):
        promote_unproven(registry, registry.find("acme"), REASON)
    monkeypatch.undo()
    assert ((registry.root / REGISTRY).read_bytes(), (registry.root / JOURNAL).read_bytes()) == before
    assert not [p for p in registry.root.rglob(".*") if p.name != ".lock"]
    assert load_promoted(registry, "acme").version.version == "1.0.0"
    assert problems(registry) == []


def test_a_writer_killed_between_journal_and_registry_changed_nothing(registry: Registry, add: AddModel) -> None:
    version = add(0, edge=None)
    before = (registry.root / REGISTRY).read_bytes()
    promote_unproven(registry, version, REASON)
    (registry.root / REGISTRY).write_bytes(before)  # as if the last rename had not happened
    assert registry.promoted("acme") is None
    assert problems(registry) == []
    promote_unproven(registry, version, REASON)
    assert problems(registry) == []


def test_a_loaded_model_signs_its_forecasts_with_name_and_number(registry: Registry, add: AddModel) -> None:
    version = add(0, edge=None)
    assert load_version(version).predict(rows_of(5)).model_version == "acme@1.0.0"
    unproven = promote_unproven(registry, version, REASON)
    assert load_version(unproven).predict(rows_of(5)).model_version == "acme@1.0.0+unproven"


def test_another_order_of_features_is_refused(add: AddModel) -> None:
    model = load_version(add(0, edge=None))
    rows = rows_of(5)
    turned = replace(rows, names=rows.names[::-1])
    with pytest.raises(ModelError):
        model.predict(turned)


def test_rollback_goes_to_the_version_before_and_further(registry: Registry, add: AddModel) -> None:
    for seed in range(3):
        promote_unproven(registry, add(seed, edge=None), REASON)
    assert rollback(registry, "acme").now.version == "1.1.0"
    assert registry.find("acme@1.2.0").stage is Stage.CANDIDATE
    assert rollback(registry, "acme").now.version == "1.0.0"
    with pytest.raises(UsageError, match="no earlier promoted version"):
        rollback(registry, "acme")
    assert problems(registry) == []


def test_periods_of_use_are_kept(registry: Registry, add: AddModel) -> None:
    first = promote_unproven(registry, add(0, edge=None), REASON)
    promote_unproven(registry, add(1, edge=None), REASON)
    rollback(registry, "acme")
    (once, again) = registry.find("acme@1.0.0").deployed
    assert once.from_ns == first.deployed[0].from_ns
    assert once.to_ns is not None
    assert once.to_ns < again.from_ns
    assert again.to_ns is None


def test_a_damaged_newest_artefact_leaves_the_one_before_serving(registry: Registry, add: AddModel) -> None:
    promote_unproven(registry, add(0, edge=None), REASON)
    newest = promote_unproven(registry, add(1, edge=None), REASON)
    (newest.folder / "model.json").write_text("{")
    served = load_promoted(registry, "acme")
    assert served.version.version == "1.0.0"
    assert "acme@1.1.0" in served.problems[0]
    assert len(served.model.predict(rows_of(5))) == 5


def test_a_damaged_artefact_cannot_be_promoted(registry: Registry, add: AddModel) -> None:
    promote_unproven(registry, add(0, edge=None), REASON)
    newest = add(1, edge=None)
    (newest.folder / "model.json").unlink()
    with pytest.raises(ModelError):
        promote_unproven(registry, newest, REASON)
    assert load_promoted(registry, "acme").version.version == "1.0.0"


def test_rollback_passes_over_a_damaged_version(registry: Registry, add: AddModel) -> None:
    versions = [promote_unproven(registry, add(seed, edge=None), REASON) for seed in range(3)]
    (versions[1].folder / "model.json").unlink()
    back = rollback(registry, "acme")
    assert back.now.version == "1.0.0"
    assert "acme@1.1.0" in back.skipped[0]


def test_nothing_whole_to_go_back_to_leaves_the_promoted_one(registry: Registry, add: AddModel) -> None:
    versions = [promote_unproven(registry, add(seed, edge=None), REASON) for seed in range(2)]
    (versions[0].folder / "model.json").unlink()
    with pytest.raises(ModelError, match="no earlier version of acme is whole"):
        rollback(registry, "acme")
    assert load_promoted(registry, "acme").version.version == "1.1.0"


def test_an_emergency_needs_a_reason(registry: Registry, add: AddModel) -> None:
    with pytest.raises(UsageError, match="needs a reason"):
        promote_unproven(registry, add(0, edge=None), "because")


def test_what_is_in_use_cannot_be_archived(registry: Registry, add: AddModel) -> None:
    first, second, third = (add(seed, edge=None) for seed in range(3))
    promote_unproven(registry, first, REASON)
    promote_unproven(registry, second, REASON)
    registry.deploy(third, "paper")
    for text, why in [("1.0.0", "rollback goes back"), ("1.1.0", "in use .promoted"), ("1.2.0", "in use .paper")]:
        with pytest.raises(UsageError, match=why):
            registry.archive(registry.find(f"acme@{text}"))
    registry.withdraw(third, "paper")
    assert registry.archive(registry.find("acme@1.2.0")).stage is Stage.ARCHIVED


def test_archive_restore_remove(registry: Registry, add: AddModel) -> None:
    first, _ = add(0, edge=None), add(1, edge=None)
    put_away = registry.archive(first)
    assert put_away.folder.parent.name == "archive"
    assert registry.find("acme").version == "1.1.0"
    with pytest.raises(UsageError, match="archived already"):
        registry.archive(put_away)
    back = registry.restore(put_away)
    assert verify_model(back.folder).digest == first.digest
    with pytest.raises(UsageError, match="only archived versions"):
        registry.remove(back)
    gone = registry.remove(registry.archive(back))
    assert gone.stage is Stage.REMOVED
    assert not gone.folder.exists()
    assert add(2, edge=None).version == "1.2.0"
    assert problems(registry) == []


def test_an_artefact_of_two_names_stays_until_neither_needs_it(registry: Registry, add: AddModel) -> None:
    mine = add(0, "acme", edge=None)
    other = add(0, "twin", edge=None)
    assert registry.archive(mine).folder.parent.name == "artefacts"
    assert load_version(registry.find("twin")).version == "twin@1.0.0"
    assert registry.archive(other).folder.parent.name == "archive"


def test_a_corrupted_registry_says_how_to_mend_it(registry: Registry, add: AddModel) -> None:
    promote_unproven(registry, add(0, edge=None), REASON)
    promote_unproven(registry, add(1, edge=None), REASON)
    add(2, "beta", edge=None)
    before = registry.state()
    (registry.root / REGISTRY).write_text('{"format": 1, "models": {')
    with pytest.raises(StoreError, match="models verify --repair"):
        registry.promoted("acme")
    assert repair(registry) == ()
    assert registry.state() == before
    assert (registry.root / "registry.broken.json").exists()
    assert registry.find("acme@1.1.0").is_unproven
    assert problems(registry) == []


def test_a_deleted_registry_is_not_an_empty_one(registry: Registry, add: AddModel) -> None:
    add(0, edge=None)
    (registry.root / REGISTRY).unlink()
    with pytest.raises(StoreError, match="is missing"):
        add(1, edge=None)
    repair(registry)
    assert registry.find("acme@1.0.0").version == "1.0.0"


def test_repair_names_what_is_lost_and_goes_back_to_what_is_whole(registry: Registry, add: AddModel) -> None:
    promote_unproven(registry, add(0, edge=None), REASON)
    newest = promote_unproven(registry, add(1, edge=None), REASON)
    for path in newest.folder.iterdir():
        path.unlink()
    newest.folder.rmdir()
    (lost,) = repair(registry)
    assert "acme@1.1.0" in lost
    assert load_promoted(registry, "acme").version.version == "1.0.0"


def test_a_mark_taken_away_by_hand_is_noticed(registry: Registry, add: AddModel) -> None:
    promote_unproven(registry, add(0, edge=None), REASON)
    path = registry.root / REGISTRY
    path.write_text(path.read_text().replace(REASON, ""))
    assert any("changed one of them by hand" in p for p in problems(registry))
    journal = registry.root / JOURNAL
    journal.write_text(journal.read_text().replace("promoted unproven", "promoted"))
    assert any("line 2 of the journal was changed by hand" in p for p in problems(registry))
    with pytest.raises(StoreError, match="line 2"):
        repair(registry)


def test_a_journal_signed_with_another_key_is_noticed(
    registry: Registry, add: AddModel, now_ns: Callable[[], int]
) -> None:
    add(0, edge=None)
    other = Registry(registry.root, now_ns, SigningKey(b"another secret of some length"))
    assert any("give that key" in p for p in problems(other))


def test_the_key_is_made_once_and_for_its_owner_only(registry: Registry, add: AddModel) -> None:
    add(0, edge=None)
    path = registry.root / KEY_FILE
    secret = path.read_text()
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    add(1, edge=None)
    assert path.read_text() == secret
    assert secret not in repr(registry.key())


def test_a_short_key_is_refused() -> None:
    with pytest.raises(Exception, match="at least 16 characters"):
        key_from("secret", "TRADEWRIGHT_MODELS_KEY")
