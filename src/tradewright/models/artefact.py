"""A model as a folder: ``model.json``, and files in formats that cannot run code.

The folder appears whole or not at all, and is read only if every file has the hash that was written. Formats are JSON,
ONNX, safetensors and LightGBM's text; nothing else is opened, and a folder with a file that unpickling would read is
refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tradewright.core.types.errors import ConfigError, ModelError
from tradewright.core.types.rows import FeatureRows
from tradewright.models.calibration import Calibration
from tradewright.models.model import FittedModel
from tradewright.models.registry import forecaster_class

FORMAT: Final = 1
MANIFEST: Final = "model.json"
SAFE: Final = frozenset({".json", ".onnx", ".safetensors", ".txt"})
#: Formats that run code when they are read; no folder with one is trusted, whether the manifest names it or not.
UNSAFE: Final = frozenset({".bin", ".ckpt", ".h5", ".joblib", ".npy", ".npz", ".pickle", ".pkl", ".pt", ".pth"})
_BLOCK = 1 << 20


class Origin(BaseModel):
    """What a model was made from.

    ``features`` are the expressions that compute the columns, by name; ``datasets`` content hashes by symbol; ``code``
    the hash of the code; ``rows`` how many it learned from, between ``first_ns`` and ``last_ns`` (ns UTC).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    features: dict[str, str] = Field(default_factory=dict)
    datasets: dict[str, str] = Field(default_factory=dict)
    code: str = ""
    config: dict[str, Any] = Field(default_factory=dict)
    seed: int = 0
    rows: int = 0
    first_ns: int = 0
    last_ns: int = 0


class ModelManifest(BaseModel):
    """Everything about a model that is not in its files; ``files`` are sha256 by path inside the folder."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Annotated[int, Field(ge=1)] = FORMAT
    kind: str
    params: dict[str, Any]
    names: Annotated[tuple[str, ...], Field(min_length=1)]
    feature_set_hash: str
    horizon_ns: int
    calibration: Calibration | None
    files: Annotated[dict[str, str], Field(min_length=1)]
    origin: Origin

    @property
    def digest(self) -> str:
        """32 hex digits over the content; the same model has the same ones wherever and whenever it is written."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def save_model(model: FittedModel, folder: Path, origin: Origin) -> ModelManifest:
    """Write a model in place of what the folder held.

    Raises
    ------
    ModelError
        If it cannot be written; what was there before is then still there.
    """
    _check_columns(model, folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            names = model.forecaster.save(draft)
            manifest = ModelManifest(
                kind=model.forecaster.kind,
                params=model.forecaster.params.model_dump(mode="json"),
                names=model.names,
                feature_set_hash=model.feature_set_hash,
                horizon_ns=model.horizon_ns,
                calibration=model.calibration,
                files={name: _sha256(_safe(draft, name)) for name in sorted(names)},
                origin=origin,
            )
            (draft / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
            _sync(draft)
            _swap(draft, folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        what = f"the model cannot be written: {error.strerror or error}"
        fix = "Check the free space and the rights; the model that was there before is untouched."
        raise ModelError(what, where=str(folder), fix=fix) from error
    return manifest


def verify_model(folder: Path) -> ModelManifest:
    """Return the manifest of a folder whose files are all there, safe, and those that were written.

    Raises
    ------
    ModelError
        Naming the first file that is not.
    """
    try:
        manifest = ModelManifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError as error:
        raise _refused(folder, f"there is no {MANIFEST}", "Give the folder of a model.") from error
    except (OSError, ValidationError) as error:
        raise _refused(folder, f"{MANIFEST} cannot be read: {_first_line(error)}") from error
    if manifest.format > FORMAT:
        what = f"its format is {manifest.format}, this version reads up to {FORMAT}"
        raise _refused(folder, what, "Update the program, or train the model again.")
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in UNSAFE:
            what = f"{path.name} is in a format that can run code when it is read"
            raise _refused(folder, what, "Do not load it. Train the model again, or get it from who made it.")
    for name, expected in sorted(manifest.files.items()):
        path = _safe(folder, name)
        try:
            found = _sha256(path)
        except OSError as error:
            raise _refused(folder, f"{name} cannot be read: {error.strerror or error}") from error
        if found != expected:
            raise _refused(folder, f"{name} is not the file that was written: its sha256 is {found[:12]}")
    return manifest


def load_model(folder: Path, version: str = "") -> FittedModel:
    """Return the model of a folder after `verify_model`.

    Parameters
    ----------
    folder : Path
        What `save_model` wrote.
    version : str
        What its forecasts are signed with; the start of its digest if not given.

    Raises
    ------
    ModelError
        If the folder is not a whole, safe, unchanged model of a known kind.
    """
    manifest = verify_model(folder)
    try:
        made = forecaster_class(manifest.kind)
        params = made.params_type.model_validate(manifest.params)
    except (ConfigError, ValidationError) as error:
        raise _refused(folder, f"{MANIFEST} cannot be used: {_first_line(error)}") from error
    model = FittedModel(
        forecaster=made.load(folder, params),
        names=manifest.names,
        feature_set_hash=manifest.feature_set_hash,
        horizon_ns=manifest.horizon_ns,
        calibration=manifest.calibration,
        version=version or manifest.digest[:12],
    )
    _check_columns(model, folder)
    return model


def _check_columns(model: FittedModel, folder: Path) -> None:
    """Ask for the forecasts of no rows: a forecaster refuses columns that it has not learned from."""
    none = np.empty(0, np.int64)
    rows = FeatureRows(model.names, np.empty((0, len(model.names))), (), none, none, none, model.feature_set_hash)
    try:
        model.predict(rows)
    except ModelError as error:
        what = f"its forecaster refuses its columns: {error.what}"
        raise _refused(folder, what) from error


def _safe(folder: Path, name: str) -> Path:
    """Return the path of a file that may be opened: inside the folder, no link, in a safe format."""
    inside = PurePosixPath(name)
    if not name or inside.is_absolute() or ".." in inside.parts or "\\" in name or ":" in name:
        raise _refused(folder, f"{name!r} is not the name of a file inside the folder")
    if inside.suffix.lower() not in SAFE:
        raise _refused(folder, f"{name} is not in a safe format ({', '.join(sorted(SAFE))})")
    path = folder / inside
    # Resolved, a link anywhere below the folder shows; the folder itself may be reached through one.
    if path.resolve() != folder.resolve() / inside or (path.exists() and not path.is_file()):
        raise _refused(folder, f"{name} is a link, or not a file")
    return path


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _sync(draft: Path) -> None:
    """See the files onto the disk: after the rename they must survive a loss of power."""
    for path in [*sorted(p for p in draft.rglob("*") if p.is_file())]:
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _swap(draft: Path, folder: Path) -> None:
    """Put the draft in the folder's place; what was there comes back if that fails."""
    if not folder.exists():
        draft.rename(folder)
        return
    old = draft.with_name(draft.name + "-old")
    folder.rename(old)
    try:
        draft.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _refused(folder: Path, what: str, fix: str = "") -> ModelError:
    fix = fix or "The artefact is damaged: train the model again, or roll back to another version."
    return ModelError(what, where=str(folder), fix=fix)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc']) or 'its JSON'}: {first['msg']}"
    return lines[0] if lines else type(error).__name__
