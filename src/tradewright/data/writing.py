"""What a write changes: decided here once for every store, before anything is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from tradewright.core.types.errors import StoreError
from tradewright.data.catalogue import (
    FORMAT,
    Correction,
    Dataset,
    Partition,
    Source,
    content_digest,
    dataset_digest,
    has_digest,
    partition_format,
)
from tradewright.data.importer import Imported
from tradewright.data.instruments import InstrumentParams, with_tick
from tradewright.data.kinds import LAYOUTS, Kind, known_columns, schema
from tradewright.data.timeframe import interval_ns

Span = tuple[int, int]
ReadPartition = Callable[[Dataset, Partition], pl.DataFrame]


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


@dataclass(frozen=True, slots=True)
class Change:
    """A write that was found allowed.

    Parameters
    ----------
    before : Dataset or None
        The version it builds on.
    imported : Imported
        The new rows.
    params : InstrumentParams
        The definition, tick size filled in.
    note : str
        What was assumed about it; may be empty.
    added, removed : int
        Rows gained and lost.
    spans : tuple of (int, int)
        First and last ``ts_open`` of stored rows that change, one pair for each partition; empty: an extension.
    """

    before: Dataset | None
    imported: Imported
    params: InstrumentParams
    note: str
    added: int
    removed: int
    spans: tuple[Span, ...]

    @property
    def bounds(self) -> Span:
        """First and last ``ts_open`` of the new rows, ns UTC."""
        ts = self.imported.frame["ts_open"]
        return int(ts[0]), int(ts[-1])


def plan_change(
    before: Dataset | None, imported: Imported, params: InstrumentParams, read: ReadPartition, *, replace: bool
) -> Change | None:
    """Compare new rows with the stored ones; None where everything is there already.

    Raises
    ------
    StoreError
        If other rows or another definition are there and ``replace`` is false.
    """
    params, note = _tick_of(imported, params, before)
    new = imported.frame
    if before is None:
        return Change(None, imported, params, note, len(new), 0, ())
    first, last = int(new["ts_open"][0]), int(new["ts_open"][-1])
    old = rows_between(before, (first, last), read)
    kept = new.filter(pl.col("ts_open").is_in(old["ts_open"].implode())) if len(old) else old
    is_extension = kept.equals(old)
    if not replace:
        _refuse_conflict(before, params, is_extension=is_extension)
    if is_extension and len(kept) == len(new) and before.instrument == params:
        return None
    changed = _changed_times(old, new, before)
    spans = _spans(changed, partition_format(interval_ns(imported.timeframe)))
    gained, lost = (len(new) - len(kept), 0) if is_extension else (len(new), len(old))
    return Change(before, imported, params, note, gained, lost, spans)


def rows_between(dataset: Dataset, span: Span, read: ReadPartition) -> pl.DataFrame:
    """Return stored rows that start within ``span``, both ends included."""
    parts = [read(dataset, p) for p in dataset.partitions if p.last_open >= span[0] and p.first_open <= span[1]]
    if not parts:
        return pl.DataFrame(schema=schema(dataset.kind))
    return pl.concat(parts).filter(pl.col("ts_open").is_between(*span))


def merged(change: Change, read: ReadPartition) -> tuple[dict[str, pl.DataFrame], dict[str, Partition]]:
    """Return all rows of every partition that the write touches, by key, and the partitions it leaves alone.

    A touched partition may end up without rows; it is then not part of the new version. Those of an older format get
    today's digest, so that equal rows have equal digests however they came here.

    Raises
    ------
    StoreError
        If what an older format holds is not what it was.
    """
    before, new, (first, last) = change.before, change.imported.frame, change.bounds
    pattern = partition_format(interval_ns(change.imported.timeframe))
    if before is None:
        return _by_key(new.select(known_columns(new, change.imported.kind)), pattern), {}
    frames = _by_key(new, pattern)
    # A replaced range may also empty partitions that the new rows do not touch.
    stale = {p.key for p in before.partitions if p.last_open >= first and p.first_open <= last}
    left = {p.key: p for p in before.partitions}
    for key in sorted(stale | set(frames)):
        rows = frames.get(key, new.clear())
        partition = left.pop(key, None)
        if partition is not None:
            old = read(before, partition).filter(~pl.col("ts_open").is_between(first, last))
            rows = pl.concat([old, rows]).sort("ts_open", maintain_order=True)
        frames[key] = rows
    return frames, left if before.format >= FORMAT else {k: _rehashed(before, p, read) for k, p in left.items()}


def _rehashed(before: Dataset, partition: Partition, read: ReadPartition) -> Partition:
    rows = read(before, partition)
    if not has_digest(rows, before.kind, partition.digest):
        what = f"{partition.file} is not what the catalogue says"
        fix = "Put the file back from a copy, or remove the data set's folder and import the data again."
        raise StoreError(what, where=f"{before.symbol} {before.timeframe}", fix=fix)
    return partition.model_copy(update={"digest": content_digest(rows, before.kind)})


def partition_of(key: str, rows: pl.DataFrame, kind: Kind) -> Partition:
    """Describe the rows of one partition."""
    digest = content_digest(rows, kind)
    return Partition(
        key=key,
        file=f"{key}.{digest[:12]}.parquet",
        rows=len(rows),
        first_open=int(rows["ts_open"][0]),
        last_open=int(rows["ts_open"][-1]),
        last_event=int(rows["ts_event"][-1]),
        digest=digest,
    )


def entry_after(change: Change, partitions: tuple[Partition, ...], recorded_ns: int | None) -> Dataset:
    """Return the catalogue entry of the new version; recorded times never run backwards."""
    before, imported = change.before, change.imported
    source = Source(file=imported.source, digest=imported.digest, rows=len(imported.frame))
    sources = (*before.sources, source) if before else (source,)
    notes = (*(before.notes if before else ()), *imported.notes, *((change.note,) if change.note else ()))
    version = before.version + 1 if before else 1
    if before is not None and before.recorded_ns is not None and recorded_ns is not None:
        recorded_ns = max(recorded_ns, before.recorded_ns)
    corrections = before.corrections if before else ()
    if change.spans:
        corrections = (*corrections, Correction(version=version, recorded_ns=recorded_ns, spans=change.spans))
    return Dataset(
        version=version,
        parent=before.digest if before else "",
        recorded_ns=recorded_ns,
        corrections=corrections,
        kind=imported.kind,
        symbol=change.params.symbol,
        timeframe=imported.timeframe,
        instrument=change.params,
        sources=tuple(dict.fromkeys(sources)),
        notes=tuple(dict.fromkeys(notes)),
        findings=imported.findings.counts(),
        partitions=partitions,
        digest=dataset_digest(change.params.symbol, imported.timeframe, partitions),
    )


def as_one_version(before: Dataset | None, after: Dataset) -> Dataset:
    """Return the entry of a write whose parts were counted as versions: one version, with one correction at most."""
    if before is None:
        return after.model_copy(update={"version": 1, "parent": "", "corrections": ()})
    version, corrections = before.version + 1, before.corrections
    spans = tuple(span for c in after.corrections[len(corrections) :] for span in c.spans)
    if spans:
        corrections = (*corrections, Correction(version=version, recorded_ns=after.recorded_ns, spans=spans))
    return after.model_copy(update={"version": version, "parent": before.digest, "corrections": corrections})


def _by_key(frame: pl.DataFrame, pattern: str) -> dict[str, pl.DataFrame]:
    """Cut rows that ascend in time at the edges of partitions; the pieces share the frame's memory."""
    if len(frame) == 0:
        return {}
    unit = {"%Y": "Y", "%Y-%m": "M", "%Y-%m-%d": "D"}[pattern]
    times = frame["ts_open"].to_numpy()
    first, last = times[[0, -1]].view("datetime64[ns]").astype(f"datetime64[{unit}]")
    periods = np.arange(first, last + 2)
    edges = np.searchsorted(times, periods.astype("datetime64[ns]").astype(np.int64)).tolist()
    edges[-1] = len(frame)  # the last start may lie beyond what ns can hold
    return {str(p): frame[a:b] for p, (a, b) in zip(periods[:-1], pairwise(edges), strict=True) if b > a}


def _changed_times(old: pl.DataFrame, new: pl.DataFrame, before: Dataset) -> pl.Series:
    """Return each ``ts_open`` whose stored rows the new ones change.

    A time inside an earlier correction may have held rows before, so whatever comes there counts as changed too.
    """
    hashed = [f.select("ts_open", row=pl.struct(pl.all()).hash()) for f in (old, new)]
    was, now = (f.group_by("ts_open", maintain_order=True).agg("row") for f in hashed)
    both = was.join(now, on="ts_open", how="left", maintain_order="left")
    changed = both.filter(pl.col("row").ne_missing(pl.col("row_right")))["ts_open"]
    fresh = now.join(was, on="ts_open", how="anti", maintain_order="left")["ts_open"]
    again = [fresh.filter(fresh.is_between(a, b)) for c in before.corrections for a, b in c.spans]
    return pl.concat([changed, *again]).unique().sort()


def _spans(times: pl.Series, pattern: str) -> tuple[Span, ...]:
    parts = _by_key(times.to_frame("ts_open"), pattern)
    return tuple((int(p["ts_open"][0]), int(p["ts_open"][-1])) for p in parts.values())


def _tick_of(imported: Imported, params: InstrumentParams, before: Dataset | None) -> tuple[InstrumentParams, str]:
    """Fill in a tick size that was not given: the stored one, else a guess that is noted."""
    if not params.tick_size and before is not None:
        return params.model_copy(update={"tick_size": before.instrument.tick_size}), ""
    return with_tick(params, imported.frame, LAYOUTS[imported.kind].prices)


def _refuse_conflict(before: Dataset, params: InstrumentParams, *, is_extension: bool) -> None:
    name = f"{before.symbol} {before.timeframe}"
    if not is_extension:
        span = " to ".join(
            str(np.datetime64(ns, "s")) for ns in (before.first_open // 10**9, before.last_event // 10**9)
        )
        what = f"{name} is there already ({before.rows} rows, {span} UTC) with other values"
        fix = "Give --replace to store the new rows as a correction: a new version, the old one stays readable."
        raise StoreError(what, where=name, fix=fix)
    if before.instrument != params:
        one, two = before.instrument.model_dump(), params.model_dump()
        changed = ", ".join(k for k in one if one[k] != two[k])
        what = f"{before.symbol} is defined differently in the store ({changed})"
        raise StoreError(what, where=name, fix="Give the same definition, or --replace to change it.")
