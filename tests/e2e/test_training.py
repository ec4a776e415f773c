"""`train`, `evaluate`, `tune` and `experiment` from outside."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.e2e.conftest import HEADER, Run, run_in, walk_lines

from tradewright.adapters.mlflow.link import Link
from tradewright.adapters.mlflow.params import MlflowParams
from tradewright.data.evidence_store import read_evidence
from tradewright.models.artefact import verify_model

FEATURES = "features:\n  return_1: log_return(1)\n  slope: ema_slope(5)\n  rsi: rsi_wilder(14)\n"
CONFIG = {
    "name": "acme",
    "data": {"symbols": ["WALK@1h"]},
    "features": {"set": "set.yaml"},
    "labels": {"kind": "horizon", "bars": 2},
    "model": {"kind": "logistic", "calibration": "platt", "stop_share": 0.0},
    "validation": {"folds": 2, "path_folds": 3, "path_tests": 2, "first_share": 0.65},
    "holdout": 0.2,
    "trade": {"strategy": "probability", "params": {"enter_up": 0.52, "enter_down": 0.52}},
    "leaks": {"bars": 400, "runs": 5, "shuffles": 2},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A folder with a store, a configuration, and a model trained by the command."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "walk.csv").write_text("\n".join([HEADER, *walk_lines(1_400)]) + "\n", encoding="utf-8")
    (folder / "set.yaml").write_text(FEATURES, encoding="utf-8")
    (folder / "train.yaml").write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    done = run_in(folder, "data", "import", "walk.csv", "--symbol", "WALK", "--fees", "crypto_spot")
    assert done.returncode == 0, done.stderr
    return folder, run_in(folder, "train", "train.yaml", "--json")


def test_a_training_ends_as_a_registered_artefact(
    trained: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, done = trained
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["name"], told["version"], told["kind"], told["trials"]) == ("acme", "1.0.0", "logistic", 1)
    manifest = verify_model(folder / told["folder"])
    assert manifest.digest == told["digest"]
    assert manifest.origin.config["labels"]["bars"] == 2


def test_the_key_of_the_environment_signs_what_a_training_registers(
    trained: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = trained
    key = {"TRADEWRIGHT_MODELS_KEY": "a key for this test alone"}
    done = run_in(folder, "train", "train.yaml", "--set", "registry=keyed", **key)
    assert done.returncode == 0, done.stderr
    assert not (folder / "keyed" / "signing.key").exists()
    checked = run_in(folder, "models", "verify", "--registry", "keyed", **key)
    assert checked.returncode == 0, checked.stdout


def test_an_evaluation_keeps_evidence_and_counts_looks_and_trials(
    trained: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = trained
    done = run_in(folder, "evaluate", "acme@1.0.0", "--config", "train.yaml", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    evidence = read_evidence(folder / told["evidence"])
    assert evidence.manifest.model_digest == told["digest"]
    assert (told["trials"], told["holdout_uses"]) == (1, 1)
    figures = {(f["name"], f["scope"]): f["value"] for f in told["figures"]}
    for name in ("accuracy.edge", "calibration.ece", "net_return.costs_x2", "late.edge", "sample.effective"):
        assert ("accuracy", "holdout") in figures
        assert (name, "validation") in figures
    assert figures["leaks.found", "validation"] == 0.0
    assert evidence.manifest.config["survivorship"] == "UNKNOWN"
    (folder / "members.csv").write_text("symbol,from,source\nWALK,2020-01-01,index provider\n", encoding="utf-8")
    assert run_in(folder, "data", "universe", "members.csv").returncode == 0
    again = run_in(folder, "evaluate", "acme", "--config", "train.yaml", "--set", "universe=members")
    assert "Looks at the holdout: 2." in again.stdout, again.stderr
    assert read_evidence(folder / told["evidence"]).manifest.config["survivorship"] == "DATED"
    manifest = folder / told["evidence"] / "evidence.json"
    manifest.write_text(manifest.read_text().replace('"holdout_uses": 2', '"holdout_uses": 1'))
    refused = run_in(folder, "models", "gate", "acme")
    assert refused.returncode == 1
    assert "evidence is what the evaluation signed" in refused.stdout


def test_another_configuration_than_that_of_the_training_is_refused(
    trained: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = trained
    done = run_in(folder, "evaluate", "acme", "--config", "train.yaml", "--set", "labels.bars=3")
    assert done.returncode == 1
    assert "trained with another labels than the configuration says" in done.stderr


def test_a_search_writes_a_configuration_that_trains_and_its_trials_count(
    trained: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = trained
    done = run_in(folder, "tune", "train.yaml", "--trials", "3", "--out", "tuned.yaml", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    before = told["trials_of_family"]
    assert told["trials"] == 3
    again = run_in(folder, "train", "tuned.yaml", "--json")
    assert again.returncode == 0, again.stderr
    family = json.loads(run_in(folder, "experiment", "list", "--json").stdout)["families"][0]["family"]
    shown = json.loads(run_in(folder, "experiment", "show", family, "--json").stdout)
    assert len(shown["trials"]) == before + 1


def test_the_effect_of_a_change_of_the_strategy_is_shown(
    trained: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = trained
    done = run_in(folder, "experiment", "ablate", "train.yaml", "--with", "enter_up=0.53,enter_down=0.53", "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["changes"]
    assert row["change"] == {"enter_up": 0.53, "enter_down": 0.53}
    assert row["low"] <= row["difference"] <= row["high"]
    unknown = run_in(folder, "experiment", "ablate", "train.yaml", "--with", "speed=3")
    assert unknown.returncode == 2
    assert "unknown key 'speed'" in unknown.stderr
    plain = run_in(folder, "experiment", "ablate", "train.yaml")
    assert plain.returncode == 2
    assert "probability has no boosters" in plain.stderr


def test_training_evaluation_and_search_are_runs_in_mlflow(
    trained: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    pytest.importorskip("mlflow")
    folder, _ = trained
    asked = {"TRADEWRIGHT_MLFLOW": f"sqlite:///{folder / 'mlflow.db'}"}  # as good as --mlflow, which is tried below
    for words in (["train", "train.yaml"], ["evaluate", "acme@1.0.0", "--config", "train.yaml"]):
        done = run_in(folder, *words, **asked)
        assert done.returncode == 0, done.stderr
        assert "warning" not in done.stderr
    done = run_in(folder, "tune", "train.yaml", "--trials", "3", "--mlflow", asked["TRADEWRIGHT_MLFLOW"])
    assert done.returncode == 0, done.stderr
    with Link(MlflowParams(address=asked["TRADEWRIGHT_MLFLOW"])).client() as client:
        experiment = client.get_experiment_by_name("acme")
        assert experiment is not None
        runs = {run.data.tags["kind"]: run for run in client.search_runs([experiment.experiment_id])}
        assert [f.path for f in client.list_artifacts(runs["training"].info.run_id, "model")]
    assert set(runs) == {"training", "evaluation", "search"}
    assert runs["training"].data.params["labels.bars"] == "2"
    assert runs["training"].data.tags["digest"] == runs["evaluation"].data.tags["digest"]
    assert {"sharpe.deflated", "accuracy.low", "holdout/drift.psi"} <= set(runs["evaluation"].data.metrics)
    assert runs["search"].data.metrics["trials"] == 3.0


def test_a_training_does_not_depend_on_mlflow(trained: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    pytest.importorskip("mlflow")
    folder, _ = trained
    done = run_in(folder, "train", "train.yaml", "--mlflow", "http://127.0.0.1:1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["version"] == "1.0.0"
    assert "warning: http://127.0.0.1:1: MLflow did not take it" in done.stderr
    wrong = run_in(folder, "train", "train.yaml", "--mlflow", "ftp://somewhere")
    assert wrong.returncode == 2
    assert "no address of MLflow" in wrong.stderr


def test_two_configurations_are_compared(trained: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = trained
    (folder / "less.yaml").write_text("features:\n  rsi: rsi_wilder(14)\n", encoding="utf-8")
    (folder / "b.yaml").write_text(yaml.safe_dump(CONFIG | {"name": "b", "features": {"set": "less.yaml"}}))
    done = run_in(folder, "experiment", "compare", "train.yaml", "b.yaml", "--folds", "3", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["answer"] in {"no", "not decided"}
    assert told["low"] <= told["difference"] <= told["high"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--set", "model.kind=xgbost"], 2, "Did you mean xgboost?"),
        (["--set", "trade.params.speed=3"], 2, "unknown key 'speed'"),
        (["--set", "features.without=[rsy]"], 2, "Did you mean 'rsi'?"),
        (["--set", "labels.bars=1390"], 1, "at least 100 are needed"),
        (
            ["--set", "validation.method=purged_kfold", "--set", "validation.embargo_bars=9000"],
            1,
            "is longer than",
        ),
        (["--ray", "127.0.0.1:1"], 1, "no Ray cluster answers"),
    ],
)
def test_bad_input_is_told_in_one_block(
    trained: tuple[Path, subprocess.CompletedProcess[str]], words: list[str], code: int, said: str
) -> None:
    folder, _ = trained
    done = run_in(folder, "train", "train.yaml", *words)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_model_is_refused(trained: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = trained
    done = run_in(folder, "evaluate", "other", "--config", "train.yaml")
    assert done.returncode == 2
    assert "no model is called 'other'" in done.stderr


def test_a_place_in_the_file_is_named(tw: Run, place: Path) -> None:
    (place / "bad.yaml").write_text("name: x\ndata: {symbols: [ACME@1h]}\nlabels:\n  bars: many\n", encoding="utf-8")
    done = tw("train", "bad.yaml")
    assert done.returncode == 2
    assert "bad.yaml:4, labels.bars" in done.stderr


@pytest.mark.slow
def test_the_gate_study_counts_what_is_promoted(place: Path) -> None:
    done = run_in(place, "gate-study", "--markets", "1", "--edges", "1", "--leaks", "1", "--trials", "3", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    shares = {s["kind"]: s for s in told["shares"]}
    assert shares["planted leak"]["promoted"] == shares["no edge"]["promoted"] == 0
    assert shares["planted edge"]["n"] == 1
    assert all(m["refusals"] for m in told["markets"] if m["kind"] != "planted edge")
    assert all(any("leaks.found" in r for r in m["refusals"]) for m in told["markets"] if m["kind"] == "planted leak")
