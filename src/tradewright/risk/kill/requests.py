"""What people ask the switch of an account: one file a request, in a folder that needs no network and no process.

A file that was made by hand is a request too: ``KILL``, or ``KILL.LEVEL``, even empty. Whatever else lies there and
cannot be understood counts as CANCEL of everything: somebody wanted to stop something. It does not count as FLATTEN,
because closing positions at the market is what nobody should do by a mistyped name.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.core.types.order import KillLevel, TradingState
from tradewright.risk.durable import read_document, write_document

#: Scopes: everything of the account, or one strategy or instrument of it.
ALL = "all"
#: What a request that does not name a level, or cannot be read, stands for.
CAREFUL = KillLevel.CANCEL
_SCOPE = re.compile(r"all|(strategy|symbol):[^\s:/\\]{1,64}")
_FORMAT = 1
_STATES = {
    KillLevel.NONE: TradingState.ACTIVE,
    KillLevel.REDUCE_ONLY: TradingState.REDUCING,
    KillLevel.BLOCK_NEW: TradingState.HALTED,
    KillLevel.CANCEL: TradingState.KILLED,
    KillLevel.FLATTEN: TradingState.KILLED,
}


@dataclass(frozen=True, slots=True)
class KillRequest:
    """Stop. ``ts``: when it was asked, ns UTC; ``id``: its file's name: one request, however often it is read."""

    level: KillLevel
    scope: str
    by: str
    reason: str
    ts: int
    id: str


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """Let a scope trade again; two different people said so. It lifts nothing that was pulled after ``ts``."""

    scope: str
    by: str
    confirmed_by: str
    reason: str
    ts: int
    id: str


Request = KillRequest | ReleaseRequest


def state_of(level: KillLevel) -> TradingState:
    """Return the trading state that a kill of the whole account leaves behind."""
    return _STATES[level]


def level_named(text: str) -> KillLevel:
    """Return a level by name; one that does not exist is `CAREFUL`: whoever mistypes it wants to stop."""
    found = KillLevel.__members__.get(text.strip().upper().replace("-", "_"), CAREFUL)
    return found or CAREFUL


def check_scope(scope: str) -> str:
    """Return a scope, or say which there are.

    Raises
    ------
    UsageError
        If it is none.
    """
    if not _SCOPE.fullmatch(scope):
        raise UsageError(f"'{scope}' is no scope", where="--scope", fix="Write all, strategy:NAME or symbol:NAME.")
    return scope


def write_kill(folder: Path, level: KillLevel, scope: str, said: tuple[str, str], ts: int) -> KillRequest:
    """Ask for a kill; ``said`` is by whom and why. When this returns, it is on the disk, and complete.

    Raises
    ------
    UsageError
        If the scope is none.
    StoreError
        If it cannot be written: stop by other means.
    """
    request = KillRequest(level, check_scope(scope), *said, ts, _name("kill", ts, level.name, scope, *said))
    _write(folder, request)
    return request


def write_release(folder: Path, scope: str, said: tuple[str, str, str], ts: int) -> ReleaseRequest:
    """Hand a release that two people agreed on to who trades; ``said`` is by, confirmed by, why. Raises as above."""
    request = ReleaseRequest(check_scope(scope), *said, ts, _name("release", ts, scope, *said))
    _write(folder, request)
    return request


def _name(kind: str, ts: int, *parts: str) -> str:
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=4).hexdigest()
    return f"{kind}-{ts:019d}-{digest}.json"


def _write(folder: Path, request: Request) -> None:
    try:
        write_document(folder / request.id, to_document(request))
    except OSError as error:
        fix = "Send the process SIGUSR1 (cancel) or SIGUSR2 (flatten), or stop at the venue itself."
        raise StoreError(f"the request cannot be written: {error}", where=str(folder), fix=fix) from error


def to_document(request: Request) -> dict[str, object]:
    """Return a request as it is stored."""
    document: dict[str, object] = {**asdict(request), "kind": type(request).__name__, "format": _FORMAT}
    return document | ({"level": request.level.name} if isinstance(request, KillRequest) else {})


def read_request(path: Path) -> Request | None:
    """Return what a file of the folder asks for; None where it is gone. What cannot be read is `CAREFUL` of all."""
    try:
        found = path.lstat()
        by, ts, (word, _, level) = f"uid {found.st_uid}", found.st_mtime_ns, path.name.upper().partition(".")
        if word == "KILL":
            return KillRequest(level_named(level), ALL, by, f"the file {path.name}", ts, path.name)
        document = read_document(path)
        if document["format"] != _FORMAT or document["id"] != path.name:
            raise ValueError("it is of another format, or was renamed")
        return _from_document(document)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, UsageError) as error:
        return unreadable(path, error)


def _from_document(document: dict[str, object]) -> Request:
    kind, scope = document["kind"], check_scope(str(document["scope"]))
    by, reason, ts, name = (str(document[k]) for k in ("by", "reason", "ts", "id"))
    if kind == "ReleaseRequest":
        return ReleaseRequest(scope, by, str(document["confirmed_by"]), reason, int(ts), name)
    return KillRequest(KillLevel[str(document["level"])], scope, by, reason, int(ts), name)


def unreadable(path: Path, error: Exception) -> KillRequest:
    """Return what something that cannot be understood stands for."""
    reason = f"{path.name} cannot be read ({error}); taken for {CAREFUL.name} of everything"
    return KillRequest(CAREFUL, ALL, "nobody known", reason, 0, path.name)


def acknowledgement(folder: Path, request_id: str) -> dict[str, object] | None:
    """Return who carried a request out, when, and what came of it; None as long as nobody did."""
    try:
        found: dict[str, object] = json.loads((folder / request_id).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found
