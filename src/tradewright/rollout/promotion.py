"""Which version is in use: promotion through a gate, going back, and the emergency that leaves its mark."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from tradewright.core.types.errors import ModelError, TradewrightError, UsageError
from tradewright.models.artefact import verify_model
from tradewright.rollout.commit import write_whole
from tradewright.rollout.gate import Subject, judge
from tradewright.rollout.journal import Action
from tradewright.rollout.policy import Policy
from tradewright.rollout.registry import Registry
from tradewright.rollout.verdict import Verdict, read_verdict
from tradewright.rollout.versions import Stage, Version

VERDICTS = "verdicts"
_SHORTEST_REASON = 12


@dataclass(frozen=True, slots=True)
class Judgement:
    """A version after its gate, the verdict, and the file that keeps it."""

    version: Version
    verdict: Verdict
    file: Path


@dataclass(frozen=True, slots=True)
class Rollback:
    """From where to where; ``skipped`` are versions in between that are damaged, and how."""

    left: Version
    now: Version
    skipped: tuple[str, ...] = ()


def put_to_gate(registry: Registry, version: Version, policy: Policy) -> Judgement:
    """Judge a version by its stored evidence, and keep the signed verdict beside it; nothing is promoted.

    Raises
    ------
    ModelError
        If the artefact is not sound.
    StoreError
        If the verdict cannot be written.
    """
    _check_present(registry, version)
    verify_model(version.folder)
    row = version.row
    subject = Subject(row.digest, row.feature_set_hash, row.horizon_ns)
    verdict = judge(version.evidence, policy, subject, registry.now_ns())
    with registry.writing():
        verdict = verdict.signed(registry.key())
        folder = version.folder / VERDICTS
        folder.mkdir(exist_ok=True)
        file = folder / f"{verdict.at_ns}-{verdict.policy_name}-{'passed' if verdict.passed else 'refused'}.json"
        write_whole(file, verdict.model_dump_json(indent=1).encode() + b"\n")
        metrics = {
            f.name if f.scope == "validation" else f"{f.scope}:{f.name}": f.value if math.isfinite(f.value) else None
            for f in verdict.figures
            if "/" not in f.scope
        }
        said = {"text": file.name, "evidence": verdict.evidence, "metrics": metrics}
        judged = registry.commit(Action.JUDGED, version.name, version.version, **said)
    return Judgement(judged, verdict, file)


def promote(registry: Registry, version: Version, policy: Policy) -> Judgement:
    """Judge a version, and put it in use if it passed; there is no way around a refusal here.

    Raises
    ------
    ModelError
        If the artefact is not sound, or the gate refuses; the error carries every reason (`RefusedError`).
    """
    judged = put_to_gate(registry, version, policy)
    if not judged.verdict.passed:
        raise RefusedError(judged)
    with registry.writing():
        stored = read_verdict(judged.file.read_bytes(), str(judged.file))
        stored.check(registry.key(), str(judged.file))
        if not stored.passed or stored.model != version.digest:
            raise ModelError("it is not this model's proof", where=str(judged.file), fix="Run the gate again.")
        verify_model(version.folder)
        done = registry.commit(Action.PROMOTED, version.name, version.version, text=judged.file.name)
    return Judgement(done, judged.verdict, judged.file)


class RefusedError(ModelError):
    """A gate refused; ``judgement`` holds the verdict with every figure."""

    def __init__(self, judgement: Judgement) -> None:
        self.judgement = judgement
        refusals = judgement.verdict.refusals
        what = f"the gate '{judgement.verdict.policy_name}' refuses it:\n" + "\n".join(f"  - {r}" for r in refusals)
        fix = f"Nothing was promoted. The verdict with every figure: {judgement.file}"
        super().__init__(what, where=judgement.version.full_name, fix=fix)


def promote_unproven(registry: Registry, version: Version, reason: str) -> Version:
    """Put a version in use without proof: an emergency, logged, and shown wherever the version appears.

    Only an artefact that is whole can be promoted so. A gate passed later takes the mark away.

    Raises
    ------
    UsageError
        If no real reason is given.
    ModelError
        If the artefact is not sound.
    """
    if len(reason.strip()) < _SHORTEST_REASON:
        fix = f"Write a sentence of at least {_SHORTEST_REASON} characters; it stays in the registry for good."
        raise UsageError("an emergency needs a reason", where="--reason", fix=fix)
    _check_present(registry, version)
    with registry.writing():
        verify_model(version.folder)
        return registry.commit(Action.PROMOTED_UNPROVEN, version.name, version.version, text=reason.strip())


def rollback(registry: Registry, name: str) -> Rollback:
    """Go back to the version that was promoted before; one whose artefact is damaged is passed over and named.

    Raises
    ------
    UsageError
        If nothing was promoted before.
    ModelError
        If every earlier version is damaged.
    """
    with registry.writing():
        order = registry.fallbacks(name)
        if len(order) < 2 or order[0].stage is not Stage.PROMOTED:
            fix = "`tradewright models list` shows what there is; `models promote` puts a version in use."
            raise UsageError(f"{name} has no earlier promoted version", where=str(registry.root), fix=fix)
        skipped = []
        for earlier in order[1:]:
            try:
                verify_model(earlier.folder)
            except TradewrightError as error:
                skipped.append(f"{earlier.full_name}: {error}")
                continue
            now = registry.commit(Action.ROLLED_BACK, name, earlier.version, text=f"from {order[0].version}")
            return Rollback(order[0], now, tuple(skipped))
    what = f"no earlier version of {name} is whole: {'; '.join(skipped)}"
    raise ModelError(what, where=str(registry.root), fix="The promoted version was left in place.")


def _check_present(registry: Registry, version: Version) -> None:
    if version.stage in (Stage.ARCHIVED, Stage.REMOVED):
        what = f"{version.full_name} is {version.stage.value}"
        fix = "`tradewright models archive --restore` takes an archived version back."
        raise UsageError(what, where=str(registry.root), fix=fix)
