"""Every change of the registry as one signed line, and what a registry becomes by it.

`registry.json` is the outcome of the journal and can be made again from it; a line that somebody changed, or a registry
that says something else than its journal, is noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tradewright.core.types.errors import StoreError
from tradewright.rollout.signing import SigningKey
from tradewright.rollout.versions import ModelRow, Period, RegistryState, Stage, VersionRow

#: The place in `Period.place` that the promoted pointer stands for.
PROMOTED = "promoted"


class Action(StrEnum):
    """What was done."""

    ADDED = "added"
    EVALUATED = "evaluated"
    JUDGED = "judged"
    PROMOTED = "promoted"
    PROMOTED_UNPROVEN = "promoted unproven"
    ROLLED_BACK = "rolled back"
    ARCHIVED = "archived"
    RESTORED = "restored"
    REMOVED = "removed"
    DEPLOYED = "deployed"
    WITHDRAWN = "withdrawn"


class Event(BaseModel):
    """One change of one version. ``text``: the reason, the place, or the verdict's file; ``mac`` signs all the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at_ns: int
    action: Action
    name: str
    version: str
    text: str = ""
    row: VersionRow | None = None
    evidence: str = ""
    metrics: dict[str, float | None] = Field(default_factory=dict)
    key_id: str = ""
    mac: str = ""

    def signed(self, key: SigningKey) -> Event:
        """Return it with its signature."""
        told = self.model_copy(update={"key_id": key.id, "mac": ""})
        return told.model_copy(update={"mac": key.mac(told.payload())})

    def is_signed_by(self, key: SigningKey) -> bool:
        """Return whether the signature is that key's, of this content."""
        return key.matches(self.payload(), self.mac)

    def payload(self) -> bytes:
        """Return what is signed."""
        return self.model_dump_json(exclude={"mac"}).encode()

    @property
    def line(self) -> bytes:
        """As it stands in the journal."""
        return self.model_dump_json(exclude_defaults=True).encode() + b"\n"


def read_events(text: bytes, where: str) -> tuple[Event, ...]:
    """Return the events of a journal; a last line that was cut off is none.

    Raises
    ------
    StoreError
        If a line is not an event.
    """
    events = []
    whole = text[: text.rfind(b"\n") + 1]
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            events.append(Event.model_validate_json(line))
        except ValidationError as error:
            fix = "Restore the file from a copy, or remove the line if it is not needed."
            raise StoreError("it is not a line of the journal", where=f"{where}:{number}", fix=fix) from error
    return tuple(events)


def replayed(events: Iterable[Event], exists: Callable[[str], bool] = lambda _digest: True) -> RegistryState:
    """Return what the events lead to; versions whose artefact does not exist any more become removed ones."""
    state = RegistryState()
    for event in events:
        state = applied(state, event)
    models = {}
    for name, model in state.models.items():
        gone = {v for v, row in model.versions.items() if row.stage is not Stage.REMOVED and not exists(row.digest)}
        versions = {v: _moved(row, Stage.REMOVED) if v in gone else row for v, row in model.versions.items()}
        promoted = None if model.promoted in gone else model.promoted
        before = tuple(v for v in model.before if v not in gone)
        if promoted is None and before:
            *rest, promoted = before
            before = tuple(rest)
            versions[promoted] = _moved(versions[promoted], Stage.PROMOTED)
        models[name] = ModelRow(promoted=promoted, before=before, versions=versions)
    return state.model_copy(update={"models": models})


def applied(state: RegistryState, event: Event) -> RegistryState:
    """Return the registry after one change."""
    model = state.models.get(event.name, ModelRow())
    row = event.row or model.versions[event.version]
    match event.action:
        case Action.ADDED:
            model = _with(model, event.version, row)
        case Action.EVALUATED:
            model = _with(model, event.version, row.model_copy(update={"evidence": event.evidence}))
        case Action.JUDGED:
            said = {"metrics": event.metrics, "evidence": event.evidence, "verdict": event.text}
            model = _with(model, event.version, row.model_copy(update=said))
        case Action.PROMOTED:
            model = _switched(model, event, row.model_copy(update={"unproven": "", "verdict": event.text}))
        case Action.PROMOTED_UNPROVEN:
            model = _switched(model, event, row.model_copy(update={"unproven": event.text}))
        case Action.ROLLED_BACK:
            at = len(model.before) - 1 - model.before[::-1].index(event.version)
            switched = _switched(model, event, row)
            model = switched.model_copy(update={"before": model.before[:at]})
        case Action.ARCHIVED | Action.REMOVED | Action.RESTORED:
            stages = {Action.ARCHIVED: Stage.ARCHIVED, Action.REMOVED: Stage.REMOVED, Action.RESTORED: Stage.CANDIDATE}
            model = _with(model, event.version, _moved(row, stages[event.action]))
        case Action.DEPLOYED:
            period = Period(place=event.text, from_ns=event.at_ns)
            left = {v: _ended(r, event.text, event.at_ns) for v, r in model.versions.items()}
            model = model.model_copy(update={"versions": left})
            row = model.versions[event.version]
            model = _with(model, event.version, row.model_copy(update={"deployed": (*row.deployed, period)}))
        case Action.WITHDRAWN:
            model = _with(model, event.version, _ended(row, event.text, event.at_ns))
    return state.model_copy(update={"models": {**state.models, event.name: model}})


def _switched(model: ModelRow, event: Event, row: VersionRow) -> ModelRow:
    """Return the model with its pointer at the event's version, and the version before it to go back to."""
    versions = dict(model.versions)
    before = model.before
    if model.promoted is not None and model.promoted != event.version:
        old = _ended(versions[model.promoted], PROMOTED, event.at_ns)
        versions[model.promoted] = _moved(old, Stage.CANDIDATE)
        before = (*(v for v in before if v != event.version), model.promoted)
    if model.promoted != event.version:
        row = row.model_copy(update={"deployed": (*row.deployed, Period(place=PROMOTED, from_ns=event.at_ns))})
    versions[event.version] = _moved(row, Stage.PROMOTED)
    return ModelRow(promoted=event.version, before=before, versions=versions)


def _with(model: ModelRow, version: str, row: VersionRow) -> ModelRow:
    return model.model_copy(update={"versions": {**model.versions, version: row}})


def _moved(row: VersionRow, stage: Stage) -> VersionRow:
    return row.model_copy(update={"stage": stage})


def _ended(row: VersionRow, place: str, at_ns: int) -> VersionRow:
    periods = (
        p.model_copy(update={"to_ns": at_ns}) if p.place == place and p.to_ns is None else p for p in row.deployed
    )
    return row.model_copy(update={"deployed": tuple(periods)})
