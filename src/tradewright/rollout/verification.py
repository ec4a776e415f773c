"""Whether a registry is what its journal says, every artefact what its hash says, and every verdict genuine."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from tradewright.core.types.errors import StoreError, TradewrightError
from tradewright.data.evidence_store import read_evidence
from tradewright.models.artefact import verify_model
from tradewright.rollout.journal import Event, read_events, replayed
from tradewright.rollout.promotion import VERDICTS
from tradewright.rollout.registry import JOURNAL, REGISTRY, Registry
from tradewright.rollout.signing import SigningKey
from tradewright.rollout.verdict import read_verdict
from tradewright.rollout.versions import Stage, Version


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at and what is wrong with it; nothing wrong: no ``problems``."""

    subject: str
    problems: tuple[str, ...]


def verify(registry: Registry) -> tuple[Checked, ...]:
    """Check the registry, then each version; changes nothing.

    Raises
    ------
    StoreError
        If `registry.json` cannot be read.
    """
    state = registry.state()
    versions = [verify_version(registry, v) for v in registry.versions() if v.stage is not Stage.REMOVED]
    problems: list[str] = []
    try:
        # what stands after it is a change that was interrupted before it was made
        events = read_events(_journal(registry)[: state.journal_bytes], str(registry.root / JOURNAL))
    except StoreError as error:
        problems.append(str(error))
    else:
        problems += _forged(events, registry.key()) if events else []
        if replayed(events).models != state.models:
            problems.append("registry.json is not what its journal leads to: somebody changed one of them by hand")
    return (Checked("registry.json and its journal", tuple(problems)), *versions)


def verify_version(registry: Registry, version: Version) -> Checked:
    """Check one version: its files, its evidence, and the signature of each of its verdicts."""
    problems: list[str] = []
    try:
        manifest = verify_model(version.folder)
        if manifest.digest != version.digest:
            problems.append(f"the artefact is {manifest.digest}, registered is {version.digest}")
    except TradewrightError as error:
        problems.append(str(error))
    row = version.row
    if row.evidence:
        try:
            if read_evidence(version.evidence).manifest.digest != row.evidence:
                problems.append("its evidence is not what its evaluation signed; evaluate it again")
        except StoreError as error:
            problems.append(str(error))
    found = sorted((version.folder / VERDICTS).glob("*.json"))
    for path in found:
        try:
            verdict = read_verdict(path.read_bytes(), path.name)
            verdict.check(registry.key(), path.name)
            if verdict.model != version.digest:
                problems.append(f"{path.name}: it is about another model, {verdict.model}")
        except TradewrightError as error:
            problems.append(str(error))
    if row.verdict and row.verdict not in {path.name for path in found}:
        problems.append(f"its verdict {row.verdict} is missing")
    if row.stage is Stage.PROMOTED and not row.unproven and not row.verdict.endswith("-passed.json"):
        problems.append("it is promoted, but its verdict is no pass")
    return Checked(version.full_name, tuple(problems))


def repair(registry: Registry) -> tuple[str, ...]:
    """Make `registry.json` again from the journal and the artefacts that are there; return what could not be saved.

    The broken file is kept beside it. Artefacts that the journal does not name are left where they are.

    Raises
    ------
    StoreError
        If there is no journal, or it was changed by hand.
    """
    with registry.writing():
        path = registry.root / REGISTRY
        text = _journal(registry)
        events = read_events(text, str(registry.root / JOURNAL))
        if not events:
            fix = "Restore both files from a copy; without a journal nothing tells names, numbers and proofs."
            raise StoreError("there is no journal to rebuild from", where=str(registry.root / JOURNAL), fix=fix)
        forged = _forged(events, registry.key())
        if forged:
            fix = "Restore journal.jsonl from a copy."
            raise StoreError(forged[0], where=str(registry.root / JOURNAL), fix=fix)
        with contextlib.suppress(FileNotFoundError):
            path.replace(path.with_name("registry.broken.json"))
        state = replayed(events, lambda digest: (registry.artefacts.folder(digest) / "model.json").is_file())
        registry.write_state(state.model_copy(update={"journal_bytes": text.rfind(b"\n") + 1}))
        lost = [
            f"{v.full_name}: its artefact {v.digest[:12]} is gone"
            for v in registry.versions()
            if v.stage is Stage.REMOVED and not any(_removes(event, v) for event in events)
        ]
    return tuple(lost)


def _removes(event: Event, version: Version) -> bool:
    return event.action.value == "removed" and (event.name, event.version) == (version.name, version.version)


def _journal(registry: Registry) -> bytes:
    path = registry.root / JOURNAL
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        fix = "Check its rights."
        raise StoreError(f"the journal cannot be read: {error.strerror}", where=str(path), fix=fix) from error


def _forged(events: tuple[Event, ...], key: SigningKey) -> list[str]:
    strangers = sorted({e.key_id for e in events if e.key_id != key.id})
    if strangers:
        return [f"the journal was signed with the key {', '.join(strangers)}, not with {key.id}; give that key"]
    return [
        f"line {number} of the journal was changed by hand ({e.action.value} {e.name}@{e.version})"
        for number, e in enumerate(events, 1)
        if not e.is_signed_by(key)
    ]
