"""A release that one person asked for: a nonce, a delay, and another person to confirm it."""

from __future__ import annotations

import hmac
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.risk.durable import read_document, write_document
from tradewright.risk.kill.requests import check_scope

SECOND = 1_000_000_000
DELAY_NS = 60 * SECOND
VALID_NS = 3_600 * SECOND
_AGAIN = "Ask for the release again."


@dataclass(frozen=True, slots=True)
class PendingRelease:
    """What was asked. ``nonce``: what the second person must repeat; ``accepts_open``: with positions, or unseen."""

    scope: str
    by: str
    reason: str
    nonce: str
    at_ns: int
    accepts_open: bool = False


@dataclass(frozen=True, slots=True)
class ReleaseRules:
    """How long the second person must wait, and may take, ns."""

    delay_ns: int = DELAY_NS
    valid_ns: int = VALID_NS


def check_first_step(pending: PendingRelease) -> PendingRelease:
    """Return a release that may be asked for.

    Raises
    ------
    UsageError
        Without a name or a reason, or for a scope that is none.
    """
    check_scope(pending.scope)
    if not pending.by.strip() or not pending.reason.strip():
        raise UsageError("a release needs a name and a reason", where="release", fix="Say who and why.")
    return replace(pending, by=pending.by.strip(), reason=pending.reason.strip())


def check_second_step(pending: PendingRelease, by: str, nonce: str, now_ns: int, rules: ReleaseRules) -> None:
    """Say nothing where another person confirms what was asked, in time.

    Raises
    ------
    UsageError
        If it is the same person, another nonce, too early or too late.
    """
    where = f"release of {pending.scope}"
    if not hmac.compare_digest(pending.nonce.encode(), nonce.strip().encode()):
        raise UsageError("this is not the number that the first step gave", where=where, fix=_AGAIN)
    if not by.strip() or by.strip().casefold() == pending.by.casefold():
        what = f"{pending.by} asked for it" if by.strip() else "nobody confirms it"
        raise UsageError(what, where=where, fix="Another person must confirm a release.")
    age = now_ns - pending.at_ns
    if age < 0 or age > rules.valid_ns:
        raise UsageError("the first step is too long ago", where=where, fix=_AGAIN)
    if age < rules.delay_ns:
        left = -(-(rules.delay_ns - age) // SECOND)
        raise UsageError("the delay of a release is not over", where=where, fix=f"Wait another {left} s.")


class PendingFile:
    """The one release that waits, in a file of the account's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, pending: PendingRelease) -> PendingRelease:
        """Keep a first step; raises UsageError as `check_first_step`, StoreError if it cannot be written."""
        checked = check_first_step(pending)
        try:
            write_document(self.path, asdict(checked))
        except OSError as error:
            raise StoreError(f"it cannot be written: {error}", where=str(self.path), fix="Check rights.") from error
        return checked

    def read(self) -> PendingRelease:
        """Return the first step.

        Raises
        ------
        UsageError
            If there is none, or it is not what was written.
        """
        try:
            return PendingRelease(**read_document(self.path))
        except (OSError, ValueError, TypeError) as error:
            gone = isinstance(error, FileNotFoundError)
            what = "nobody asked for a release" if gone else f"the first step cannot be trusted: {error}"
            raise UsageError(what, where=str(self.path), fix="Ask for it first, without --confirm.") from error

    def remove(self) -> None:
        """Forget it."""
        self.path.unlink(missing_ok=True)
