"""A drill that is asked of a running session: a file each way. Light, because whoever asks imports it."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass

from tradewright.core.types.errors import RunError, StoreError, UsageError
from tradewright.risk.durable import read_document, write_document
from tradewright.services.trading.folder import AccountFolder

#: An older request is nobody's any more, ns.
VALID_NS = 60 * 10**9
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class DrillRequest:
    """Who asks, when (ns UTC), and, for an account of real money, the phrase that was typed."""

    id: str
    by: str
    at_ns: int
    phrase: str = ""


@dataclass(frozen=True, slots=True)
class DrillAnswer:
    """What became of a request: the evidence's file, or why nothing was drilled."""

    id: str
    evidence: str = ""
    refused: str = ""


def drill_phrase(account: str) -> str:
    """Return what has to be typed before real money is drilled."""
    return f"kill {account} with real money for practice"


def request_drill(folder: AccountFolder, by: str, phrase: str, wait_s: float) -> DrillAnswer:
    """Ask the session of an account for a drill, and wait for what became of it.

    Raises
    ------
    UsageError
        Without a name.
    StoreError
        If the request cannot be written.
    RunError
        If nobody answers in time; the request is taken back.
    """
    if not by.strip():
        raise UsageError("a drill needs a name", where="--by", fix="Say who.")
    request = DrillRequest(os.urandom(8).hex(), by.strip(), time.time_ns(), phrase)
    try:
        write_document(folder.drill, asdict(request))
    except OSError as error:
        raise StoreError(f"it cannot be written: {error}", where=str(folder.drill), fix="Check rights.") from error
    until = time.monotonic() + wait_s
    while time.monotonic() < until:
        answer = read_answer(folder)
        if answer is not None and answer.id == request.id:
            return answer
        time.sleep(_LOOK_S)
    folder.drill.unlink(missing_ok=True)
    fix = "Look at `tradewright status`: a drill that began has killed the session."
    raise RunError(f"no session answered within {wait_s:g} s", where=f"account {folder.name}", fix=fix)


def take_request(folder: AccountFolder) -> DrillRequest | None:
    """Return what is asked for, and take it away; None where nothing is, or it is not what was written."""
    try:
        request = DrillRequest(**read_document(folder.drill))
    except (OSError, ValueError, TypeError):
        request = None
    folder.drill.unlink(missing_ok=True)
    return request


def write_answer(folder: AccountFolder, answer: DrillAnswer) -> None:
    """Say what became of a request; raises OSError where that is not possible."""
    write_document(folder.drill_answer, asdict(answer))


def read_answer(folder: AccountFolder) -> DrillAnswer | None:
    """Return the newest answer; None where there is none."""
    try:
        return DrillAnswer(**read_document(folder.drill_answer))
    except (OSError, ValueError, TypeError):
        return None
