"""The registry of models: artefacts by their content, versions by name, and which version is promoted.

::

    registry.json          the outcome: every model, version, stage and period of use; replaced by one rename
    journal.jsonl          every change as a signed line; registry.json can be made again from it
    artefacts/<digest>/    model.json, the model's files, evidence/, verdicts/, card.html
    archive/<digest>/      the same, of versions put away
    signing.key            made on first use where no key is given

Readers never wait and never lock: they read one whole `registry.json` and then files that are never changed. Writers
wait for one another.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.models.artefact import ModelManifest, verify_model
from tradewright.rollout.artefacts import Artefacts
from tradewright.rollout.commit import append_line, only_writer, unwritable, write_whole
from tradewright.rollout.journal import Action, Event, applied
from tradewright.rollout.signing import SigningKey, make_key, stored_key
from tradewright.rollout.versions import (
    Bump,
    ModelRow,
    RegistryState,
    Semantic,
    Stage,
    Version,
    VersionRow,
    check_name,
    label_of,
    next_version,
)

REGISTRY, JOURNAL = "registry.json", "journal.jsonl"
_SHORTEST_DIGEST = 6
_USABLE = frozenset({Stage.CANDIDATE, Stage.PROMOTED})
_REPAIR = "`tradewright models verify --repair` makes it again from its journal and the artefacts."


class Registry:
    """A folder of models.

    Parameters
    ----------
    root : Path
        The folder; made with the first model.
    now_ns : callable
        The time, ns UTC.
    key : SigningKey, optional
        Signs the journal and verdicts; without it, the key of the folder, which is made on first use.
    """

    def __init__(self, root: Path, now_ns: Callable[[], int], key: SigningKey | None = None) -> None:
        self.root = root
        self.now_ns = now_ns
        self.artefacts = Artefacts(root)
        self._key = key

    # ---- reading

    def state(self) -> RegistryState:
        """Return what is registered; nothing where there is no registry yet.

        Raises
        ------
        StoreError
            If it cannot be read; says how to make it again.
        """
        path = self.root / REGISTRY
        try:
            return RegistryState.model_validate_json(path.read_bytes())
        except FileNotFoundError as error:
            if (self.root / JOURNAL).exists():
                raise StoreError("the registry is missing", where=str(path), fix=_REPAIR) from error
            return RegistryState()
        except (OSError, ValidationError) as error:
            reason = str(error).split("\n", 1)[0]
            raise StoreError(f"the registry cannot be read: {reason}", where=str(path), fix=_REPAIR) from error

    def versions(self, name: str = "") -> tuple[Version, ...]:
        """Return every version, of one model or of all, by name and number."""
        return self._versions(self.state(), name)

    def promoted(self, name: str) -> Version | None:
        """Return the version in use; None where none is."""
        model = self.state().models.get(name)
        return self._version(name, model, model.promoted) if model is not None and model.promoted else None

    def fallbacks(self, name: str) -> tuple[Version, ...]:
        """Return the promoted version and those that a rollback would go back to, the newest first; of one moment."""
        model = self.state().models.get(name, ModelRow())
        order = [*([model.promoted] if model.promoted else []), *reversed(model.before)]
        return tuple(self._version(name, model, number) for number in order)

    def find(self, text: str) -> Version:
        """Return the version meant by ``NAME`` (its newest), ``NAME@1.2.0``, ``NAME@promoted`` or a digest's beginning.

        Raises
        ------
        UsageError
            If there is none, or several.
        """
        state = self.state()
        name, at, wanted = text.removesuffix("+unproven").partition("@")
        model = state.models.get(name)
        where = str(self.root)
        if model is None:
            found = {v.digest: v for v in self._versions(state) if v.digest.startswith(text)}
            if len(found) == 1 and len(text) >= _SHORTEST_DIGEST:
                return next(iter(found.values()))
            known = ", ".join(sorted(state.models)) or "none yet; `tradewright train` makes one"
            raise UsageError(f"no model is called '{name}'", where=where, fix=f"Registered: {known}.")
        kept = sorted((Semantic.parse(v) for v, r in model.versions.items() if r.stage in _USABLE), reverse=True)
        number = {"promoted": model.promoted, "latest": str(kept[0]) if kept else None}.get(wanted or "latest", wanted)
        if number not in model.versions:
            fix = f"It has {', '.join(sorted(model.versions, key=Semantic.parse))}."
            what = f"{name} has no version '{wanted}'" if at else f"every version of {name} is put away"
            raise UsageError(what, where=where, fix=fix)
        return self._version(name, model, str(number))

    def _versions(self, state: RegistryState, name: str = "") -> tuple[Version, ...]:
        return tuple(
            self._version(title, model, number)
            for title, model in sorted(state.models.items())
            if name in ("", title)
            for number in sorted(model.versions, key=Semantic.parse)
        )

    def _version(self, name: str, model: ModelRow, number: str) -> Version:
        row = model.versions[number]
        return Version(name, number, self.artefacts.folder(row.digest), row)

    # ---- writing

    def add(self, folder: Path, name: str, bump: Bump | str = Bump.TRAIN) -> Version:
        """Copy an artefact in and give it the next number; an artefact that the model has already keeps its own.

        Parameters
        ----------
        folder : Path
            With ``model.json``, its files, and perhaps ``evidence``; stays where it is.
        name : str
            Of the model.
        bump : Bump
            ``minor`` for a training, ``patch`` for one on newer data; another kind, feature set or horizon is always a
            new major number.

        Raises
        ------
        ModelError
            If the artefact is not sound; nothing is registered.
        StoreError
            If it cannot be written; nothing is registered.
        """
        check_name(name)
        manifest = verify_model(folder)
        with self.writing():
            state = self.state()
            model = state.models.get(name, ModelRow())
            self.artefacts.bring_in(folder, manifest)
            row = _row(manifest, self.now_ns())
            for number, old in model.versions.items():
                if old.digest == row.digest and old.stage in _USABLE:
                    return self._version(name, model, number)
            number = next_version(model, row, Bump(bump))
            return self.commit(Action.ADDED, name, number, row=row)

    def archive(self, version: Version) -> Version:
        """Put a version away; its artefact moves too, unless another version still needs it.

        Raises
        ------
        UsageError
            If it is promoted, deployed, or what a rollback would go back to next.
        """
        with self.writing():
            reason = _why_needed(self.state().models[version.name], version.version)
            if reason:
                fix = "Promote or deploy another version there first."
                raise UsageError(f"{version.full_name} {reason}", where=str(self.root), fix=fix)
            done = self.commit(Action.ARCHIVED, version.name, version.version)
            if not _used(self.state(), version.digest, _USABLE):
                self.artefacts.put_away(version.digest)
            return self.find(f"{done.name}@{done.version}")

    def restore(self, version: Version) -> Version:
        """Take an archived version back as a candidate.

        Raises
        ------
        UsageError
            If it is not archived.
        """
        if version.stage is not Stage.ARCHIVED:
            what = f"{version.full_name} is {version.stage.value}, not archived"
            raise UsageError(what, where=str(self.root), fix="Only archived versions can be taken back.")
        verify_model(version.folder)
        with self.writing():
            self.artefacts.take_back(version.digest)
            return self.commit(Action.RESTORED, version.name, version.version)

    def remove(self, version: Version) -> Version:
        """Delete an archived version's files for good; its row stays.

        Raises
        ------
        UsageError
            If it is not archived.
        """
        if version.stage is not Stage.ARCHIVED:
            what = f"{version.full_name} is {version.stage.value}; only archived versions are deleted"
            raise UsageError(what, where=str(self.root), fix="Archive it first.")
        with self.writing():
            done = self.commit(Action.REMOVED, version.name, version.version)
            if not _used(self.state(), version.digest, {*_USABLE, Stage.ARCHIVED}):
                self.artefacts.delete(version.digest)
            return done

    def deploy(self, version: Version, place: str) -> Version:
        """Note that a place (``paper``, a service's name) uses a version from now on: nothing will take it away.

        Raises
        ------
        UsageError
            If its files are put away, or the place is called like the pointer.
        """
        if version.stage not in _USABLE or place in ("", Action.PROMOTED.value):
            what = f"{version.full_name} cannot be deployed to '{place}'"
            raise UsageError(what, where=str(self.root), fix="Name a place, and a version that is not archived.")
        with self.writing():
            return self.commit(Action.DEPLOYED, version.name, version.version, text=place)

    def withdraw(self, version: Version, place: str) -> Version:
        """Note that a place does not use a version any more."""
        with self.writing():
            return self.commit(Action.WITHDRAWN, version.name, version.version, text=place)

    # ---- the one way in which anything changes

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other writers out, and tell in our words what the file system refuses.

        Raises
        ------
        StoreError
            If something cannot be written.
        """
        try:
            with only_writer(self.root):
                yield
        except OSError as error:
            raise unwritable(self.root, error) from error

    def key(self) -> SigningKey:
        """Return the key that signs; makes the folder's own if there is none."""
        if self._key is None:
            self._key = stored_key(self.root) or make_key(self.root)
        return self._key

    def commit(self, action: Action, name: str, version: str, **said: object) -> Version:
        """Write one change: its line in the journal first, then `registry.json`, whose rename makes it so.

        The caller holds `writing`.
        """
        state = self.state()
        event = Event.model_validate(
            {"at_ns": self.now_ns(), "action": action, "name": name, "version": version, **said}
        )
        event = event.signed(self.key())
        end = append_line(self.root / JOURNAL, event.line, state.journal_bytes)
        after = applied(state, event).model_copy(update={"journal_bytes": end})
        self.write_state(after)
        return self._version(name, after.models[name], version)

    def write_state(self, state: RegistryState) -> None:
        """Replace `registry.json`."""
        text = json.dumps(state.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False)
        write_whole(self.root / REGISTRY, text.encode() + b"\n")


def _row(manifest: ModelManifest, now_ns: int) -> VersionRow:
    params = dict(manifest.params)
    return VersionRow(
        label=label_of(manifest.kind, params, manifest.digest),
        digest=manifest.digest,
        kind=manifest.kind,
        feature_set_hash=manifest.feature_set_hash,
        features=len(manifest.names),
        horizon_ns=manifest.horizon_ns,
        params=params,
        files=dict(manifest.files),
        datasets=dict(manifest.origin.datasets),
        code=manifest.origin.code,
        seed=manifest.origin.seed,
        added_ns=now_ns,
    )


def _used(state: RegistryState, digest: str, stages: Iterable[Stage]) -> bool:
    """Return whether a version in one of the stages has this artefact."""
    wanted = set(stages)
    rows = (row for model in state.models.values() for row in model.versions.values())
    return any(row.digest == digest and row.stage in wanted for row in rows)


def _why_needed(model: ModelRow, number: str) -> str:
    """Return what keeps a version from being put away; nothing for one that may be."""
    row = model.versions[number]
    if row.stage not in _USABLE:
        return f"is {row.stage.value} already"
    if row.in_use_at:
        return f"is in use ({', '.join(row.in_use_at)})"
    if model.before[-1:] == (number,):
        return "is what a rollback goes back to"
    return ""
