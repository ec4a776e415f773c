"""The models that are served: the promoted version of each name, or one that is named; the last good one stays."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tradewright.core.types.errors import TradewrightError
from tradewright.models.model import FittedModel


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in memory: what it is called, the digest of its artefact, its features as expressions by column."""

    version: str
    digest: str
    features: dict[str, str]
    is_unproven: bool
    model: FittedModel


class ModelSource(Protocol):
    """Where models come from."""

    def names(self) -> tuple[str, ...]:
        """Return the names that have a promoted version."""

    def digest(self, name: str) -> str:
        """Return the artefact that a name means now; raises UsageError where it means none."""

    def load(self, name: str) -> LoadedModel:
        """Load and verify it; raises ModelError or StoreError where it is not what it should be."""


@dataclass(slots=True)
class _Place:
    loaded: LoadedModel
    looked_ns: int
    trouble: str = ""


class ServedModels:
    """Models in memory, renewed when the registry points elsewhere.

    A version that cannot be loaded does not take the place of the one that serves: `trouble` says why.

    Parameters
    ----------
    source : ModelSource
        Where models come from.
    refresh_ns : int
        How long a switch may go unnoticed.
    steady_ns : callable
        A clock that never runs backwards, ns.
    """

    def __init__(self, source: ModelSource, refresh_ns: int, steady_ns: Callable[[], int]) -> None:
        self.source = source
        self._refresh_ns = refresh_ns
        self._steady_ns = steady_ns
        self._places: dict[str, _Place] = {}
        self._lock = threading.Lock()

    def is_due(self, name: str) -> bool:
        """Tell whether `get` would look at the registry, which may take long."""
        place = self._places.get(name)
        return place is None or self._steady_ns() - place.looked_ns >= self._refresh_ns

    def get(self, name: str) -> LoadedModel:
        """Return the model to answer with.

        Raises
        ------
        TradewrightError
            If there is none under this name, and none was loaded before.
        """
        if not self.is_due(name):
            return self._places[name].loaded
        with self._lock:  # one loads, the others wait: a model is read once
            place = self._places.get(name)
            now = self._steady_ns()
            if place is None:
                place = self._places[name] = _Place(self.source.load(name), now)
            elif now - place.looked_ns >= self._refresh_ns:
                self._renew(name, place, now)
            return place.loaded

    def _renew(self, name: str, place: _Place, now: int) -> None:
        place.looked_ns = now
        try:
            if self.source.digest(name) != place.loaded.digest:
                place.loaded = self.source.load(name)
            place.trouble = ""
        except TradewrightError as error:
            place.trouble = str(error)

    def trouble(self) -> dict[str, str]:
        """Return by name why the version that should serve does not."""
        return {name: place.trouble for name, place in sorted(self._places.items()) if place.trouble}
