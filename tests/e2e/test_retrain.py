"""`tradewright retrain`: when it is due, and that what is in use stays in use until another has passed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.e2e.conftest import HEADER, run_in, walk_lines
from tests.e2e.test_training import CONFIG, FEATURES


def import_bars(folder: Path, lines: list[str]) -> None:
    (folder / "walk.csv").write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    done = run_in(folder, "data", "import", "walk.csv", "--symbol", "WALK", "--fees", "crypto_spot")
    assert done.returncode == 0, done.stderr


def write_config(folder: Path, **retraining: object) -> None:
    whole = CONFIG | {"retraining": {"calibration_bound": None, "drifted_share": None} | retraining}
    (folder / "train.yaml").write_text(yaml.safe_dump(whole), encoding="utf-8")


def checked(folder: Path, *words: str) -> dict[str, Any]:
    done = run_in(folder, "retrain", "train.yaml", "--check", "--json", *words)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was trained, judged and promoted; then 300 newer and wilder bars came."""
    folder = tmp_path_factory.mktemp("retrain")
    (folder / "set.yaml").write_text(FEATURES, encoding="utf-8")
    write_config(folder)
    import_bars(folder, walk_lines(1_400))
    for words in (
        ("train", "train.yaml"),
        ("evaluate", "acme", "--config", "train.yaml"),
        ("models", "promote-unproven", "acme", "--reason", "a test of retraining", "--i-accept"),
    ):
        done = run_in(folder, *words)
        assert done.returncode == 0, done.stderr
    assert checked(folder)["new_rows"] == 0
    import_bars(folder, walk_lines(1_700, wild_from=1_400))
    return folder


def test_nothing_is_due_where_nothing_is_asked_for(folder: Path) -> None:
    write_config(folder)
    told = checked(folder)
    assert (told["version"], told["due"], told["reasons"]) == ("acme@1.0.0+unproven", False, [])
    assert 290 <= told["new_rows"] <= 300


@pytest.mark.parametrize(
    ("retraining", "trigger"),
    [
        ({"accuracy_floor": 0.99, "accuracy_days": 3, "day_needs": 10}, "accuracy"),
        ({"drifted_share": 0.1}, "drift"),
        ({"calibration_bound": 0.001}, "calibration"),
    ],
)
def test_newer_bars_make_it_due(folder: Path, retraining: dict[str, object], trigger: str) -> None:
    write_config(folder, **retraining)
    assert [reason["trigger"] for reason in checked(folder)["reasons"]] == [trigger]


def test_a_retrained_model_passes_the_gate_or_changes_nothing(folder: Path) -> None:
    write_config(folder)
    done = run_in(folder, "retrain", "train.yaml", "--reason", "somebody wants it")
    assert done.returncode == 1, done.stdout + done.stderr  # a random walk holds no edge
    assert "acme@1.0.1 is refused; acme@1.0.0+unproven stays in use" in done.stdout
    listed = json.loads(run_in(folder, "models", "show", "acme@promoted", "--json").stdout)
    assert listed["version"] == "1.0.0"


def test_without_a_promoted_version_there_is_nothing_to_retrain(folder: Path) -> None:
    done = run_in(folder, "retrain", "train.yaml", "--set", "name=other")
    assert done.returncode == 2
    assert "other" in done.stderr
    assert "Traceback" not in done.stderr
