"""Small files that must survive a loss of power, and say so when they did not."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_document(path: Path, document: Mapping[str, Any]) -> None:
    """Replace a file by a document and its digest: beside it, to the disk, renamed, and the rename to the disk.

    Raises
    ------
    OSError
        If it cannot be written; the old file then stays.
    """
    body = json.dumps(document, indent=1, sort_keys=True)
    write_text(path, f"{_digest(body)}\n{body}\n")


def write_text(path: Path, text: str) -> None:
    """Replace a file as `write_document` does, by a text without a digest; raises as it does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    if sys.platform != "win32":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read_document(path: Path) -> dict[str, Any]:
    """Return a document.

    Raises
    ------
    FileNotFoundError
        Where there is none.
    ValueError
        Where it is not, to the byte, what was written.
    OSError
        Where it cannot be read.
    """
    digest, _, body = path.read_bytes().decode("utf-8").partition("\n")
    body = body.removesuffix("\n")
    if digest != _digest(body):
        msg = "its content does not fit its digest"
        raise ValueError(msg)
    return dict(json.loads(body))


def _digest(body: str) -> str:
    return hashlib.blake2b(body.encode("utf-8"), digest_size=16).hexdigest()
