"""Versions of the execution model as files: written whole, hashed, and named by a pointer that one rename moves.

A folder holds ``VERSION.json`` files and ``latest``, which names the version in use and its hash. A file that a person
changed by hand is refused: what it says was not measured.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.execution.costs.model import CostModel, digest_of

LATEST = "latest"
_VERSION = re.compile(r"^(\d{4}-\d{2}-\d{2})\.(\d+)$")


@dataclass(frozen=True, slots=True)
class Pointer:
    """The version in use."""

    version: str
    digest: str


def versions(folder: Path) -> tuple[str, ...]:
    """Return the versions of a folder, the oldest first."""
    names = [p.stem for p in folder.glob("*.json") if _VERSION.match(p.stem)]
    return tuple(sorted(names, key=_by_age))


def _by_age(version: str) -> tuple[str, int]:
    day, _, number = version.rpartition(".")
    return day, int(number)


def next_version(folder: Path, day: str) -> str:
    """Return the name of a version measured on a day, such as ``2026-11-21.2``."""
    numbers = [_by_age(v)[1] for v in versions(folder) if v.startswith(f"{day}.")]
    return f"{day}.{max(numbers, default=0) + 1}"


def read_version(folder: Path, version: str = "") -> CostModel:
    """Return a version; the one in use if none is named.

    Raises
    ------
    UsageError
        If there is no such version, or none at all.
    StoreError
        If the file was damaged, or changed by hand.
    """
    pointer = read_pointer(folder) if not version else None
    name = pointer.version if pointer else version
    path = folder / f"{name}.json"
    if not path.is_file():
        known = ", ".join(versions(folder)) or "none; `tradewright costs measure` makes one"
        raise UsageError(f"no version '{name}' of the costs", where=str(folder), fix=f"There are: {known}.")
    document = _document(path)
    digest = document.pop("digest", "")
    if digest != digest_of(document) or (pointer is not None and pointer.digest != digest):
        raise StoreError(
            "was changed after it was measured",
            where=str(path),
            fix="Measure again with `tradewright costs measure`, or `tradewright costs rollback`.",
        )
    try:
        return CostModel.model_validate(document)
    except ValidationError as error:
        raise StoreError(_first(error), where=str(path), fix="Measure again.") from error


def read_pointer(folder: Path) -> Pointer:
    """Return which version is in use.

    Raises
    ------
    UsageError
        If none is.
    StoreError
        If the pointer is damaged.
    """
    path = folder / LATEST
    if not path.is_file():
        fix = "`tradewright costs measure` makes one; `costs.model: assumed` takes the shipped table."
        raise UsageError("no execution model was measured here", where=str(folder), fix=fix)
    document = _document(path)
    if set(document) != {"version", "digest"} or not all(isinstance(v, str) for v in document.values()):
        raise StoreError("is damaged", where=str(path), fix="`tradewright costs rollback VERSION` writes it anew.")
    return Pointer(**document)


def write_version(folder: Path, model: CostModel) -> Path:
    """Write a new version and put it to use; return its file.

    Raises
    ------
    StoreError
        If it cannot be written, or is there already.
    """
    path = folder / f"{model.version}.json"
    if path.exists():
        raise StoreError(f"version {model.version} is there already", where=str(path), fix="Measure again.")
    digest = model.digest()
    _write(path, model.model_dump(mode="json") | {"digest": digest})
    _write(folder / LATEST, {"version": model.version, "digest": digest})
    return path


def rollback(folder: Path, version: str = "") -> CostModel:
    """Put an earlier version to use (the one before the present if none is named); return it.

    Raises
    ------
    UsageError
        If there is none.
    StoreError
        If it is damaged.
    """
    if not version:
        present, known = read_pointer(folder).version, versions(folder)
        at = known.index(present) if present in known else 0
        if at == 0:
            raise UsageError("there is no earlier version", where=str(folder), fix="Name one of: " + ", ".join(known))
        version = known[at - 1]
    model = read_version(folder, version)
    _write(folder / LATEST, {"version": model.version, "digest": model.digest()})
    return model


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot be read: {error}", where=str(path), fix="Measure again, or roll back.") from error
    if not isinstance(document, dict):
        raise StoreError("is not a document of costs", where=str(path), fix="Measure again, or roll back.")
    return document


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(str(p) for p in first['loc'])}: {first['msg']}"


def _write(path: Path, document: dict[str, Any]) -> None:
    """Write a document whole: beside its place, flushed, then renamed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        draft = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(document, stream, indent=1, allow_nan=False)
                stream.write("\n")
                stream.flush()
                os.fsync(stream.fileno())
            draft.chmod(0o644)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        raise StoreError(what, where=str(path), fix="Check its rights and the free space.") from error
