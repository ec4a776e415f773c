"""The registry as the inference API and backtests read it: a name becomes a model in memory and its features."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from tradewright.core.types.errors import ModelError
from tradewright.core.types.feature import Feature
from tradewright.features.set_identity import set_identity
from tradewright.models.artefact import verify_model
from tradewright.rollout.registry import Registry
from tradewright.rollout.serving import load_version
from tradewright.rollout.versions import Version
from tradewright.services.feature_sets import written_set
from tradewright.services.predict_api.served import LoadedModel


class RegisteredModels:
    """The models of a registry.

    Parameters
    ----------
    root : Path
        Its folder.
    """

    def __init__(self, root: Path) -> None:
        self._registry = Registry(root, time.time_ns)

    def names(self) -> tuple[str, ...]:
        """Return the names that have a promoted version."""
        found = sorted({version.name for version in self._registry.versions()})
        return tuple(name for name in found if self._registry.promoted(name) is not None)

    def version(self, text: str) -> Version:
        """Return what ``NAME`` (its promoted version) or ``NAME@VERSION`` means now.

        Raises
        ------
        UsageError
            If there is none.
        """
        return self._registry.find(text if "@" in text else f"{text}@promoted")

    def digest(self, name: str) -> str:
        """Return the artefact that a name means now."""
        return self.version(name).digest

    def load(self, name: str) -> LoadedModel:
        """Load and verify it."""
        version = self.version(name)
        manifest, model = verify_model(version.folder), load_version(version)
        return LoadedModel(version.version, version.digest, manifest.origin.features, version.is_unproven, model)


def features_of(written: Mapping[str, str], feature_set_hash: str, where: str) -> Mapping[str, Feature]:
    """Return the features of a model, from their expressions.

    Raises
    ------
    ModelError
        If this installation would compute something else than what the model learned from.
    """
    features = written_set(written, where)
    if set_identity(features) != feature_set_hash:
        what = "its features are computed in another way here than when it was trained"
        raise ModelError(what, where=where, fix="Train it again with this version of tradewright.")
    return features
