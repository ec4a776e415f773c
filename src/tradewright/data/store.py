"""The market-data store: partitioned Parquet under a catalogue that is the only commit point.

Layout: ``root/<kind>/<symbol>/<timeframe>/<key>.<content hash>.parquet`` and ``catalogue.json`` beside them;
``versions/<n>.json`` are the catalogues it replaced. A partition file never changes and versions share those they have
in common; a write adds new files and then replaces the catalogue in one rename. Whatever stops it before that rename
(Ctrl-C, a full disk, the power) leaves the store as it was, at worst with files that no catalogue names; `prune`
removes those. Which version held what, and when that was known: docs/decisions/0007-store-versions.md.
"""

from __future__ import annotations

import builtins
import difflib
import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.calendar import Calendar
from tradewright.core.types.errors import StoreError, UsageError
from tradewright.core.types.events import MarketEvents
from tradewright.data.catalogue import (
    CATALOGUE,
    VERSIONS,
    Dataset,
    Partition,
    definition_digest,
    folder_name,
    has_digest,
    read_catalogue,
    version_path,
)
from tradewright.data.clock import fill_clock
from tradewright.data.commit import Commit
from tradewright.data.importer import Imported
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import LAYOUTS, Kind, schema
from tradewright.data.partitions import read_partition, touched, within
from tradewright.data.quality import Findings, Subject, check
from tradewright.data.timeframe import TICK, interval_ns
from tradewright.data.writing import Written, plan_change, rows_between

_PARTITION_FILE = re.compile(r"\d{4}(-\d\d){0,2}\.[0-9a-f]{12}\.parquet")


class MarketStore(ABC):
    """Where market data is kept: the port, with what every store does in the same way once it can read partitions.

    Equal rows give equal frames and equal digests in every store. Every write is a new version and the old ones stay
    readable. All times are ns UTC; ``start`` and ``end`` bound rows that lie wholly within, None is open-ended.
    """

    @property
    @abstractmethod
    def place(self) -> str:
        """Where the store is, for messages; never holds a secret."""

    @abstractmethod
    def list(self, kind: Kind | None = None) -> tuple[Dataset, ...]:
        """Return the newest version of every data set, by kind, symbol and timeframe."""

    @abstractmethod
    def versions(self, symbol: str, timeframe: str, kind: Kind = Kind.BARS) -> tuple[Dataset, ...]:
        """Return every version that is kept, oldest first; raises as `describe` does."""

    @abstractmethod
    def read(self, dataset: Dataset, partition: Partition) -> pl.DataFrame:
        """Return one partition's rows as a canonical frame.

        Raises
        ------
        StoreError
            If it is missing or damaged.
        """

    @abstractmethod
    def write(self, imported: Imported, params: InstrumentParams, *, replace: bool = False) -> Written:
        """Store checked rows as a new version, all or nothing.

        Rows that are there already and equal are left alone, so importing twice or importing a longer file is
        safe. Rows between the first and the last new one that differ are corrected only with ``replace``: the new
        version has the new rows, the old versions keep theirs.

        Raises
        ------
        StoreError
            If other rows or another instrument definition are there and ``replace`` is false, or the store
            cannot be written.
        """

    @abstractmethod
    def _version(self, symbol: str, timeframe: str, kind: Kind, version: int | None) -> Dataset | None:
        """Return the newest version or an older one; None where there is none."""

    def describe(self, symbol: str, timeframe: str, kind: Kind = Kind.BARS, *, version: int | None = None) -> Dataset:
        """Return a data set's catalogue entry: the newest, or that of a version.

        Raises
        ------
        UsageError
            If the store has no such symbol, timeframe or version; suggests what it has.
        """
        interval_ns(timeframe)
        newest = self._version(symbol, timeframe, kind, None)
        if newest is None:
            raise self._unknown(symbol, timeframe, kind)
        if version is None or version == newest.version:
            return newest
        found = self._version(symbol, timeframe, kind, version)
        if found is None:
            kept = ", ".join(str(d.version) for d in self.versions(symbol, timeframe, kind))
            what = f"{symbol} {timeframe} has no version {version}"
            raise UsageError(what, where=self.place, fix=f"Kept are: {kept}.")
        return found

    def fingerprint(self, symbol: str, timeframe: str, kind: Kind = Kind.BARS) -> str:
        """Return the hash of a data set's content: 32 hex digits, equal where the rows are equal."""
        return self.describe(symbol, timeframe, kind).digest

    def load(
        self,
        symbol: str,
        timeframe: str,
        start: int | None = None,
        end: int | None = None,
        *,
        version: int | None = None,
        as_of_ns: int | None = None,
    ) -> Bars:
        """Return the bars that lie within ``[start, end]`` (ns UTC) as a whole; None is open-ended.

        Parameters
        ----------
        version : int, optional
            Of the data set; the newest if not given.
        as_of_ns : int, optional
            Read what was known at this moment (see `known_at`).

        Raises
        ------
        UsageError
            If the store has no such data.
        StoreError
            If a file cannot be read, or what was known then has been pruned.
        """
        dataset = self.describe(symbol, timeframe, version=version)
        return to_bars(dataset, self.frame(dataset, start, end, as_of_ns=as_of_ns))

    def load_events(
        self,
        symbol: str,
        kind: Kind,
        start: int | None = None,
        end: int | None = None,
        *,
        version: int | None = None,
        as_of_ns: int | None = None,
    ) -> MarketEvents:
        """Return quotes or trades within ``[start, end]``, ns UTC, as events; as `load` does."""
        dataset = self.describe(symbol, TICK, kind, version=version)
        frame = self.frame(dataset, start, end, as_of_ns=as_of_ns)
        ts_open, ts_event, ts_seen = (frame[n].to_numpy() for n in ("ts_open", "ts_event", "ts_seen"))
        fields = to_fields(frame, kind, dataset.instrument.instrument().calendar)
        return MarketEvents(fields, ts_open, ts_event, ts_seen, kind_all=LAYOUTS[kind].event)

    def blocks(
        self,
        symbol: str,
        timeframe: str,
        start: int | None = None,
        end: int | None = None,
        rows: int = 100_000,
        *,
        version: int | None = None,
    ) -> Iterator[Bars]:
        """Yield the bars of ``load`` in blocks of ``rows`` (the last may be short), a partition in memory."""
        if rows < 1:
            raise UsageError(f"a block of {rows} rows is not possible", fix="Give one or more.")
        dataset = self.describe(symbol, timeframe, version=version)
        rest = pl.DataFrame(schema=schema(dataset.kind))
        for partition in touched(dataset, start, end):
            rest = pl.concat([rest, within(self.read(dataset, partition), start, end)])
            whole = len(rest) // rows * rows
            for at in range(0, whole, rows):
                yield to_bars(dataset, rest[at : at + rows])
            rest = rest[whole:]
        if len(rest):
            yield to_bars(dataset, rest)

    def frame(
        self, dataset: Dataset, start: int | None = None, end: int | None = None, *, as_of_ns: int | None = None
    ) -> pl.DataFrame:
        """Return the rows of a data set within ``[start, end]`` as its canonical frame."""
        if as_of_ns is not None:
            return within(self._known_at(dataset, as_of_ns, start, end), start, end)
        parts = [within(self.read(dataset, p), start, end) for p in touched(dataset, start, end)]
        return pl.concat(parts) if parts else pl.DataFrame(schema=schema(dataset.kind))

    def check(self, dataset: Dataset) -> Findings:
        """Run every quality rule over a stored data set; rows count from 1."""
        frame = self.frame(dataset)
        calendar = dataset.instrument.instrument().calendar
        name = f"{dataset.symbol} {dataset.timeframe}"
        return check(Subject(name, dataset.kind, frame, 1, interval_ns(dataset.timeframe), calendar))

    def damaged(self, dataset: Dataset) -> tuple[str, ...]:
        """Return the files of a data set whose content is not what the catalogue says."""
        bad = []
        for partition in dataset.partitions:
            try:
                sound = has_digest(self.read(dataset, partition), dataset.kind, partition.digest)
            except StoreError:
                sound = False
            if not sound:
                bad.append(partition.file)
        return tuple(bad)

    def find(self, symbol: str, timeframe: str, kind: Kind, digest: str, definition: str = "") -> Dataset:
        """Return the newest version with this content and, where given, this definition's digest.

        Raises
        ------
        StoreError
            If no version that is kept has them.
        """
        for dataset in reversed(self.versions(symbol, timeframe, kind)):
            if dataset.digest == digest and definition in ("", definition_digest(dataset.instrument)):
                return dataset
        what = f"no version of {symbol} {timeframe} has the content {digest}"
        raise StoreError(what, where=self.place, fix="It was never here, or was pruned; import those rows again.")

    def _known_at(self, dataset: Dataset, moment: int, start: int | None, end: int | None) -> pl.DataFrame:
        """Return the rows as known at ``moment``, ns UTC.

        A row was known from its ``ts_seen`` on. What a correction changed was known in its new form only from the
        moment the correction was recorded; before that, what stood there counts.
        """
        parts = [self.read(dataset, p) for p in touched(dataset, start, end)]
        frame = pl.concat(parts) if parts else pl.DataFrame(schema=schema(dataset.kind))
        for correction in reversed(dataset.corrections):
            if correction.recorded_ns is None:
                what = f"version {correction.version} corrected rows at a time that was not recorded"
                fix = "Read a version instead; stores written by the command line record their times."
                raise StoreError(what, where=f"{dataset.symbol} {dataset.timeframe}", fix=fix)
            if correction.recorded_ns <= moment:
                break  # recorded times never run backwards
            before = self._version(dataset.symbol, dataset.timeframe, dataset.kind, correction.version - 1)
            if before is None:
                what = f"what was known before version {correction.version} has been pruned"
                fix = "Read a later moment, or the newest version."
                raise StoreError(what, where=f"{dataset.symbol} {dataset.timeframe}", fix=fix)
            for span in correction.spans:
                if (end is not None and span[0] > end) or (start is not None and span[1] < start):
                    continue
                old = rows_between(before, span, self.read)
                frame = pl.concat([frame.filter(~pl.col("ts_open").is_between(*span)), old])
        return frame.filter(pl.col("ts_seen") <= moment).sort("ts_open", maintain_order=True)

    def _unknown(self, symbol: str, timeframe: str, kind: Kind) -> UsageError:
        here = self.list(kind)
        names = sorted({d.symbol for d in here})
        if symbol in names:
            frames = sorted((d.timeframe for d in here if d.symbol == symbol), key=interval_ns)
            what = f"no {timeframe} {kind.value} of {symbol}"
            return UsageError(what, where=self.place, fix=f"The store has: {', '.join(frames)}.")
        upper = {n.upper(): n for n in names}
        near = [upper[n] for n in difflib.get_close_matches(symbol.upper(), upper, n=3, cutoff=0.5)]
        if near:
            fix = f"Did you mean {' or '.join(near)}?"
        elif names:
            fix = f"The store has: {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}."
        else:
            fix = "The store is empty; bring in a file with `tradewright data import`."
        return UsageError(f"unknown instrument '{symbol}'", where=self.place, fix=fix)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What `prune` removed."""

    versions: int
    files: int
    size_bytes: int


class BarStore(MarketStore):
    """Data sets under one folder.

    Parameters
    ----------
    root : Path
        The store's folder; made on the first write.
    now_ns : callable, optional
        The time at which a write is recorded, ns UTC. Without it, corrections have no time, and what was known
        before them cannot be asked for.
    """

    def __init__(self, root: Path, now_ns: Callable[[], int] | None = None) -> None:
        self.root = root
        self.now_ns = now_ns

    @property
    def place(self) -> str:
        """The store's folder."""
        return str(self.root)

    def list(self, kind: Kind | None = None) -> tuple[Dataset, ...]:
        """Return the newest version of every data set, by kind, symbol and timeframe."""
        found: list[Dataset] = []
        for each in Kind if kind is None else (kind,):
            found += [read_catalogue(p.parent) for p in (self.root / each.value).glob(f"*/[!.]*/{CATALOGUE}")]
        return tuple(sorted(found, key=lambda d: (d.kind, d.symbol, interval_ns(d.timeframe))))

    def versions(self, symbol: str, timeframe: str, kind: Kind = Kind.BARS) -> tuple[Dataset, ...]:
        """Return every version that is kept, oldest first; raises as `describe` does."""
        newest = self.describe(symbol, timeframe, kind)
        folder = self.folder(symbol, timeframe, kind)
        numbers = sorted(int(p.stem) for p in (folder / VERSIONS).glob("*.json") if p.stem.isdigit())
        return (*(read_catalogue(folder, n) for n in numbers if n < newest.version), newest)

    def read(self, dataset: Dataset, partition: Partition) -> pl.DataFrame:
        """Return one partition's rows as a canonical frame; raises StoreError if the file is missing or damaged."""
        return read_partition(self.folder(dataset.symbol, dataset.timeframe, dataset.kind), dataset, partition)

    def write(self, imported: Imported, params: InstrumentParams, *, replace: bool = False) -> Written:
        """Store rows under the folder; as `MarketStore.write`."""
        written = self.write_parts([(imported, replace)], params)
        if written is None:  # pragma: no cover -- a first write always changes something
            msg = "a first write changed nothing"
            raise AssertionError(msg)
        return written

    def write_parts(self, parts: Iterable[tuple[Imported, bool]], params: InstrumentParams) -> Written | None:
        """Store rows that come in parts of one data set, each after the one before, as one write.

        Parameters
        ----------
        parts : iterable of (Imported, bool)
            Rows in order of time, and whether they may replace others; one part is in memory at a time.
        params : InstrumentParams
            As `write`, which says what is raised.

        Returns
        -------
        Written or None
            None where there were no parts.
        """
        added = removed = 0
        with ExitStack() as stack:
            commit: Commit | None = None
            entry: Dataset | None = None
            for imported, replace in parts:
                folder = self.folder(params.symbol, imported.timeframe, imported.kind)
                if entry is None and (folder / CATALOGUE).is_file():
                    entry = read_catalogue(folder)
                change = plan_change(entry, imported, params, commit.read if commit else self.read, replace=replace)
                if change is not None:
                    commit = commit or stack.enter_context(Commit(folder, self.root, entry, self.now_ns))
                    commit.add(change)
                    entry, added, removed = commit.after, added + change.added, removed + change.removed
                del imported, change  # before the next part is made
            if commit is not None:
                entry = commit.publish()
        return None if entry is None else Written(entry, added, removed)

    def prune(self, keep: Collection[str] = ()) -> Pruned:
        """Remove every version but the newest and those whose digest is in ``keep``, and files nobody names.

        What was known before a correction can then no longer be asked for where its old version is gone. Not to be
        run while something else writes to the store.
        """
        versions = files = size = 0
        for dataset in self.list():
            folder = self.folder(dataset.symbol, dataset.timeframe, dataset.kind)
            named = {p.file for p in dataset.partitions}
            for path in sorted((folder / VERSIONS).glob("*.json")):
                entry = read_catalogue(folder, int(path.stem)) if path.stem.isdigit() else None
                if entry is not None and entry.version < dataset.version and entry.digest in keep:
                    named |= {p.file for p in entry.partitions}
                    continue
                path.unlink()
                versions += 1
            if (folder / VERSIONS).is_dir() and not any((folder / VERSIONS).iterdir()):
                (folder / VERSIONS).rmdir()
            for path in sorted(folder.glob("*.parquet")):
                if path.name not in named and _PARTITION_FILE.fullmatch(path.name):
                    size += path.stat().st_size
                    path.unlink()
                    files += 1
        for kind in Kind:
            for draft in (self.root / kind.value).glob("*/.writing-*"):
                shutil.rmtree(draft, ignore_errors=True)
        return Pruned(versions, files, size)

    def files(self, dataset: Dataset, start: int | None = None, end: int | None = None) -> builtins.list[Path]:
        """Return the partition files that may hold rows within ``[start, end]``, ns UTC, in order of time."""
        folder = self.folder(dataset.symbol, dataset.timeframe, dataset.kind)
        return [folder / p.file for p in touched(dataset, start, end)]

    def folder(self, symbol: str, timeframe: str, kind: Kind) -> Path:
        """Return where a data set's files lie, whether it exists or not."""
        return self.root / kind.value / folder_name(symbol) / timeframe

    def _version(self, symbol: str, timeframe: str, kind: Kind, version: int | None) -> Dataset | None:
        folder = self.folder(symbol, timeframe, kind)
        if not (folder / CATALOGUE).is_file():
            return None
        newest = read_catalogue(folder)
        if version is None or version == newest.version:
            return newest
        is_kept = version < newest.version and version_path(folder, version).is_file()
        return read_catalogue(folder, version) if is_kept else None


def to_fields(frame: pl.DataFrame, kind: Kind, calendar: Calendar) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return f8[N_FIELDS, n] C-contiguous: the kind's rows, and what the market's clock says (`data.clock`)."""
    ts_event = frame["ts_event"].to_numpy()
    fields = blank_fields(ts_event)
    for name, row in LAYOUTS[kind].rows.items():
        fields[row] = frame[name].to_numpy()
    fill_clock(fields, frame["ts_open"].to_numpy(), ts_event, calendar)
    return fields


def to_bars(dataset: Dataset, frame: pl.DataFrame) -> Bars:
    """Return a canonical bar frame as the core noun."""
    fields = to_fields(frame, Kind.BARS, dataset.instrument.instrument().calendar)
    return Bars(dataset.symbol, frame["ts_open"].to_numpy().copy(), frame["ts_event"].to_numpy().copy(), fields)
