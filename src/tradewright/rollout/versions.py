"""What the registry knows of a model's versions: the rows of `registry.json`, and how they are numbered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from tradewright.core.types.errors import UsageError

_STRICT = ConfigDict(frozen=True, extra="forbid")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_VERSION = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})")
#: Parameters that stand in a label, and the longest a label gets.
_LABEL_PARAMS, _LABEL_LENGTH = 3, 80


class Bump(StrEnum):
    """What makes a version new: another training, the same training on newer data, or another kind of input."""

    TRAIN = "minor"
    RETRAIN = "patch"
    INCOMPATIBLE = "major"


class Stage(StrEnum):
    """Where a version stands."""

    CANDIDATE = "candidate"
    PROMOTED = "promoted"
    ARCHIVED = "archived"
    #: Its files are gone; its row stays, so that no number is given twice and forecasts keep their origin.
    REMOVED = "removed"


class Semantic(NamedTuple):
    """A semantic version, ordered by its numbers."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        """As people write it."""
        return f"{self.major}.{self.minor}.{self.patch}"

    @classmethod
    def parse(cls, text: str) -> Semantic:
        """Read ``1.2.3``.

        Raises
        ------
        UsageError
            If it is not three numbers.
        """
        found = _VERSION.fullmatch(text)
        if found is None:
            raise UsageError(f"'{text}' is not a version", where="models", fix="Write three numbers, such as 1.2.0.")
        return cls(*(int(part) for part in found.groups()))

    def bumped(self, bump: Bump) -> Semantic:
        """Return the next version."""
        match bump:
            case Bump.INCOMPATIBLE:
                return Semantic(self.major + 1, 0, 0)
            case Bump.TRAIN:
                return Semantic(self.major, self.minor + 1, 0)
            case Bump.RETRAIN:
                return Semantic(self.major, self.minor, self.patch + 1)


class Period(BaseModel):
    """When a version was in use at a place (``promoted``, ``paper`` ...); ``to_ns`` is None while it is."""

    model_config = _STRICT

    place: str
    from_ns: int
    to_ns: int | None = None


class VersionRow(BaseModel):
    """One version, as `registry.json` keeps it.

    ``unproven``: why it was promoted without proof; empty for others. ``evidence``: what its evaluation signed.
    """

    model_config = _STRICT

    label: str
    digest: str
    kind: str
    stage: Stage = Stage.CANDIDATE
    unproven: str = ""
    feature_set_hash: str
    features: int
    horizon_ns: int
    params: dict[str, Any]
    files: dict[str, str]
    datasets: dict[str, str]
    code: str
    seed: int
    added_ns: int
    evidence: str = ""
    verdict: str = ""
    metrics: dict[str, float | None] = Field(default_factory=dict)
    deployed: tuple[Period, ...] = ()

    @property
    def in_use_at(self) -> tuple[str, ...]:
        """The places that use it now."""
        return tuple(sorted(p.place for p in self.deployed if p.to_ns is None))


class ModelRow(BaseModel):
    """One model: its versions, which is promoted, and those promoted before it that a rollback goes back to."""

    model_config = _STRICT

    promoted: str | None = None
    before: tuple[str, ...] = ()
    versions: dict[str, VersionRow] = Field(default_factory=dict)


class RegistryState(BaseModel):
    """The whole of `registry.json`. ``journal_bytes`` is how much of the journal it holds the outcome of."""

    model_config = _STRICT

    format: Literal[1] = 1
    journal_bytes: int = 0
    models: dict[str, ModelRow] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a model, with the folder its artefact lies in."""

    name: str
    version: str
    folder: Path
    row: VersionRow

    @property
    def digest(self) -> str:
        """Hash of the artefact's content."""
        return self.row.digest

    @property
    def stage(self) -> Stage:
        """Where it stands."""
        return self.row.stage

    @property
    def is_unproven(self) -> bool:
        """Whether it was promoted without passing a gate."""
        return bool(self.row.unproven)

    @property
    def deployed(self) -> tuple[Period, ...]:
        """When it was in use, and where."""
        return self.row.deployed

    @property
    def evidence(self) -> Path:
        """Folder of its evidence, which may not be there."""
        return self.folder / "evidence"

    @property
    def full_name(self) -> str:
        """``NAME@VERSION``; one that proved nothing says so wherever its name goes, forecasts included."""
        return f"{self.name}@{self.version}" + ("+unproven" if self.is_unproven else "")


def check_name(name: str) -> str:
    """Return the name of a model if it can stand in paths and in ``NAME@VERSION``.

    Raises
    ------
    UsageError
        If it cannot.
    """
    if not _NAME.fullmatch(name):
        fix = "Use letters, digits, dot, dash and underscore, 80 at most, a letter or digit first."
        raise UsageError(f"'{name}' cannot name a model", where="models", fix=fix)
    return name


def label_of(kind: str, params: dict[str, Any], digest: str) -> str:
    """Return a readable name made of the kind, the first parameters by name, and the hash."""
    said = [
        f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in sorted(params.items())
        if isinstance(value, int | float | str) and key != "seed"
    ]
    words = "-".join([kind, *said[:_LABEL_PARAMS]])
    return f"{words[: _LABEL_LENGTH - 9]}-{digest[:8]}"


def next_version(model: ModelRow, row: VersionRow, bump: Bump) -> str:
    """Return the number a new version gets: 1.0.0 first, a new major number where its inputs or kind are other ones."""
    if not model.versions:
        return str(Semantic(1, 0, 0))
    latest = max(Semantic.parse(text) for text in model.versions)
    before = model.versions[str(latest)]
    is_compatible = (before.kind, before.feature_set_hash, before.horizon_ns) == (
        row.kind,
        row.feature_set_hash,
        row.horizon_ns,
    )
    return str(latest.bumped(bump if is_compatible else Bump.INCOMPATIBLE))
