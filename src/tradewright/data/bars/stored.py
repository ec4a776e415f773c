"""Bars made from what a store holds, a partition in memory at a time, and brought back into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import polars as pl

from tradewright.core.types.errors import UsageError
from tradewright.data.bars.grid import TimeGrid, day_sessions, session_grid, utc_grid
from tradewright.data.bars.resample import Resampled, Resampler
from tradewright.data.catalogue import Dataset
from tradewright.data.importer import Imported
from tradewright.data.kinds import Kind, canonical
from tradewright.data.partitions import touched, within
from tradewright.data.quality import Subject, check
from tradewright.data.sessions import sessions_between, sessions_name
from tradewright.data.store import MarketStore
from tradewright.data.timeframe import interval_ns

Anchor = Literal["utc", "session"]


@dataclass(frozen=True, slots=True)
class StoredRows:
    """The rows of a data set within ``[start, end]``, ns UTC (None: open-ended), a partition after the other.

    ``on_rows`` is told after each partition how many rows it had.
    """

    store: MarketStore
    dataset: Dataset
    start: int | None = None
    end: int | None = None
    on_rows: Callable[[int], None] | None = None

    @property
    def total(self) -> int:
        """Rows of the partitions that are read."""
        return sum(p.rows for p in touched(self.dataset, self.start, self.end))

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Yield canonical frames in order of time."""
        for partition in touched(self.dataset, self.start, self.end):
            yield within(self.store.read(self.dataset, partition), self.start, self.end)
            if self.on_rows is not None:
                self.on_rows(partition.rows)


def grid_for(dataset: Dataset, size_ns: int, anchor: Anchor) -> TimeGrid:
    """Return the buckets for a data set.

    ``session`` counts from each open of the instrument's exchange (`data.sessions`); of a market whose exchange is not
    known from the start of each trading day.

    Raises
    ------
    UsageError
        If the anchor is unknown, or the bars are not shorter than the buckets.
    """
    if anchor not in get_args(Anchor):
        raise UsageError(f"'{anchor}' is not allowed", where="anchor", fix=f"Allowed: {', '.join(get_args(Anchor))}.")
    interval = interval_ns(dataset.timeframe)
    if size_ns <= interval:
        what = f"bars of {size_ns / 1e9:g} s cannot be made from bars of {interval / 1e9:g} s"
        raise UsageError(what, where=f"{dataset.symbol} {dataset.timeframe}", fix="Give a longer timeframe.")
    if anchor == "utc":
        return utc_grid(size_ns)
    calendar = dataset.instrument.instrument().calendar
    span = dataset.first_open, dataset.last_event
    name = sessions_name(calendar)
    return session_grid(size_ns, sessions_between(name, *span) if name else day_sessions(calendar, *span))


def resample_stored(rows: StoredRows, grids: Sequence[TimeGrid]) -> tuple[Resampled, ...]:
    """Return time bars of several sizes from stored trades or bars, in one pass.

    A bucket that began before the first row, or before ``rows.start`` where that is given, is left out: nobody knows
    what its first part held.

    Raises
    ------
    UsageError
        If the data set holds quotes.
    DataError
        If a bar crosses the end of a bucket.
    StoreError
        If a partition cannot be read.
    """
    kind = rows.dataset.kind
    if kind is Kind.QUOTES:
        raise UsageError("bars are made from trades or bars", where=rows.dataset.symbol, fix="Choose those.")
    resampler = Resampler(grids, rows.dataset.first_open if rows.start is None else rows.start)
    for frame in rows:
        resampler.push(frame, kind)
    # Rows beyond the end asked for show that there are none missing before it.
    is_cut = rows.end is not None and rows.end <= rows.dataset.last_event
    return resampler.finish(rows.end if is_cut else None)


def as_imported(made: pl.DataFrame, timeframe: str, dataset: Dataset, anchor: Anchor) -> Imported:
    """Return made time bars as what `BarStore.write` takes, checked like a file.

    Raises
    ------
    UsageError
        If there are no bars.
    DataError
        If a bar breaks a rule.
    """
    name = f"{dataset.symbol} {dataset.timeframe} {dataset.kind.value}"
    if len(made) == 0:
        raise UsageError(f"{name} do not fill one bar of {timeframe}", fix="Give a shorter timeframe or more rows.")
    frame = canonical(made, Kind.BARS)
    calendar = dataset.instrument.instrument().calendar
    findings = check(Subject(f"{dataset.symbol} {timeframe}", Kind.BARS, frame, 1, interval_ns(timeframe), calendar))
    findings.raise_errors()
    where = "the clock of UTC" if anchor == "utc" else "the session's open"
    notes = (f"made from {name}, counted from {where}",)
    return Imported(Kind.BARS, timeframe, frame, findings, notes, name, dataset.digest)
