"""One write to a data set, in as many parts as it takes: all becomes visible in one rename, or none of it does."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, Self

import polars as pl

from tradewright.core.types.errors import StoreError
from tradewright.data.catalogue import CATALOGUE, VERSIONS, Dataset, Partition, read_catalogue, version_path
from tradewright.data.drafts import Draft
from tradewright.data.kinds import Kind, known_columns
from tradewright.data.partitions import read_partition
from tradewright.data.writing import Change, as_one_version, entry_after, merged, partition_of

#: Partitions that are written at the same time; their content does not depend on it.
_THREADS = 4
#: Prices hardly compress: files of minute bars are a third to a half larger than with LZ4, and written twice as fast.
_CODEC: Literal["uncompressed"] = "uncompressed"


class Commit:
    """New files are made in a folder of their own, moved in, and named by the new catalogue last.

    The catalogue that the new one replaces is kept under ``versions``, with the files it names. Parts that are added
    build on each other and make one version; only the rows of one are in memory.

    Parameters
    ----------
    folder : Path
        Of the data set.
    root : Path
        Of the store, for messages.
    before : Dataset or None
        What the write builds on.
    now_ns : callable or None
        The time of the write, ns UTC.
    """

    def __init__(self, folder: Path, root: Path, before: Dataset | None, now_ns: Callable[[], int] | None) -> None:
        self.folder = folder
        self.root = root
        self.before = before
        self.now_ns = now_ns
        self.after = before
        self.draft: Draft  # made on entering
        self.moved: list[Path] = []

    def __enter__(self) -> Self:
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self.draft = Draft(self.folder.parent)
        except OSError as error:
            raise _unwritable(self.root, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        """Remove every trace of a write that was not completed, whatever stopped it."""
        self.draft.remove()
        # Ask the disk, not a flag: a Ctrl-C may arrive right after the rename that commits.
        current = read_catalogue(self.folder) if (self.folder / CATALOGUE).is_file() else None
        named = {p.file for p in current.partitions} if current else set()
        number = current.version if current else 0
        for path in self.moved:
            is_used = path.name in named if path.parent == self.folder else int(path.stem) < number
            if not is_used:
                path.unlink(missing_ok=True)
        for empty in (self.folder / VERSIONS, self.folder, self.folder.parent, self.folder.parent.parent):
            if empty.is_dir() and not any(empty.iterdir()):
                empty.rmdir()

    def add(self, change: Change) -> None:
        """Write the files of a part; ``change.before`` is what the parts before it made."""
        try:
            partitions = self._write_partitions(change)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise _unwritable(self.root, error) from error
        self.after = entry_after(change, partitions, self.now_ns() if self.now_ns else None)

    def publish(self) -> Dataset:
        """Move, commit; return the new entry, one version after what the write builds on.

        Raises
        ------
        StoreError
            If another process wrote meanwhile, or the store cannot be written.
        """
        if self.after is None or self.after is self.before:
            msg = "nothing was added"
            raise AssertionError(msg)
        after = as_one_version(self.before, self.after)
        try:
            self._publish(self.before, after)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise _unwritable(self.root, error) from error
        return after

    def read(self, dataset: Dataset, partition: Partition) -> pl.DataFrame:
        """Return the rows of a partition, of this write or of one before it."""
        is_new = (self.draft.folder / partition.file).is_file()
        return read_partition(self.draft.folder if is_new else self.folder, dataset, partition)

    def _write_partitions(self, change: Change) -> tuple[Partition, ...]:
        kind = change.imported.kind
        frames, entries = merged(change, self.read)
        filled = sorted((key, rows) for key, rows in frames.items() if len(rows))
        with ThreadPoolExecutor(_THREADS) as threads:
            done = threads.map(lambda item: self._write_one(item[0], item[1], kind), filled)
            entries |= {p.key: p for p in done}
        return tuple(entries[k] for k in sorted(entries))

    def _write_one(self, key: str, rows: pl.DataFrame, kind: Kind) -> Partition:
        known = rows.select(known_columns(rows, kind))
        partition = partition_of(key, known, kind)
        known.write_parquet(self.draft.folder / partition.file, compression=_CODEC, statistics=True)
        return partition

    def _publish(self, before: Dataset | None, after: Dataset) -> None:
        catalogue = self.draft.folder / CATALOGUE
        catalogue.write_text(after.model_dump_json(indent=1) + "\n", encoding="utf-8")
        self.folder.mkdir(exist_ok=True)
        current = read_catalogue(self.folder) if (self.folder / CATALOGUE).is_file() else None
        if current != before:
            what = "another process wrote this data set at the same time"
            raise StoreError(what, where=str(self.folder), fix="Run the import again.")
        named = {p.file for p in after.partitions}  # a later part may have written a partition again
        for path in sorted(p for p in self.draft.folder.glob("*.parquet") if p.name in named):
            self._move(path, self.folder / path.name)
        if before is not None:
            kept = self.draft.folder / f"{before.version}.json"
            shutil.copyfile(self.folder / CATALOGUE, kept)
            (self.folder / VERSIONS).mkdir(exist_ok=True)
            self._move(kept, version_path(self.folder, before.version))
        catalogue.replace(self.folder / CATALOGUE)

    def _move(self, path: Path, target: Path) -> None:
        """Move a finished file in; noted before, so that a stop in between still removes it."""
        if not target.exists():
            self.moved.append(target)
        path.replace(target)


def _unwritable(root: Path, error: Exception) -> StoreError:
    reason = str(error).split("\n", 1)[0]
    return StoreError(
        f"the store cannot be written: {reason}", where=str(root), fix="Check its rights and the free space."
    )
