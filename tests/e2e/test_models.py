"""`tradewright models` from outside: a model is registered, judged, promoted, and taken back."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.e2e.conftest import Run
from tests.unit.rollout.made_up import make_evidence, make_model, register

from tradewright.rollout.registry import Registry

REASON = "the exchange changed its fees overnight"


def test_a_model_must_prove_itself(tw: Run, place: Path) -> None:
    registry = Registry(place / ".tradewright" / "models", time.time_ns)
    for seed, edge in ((0, 0.15), (1, 0.0)):
        folder = place / f"trained-{seed}"
        digest = make_model(folder, seed)
        make_evidence(folder / "evidence", digest, edge)
        register(registry, folder)
    promoted = tw("models", "promote", "acme@1.0.0")
    assert promoted.returncode == 0, promoted.stderr
    refused = tw("models", "promote", "acme@1.1.0")
    assert refused.returncode == 1
    assert "Refused, because:" in refused.stdout
    assert "Traceback" not in refused.stderr
    assert tw("models", "promote-unproven", "acme", "--reason", REASON, "--i-accept").returncode == 0
    listed = json.loads(tw("models", "list", "--json").stdout)
    assert [(v["version"], v["stage"], v["is_unproven"]) for v in listed] == [
        ("1.0.0", "candidate", False),
        ("1.1.0", "promoted", True),
    ]
    back = json.loads(tw("models", "rollback", "acme", "--json").stdout)
    assert back["to"]["version"] == "1.0.0"
    assert tw("models", "verify").returncode == 0
    assert "Card: " in tw("models", "card", "acme@promoted").stdout
    (place / ".tradewright/models/registry.json").write_text("no json")
    broken = tw("models", "list")
    assert broken.returncode == 1
    assert "--repair" in broken.stderr
    assert tw("models", "verify", "--repair").returncode == 0
    assert registry.find("acme@promoted").version == "1.0.0"
