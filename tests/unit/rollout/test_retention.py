from __future__ import annotations

import pytest
from tests.unit.rollout.conftest import AddModel

from tradewright.core.types.errors import UsageError
from tradewright.rollout.journal import Action
from tradewright.rollout.registry import Registry
from tradewright.rollout.retention import Fate, RetentionPolicy, carry_out, plan
from tradewright.rollout.switching import promote_unproven
from tradewright.rollout.verification import verify
from tradewright.rollout.versions import Stage

REASON = "a test of what is kept"
DAY_NS = 86_400 * 10**9


def fates(registry: Registry, policy: RetentionPolicy) -> dict[str, tuple[Fate, str]]:
    return {s.version.version: (s.fate, s.reason) for s in plan(registry, policy)}


@pytest.fixture
def many(registry: Registry, add: AddModel) -> Registry:
    """Eight versions: 1.0.0 and 1.1.0 were promoted, 1.2.0 is; 1.3.0 is deployed on paper, 1.4.0 the best."""
    for seed in range(8):
        version = add(seed, edge=None)
        metrics = {"sharpe.deflated": 0.99 if seed == 4 else 0.1 * seed}
        with registry.writing():
            registry.commit(Action.JUDGED, version.name, version.version, metrics=metrics)
    for text in ("1.0.0", "1.1.0", "1.2.0"):
        promote_unproven(registry, registry.find(f"acme@{text}"), REASON)
    registry.deploy(registry.find("acme@1.3.0"), "paper")
    return registry


def test_the_plan_keeps_what_is_in_use_the_newest_and_the_best(many: Registry) -> None:
    before = many.state()
    found = fates(many, RetentionPolicy(keep_last=1, keep_best=1, keep_rollbacks=1))
    assert many.state() == before
    assert {v for v, (fate, _) in found.items() if fate is Fate.ARCHIVE} == {"1.0.0", "1.5.0", "1.6.0"}
    assert found["1.1.0"][1] == "a rollback goes back to it"
    assert found["1.2.0"][1] == "in use: promoted"
    assert found["1.3.0"][1] == "in use: paper"
    assert found["1.4.0"][1] == "best by sharpe.deflated"
    assert found["1.7.0"][1] == "one of the newest 1"


def test_a_plan_carried_out_touches_nothing_in_use(many: Registry) -> None:
    policy = RetentionPolicy(keep_last=1, keep_best=0, keep_rollbacks=1)
    done = carry_out(many, plan(many, policy))
    assert {s.version.version for s in done} == {"1.0.0", "1.4.0", "1.5.0", "1.6.0"}
    for text in ("1.1.0", "1.2.0", "1.3.0", "1.7.0"):
        assert many.find(f"acme@{text}").stage in (Stage.CANDIDATE, Stage.PROMOTED)
    assert carry_out(many, plan(many, policy)) == ()
    assert [p for c in verify(many) for p in c.problems] == []


def test_archived_files_are_deleted_when_they_are_old(many: Registry) -> None:
    carry_out(many, plan(many, RetentionPolicy(keep_last=1, keep_best=1)))
    old = many.find("acme@1.5.0")
    assert old.stage is Stage.ARCHIVED
    policy = RetentionPolicy(delete_archived_after_days=30)
    assert fates(many, policy)["1.5.0"][0] is Fate.KEEP
    later = Registry(many.root, lambda: old.row.added_ns + 31 * DAY_NS, many.key())
    assert fates(later, policy)["1.5.0"] == (Fate.DELETE, "archived, and 31 days old")
    carry_out(later, plan(later, policy))
    assert later.find("acme@1.5.0").stage is Stage.REMOVED
    assert not old.folder.exists()


def test_a_version_that_came_into_use_since_the_plan_is_not_archived(many: Registry) -> None:
    steps = plan(many, RetentionPolicy(keep_last=1, keep_best=0))
    many.deploy(many.find("acme@1.5.0"), "live")
    with pytest.raises(UsageError, match="in use"):
        carry_out(many, steps)
    assert many.find("acme@1.5.0").folder.parent.name == "artefacts"
