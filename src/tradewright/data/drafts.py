"""Folders in which a write prepares its files, and the removal of those whose writer was killed."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_PREFIX = ".writing-"


class Draft:
    """A new folder beside the data set; the folder itself is locked for as long as its writer lives.

    The system ends the lock with the process, however that ends. So a folder that can be locked was left behind by a
    writer that was killed, and whoever opens the next draft removes it. Where folders cannot be locked (Windows, some
    network file systems), nothing is removed here; `BarStore.prune` does it.

    Parameters
    ----------
    parent : Path
        Where to make it; must exist.

    Raises
    ------
    OSError
        If no folder can be made there.
    """

    def __init__(self, parent: Path) -> None:
        self._lock: int | None = None
        while True:
            self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            self._lock = _locked(self.folder, waits=True)
            if self.folder.is_dir():  # else another writer took it for a leftover before it was locked
                break
            self._unlock()
        for other in sorted(parent.glob(f"{_PREFIX}*")):
            lock = _locked(other, waits=False) if other != self.folder else None
            if lock is not None:
                shutil.rmtree(other, ignore_errors=True)
                os.close(lock)

    def remove(self) -> None:
        """Remove the folder with all that is still in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _locked(folder: Path, *, waits: bool) -> int | None:
    """Lock a folder; return the handle to close, None where another holds it or it cannot be locked."""
    if sys.platform == "win32":
        return None
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
    except OSError:
        os.close(handle)
        return None
    return handle
