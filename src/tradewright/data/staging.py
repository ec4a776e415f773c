"""Pieces of a download on disk, beside the store, until all of them are there.

Layout: ``<store>/.fetch/<source>/<dataset>/<piece key>.parquet`` with the rows, ``<piece key>~quarantine.parquet`` with
refused rows where there are some, and ``<piece key>.json`` that says what they are. The JSON is written last: a piece
is staged when it is there and the rows have the hash it names. Every file is written under another name, flushed to
the disk and renamed, so that a stop at any moment leaves a piece whole or absent.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from tradewright.core.types.errors import StoreError
from tradewright.data.catalogue import content_digest, folder_name, has_digest
from tradewright.data.kinds import schema
from tradewright.data.ports import Fetched, Piece, Wanted

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_UNFINISHED = ".unfinished-"
_QUARANTINE = "~quarantine.parquet"  # no key holds this sign


class PieceRecord(BaseModel):
    """What is known of one piece; times are ns UTC, ``digest`` is the content hash of its rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    start: int
    end: int
    rows: int
    digest: str
    origin: str
    sha256: str = ""
    is_final: bool = True
    quarantined: int = 0
    notes: tuple[str, ...] = ()

    def names(self, piece: Piece) -> bool:
        """Return whether this is what is known of ``piece``."""
        return (self.key, self.start, self.end) == (piece.key, piece.start, piece.end)


class Stage:
    """The staged pieces of one data set; a context that holds a lock, so that two downloads never share them.

    Parameters
    ----------
    root : Path
        Folder of the store.
    source : str
        Name of the vendor.
    wanted : Wanted
        The data set: symbol, kind and timeframe.
    """

    def __init__(self, root: Path, source: str, wanted: Wanted) -> None:
        name = f"{wanted.kind.value}-{folder_name(wanted.symbol)}-{wanted.timeframe}"
        self.root = root
        self.folder = root / ".fetch" / folder_name(source) / name
        self.kind = wanted.kind
        self._lock = -1

    def __enter__(self) -> Self:
        """Take the lock and remove what a killed download left unfinished.

        Raises
        ------
        StoreError
            If another process downloads this data set, or the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
            if not _locked(self._lock):
                os.close(self._lock)
                what = "another download of this data set is going on"
                raise StoreError(what, where=str(self.folder), fix="Wait until it has ended, then run this again.")
            self._sweep()
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        """Release the lock (the system does it for a killed process)."""
        os.close(self._lock)

    def _sweep(self) -> None:
        for path in self.folder.glob("*.parquet"):
            key = path.name.removesuffix(_QUARANTINE).removesuffix(".parquet")
            if path.name.startswith(_UNFINISHED) or not self._path(key, ".json").is_file():
                path.unlink(missing_ok=True)
        for path in self.folder.glob(f"{_UNFINISHED}*.json"):
            path.unlink(missing_ok=True)

    def find(self, piece: Piece) -> PieceRecord | None:
        """Return the record of a piece that is staged and sound, else None."""
        record = _record(self._path(piece.key, ".json"))
        if record is None or not record.names(piece):
            return None
        try:
            is_sound = has_digest(self._read(piece.key), self.kind, record.digest)
        except StoreError:
            return None
        return record if is_sound and self._has_quarantine(record) else None

    def records(self) -> tuple[PieceRecord, ...]:
        """Return the records of all pieces, by key, without looking at their rows."""
        found = [_record(path) for path in sorted(self.folder.glob("[!.]*.json"))]
        return tuple(r for r in found if r is not None)

    def put(self, piece: Piece, fetched: Fetched) -> PieceRecord:
        """Stage one piece.

        Raises
        ------
        StoreError
            If the folder cannot be written.
        """
        refused = fetched.quarantined if fetched.quarantined is not None and len(fetched.quarantined) else None
        record = PieceRecord(
            key=piece.key,
            start=piece.start,
            end=piece.end,
            rows=len(fetched.frame),
            digest=content_digest(fetched.frame, self.kind),
            origin=fetched.origin,
            sha256=fetched.sha256,
            is_final=fetched.is_final,
            quarantined=0 if refused is None else len(refused),
            notes=fetched.notes,
        )
        self._path(piece.key, ".json").unlink(missing_ok=True)  # while its rows change, the piece is not staged
        write_frame(self._path(piece.key, ".parquet"), fetched.frame)
        if refused is not None:
            write_frame(self._path(piece.key, _QUARANTINE), refused)
        write_text(self._path(piece.key, ".json"), record.model_dump_json(indent=1) + "\n")
        return record

    def rows(self, record: PieceRecord) -> pl.DataFrame:
        """Return the rows of a staged piece.

        Raises
        ------
        StoreError
            If they cannot be read.
        """
        return self._read(record.key)

    def quarantine(self, record: PieceRecord) -> pl.DataFrame | None:
        """Return the refused rows of a staged piece, None without any."""
        return _read(self._path(record.key, _QUARANTINE)) if record.quarantined else None

    def discard(self, records: Iterable[PieceRecord]) -> None:
        """Remove pieces; the record first, so that a stop in between leaves no half of one."""
        for record in records:
            for suffix in (".json", ".parquet", _QUARANTINE):
                self._path(record.key, suffix).unlink(missing_ok=True)

    def _path(self, key: str, suffix: str) -> Path:
        return self.folder / f"{key}{suffix}"

    def _read(self, key: str) -> pl.DataFrame:
        return _read(self._path(key, ".parquet"), schema(self.kind))

    def _has_quarantine(self, record: PieceRecord) -> bool:
        return not record.quarantined or self._path(record.key, _QUARANTINE).is_file()


def is_key(text: str) -> bool:
    """Return whether a text can name a piece on disk."""
    return _KEY.fullmatch(text) is not None


def write_frame(path: Path, frame: pl.DataFrame) -> None:
    """Write a Parquet file that is whole or absent, whatever happens.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    _write(path, lambda draft: frame.write_parquet(draft, compression="zstd"))


def write_text(path: Path, text: str) -> None:
    """Write a text file that is whole or absent; raises as ``write_frame`` does."""
    _write(path, lambda draft: draft.write_bytes(text.encode()))


def _write(path: Path, write: Callable[[Path], object]) -> None:
    draft = path.with_name(f"{_UNFINISHED}{path.name}")
    try:
        write(draft)
        _flush(draft)
        draft.replace(path)
        if sys.platform != "win32":  # there a folder cannot be opened, and a rename is flushed with the file
            _flush(path.parent)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _unwritable(path.parent, error) from error


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if sys.platform != "win32" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    """Lock an open file until it is closed; return False where another process holds it."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _record(path: Path) -> PieceRecord | None:
    """Read a record; None where there is none, or none of this version."""
    try:
        return PieceRecord.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _read(path: Path, columns: dict[str, pl.DataType] | None = None) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(path, memory_map=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).split("\n", 1)[0]
        what = f"a staged piece cannot be read: {reason}"
        raise StoreError(what, where=str(path), fix="Run the command again; it is fetched anew.") from error
    if columns is not None and dict(frame.schema) != columns:
        what = "a staged piece has other columns than this version uses"
        raise StoreError(what, where=str(path), fix="Run the command again; it is fetched anew.")
    return frame


def _unwritable(folder: Path, error: Exception) -> StoreError:
    reason = str(error).split("\n", 1)[0]
    fix = "Check its rights and the free space, then run the command again; finished pieces are kept."
    return StoreError(f"a piece cannot be staged: {reason}", where=str(folder), fix=fix)
