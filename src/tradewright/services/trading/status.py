"""What a running session says of itself, as far as others decide by it. Light, because killing imports it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

#: An older status is that of a session that hangs or is gone.
FRESH_NS = 10 * 10**9


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """What a running session writes into ``status.json``, among other things. ``written_ns``: when, ns UTC."""

    written_ns: int
    is_reconciled: bool
    is_flat: bool


def read_status(path: Path, now_ns: int) -> SessionStatus | None:
    """Return what the running session says; None where nothing fresh is said."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        status = SessionStatus(int(found["written_ns"]), found["is_reconciled"] is True, found["is_flat"] is True)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return status if abs(now_ns - status.written_ns) <= FRESH_NS else None
