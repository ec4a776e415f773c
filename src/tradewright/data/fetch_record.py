"""What a data set remembers of its downloads: ``fetch.json`` and ``quarantine/`` beside its catalogue.

The record answers three questions: which source continues this data set (``data update``), which pieces need not be
asked for again, and which rows the source had not yet called final, so that other values may replace them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from tradewright.core.types.errors import StoreError
from tradewright.data.catalogue import Dataset, folder_name
from tradewright.data.kinds import Kind
from tradewright.data.ports import Piece
from tradewright.data.staging import PieceRecord, write_frame, write_text

RECORD = "fetch.json"
QUARANTINE = "quarantine"


class FetchRecord(BaseModel):
    """Downloads of one data set.

    ``source`` is the vendor's name and ``symbol`` its name of the instrument; ``options`` is what its adapter was made
    with, as text (never a secret); ``pieces`` are in order of time and do not overlap.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
    source: str
    symbol: str
    options: dict[str, str] = {}
    pieces: tuple[PieceRecord, ...] = ()

    @property
    def resumes_at(self) -> int:
        """Where the next download of this data set begins, ns UTC: the first moment that is not final."""
        open_starts = [p.start for p in self.pieces if not p.is_final]
        return min(open_starts) if open_starts else max((p.end for p in self.pieces), default=0)

    def is_continued_by(self, other: FetchRecord) -> bool:
        """Return whether the rows of both come from the same place."""
        return (self.source, self.symbol, self.options) == (other.source, other.symbol, other.options)

    def find(self, piece: Piece) -> PieceRecord | None:
        """Return what is recorded of a piece, if it is."""
        return next((p for p in self.pieces if p.names(piece)), None)

    def open_spans(self) -> list[tuple[int, int]]:
        """Return the spans ``[start, end)``, ns UTC, that the source had not called final."""
        return [(p.start, p.end) for p in self.pieces if not p.is_final]

    def updated(self, pieces: Sequence[PieceRecord]) -> FetchRecord:
        """Return the record with ``pieces``, which touch each other, in place of what it said of their span."""
        first, last = pieces[0].start, pieces[-1].end
        kept: list[PieceRecord] = []
        for old in self.pieces:
            if old.end <= first or old.start >= last:
                kept.append(old)
                continue
            # What is left of a piece that was only in part fetched anew; its hash is no longer known.
            if old.start < first:
                kept.append(old.model_copy(update={"end": first, "digest": ""}))
            if old.end > last:
                kept.append(old.model_copy(update={"start": last, "digest": ""}))
        ordered = tuple(sorted((*kept, *pieces), key=lambda p: (p.start, p.end)))
        return self.model_copy(update={"pieces": ordered})


def dataset_folder(root: Path, symbol: str, kind: Kind, timeframe: str) -> Path:
    """Return the folder of a data set in the store at ``root``."""
    return root / kind.value / folder_name(symbol) / timeframe


def folder_of(root: Path, dataset: Dataset) -> Path:
    """Return the folder of a data set that the store has."""
    return dataset_folder(root, dataset.symbol, dataset.kind, dataset.timeframe)


def read_record(folder: Path) -> FetchRecord | None:
    """Return the record beside a catalogue, None where the data set was never downloaded.

    Raises
    ------
    StoreError
        If it cannot be read or was written by another version.
    """
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        return FetchRecord.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        reason = str(error).split("\n", 1)[0]
        what = f"the record of downloads cannot be read: {reason}"
        raise StoreError(what, where=str(path), fix="Remove this file; the next download writes it anew.") from error


def write_record(folder: Path, record: FetchRecord) -> None:
    """Write the record; raises StoreError if it cannot be written."""
    write_text(folder / RECORD, record.model_dump_json(indent=1) + "\n")


def write_quarantine(folder: Path, refused: Iterable[tuple[PieceRecord, pl.DataFrame | None]]) -> None:
    """Put refused rows beside a data set, a file a piece; a piece without any loses the file it had.

    Raises
    ------
    StoreError
        If a file cannot be written.
    """
    for record, rows in refused:
        path = folder / QUARANTINE / f"{record.key}.parquet"
        if rows is None:
            path.unlink(missing_ok=True)
            continue
        try:
            path.parent.mkdir(exist_ok=True)
        except OSError as error:
            what = f"the quarantine cannot be written: {error.strerror}"
            raise StoreError(what, where=str(path.parent), fix="Check its rights and the free space.") from error
        write_frame(path, rows)
