"""The arm file: one person typed a phrase, for one account, one configuration, one build and one model, for a while."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.risk.durable import read_document, write_document

HOUR_NS = 3_600 * 10**9
VALID_NS = 12 * HOUR_NS
LONGEST_NS = 7 * 24 * HOUR_NS


@dataclass(frozen=True, slots=True)
class Armed:
    """What was armed, by whom, when and until when (ns UTC)."""

    account: str
    config_hash: str
    code_hash: str
    model_hash: str
    by: str
    at_ns: int
    until_ns: int


def phrase_of(account: str) -> str:
    """Return what has to be typed."""
    return f"trade {account} with real money"


class ArmFile:
    """The file; where it cannot be trusted, nothing is armed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def arm(self, armed: Armed, phrase: str) -> Armed:
        """Keep it.

        Raises
        ------
        UsageError
            If the phrase is not the account's, nobody armed it, or the time is out of bounds.
        StoreError
            If it cannot be written.
        """
        if phrase.strip() != phrase_of(armed.account):
            fix = f"Type exactly: {phrase_of(armed.account)}"
            raise UsageError("this is not the phrase", where="arm", fix=fix)
        if not armed.by.strip():
            raise UsageError("arming needs a name", where="arm", fix="Say who.")
        if not 0 < armed.until_ns - armed.at_ns <= LONGEST_NS:
            raise UsageError("it cannot be armed for so long", where="arm", fix="From a minute to seven days.")
        try:
            write_document(self.path, asdict(armed))
        except OSError as error:
            raise StoreError(f"it cannot be written: {error}", where=str(self.path), fix="Check rights.") from error
        return armed

    def read(self) -> Armed | None:
        """Return what is armed, expired or not; None where nothing is, or it is not what was written."""
        try:
            return Armed(**read_document(self.path))
        except (OSError, ValueError, TypeError):
            return None

    def disarm(self) -> bool:
        """Take it away; tell whether there was anything. Raises OSError where it stays."""
        there = self.path.exists()
        self.path.unlink(missing_ok=True)
        return there
