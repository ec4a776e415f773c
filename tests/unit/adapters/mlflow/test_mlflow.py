from __future__ import annotations

import math
import socket
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from tradewright.adapters.mlflow.link import Link
from tradewright.adapters.mlflow.mirror import ALIAS, VERSION, MlflowMirror
from tradewright.adapters.mlflow.params import MlflowParams, embedded
from tradewright.adapters.mlflow.tracking import MlflowTracker
from tradewright.core.types.errors import StoreError, UsageError
from tradewright.core.types.evidence import Figure, exact
from tradewright.core.types.tracking import TrackedRun, TrackedVersion

FIGURES = (
    Figure("accuracy", 0.55, 0.51, 0.59),
    Figure("accuracy", 0.53, 0.48, 0.58, scope="validation/session=london"),
    exact("trials", 4.0),
    Figure("track_record.share", math.nan),
)


def run_of(artefact: Path, name: str = "xgboost 1") -> TrackedRun:
    params = {"eta": 0.1, "depth": 4, "long": "x" * 9000}
    return TrackedRun("train", name, params, {"symbol": "ACME"}, FIGURES, str(artefact), 5_000_000, 9_000_000)


def version_of(
    artefact: Path, number: str, *, model: str = "acme", promoted: bool = False, **tags: str
) -> TrackedVersion:
    return TrackedVersion(
        model, number, f"d{number}", str(artefact), promoted, tags, {"accuracy": 0.55, "holdout:a": 1.0}
    )


def check_run(params: MlflowParams, artefact: Path) -> None:
    number = MlflowTracker(params).record(run_of(artefact))
    with Link(params).client() as client:
        run = client.get_run(number)
        assert run.info.status == "FINISHED"
        assert (run.info.start_time, run.info.end_time) == (5, 9)
        assert run.data.params["eta"] == "0.1"
        assert run.data.tags["symbol"] == "ACME"
        assert run.data.metrics == {
            "accuracy": 0.55,
            "accuracy.low": 0.51,
            "accuracy.high": 0.59,
            "validation/session_london/accuracy": 0.53,
            "validation/session_london/accuracy.low": 0.48,
            "validation/session_london/accuracy.high": 0.58,
            "trials": 4.0,
        }
        assert [f.path for f in client.list_artifacts(number, "model")] == ["model/model.json"]


def check_mirror(params: MlflowParams, artefact: Path) -> None:
    mirror = MlflowMirror(params)
    first, second = version_of(artefact, "1.0.0", promoted=True), version_of(artefact, "1.1.0", unproven="no")
    assert mirror.publish([first, second]) == 3
    assert mirror.publish([first, second]) == 0
    with Link(params).client() as client:
        assert client.get_model_version_by_alias("acme", ALIAS).tags[VERSION] == "1.0.0"
        entries = client.search_model_versions("name = 'acme'")
        assert {e.tags["tradewright.digest"] for e in entries} == {"d1.0.0", "d1.1.0"}
        source = client.get_model_version_download_uri("acme", entries[0].version)
        assert source.endswith("/model")
    moved = [version_of(artefact, "1.0.0"), version_of(artefact, "1.1.0", promoted=True, unproven="in a hurry")]
    assert mirror.publish(moved) == 2
    with Link(params).client() as client:
        shown = client.get_model_version_by_alias("acme", ALIAS)
        assert shown.tags[VERSION] == "1.1.0"
        assert shown.tags["tradewright.unproven"] == "in a hurry"
    assert mirror.publish([version_of(artefact, "1.0.0"), version_of(artefact, "1.1.0", unproven="in a hurry")]) == 1
    with Link(params).client() as client:
        assert ALIAS not in client.get_registered_model("acme").aliases


def test_a_run_is_kept_embedded(params: MlflowParams, artefact: Path) -> None:
    check_run(params, artefact)


def test_the_registry_is_mirrored_embedded(params: MlflowParams, artefact: Path) -> None:
    check_mirror(params, artefact)


def test_a_version_whose_files_are_gone_is_not_shown_anew(params: MlflowParams) -> None:
    gone = TrackedVersion("gone", "1.0.0", "d", "", is_promoted=False)
    assert MlflowMirror(params).publish([gone]) == 0


@pytest.mark.slow
def test_a_server_does_the_same(server: MlflowParams, artefact: Path) -> None:
    check_run(server, artefact)
    check_mirror(server, artefact)


def test_a_run_that_cannot_be_finished_is_marked_as_failed(params: MlflowParams, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="MLflow did not take it"):
        MlflowTracker(params).record(run_of(tmp_path / "nothing", "broken"))
    with Link(params).client() as client:
        experiment = client.get_experiment_by_name("train")
        assert experiment is not None
        states = {r.info.run_name: r.info.status for r in client.search_runs([experiment.experiment_id])}
        assert states["broken"] == "FAILED"


def test_a_server_that_is_not_there_is_a_clear_error(artefact: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    tracker = MlflowTracker(MlflowParams(address=address, retries=0, timeout_s=2))
    with pytest.raises(StoreError, match="MLflow did not take it") as caught:
        tracker.record(run_of(artefact))
    assert caught.value.where == address
    assert "do not depend on it" in caught.value.fix


def test_without_mlflow_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "mlflow"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(UsageError, match="not installed") as caught:
        MlflowTracker(embedded(tmp_path)).record(TrackedRun("e", "r"))
    assert "mlops" in caught.value.fix


@pytest.mark.parametrize("address", ["", "mysql://x", "mlruns", "file:///x"])
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(ValidationError, match="must begin with"):
        MlflowParams(address=address)


def test_a_password_is_never_shown() -> None:
    assert MlflowParams(address="postgresql://me:secret@db:5432/x").place == "postgresql://db:5432/x"


def test_artefacts_of_the_embedded_one_lie_beside_it(tmp_path: Path) -> None:
    assert embedded(tmp_path).artefact_folder == tmp_path.resolve() / "mlflow" / "artefacts"
    assert MlflowParams(address="http://x:1").artefact_folder is None
