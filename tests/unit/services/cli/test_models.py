"""`tradewright models` in this process: what people see, what is refused, and with which exit code."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from tests.unit.rollout.made_up import make_evidence, make_model, register
from typer.testing import CliRunner, Result

from tradewright.rollout.registry import Registry
from tradewright.services.cli.app import app
from tradewright.services.model_registry import KEY, MLFLOW, open_registry

REASON = "the exchange changed its fees overnight"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (KEY, f"{KEY}_FILE", MLFLOW, f"{MLFLOW}_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "models"


@pytest.fixture
def kept(root: Path, tmp_path: Path) -> Registry:
    """A registry with acme 1.0.0 (an edge), 1.1.0 (none) and 1.2.0 (no evidence)."""
    registry = open_registry(root)
    for seed, edge in ((0, 0.15), (1, 0.0), (2, None)):
        folder = tmp_path / f"{seed}"
        digest = make_model(folder, seed)
        if edge is not None:
            make_evidence(folder / "evidence", digest, edge)
        register(registry, folder)
    return registry


def run(root: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["models", *words, "--registry", str(root)])


def document(root: Path, *words: str) -> Any:  # noqa: ANN401 -- JSON
    done = run(root, *words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_an_empty_registry(root: Path) -> None:
    assert "holds no model" in run(root, "list").output
    assert document(root, "list") == []
    done = run(root, "show", "acme")
    assert done.exit_code == 2
    assert "no model is called 'acme'" in done.output
    assert not root.exists()


def test_promotion_through_the_gate_and_the_way_back(kept: Registry, root: Path) -> None:
    done = run(root, "promote", "acme@1.0.0")
    assert done.exit_code == 0, done.output
    assert "acme@1.0.0 passes the gate 'default'" in done.output
    assert "acme@1.0.0 is promoted." in done.output
    refused = run(root, "promote", "acme@1.1.0")
    assert refused.exit_code == 1
    assert "REFUSED" in refused.output
    for figure in ("accuracy.edge", "sharpe.deflated", "net_return.costs_x2"):
        assert figure in refused.output.split("Refused, because:")[1]
    missing = run(root, "promote", "acme@1.2.0")
    assert missing.exit_code == 1
    assert "evidence cannot be read" in missing.output
    promoted = kept.promoted("acme")
    assert promoted is not None
    assert promoted.version == "1.0.0"
    run(root, "promote-unproven", "acme@1.1.0", "--reason", REASON, "--i-accept")
    back = document(root, "rollback", "acme")
    assert (back["from"], back["to"]["version"]) == ("acme@1.1.0+unproven", "1.0.0")
    assert run(root, "rollback", "acme").exit_code == 2


def test_a_refusal_as_json_holds_the_verdict_with_every_figure(kept: Registry, root: Path) -> None:
    done = run(root, "promote", "acme@1.1.0", "--json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert told["model"] == "acme@1.1.0"
    assert told["verdict"]["passed"] is False
    assert len(told["verdict"]["figures"]) > 20
    assert told["verdict"]["model"] == kept.find("acme@1.1.0").digest
    assert Path(told["file"]).is_file()


def test_a_gate_promotes_nothing(kept: Registry, root: Path) -> None:
    done = run(root, "gate", "acme@1.0.0", "--policy", "forecast")
    assert done.exit_code == 0, done.output
    assert kept.promoted("acme") is None
    assert run(root, "gate", "acme@1.1.0", "--policy", "classic").exit_code == 1


def test_there_is_no_override(kept: Registry, root: Path) -> None:
    for flag in ("--force", "--override", "--yes", "--i-accept", "--skip-gate"):
        assert run(root, "promote", "acme@1.1.0", flag).exit_code == 2
    assert kept.promoted("acme") is None


def test_an_emergency_is_accepted_explained_and_marked_everywhere(kept: Registry, root: Path) -> None:
    without = run(root, "promote-unproven", "acme@1.2.0", "--reason", REASON)
    assert without.exit_code == 2
    assert "--i-accept" in without.output
    assert run(root, "promote-unproven", "acme@1.2.0", "--reason", "why not", "--i-accept").exit_code == 2
    assert kept.promoted("acme") is None
    done = run(root, "promote-unproven", "acme@1.2.0", "--reason", REASON, "--i-accept")
    assert done.exit_code == 0
    assert "UNPROVEN" in done.output
    assert "UNPROVEN" in run(root, "list").output
    assert REASON in run(root, "show", "acme@1.2.0").output
    assert document(root, "show", "acme@1.2.0")["unproven"] == REASON
    assert REASON in (root / "registry.json").read_text()
    assert REASON in (root / "journal.jsonl").read_text()
    run(root, "card", "acme@1.2.0")
    assert "UNPROVEN" in (kept.find("acme@1.2.0").folder / "card.html").read_text()


def test_a_card_that_was_there_before_the_emergency_gets_the_mark(kept: Registry, root: Path) -> None:
    run(root, "card", "acme@1.1.0")
    path = kept.find("acme@1.1.0").folder / "card.html"
    assert "UNPROVEN" not in path.read_text()
    run(root, "promote-unproven", "acme@1.1.0", "--reason", REASON, "--i-accept")
    assert "UNPROVEN" in path.read_text()


def test_show_and_compare(kept: Registry, root: Path, tmp_path: Path) -> None:
    run(root, "gate", "acme@1.0.0")
    shown = run(root, "show", "acme@1.0.0").output
    assert kept.find("acme@1.0.0").digest in shown
    assert "max_iterations" in shown
    assert "sharpe.deflated" in shown
    told = document(root, "compare", "acme@1.0.0", "acme@1.1.0")
    assert {"what": "parameter seed", "before": "0", "after": "1"} in told["inputs"]
    edge = next(f for f in told["figures"] if f["figure"] == "accuracy.edge")
    assert edge["before"]["low"] > edge["after"]["value"]
    assert "apart" in run(root, "compare", "acme@1.0.0", "acme@1.1.0").output
    assert run(root, "compare", "acme@1.0.0", "acme@1.2.0").exit_code == 1
    assert tmp_path.exists()


def test_verify_notices_damage_and_repair_mends_the_registry(kept: Registry, root: Path) -> None:
    assert run(root, "verify").exit_code == 0
    (root / "registry.json").write_text("{")
    broken = run(root, "list")
    assert broken.exit_code == 1
    assert "models verify --repair" in broken.output
    assert run(root, "verify", "--repair").exit_code == 0
    assert len(document(root, "list")) == 3
    (kept.find("acme@1.0.0").folder / "model.json").write_text("{}")
    damaged = run(root, "verify")
    assert damaged.exit_code == 1
    assert "model.json cannot be read" in damaged.output
    assert run(root, "verify", "acme@1.1.0").exit_code == 0


def test_archive_and_restore(kept: Registry, root: Path) -> None:
    assert document(root, "archive", "acme@1.0.0")["stage"] == "archived"
    assert document(root, "archive", "acme@1.0.0", "--restore")["stage"] == "candidate"
    run(root, "promote-unproven", "acme@1.0.0", "--reason", REASON, "--i-accept")
    assert run(root, "archive", "acme@1.0.0").exit_code == 2
    assert kept.find("acme@1.0.0").stage.value == "promoted"


def test_clean_shows_first_and_acts_when_told(kept: Registry, root: Path) -> None:
    shown = run(root, "clean", "--keep-last", "1", "--keep-best", "0")
    assert "2 versions would change" in shown.output
    assert all(v.stage.value == "candidate" for v in kept.versions())
    done = document(root, "clean", "--keep-last", "1", "--keep-best", "0", "--apply")
    assert done["changed"] == 2
    assert [v.stage.value for v in kept.versions()] == ["archived", "archived", "candidate"]


def test_a_policy_that_is_wrong_is_named(kept: Registry, root: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\nrequires: []\n")
    done = run(root, "gate", "acme@1.0.0", "--policy", str(tmp_path / "mine.yaml"))
    assert done.exit_code == 2
    assert "requires" in done.output
    assert kept.find("acme@1.0.0").row.verdict == ""


def test_a_key_of_ones_own(kept: Registry, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "too short")
    assert run(root, "verify").exit_code == 2
    monkeypatch.setenv(KEY, "a secret that is long enough")
    done = run(root, "verify")
    assert done.exit_code == 1
    assert "give that key" in done.output
    assert kept.find("acme").version == "1.2.0"


def test_an_mlflow_that_is_not_there_costs_a_warning_and_not_the_promotion(kept: Registry, root: Path) -> None:
    pytest.importorskip("mlflow")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    done = run(root, "promote-unproven", "acme@1.0.0", "--reason", REASON, "--i-accept", "--mlflow", address)
    assert done.exit_code == 0, done.output
    assert "warning" in done.stderr
    assert "models mirror" in done.stderr
    promoted = kept.promoted("acme")
    assert promoted is not None
    assert promoted.version == "1.0.0"


def test_an_address_that_is_none(kept: Registry, root: Path) -> None:
    done = run(root, "promote", "acme@1.0.0", "--mlflow", "somewhere")
    assert done.exit_code == 2
    assert "sqlite:///" in done.output
    assert kept.promoted("acme") is None


@pytest.mark.slow
def test_the_mirror_shows_the_mark_too(kept: Registry, root: Path) -> None:
    pytest.importorskip("mlflow")
    from tradewright.adapters.mlflow.link import Link  # noqa: PLC0415
    from tradewright.adapters.mlflow.params import embedded  # noqa: PLC0415

    run(root, "promote-unproven", "acme@1.0.0", "--reason", REASON, "--i-accept")
    told = document(root, "mirror")
    assert told["changed"] == 4
    with Link(embedded(root)).client() as client:
        shown = client.get_model_version_by_alias("acme", "promoted")
    assert shown.tags["tradewright.unproven"] == REASON
    assert shown.tags["tradewright.digest"] == kept.find("acme@1.0.0").digest
