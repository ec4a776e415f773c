"""The judge: stored evidence and a policy in, a verdict out. No number is taken from anybody's mouth."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tradewright.analytics.evidence import figures_of
from tradewright.core.types.errors import StoreError
from tradewright.core.types.evidence import Figure
from tradewright.data.evidence_store import Evidence, EvidenceManifest, read_evidence
from tradewright.rollout.policy import AnyOf, Policy, Requirement
from tradewright.rollout.verdict import FigureLine, Outcome, Verdict

_SECOND_NS = 1e9
_EVALUATE = "`tradewright evaluate` makes it."


@dataclass(frozen=True, slots=True)
class Subject:
    """The model that evidence must be about; ``evidence``, if given, is the digest that its evaluation signed."""

    digest: str
    feature_set_hash: str
    horizon_ns: int
    evidence: str | None = None


def judge(evidence: Path, policy: Policy, subject: Subject | None = None, at_ns: int = 0) -> Verdict:
    """Decide by the evidence of a folder whether a model meets a policy.

    Every figure is computed here from the stored tables. Evidence that is missing, damaged, or about another model is a
    refusal like any other, and so is a figure that is missing or NaN.

    Parameters
    ----------
    evidence : Path
        Folder written by `data.evidence_store.write_evidence`.
    policy : Policy
        What must be shown.
    subject : Subject, optional
        The model asked about; without it, the one that the evidence names.
    at_ns : int
        The time of the judgement, ns UTC.
    """
    try:
        read = read_evidence(evidence)
    except StoreError as error:
        return _refused(policy, subject, at_ns, str(error))
    return judge_read(read, policy, subject, at_ns)


def judge_read(read: Evidence, policy: Policy, subject: Subject | None = None, at_ns: int = 0) -> Verdict:
    """Decide by evidence that was read already (`judge`)."""
    manifest = read.manifest
    strange = _strangers(manifest, subject)
    figures = figures_of(read.tables, manifest)
    known = {(f.name, f.scope): f for f in figures}
    outcomes = [*strange, *outcomes_of(policy, figures)]
    return Verdict(
        model=subject.digest if subject else manifest.model_digest,
        evidence=manifest.digest,
        policy_name=policy.name,
        policy=policy.digest,
        passed=all(outcome.is_met for outcome in outcomes),
        outcomes=tuple(outcomes),
        figures=tuple(FigureLine.of(f) for f in figures),
        warnings=tuple(_warnings(policy, known, manifest.horizon_ns)),
        at_ns=at_ns,
    )


def outcomes_of(policy: Policy, figures: Iterable[Figure], made_by: str = _EVALUATE) -> tuple[Outcome, ...]:
    """Return for each rule of a policy whether figures meet it; ``made_by`` tells who lacks one what makes them."""
    known = {(f.name, f.scope): f for f in figures}
    return tuple(_outcome(rule, known, made_by) for rule in policy.requires)


def _refused(policy: Policy, subject: Subject | None, at_ns: int, why: str) -> Verdict:
    rule = Outcome(rule="evidence is there and whole", is_met=False, found=why, reason="Missing evidence is a refusal.")
    return Verdict(
        model=subject.digest if subject else "",
        evidence="",
        policy_name=policy.name,
        policy=policy.digest,
        passed=False,
        outcomes=(rule,),
        figures=(),
        at_ns=at_ns,
    )


def _strangers(manifest: EvidenceManifest, subject: Subject | None) -> Iterable[Outcome]:
    """Yield a refusal for each way in which the evidence is not about the model."""
    if subject is None:
        return
    pairs = {
        "digest": (manifest.model_digest, subject.digest),
        "feature set": (manifest.feature_set_hash, subject.feature_set_hash),
        "horizon": (str(manifest.horizon_ns), str(subject.horizon_ns)),
    }
    for what, (has, wanted) in pairs.items():
        if has != wanted:
            found = f"it is of a model with the {what} {has or 'unknown'}, asked was {wanted}"
            yield Outcome(rule=f"evidence is of this model ({what})", is_met=False, found=found, reason=_EVALUATE)
    if subject.evidence is not None and manifest.digest != subject.evidence:
        found = f"it is {manifest.digest}, signed was {subject.evidence or 'none'}"
        reason = f"Evidence that was changed, or that nobody signed, proves nothing. {_EVALUATE}"
        yield Outcome(rule="evidence is what the evaluation signed", is_met=False, found=found, reason=reason)


def _outcome(rule: Requirement | AnyOf, known: Mapping[tuple[str, str], Figure], made_by: str) -> Outcome:
    if isinstance(rule, Requirement):
        return _one(rule, known, made_by)
    parts = [_one(part, known, made_by) for part in rule.any_of]
    met = [part for part in parts if part.is_met]
    shown = met[:1] or parts
    return Outcome(
        rule=" or ".join(part.rule for part in parts),
        is_met=bool(met),
        found="; ".join(part.found for part in shown),
        reason=" Or: ".join(part.reason for part in shown),
    )


def _one(rule: Requirement, known: Mapping[tuple[str, str], Figure], made_by: str) -> Outcome:
    figure = known.get((rule.figure, rule.scope))
    if figure is None:
        found = f"the evidence has no {rule.figure} of {rule.scope}"
        return Outcome(rule=rule.text, is_met=False, found=found, reason=f"{rule.reason} {made_by}")
    return Outcome(rule=rule.text, is_met=rule.holds_for(figure), found=_said(rule, figure), reason=rule.reason)


def _said(rule: Requirement, figure: Figure) -> str:
    if math.isnan(rule.number_of(figure)):
        why = f" ({figure.method})" if figure.method else ""
        return f"{rule.figure}, its {rule.use}, is not defined here{why}"
    has_interval = figure.low != figure.high and not math.isnan(figure.low)
    between = f" [{figure.low:.4g}, {figure.high:.4g}]" if has_interval else ""
    return f"{rule.figure} is {figure.value:.4g}{between}"


def _warnings(policy: Policy, known: Mapping[tuple[str, str], Figure], horizon_ns: int) -> Iterable[str]:
    for smell in policy.warns:
        figure = known.get((smell.figure, smell.scope))
        if figure is not None and figure.value > smell.above and horizon_ns <= smell.horizon_at_most_s * _SECOND_NS:
            yield f"{smell.figure} is {figure.value:.4g} ({smell.scope}). {smell.says}"
