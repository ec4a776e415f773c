"""Promotion through a gate: the only way to a promoted version that bears no mark."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from tradewright.core.types.errors import ModelError
from tradewright.models.artefact import verify_model
from tradewright.rollout.commit import write_whole
from tradewright.rollout.gate import Subject, judge
from tradewright.rollout.journal import Action
from tradewright.rollout.policy import Policy
from tradewright.rollout.registry import Registry
from tradewright.rollout.switching import check_present
from tradewright.rollout.verdict import Verdict, read_verdict
from tradewright.rollout.versions import Version

VERDICTS = "verdicts"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A version after its gate, the verdict, and the file that keeps it."""

    version: Version
    verdict: Verdict
    file: Path


def sign_evidence(registry: Registry, version: Version, digest: str) -> Version:
    """Write into the signed journal which evidence an evaluation made, its counts included; a gate takes no other.

    Parameters
    ----------
    digest : str
        Of the evidence's manifest, from who wrote it; not read back from the folder.
    """
    with registry.writing():
        return registry.commit(Action.EVALUATED, version.name, version.version, evidence=digest)


def put_to_gate(registry: Registry, version: Version, policy: Policy) -> Judgement:
    """Judge a version by its stored evidence, and keep the signed verdict beside it; nothing is promoted.

    Raises
    ------
    ModelError
        If the artefact is not sound.
    StoreError
        If the verdict cannot be written.
    """
    check_present(registry, version)
    verify_model(version.folder)
    row = version.row
    subject = Subject(row.digest, row.feature_set_hash, row.horizon_ns, row.evidence)
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
        said = {"text": file.name, "evidence": row.evidence, "metrics": metrics}
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
