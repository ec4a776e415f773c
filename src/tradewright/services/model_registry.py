"""From options and the environment to a registry of models, and to MLflow where it is wanted."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tradewright.core.types.errors import ConfigError, TradewrightError
from tradewright.services.secrets import secret

if TYPE_CHECKING:
    from tradewright.adapters.mlflow.params import MlflowParams
    from tradewright.core.types.tracking import RegistryMirror, TrackedVersion, Tracker
    from tradewright.rollout.registry import Registry
    from tradewright.rollout.versions import Version

REGISTRY = Path(".tradewright/models")
#: The key that signs verdicts and the journal; without it, the registry makes one in its own folder.
KEY = "TRADEWRIGHT_MODELS_KEY"
#: Address of MLflow, which may hold a password; ``embedded`` is a file in the registry's folder.
MLFLOW = "TRADEWRIGHT_MLFLOW"
_EMBEDDED = "embedded"


def open_registry(root: Path, environment: Mapping[str, str] = os.environ) -> Registry:
    """Return the registry of a folder, which need not exist yet.

    Raises
    ------
    ConfigError
        If the signing key that was given cannot be read or is too short.
    """
    from tradewright.rollout.registry import Registry
    from tradewright.rollout.signing import key_from

    given = secret(environment, KEY)
    return Registry(root, time.time_ns, key_from(given, KEY) if given else None)


def mlflow_params(address: str, root: Path, environment: Mapping[str, str] = os.environ) -> MlflowParams | None:
    """Return where MLflow is, by option or environment; None where nobody asked for it.

    Raises
    ------
    ConfigError
        If the address is none.
    """
    chosen = address or secret(environment, MLFLOW)
    if not chosen:
        return None
    from pydantic import ValidationError

    from tradewright.adapters.mlflow.params import MlflowParams, embedded

    try:
        return embedded(root) if chosen == _EMBEDDED else MlflowParams(address=chosen)
    except ValidationError as error:
        what = f"it is no address of MLflow: {error.errors()[0]['msg']}"
        fix = f"Write {_EMBEDDED}, sqlite:///FILE, or the address of a server."
        raise ConfigError(what, where=address or MLFLOW, fix=fix) from None


def open_tracker(address: str, root: Path, environment: Mapping[str, str] = os.environ) -> Tracker | None:
    """Return what keeps runs for people to browse; None where nobody asked for it."""
    params = mlflow_params(address, root, environment)
    if params is None:
        return None
    from tradewright.adapters.mlflow.tracking import MlflowTracker

    return MlflowTracker(params)


def open_mirror(address: str, root: Path, environment: Mapping[str, str] = os.environ) -> RegistryMirror | None:
    """Return what shows the registry in MLflow; None where nobody asked for it."""
    params = mlflow_params(address, root, environment)
    if params is None:
        return None
    from tradewright.adapters.mlflow.mirror import MlflowMirror

    return MlflowMirror(params)


def mirrored(registry: Registry, mirror: RegistryMirror | None, name: str = "") -> str:
    """Show one model, or all, in the mirror; return what went wrong, as a warning: nothing depends on the mirror."""
    if mirror is None:
        return ""
    try:
        mirror.publish([tracked(v) for v in registry.versions(name)])
    except TradewrightError as error:
        return f"{error} `tradewright models mirror` shows it later."
    return ""


def tracked(version: Version) -> TrackedVersion:
    """Return a version as a mirror shows it."""
    from tradewright.core.types.tracking import TrackedVersion

    row = version.row
    tags = {
        "stage": row.stage.value,
        "unproven": row.unproven or "no",
        "label": row.label,
        "feature_set": row.feature_set_hash,
        "code": row.code,
        "datasets": ", ".join(f"{symbol}={digest[:12]}" for symbol, digest in sorted(row.datasets.items())),
        "verdict": row.verdict,
    }
    return TrackedVersion(
        model=version.name,
        version=version.version,
        digest=row.digest,
        folder=str(version.folder) if version.folder.is_dir() else "",
        is_promoted=row.stage.value == "promoted",
        tags=tags,
        metrics={name: value for name, value in row.metrics.items() if value is not None},
    )
