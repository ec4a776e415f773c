"""Clean-up by policy: which versions are put away, which files are deleted for good, and why each is kept.

First the plan, which changes nothing; then the same plan, carried out. What is promoted, deployed anywhere, or a target
of a rollback is never touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tradewright.rollout.registry import Registry
from tradewright.rollout.versions import Semantic, Stage, Version

_DAY_NS = 86_400 * 10**9


class RetentionPolicy(BaseModel):
    """What is kept of each model, beside what is in use.

    Parameters
    ----------
    keep_last : int
        Newest versions.
    keep_best : int
        Best versions by ``best_by``.
    best_by : str
        A figure of the validation scope, more being better.
    keep_rollbacks : int
        Versions that a rollback would go back to.
    delete_archived_after_days : float, optional
        Age, since it was registered, at which an archived version's files are deleted; never without it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    keep_last: Annotated[int, Field(ge=1)] = 5
    keep_best: Annotated[int, Field(ge=0)] = 3
    best_by: str = "sharpe.deflated"
    keep_rollbacks: Annotated[int, Field(ge=1)] = 3
    delete_archived_after_days: Annotated[float, Field(gt=0)] | None = None


class Fate(StrEnum):
    """What becomes of a version."""

    KEEP = "keep"
    ARCHIVE = "archive"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Step:
    """One version, what becomes of it, and why."""

    version: Version
    fate: Fate
    reason: str


def plan(registry: Registry, policy: RetentionPolicy, name: str = "") -> tuple[Step, ...]:
    """Return what a clean-up would do to every version of one model or of all; changes nothing."""
    now = registry.now_ns()
    steps: list[Step] = []
    by_model: dict[str, list[Version]] = {}
    for version in registry.versions(name):
        by_model.setdefault(version.name, []).append(version)
    for model, versions in by_model.items():
        kept = _kept(registry, policy, model, versions)
        steps += [_step(version, kept, policy, now) for version in versions if version.stage is not Stage.REMOVED]
    return tuple(steps)


def carry_out(registry: Registry, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Do what a plan says; return the steps that changed something.

    Each version is looked at again: one that came into use since the plan was made is refused, not removed.

    Raises
    ------
    UsageError
        If a version came into use meanwhile.
    StoreError
        If something cannot be written; what was done before stays done.
    """
    done = []
    for step in steps:
        if step.fate is Fate.ARCHIVE:
            registry.archive(step.version)
        elif step.fate is Fate.DELETE:
            registry.remove(step.version)
        else:
            continue
        done.append(step)
    return tuple(done)


def _step(version: Version, kept: dict[str, str], policy: RetentionPolicy, now_ns: int) -> Step:
    if version.version in kept:
        return Step(version, Fate.KEEP, kept[version.version])
    if version.stage is not Stage.ARCHIVED:
        return Step(version, Fate.ARCHIVE, "not in use, not recent, not among the best")
    days = (now_ns - version.row.added_ns) / _DAY_NS
    limit = policy.delete_archived_after_days
    if limit is not None and days > limit:
        return Step(version, Fate.DELETE, f"archived, and {days:.0f} days old")
    return Step(version, Fate.KEEP, "archived")


def _kept(registry: Registry, policy: RetentionPolicy, name: str, versions: list[Version]) -> dict[str, str]:
    """Return the versions that stay where they are, with the strongest reason of each."""
    usable = [v for v in versions if v.stage in (Stage.CANDIDATE, Stage.PROMOTED)]
    newest = sorted(usable, key=lambda v: Semantic.parse(v.version), reverse=True)
    scored = [v for v in newest if v.row.metrics.get(policy.best_by) is not None]
    best = sorted(scored, key=lambda v: -(v.row.metrics[policy.best_by] or 0.0))
    earlier = [v.version for v in registry.fallbacks(name) if v.stage is not Stage.PROMOTED]
    kept = {v.version: f"best by {policy.best_by}" for v in best[: policy.keep_best]}
    kept |= {v.version: f"one of the newest {policy.keep_last}" for v in newest[: policy.keep_last]}
    kept |= dict.fromkeys(earlier[: policy.keep_rollbacks], "a rollback goes back to it")
    kept |= {v.version: f"in use: {', '.join(v.row.in_use_at)}" for v in versions if v.row.in_use_at}
    return kept
