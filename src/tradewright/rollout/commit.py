"""How the registry's files change: one writer at a time, whole files, the rename last."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

from tradewright.core.types.errors import StoreError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK = ".lock"
#: On Windows a file that somebody reads at this moment cannot be replaced: how often, and after what wait, it is tried.
_TRIES, _WAIT_S = 200, 0.005


@contextlib.contextmanager
def only_writer(root: Path) -> Iterator[None]:
    """Wait until no other process or thread writes to the registry; the system ends the lock with its holder.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    root.mkdir(parents=True, exist_ok=True)
    handle = os.open(root / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if sys.platform == "win32":
            _again_while_busy(lambda: msvcrt.locking(handle, msvcrt.LK_LOCK, 1), OSError)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file; whoever reads it meanwhile sees the old one or the new one, also after a loss of power.

    Raises
    ------
    OSError
        If it cannot be written; the old file then stays.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if sys.platform != "win32":
            draft.chmod(0o644)  # a temporary file is its owner's alone; the registry is to be read
        _again_while_busy(lambda: draft.replace(path), PermissionError)
    finally:
        draft.unlink(missing_ok=True)
    flush_folder(path.parent)


def append_line(path: Path, line: bytes, at: int) -> int:
    """Write a line at the ``at``-th byte, in place of what an interrupted writer left after it; return the new end.

    Raises
    ------
    OSError
        If it cannot be written; the file then ends where it was told to.
    """
    with path.open("r+b" if path.exists() else "w+b") as stream:
        end = min(at, stream.seek(0, os.SEEK_END))
        stream.truncate(end)
        stream.seek(end)
        try:
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
        except OSError:
            stream.truncate(end)
            raise
    return end + len(line)


def copy_folder(source: Path, target: Path, check: Callable[[Path], object]) -> None:
    """Copy a folder to a place where nothing is; it appears whole and checked, or not at all.

    Raises
    ------
    OSError
        If it cannot be written, for example on a full disk.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".adding-", dir=target.parent))
    try:
        shutil.copytree(source, draft, dirs_exist_ok=True)
        for path in sorted(draft.rglob("*")):
            if path.is_file():
                with path.open("rb+") as stream:
                    os.fsync(stream.fileno())
        check(draft)
        draft.chmod(0o755)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    flush_folder(target.parent)


def flush_folder(folder: Path) -> None:
    """Make renames inside the folder last; Windows does it with the file."""
    if sys.platform != "win32":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def unwritable(root: Path, error: OSError) -> StoreError:
    """Return the error that tells a user what a file system said."""
    what = f"the model registry cannot be written: {str(error).splitlines()[0]}"
    return StoreError(what, where=str(root), fix="Check its rights and the free space; nothing was changed.")


def _again_while_busy(act: Callable[[], object], busy: type[OSError]) -> None:
    for _ in range(_TRIES if sys.platform == "win32" else 0):
        try:
            act()
        except busy:
            Event().wait(_WAIT_S)
        else:
            return
    act()
