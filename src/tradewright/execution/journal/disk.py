"""The few things a journal asks of a disk, so that a simulated one with faults can stand in for the real one."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Protocol

if sys.platform == "darwin":
    import fcntl


class AppendFile(Protocol):
    """A file that only grows. Write and sync raise OSError, and after that its end is not known.

    Another thread may sync, while this one writes or closes: what was written before it began is then durable.
    """

    def write(self, data: bytes) -> None:
        """Write all of ``data`` at the end; it survives the process, not yet a loss of power."""

    def sync(self) -> None:
        """Return when everything written survives a loss of power."""

    def close(self) -> None:
        """Close the file."""


class Disk(Protocol):
    """One folder."""

    def names(self) -> list[str]:
        """Return the names of its files, sorted."""

    def read(self, name: str) -> bytes:
        """Return a whole file."""

    def append(self, name: str) -> AppendFile:
        """Open a file at its end; a new one is made, and its name is durable on return."""

    def truncate(self, name: str, size: int) -> None:
        """Cut a file; durable on return."""

    def remove(self, name: str) -> None:
        """Remove a file; durable on return."""


class FolderDisk:
    """A folder of the real file system; it is made where it does not exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """Return the names of its files, sorted."""
        return sorted(p.name for p in self.folder.iterdir() if p.is_file()) if self.folder.is_dir() else []

    def read(self, name: str) -> bytes:
        """Return a whole file."""
        return (self.folder / name).read_bytes()

    def append(self, name: str) -> AppendFile:
        """Open a file at its end; a new one is made, and its name is durable on return."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = _RealFile(self.folder / name)
        self._sync_names()
        return file

    def truncate(self, name: str, size: int) -> None:
        """Cut a file; durable on return."""
        with (self.folder / name).open("r+b") as file:
            file.truncate(size)
            _flush(file.fileno())

    def remove(self, name: str) -> None:
        """Remove a file; durable on return."""
        (self.folder / name).unlink()
        self._sync_names()

    def _sync_names(self) -> None:
        if os.name == "nt":  # folders cannot be opened there; its file system journals names by itself
            return
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class _RealFile:
    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._handle = os.open(path, flags, 0o600)
        self._lock = threading.Lock()
        self._trouble: OSError | None = None

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:  # a disk that is nearly full takes a part
            rest = rest[os.write(self._handle, rest) :]

    def sync(self) -> None:
        with self._lock:  # a number that is closed may be another file's by now
            if self._trouble is not None:  # the system says it once, and two threads may ask
                raise self._trouble
            try:
                if self._handle >= 0:
                    _flush(self._handle)
            except OSError as error:
                self._trouble = error
                raise

    def close(self) -> None:
        with self._lock:
            os.close(self._handle)
            self._handle = -1


if sys.platform == "darwin":

    def _flush(handle: int) -> None:
        fcntl.fcntl(handle, fcntl.F_FULLFSYNC)  # fsync leaves the bytes in the drive's cache there
elif sys.platform == "linux":

    def _flush(handle: int) -> None:
        os.fdatasync(handle)
else:

    def _flush(handle: int) -> None:
        os.fsync(handle)
