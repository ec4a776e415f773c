"""One writer for an account: a lock that ends with its process, and an epoch that only grows.

The lock keeps a second process of this machine out. The epoch fences: a writer whose lease was taken over, because the
folder is on a network and its lock was lost, finds a higher number before its next order and stops.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Self

from tradewright.execution.journal.errors import JournalBusyError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_DIGITS = 20
LEASE = "lease"


class Lease:
    """Held from entering to leaving; ``epoch`` is the last one that was granted, 0 for a new account.

    Raises
    ------
    JournalBusyError
        If another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / LEASE
        self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        try:
            _lock(self._handle)
        except OSError as error:
            os.close(self._handle)
            what = "another process trades this account"
            fix = "Stop it first; `tradewright journal show` may read meanwhile."
            raise JournalBusyError(what, where=str(folder), fix=fix) from error
        self.epoch = self._read()

    def grant(self, at_least: int) -> int:
        """Begin the next epoch, above the last one and above ``at_least``; durable on return."""
        self.epoch = max(self._read(), at_least) + 1
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.write(self._handle, f"{self.epoch:0{_DIGITS}d}\n".encode())
        os.fsync(self._handle)
        return self.epoch

    def is_mine(self) -> bool:
        """Tell whether nobody has begun a later epoch; any doubt is a no."""
        try:
            return int(self.path.read_bytes() or b"0") == self.epoch
        except (OSError, ValueError):
            return False

    def close(self) -> None:
        """Let others in."""
        os.close(self._handle)  # its lock goes with it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> int:
        os.lseek(self._handle, 0, os.SEEK_SET)
        text = os.read(self._handle, _DIGITS + 1).strip()
        return int(text) if text.isdigit() else 0


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        os.lseek(handle, _DIGITS + 10, os.SEEK_SET)  # beyond the number, which others may read
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
