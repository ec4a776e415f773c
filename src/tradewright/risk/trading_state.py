"""The trading state of an account in a file: read before anything connects, and KILLED wherever that fails."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.core.types.order import TradingState
from tradewright.risk.durable import read_document, write_document

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class StoredState:
    """What people allow, who said so, why and when (ns UTC; 0 where nobody did)."""

    state: TradingState
    by: str
    why: str
    at_ns: int


class TradingStateFile:
    """The file that holds it.

    Parameters
    ----------
    path : Path
        One file an account.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> StoredState:
        """Return the state; a file that is missing, cannot be read or is not what was written means KILLED."""
        try:
            document = read_document(self.path)
            if document["format"] != _FORMAT:
                msg = f"format {document['format']} is not known"
                raise ValueError(msg)
            state = TradingState[document["state"]]
            return StoredState(state, str(document["by"]), str(document["why"]), int(document["at_ns"]))
        except FileNotFoundError:
            why = "there is no state file"
        except (OSError, ValueError, KeyError, TypeError) as error:
            why = f"the state file cannot be trusted: {error}"
        return StoredState(TradingState.KILLED, "", why, 0)

    def write(self, state: TradingState, by: str, why: str, now_ns: int) -> StoredState:
        """Set the state; when this returns, it is on the disk.

        Raises
        ------
        UsageError
            Without a name or a reason.
        StoreError
            If it cannot be written. The old state then stands; whoever asked for less must stop by other means.
        """
        if not by.strip() or not why.strip():
            raise UsageError("a trading state needs a name and a reason", where="state", fix="Say who and why.")
        stored = StoredState(state, by, why, now_ns)
        try:
            write_document(self.path, {**asdict(stored), "state": state.name, "format": _FORMAT})
        except OSError as error:
            fix = "Check rights and free space; the old state stands."
            raise StoreError(f"the trading state cannot be written: {error}", where=str(self.path), fix=fix) from error
        return stored
