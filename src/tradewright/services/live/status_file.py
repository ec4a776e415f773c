"""The file in which a session says each second what it is doing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tradewright.core.types.errors import RunError, StoreError
from tradewright.engine.live.status import STATUS_VERSION, SessionStatus


def write_status(path: Path, document: dict[str, Any]) -> None:
    """Put a status in place of the one before; whoever reads sees one or the other. Not synced: it is news."""
    draft = path.with_name(path.name + ".draft")
    draft.write_text(json.dumps(document, separators=(",", ":"), allow_nan=False), encoding="utf-8")
    draft.replace(path)


def read_status(path: Path) -> SessionStatus:
    """Return what a session said last.

    Raises
    ------
    RunError
        If no session has written one.
    StoreError
        If it is not one of this version's.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError as error:
        fix = "`tradewright paper CONFIG` starts a session."
        raise RunError("no session has run here", where=str(path.parent), fix=fix) from error
    except OSError as error:
        raise StoreError(f"it cannot be read: {error.strerror}", where=str(path)) from error
    try:
        status = TypeAdapter(SessionStatus).validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        what = f"it is not the status of a session: {'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']}"
        raise StoreError(what, where=str(path), fix="Start the session again with this program.") from error
    if status.version != STATUS_VERSION:
        what = f"it is in version {status.version}, this program reads version {STATUS_VERSION}"
        raise StoreError(what, where=str(path), fix="Start the session again with this program.")
    return status
