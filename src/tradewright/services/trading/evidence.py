"""The evidence of kill drills: a file each, chained by hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tradewright.core.types.errors import StoreError
from tradewright.execution.drill import Budgets, Round, over_budget, worst_of
from tradewright.risk.durable import write_text
from tradewright.services.runs.origins import code_hash
from tradewright.services.trading.folder import AccountFolder


@dataclass(frozen=True, slots=True)
class Drilled:
    """What a drill showed. ``what`` was drilled, ``by`` whom; ``trouble``: what ended it before it was over."""

    rounds: list[Round]
    what: str
    by: str = ""
    request: str = ""
    trouble: str = ""


def keep_evidence(folder: AccountFolder, drilled: Drilled, at_ns: int) -> tuple[Path, dict[str, Any]]:
    """Write what a drill showed, chained to the drill before by hash, so that none can be left out unseen.

    Raises
    ------
    StoreError
        If it cannot be written: a drill without evidence did not take place.
    """
    budgets = Budgets()
    failures = [drilled.trouble] if drilled.trouble else over_budget(drilled.rounds, budgets)
    document: dict[str, Any] = {
        "drill": "kill",
        "account": folder.name,
        "subject": drilled.what,
        "by": drilled.by,
        "request": drilled.request,
        "at_ns": at_ns,
        "code_hash": code_hash(),
        "budgets": asdict(budgets),
        "rounds": [asdict(r) for r in drilled.rounds],
        "worst": worst_of(drilled.rounds),
        "failures": failures,
        "passed": not failures,
        "previous": _last_hash(folder.drills),
    }
    document["hash"] = hash_of(document)
    path = folder.drills / f"kill-{at_ns:019d}.json"
    try:
        write_text(path, json.dumps(document, indent=1, sort_keys=True) + "\n")
    except OSError as error:
        fix = "Check rights and space."
        raise StoreError(f"the evidence cannot be written: {error}", where=str(path), fix=fix) from error
    return path, document


def newest_drill(folder: AccountFolder) -> dict[str, Any] | None:
    """Return the newest evidence; None where there is none, or somebody changed it."""
    files = sorted(folder.drills.glob("kill-*.json"))
    try:
        found: dict[str, Any] = json.loads(files[-1].read_text(encoding="utf-8")) if files else {}
    except (OSError, ValueError):
        return None
    return found if found and found.get("hash") == hash_of(found) else None


def hash_of(document: dict[str, Any]) -> str:
    """Return the hash of evidence, over everything but the hash itself."""
    body = json.dumps({k: v for k, v in document.items() if k != "hash"}, sort_keys=True)
    return hashlib.blake2b(body.encode(), digest_size=16).hexdigest()


def _last_hash(drills: Path) -> str:
    files = sorted(drills.glob("kill-*.json"))
    try:
        return str(json.loads(files[-1].read_text(encoding="utf-8"))["hash"]) if files else ""
    except (OSError, ValueError, KeyError, TypeError):
        return "unreadable"
