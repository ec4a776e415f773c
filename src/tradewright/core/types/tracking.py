"""What a tracker of experiments is told about a run and about the versions of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tradewright.core.types.evidence import Figure


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """A finished training or evaluation.

    Parameters
    ----------
    experiment, name : str
        The group it belongs to, and what people call it.
    params, tags : mapping
        What it was told, and words to find it by.
    figures : sequence of Figure
        Its evidence; those that are NaN are left out by trackers that cannot hold them.
    artefact : str
        Folder that is kept with it; empty for none.
    start_ns, end_ns : int
        When it ran, ns UTC.
    """

    experiment: str
    name: str
    params: Mapping[str, object] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    figures: Sequence[Figure] = ()
    artefact: str = ""
    start_ns: int = 0
    end_ns: int = 0


@dataclass(frozen=True, slots=True)
class TrackedVersion:
    """A registered version, for a mirror of the registry; ``tags`` say all that the mirror has no field for."""

    model: str
    version: str
    digest: str
    folder: str
    is_promoted: bool
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


class Tracker(Protocol):
    """Keeps runs for people to browse. What decides anything is never read back from it."""

    @property
    def place(self) -> str:
        """Where it keeps them, for messages."""

    def record(self, run: TrackedRun) -> str:
        """Keep a run and return its id there.

        Raises
        ------
        StoreError
            If it cannot be kept.
        """


class RegistryMirror(Protocol):
    """Shows the registry in another tool."""

    def publish(self, versions: Sequence[TrackedVersion]) -> int:
        """Bring the mirror in line with the versions of whole models; return how many entries changed.

        Raises
        ------
        StoreError
            If it cannot be reached or refuses.
        """
