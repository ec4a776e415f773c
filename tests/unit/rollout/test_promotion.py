from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.rollout.conftest import AddModel
from tests.unit.rollout.made_up import make_evidence

from tradewright.core.types.errors import ModelError
from tradewright.rollout.policy import read_policy
from tradewright.rollout.promotion import RefusedError, promote, put_to_gate
from tradewright.rollout.registry import Registry
from tradewright.rollout.signing import SigningKey
from tradewright.rollout.switching import promote_unproven
from tradewright.rollout.verdict import read_verdict
from tradewright.rollout.verification import verify
from tradewright.rollout.versions import Stage

POLICY = read_policy("default")


def problems(registry: Registry) -> list[str]:
    return [p for checked in verify(registry) for p in checked.problems]


def test_a_proven_model_is_promoted_with_a_signed_verdict(registry: Registry, add: AddModel) -> None:
    done = promote(registry, add(0), POLICY)
    assert registry.promoted("acme") == done.version
    assert done.version.stage is Stage.PROMOTED
    assert not done.version.is_unproven
    stored = read_verdict(done.file.read_bytes(), "verdict")
    stored.check(registry.key())
    assert stored == done.verdict
    assert stored.model == done.version.digest
    assert done.version.row.metrics["sharpe.deflated"] == pytest.approx(1.0, abs=0.05)
    assert "holdout:accuracy" in done.version.row.metrics
    assert problems(registry) == []


def test_a_refusal_gives_every_reason_keeps_the_verdict_and_changes_no_pointer(
    registry: Registry, add: AddModel
) -> None:
    promoted = promote(registry, add(0), POLICY).version
    worse = add(1, edge=0.0)
    with pytest.raises(RefusedError) as caught:
        promote(registry, worse, POLICY)
    verdict = caught.value.judgement.verdict
    assert len(verdict.refusals) > 3
    assert all(reason in str(caught.value) for reason in verdict.refusals)
    assert caught.value.judgement.file.name.endswith("-refused.json")
    now = registry.promoted("acme")
    assert now is not None
    assert now.version == promoted.version
    assert problems(registry) == []


def test_missing_evidence_is_a_refusal(registry: Registry, add: AddModel) -> None:
    with pytest.raises(RefusedError, match="evidence is there and whole"):
        promote(registry, add(0, edge=None), POLICY)
    assert registry.promoted("acme") is None


def test_evidence_of_another_model_is_a_refusal(registry: Registry, add: AddModel) -> None:
    version = add(0, edge=None)
    make_evidence(version.evidence, "f" * 32, 0.15)
    with pytest.raises(RefusedError, match="evidence is of this model"):
        promote(registry, version, POLICY)


def test_there_is_no_way_to_promote_by_hand_with_another_models_verdict(registry: Registry, add: AddModel) -> None:
    good, bad = add(0), add(1, edge=0.0)
    passed = put_to_gate(registry, good, POLICY)
    refused = put_to_gate(registry, bad, POLICY)
    forged = json.loads(refused.file.read_text()) | {"passed": True}
    refused.file.write_text(json.dumps(forged))
    (bad.folder / "verdicts" / passed.file.name).write_bytes(passed.file.read_bytes())
    found = problems(registry)
    assert any("changed after it was signed" in p for p in found)
    assert any("about another model" in p for p in found)


def test_a_verdict_signed_with_another_key_is_noticed(registry: Registry, add: AddModel) -> None:
    verdict = put_to_gate(registry, add(0), POLICY).verdict
    with pytest.raises(ModelError, match="not with"):
        verdict.check(SigningKey(b"some other secret of some length"))


def test_a_gate_passed_later_takes_the_mark_away(registry: Registry, add: AddModel) -> None:
    version = promote_unproven(registry, add(0), "the old one sells into every rally")
    assert version.is_unproven
    assert version.full_name == "acme@1.0.0+unproven"
    done = promote(registry, registry.find(version.full_name), POLICY).version
    assert not done.is_unproven
    assert len(done.deployed) == 1


def test_evidence_changed_after_its_verdict_is_noticed(
    registry: Registry, add: AddModel, now_ns: Callable[[], int]
) -> None:
    version = promote(registry, add(0), POLICY).version
    make_evidence(version.evidence, version.digest, 0.15, seed=9)
    assert any("not what its evaluation signed" in p for p in problems(registry))
    assert now_ns() > 0


def test_a_count_that_was_edited_is_found_and_a_gate_does_not_make_it_good(registry: Registry, add: AddModel) -> None:
    version = add(0)
    path = version.evidence / "evidence.json"
    told = json.loads(path.read_text())
    assert told["trials"] > 1
    for key, value in (("trials", 1), ("holdout_uses", 0)):
        path.write_text(json.dumps(told | {key: value}))
        for _ in range(2):  # the first verdict must not become what the second compares with
            with pytest.raises(RefusedError, match="evidence is what the evaluation signed"):
                promote(registry, registry.find("acme"), POLICY)
        assert any("not what its evaluation signed" in p for p in problems(registry))
    path.write_text(json.dumps(told))
    assert promote(registry, registry.find("acme"), POLICY).verdict.passed


def test_evidence_that_nobody_signed_is_a_refusal(registry: Registry, add: AddModel) -> None:
    version = add(0, edge=None)
    make_evidence(version.evidence, version.digest, 0.15)
    with pytest.raises(RefusedError, match="signed was none"):
        promote(registry, version, POLICY)


def test_a_policy_of_ones_own(registry: Registry, add: AddModel, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nrequires:\n  - {figure: accuracy, at_least: 0.6, reason: It is ours.}\n")
    done = promote(registry, add(0), read_policy(str(path)))
    assert done.verdict.policy_name == "mine"
