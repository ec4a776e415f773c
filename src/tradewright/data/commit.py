"""One write to a data set: all of it becomes visible in one rename, or none of it does."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Self

import polars as pl

from tradewright.core.types.errors import StoreError
from tradewright.data.catalogue import (
    CATALOGUE,
    Dataset,
    Partition,
    Source,
    content_digest,
    dataset_digest,
    partition_format,
    read_catalogue,
)
from tradewright.data.importer import Imported
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import Kind
from tradewright.data.partitions import read_partition
from tradewright.data.timeframe import interval_ns


class Commit:
    """New files are made in a folder of their own, moved in, and named by the new catalogue last.

    Parameters
    ----------
    folder : Path
        Of the data set.
    root : Path
        Of the store, for messages.
    before : Dataset or None
        The entry this write builds on; another process that changes it meanwhile makes the write fail.
    """

    def __init__(self, folder: Path, root: Path, before: Dataset | None) -> None:
        self.folder = folder
        self.root = root
        self.before = before
        self.draft = folder  # until it has one of its own
        self.moved: list[Path] = []

    def __enter__(self) -> Self:
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self.draft = Path(tempfile.mkdtemp(prefix=".writing-", dir=self.folder.parent))
        except OSError as error:
            raise _unwritable(self.root, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        """Remove every trace of a write that was not completed, whatever stopped it."""
        if self.draft != self.folder:
            shutil.rmtree(self.draft, ignore_errors=True)
        # Ask the disk, not a flag: a Ctrl-C may arrive right after the rename that commits.
        named = _named_files(self.folder)
        for path in self.moved:
            if path.name not in named:
                path.unlink(missing_ok=True)
        for empty in (self.folder, self.folder.parent, self.folder.parent.parent):
            if empty.is_dir() and not any(empty.iterdir()):
                empty.rmdir()

    def run(self, imported: Imported, params: InstrumentParams, note: str) -> Dataset:
        """Write, move, commit; return the new entry."""
        try:
            partitions = self._write_partitions(imported)
            after = _entry(self.before, imported, params, partitions, note)
            self._publish(after)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise _unwritable(self.root, error) from error
        return after

    def _write_partitions(self, imported: Imported) -> tuple[Partition, ...]:
        new = imported.frame
        first, last = int(new["ts_open"][0]), int(new["ts_open"][-1])
        pattern = partition_format(interval_ns(imported.timeframe))
        keyed = new.with_columns(key=pl.from_epoch("ts_open", time_unit="ns").dt.strftime(pattern))
        by_key = {str(k[0]): part.drop("key") for k, part in keyed.partition_by("key", as_dict=True).items()}
        # A replaced range may also empty partitions that the new rows do not touch.
        stale = (
            {p.key for p in self.before.partitions if p.last_open >= first and p.first_open <= last}
            if self.before
            else set()
        )
        entries = {p.key: p for p in self.before.partitions if p.key not in stale} if self.before else {}
        for key in sorted(stale | set(by_key)):
            rows = by_key.get(key, new.clear())
            old = [
                read_partition(self.folder, self.before, p).filter(~pl.col("ts_open").is_between(first, last))
                for p in (self.before.partitions if self.before else ())
                if self.before is not None and p.key == key
            ]
            rows = pl.concat([*old, rows]).sort("ts_open", maintain_order=True)
            if len(rows):
                entries[key] = self._write_one(key, rows, imported.kind)
        return tuple(entries[k] for k in sorted(entries))

    def _write_one(self, key: str, rows: pl.DataFrame, kind: Kind) -> Partition:
        digest = content_digest(rows, kind)
        name = f"{key}.{digest[:12]}.parquet"
        rows.write_parquet(self.draft / name, compression="zstd", statistics=True)
        return Partition(
            key=key,
            file=name,
            rows=len(rows),
            first_open=int(rows["ts_open"][0]),
            last_open=int(rows["ts_open"][-1]),
            last_event=int(rows["ts_event"][-1]),
            digest=digest,
        )

    def _publish(self, after: Dataset) -> None:
        catalogue = self.draft / CATALOGUE
        catalogue.write_text(after.model_dump_json(indent=1) + "\n", encoding="utf-8")
        self.folder.mkdir(exist_ok=True)
        current = read_catalogue(self.folder) if (self.folder / CATALOGUE).is_file() else None
        if current != self.before:
            what = "another process wrote this data set at the same time"
            raise StoreError(what, where=str(self.folder), fix="Run the import again.")
        for path in sorted(self.draft.glob("*.parquet")):
            target = self.folder / path.name
            if not target.exists():  # noted before it is moved, so that a stop in between still removes it
                self.moved.append(target)
            path.replace(target)
        catalogue.replace(self.folder / CATALOGUE)
        named = _named_files(self.folder)
        for path in self.folder.glob("*.parquet"):
            if path.name not in named:
                path.unlink(missing_ok=True)


def _named_files(folder: Path) -> set[str]:
    """Return the partition files that the catalogue on disk names."""
    return {p.file for p in read_catalogue(folder).partitions} if (folder / CATALOGUE).is_file() else set()


def _entry(
    before: Dataset | None,
    imported: Imported,
    params: InstrumentParams,
    partitions: tuple[Partition, ...],
    note: str,
) -> Dataset:
    source = Source(file=imported.source, sha256=imported.digest, rows=len(imported.frame))
    sources = (*before.sources, source) if before else (source,)
    notes = (*(before.notes if before else ()), *imported.notes, *((note,) if note else ()))
    return Dataset(
        kind=imported.kind,
        symbol=params.symbol,
        timeframe=imported.timeframe,
        instrument=params,
        sources=tuple(dict.fromkeys(sources)),
        notes=tuple(dict.fromkeys(notes)),
        findings=imported.findings.counts(),
        partitions=partitions,
        digest=dataset_digest(params.symbol, imported.timeframe, partitions),
    )


def _unwritable(root: Path, error: Exception) -> StoreError:
    reason = str(error).split("\n", 1)[0]
    return StoreError(
        f"the store cannot be written: {reason}", where=str(root), fix="Check its rights and the free space."
    )
