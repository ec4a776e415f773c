"""The market-data store: partitioned Parquet under a catalogue that is the only commit point.

Layout: ``root/<kind>/<symbol>/<timeframe>/<key>.<content hash>.parquet`` and ``catalogue.json`` beside them.
A partition file never changes; a write adds new files and then replaces the catalogue in one rename. Whatever
stops it before that rename (Ctrl-C, a full disk, the power) leaves the store as it was, at worst with files
that no catalogue names; the next write to that data set removes those.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import polars as pl

from tradewright.core.types.bar import Bars
from tradewright.core.types.calendar import Calendar
from tradewright.core.types.dtypes import N_FIELDS, SESSION
from tradewright.core.types.errors import StoreError, UsageError
from tradewright.core.types.events import MarketEvents
from tradewright.data.catalogue import CATALOGUE, Dataset, content_digest, folder_name, read_catalogue
from tradewright.data.commit import Commit
from tradewright.data.importer import Imported
from tradewright.data.instruments import InstrumentParams, with_tick
from tradewright.data.kinds import LAYOUTS, Kind, schema
from tradewright.data.partitions import read_partition, rows_starting, touched, within
from tradewright.data.quality import Findings, Subject, check
from tradewright.data.timeframe import TICK, interval_ns


@dataclass(frozen=True, slots=True)
class Written:
    """Result of a write: the entry as it now stands, and how many rows it gained and lost."""

    dataset: Dataset
    added: int
    removed: int

    @property
    def is_changed(self) -> bool:
        """Whether the write changed anything."""
        return bool(self.added or self.removed)


class BarStore:
    """Data sets under one folder.

    Parameters
    ----------
    root : Path
        The store's folder; made on the first write.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def list(self, kind: Kind | None = None) -> tuple[Dataset, ...]:
        """Return every data set, by kind, symbol and timeframe."""
        found: list[Dataset] = []
        for each in Kind if kind is None else (kind,):
            found += [read_catalogue(p.parent) for p in (self.root / each.value).glob(f"*/[!.]*/{CATALOGUE}")]
        return tuple(sorted(found, key=lambda d: (d.kind, d.symbol, interval_ns(d.timeframe))))

    def describe(self, symbol: str, timeframe: str, kind: Kind = Kind.BARS) -> Dataset:
        """Return one data set's catalogue entry.

        Raises
        ------
        UsageError
            If the store has no such symbol or timeframe; suggests what it has.
        """
        interval_ns(timeframe)
        folder = self._folder(symbol, timeframe, kind)
        if not (folder / CATALOGUE).is_file():
            raise self._unknown(symbol, timeframe, kind)
        return read_catalogue(folder)

    def fingerprint(self, symbol: str, timeframe: str, kind: Kind = Kind.BARS) -> str:
        """Return the hash of a data set's content: 32 hex digits, equal where the rows are equal."""
        return self.describe(symbol, timeframe, kind).digest

    def load(self, symbol: str, timeframe: str, start: int | None = None, end: int | None = None) -> Bars:
        """Return the bars that lie within ``[start, end]`` (ns UTC) as a whole; None is open-ended.

        Raises
        ------
        UsageError
            If the store has no such data.
        StoreError
            If a file cannot be read.
        """
        dataset = self.describe(symbol, timeframe)
        return to_bars(dataset, self._frame(dataset, start, end))

    def load_events(self, symbol: str, kind: Kind, start: int | None = None, end: int | None = None) -> MarketEvents:
        """Return quotes or trades within ``[start, end]``, ns UTC, as events; raises as ``load`` does."""
        dataset = self.describe(symbol, TICK, kind)
        frame = self._frame(dataset, start, end)
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
    ) -> Iterator[Bars]:
        """Yield the bars of ``load`` in blocks of ``rows`` (the last may be short), a partition in memory."""
        if rows < 1:
            raise UsageError(f"a block of {rows} rows is not possible", fix="Give one or more.")
        dataset = self.describe(symbol, timeframe)
        rest = pl.DataFrame(schema=schema(dataset.kind))
        folder = self._folder(symbol, timeframe, dataset.kind)
        for partition in touched(dataset, start, end):
            rest = pl.concat([rest, within(read_partition(folder, dataset, partition), start, end)])
            whole = len(rest) // rows * rows
            for at in range(0, whole, rows):
                yield to_bars(dataset, rest[at : at + rows])
            rest = rest[whole:]
        if len(rest):
            yield to_bars(dataset, rest)

    def frame(self, dataset: Dataset) -> pl.DataFrame:
        """Return all rows of a data set as its canonical frame, for checks and export."""
        return self._frame(dataset, None, None)

    def check(self, dataset: Dataset) -> Findings:
        """Run every quality rule over a stored data set; rows count from 1."""
        frame = self.frame(dataset)
        rows = np.arange(1, len(frame) + 1, dtype=np.int64)
        calendar = dataset.instrument.instrument().calendar
        name = f"{dataset.symbol} {dataset.timeframe}"
        return check(Subject(name, dataset.kind, frame, rows, interval_ns(dataset.timeframe), calendar))

    def damaged(self, dataset: Dataset) -> tuple[str, ...]:
        """Return the files of a data set whose content is not what the catalogue says."""
        folder = self._folder(dataset.symbol, dataset.timeframe, dataset.kind)
        bad = []
        for partition in dataset.partitions:
            try:
                sound = content_digest(read_partition(folder, dataset, partition), dataset.kind) == partition.digest
            except StoreError:
                sound = False
            if not sound:
                bad.append(partition.file)
        return tuple(bad)

    def write(self, imported: Imported, params: InstrumentParams, *, replace: bool = False) -> Written:
        """Store a checked file, all or nothing.

        Rows that are there already and equal are left alone, so importing twice or importing a longer file is
        safe. Rows between the first and the last new one that differ are replaced only with ``replace``.

        Raises
        ------
        StoreError
            If other rows or another instrument definition are there and ``replace`` is false, or the store
            cannot be written.
        """
        folder = self._folder(params.symbol, imported.timeframe, imported.kind)
        before = read_catalogue(folder) if (folder / CATALOGUE).is_file() else None
        params, note = _tick_of(imported, params, before)
        new = imported.frame
        first, last = int(new["ts_open"][0]), int(new["ts_open"][-1])
        old = rows_starting(folder, before, first, last) if before else new.clear()
        kept = new.filter(pl.col("ts_open").is_in(old["ts_open"].implode())) if len(old) else old
        is_extension = kept.equals(old)
        if before is not None and not replace:
            _refuse_conflict(before, params, is_extension=is_extension, folder=folder)
        if before is not None and is_extension and len(kept) == len(new) and before.instrument == params:
            return Written(before, 0, 0)
        with Commit(folder, self.root, before) as commit:
            after = commit.run(imported, params, note)
        if is_extension:
            return Written(after, len(new) - len(kept), 0)
        return Written(after, len(new), len(old))

    def _folder(self, symbol: str, timeframe: str, kind: Kind) -> Path:
        return self.root / kind.value / folder_name(symbol) / timeframe

    def _unknown(self, symbol: str, timeframe: str, kind: Kind) -> UsageError:
        here = self.root / kind.value
        names = sorted({unquote(p.parent.parent.name) for p in here.glob(f"*/[!.]*/{CATALOGUE}")})
        if symbol in names:
            frames = sorted(
                (p.parent.name for p in (here / folder_name(symbol)).glob(f"[!.]*/{CATALOGUE}")),
                key=interval_ns,
            )
            what = f"no {timeframe} {kind.value} of {symbol}"
            return UsageError(what, where=str(self.root), fix=f"The store has: {', '.join(frames)}.")
        upper = {n.upper(): n for n in names}
        near = [upper[n] for n in difflib.get_close_matches(symbol.upper(), upper, n=3, cutoff=0.5)]
        if near:
            fix = f"Did you mean {' or '.join(near)}?"
        elif names:
            fix = f"The store has: {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}."
        else:
            fix = "The store is empty; bring in a file with `tradewright data import`."
        return UsageError(f"unknown instrument '{symbol}'", where=str(self.root), fix=fix)

    def _frame(self, dataset: Dataset, start: int | None, end: int | None) -> pl.DataFrame:
        folder = self._folder(dataset.symbol, dataset.timeframe, dataset.kind)
        parts = [within(read_partition(folder, dataset, p), start, end) for p in touched(dataset, start, end)]
        return pl.concat(parts) if parts else pl.DataFrame(schema=schema(dataset.kind))


def to_fields(frame: pl.DataFrame, kind: Kind, calendar: Calendar) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return f8[6, n] C-contiguous: the kind's rows, and the trading day each row starts in."""
    fields = np.zeros((N_FIELDS, len(frame)))
    for name, row in LAYOUTS[kind].rows.items():
        fields[row] = frame[name].to_numpy()
    fields[SESSION] = calendar.day_numbers(frame["ts_open"].to_numpy())
    return fields


def to_bars(dataset: Dataset, frame: pl.DataFrame) -> Bars:
    """Return a canonical bar frame as the core noun."""
    fields = to_fields(frame, Kind.BARS, dataset.instrument.instrument().calendar)
    return Bars(dataset.symbol, frame["ts_open"].to_numpy().copy(), frame["ts_event"].to_numpy().copy(), fields)


def _tick_of(imported: Imported, params: InstrumentParams, before: Dataset | None) -> tuple[InstrumentParams, str]:
    """Fill in a tick size that was not given: the stored one, else a guess that is noted."""
    if not params.tick_size and before is not None:
        return params.model_copy(update={"tick_size": before.instrument.tick_size}), ""
    return with_tick(params, imported.frame, LAYOUTS[imported.kind].prices)


def _refuse_conflict(before: Dataset, params: InstrumentParams, *, is_extension: bool, folder: Path) -> None:
    if not is_extension:
        span = " to ".join(
            str(np.datetime64(ns, "s")) for ns in (before.first_open // 10**9, before.last_event // 10**9)
        )
        name = f"{before.symbol} {before.timeframe}"
        what = f"{name} is there already ({before.rows} rows, {span} UTC) with other values"
        raise StoreError(what, where=str(folder), fix="Give --replace to put the new rows in place of the old ones.")
    if before.instrument != params:
        one, two = before.instrument.model_dump(), params.model_dump()
        changed = ", ".join(k for k in one if one[k] != two[k])
        what = f"{before.symbol} is defined differently in the store ({changed})"
        raise StoreError(what, where=str(folder), fix="Give the same definition, or --replace to change it.")
