"""Files into canonical frames: read, place in time, check; refuse what is broken, say what was assumed."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from blake3 import blake3
from numpy.typing import NDArray

from tradewright.core.types.calendar import Calendar
from tradewright.core.types.errors import UsageError
from tradewright.data.kinds import LAYOUTS, TIME_COLUMNS, Kind, canonical, known_columns, schema
from tradewright.data.quality import Findings, Subject, check
from tradewright.data.reading import RawTable, read_raw
from tradewright.data.timeframe import DAY, TICK, common_interval, interval_ns, timeframe_name
from tradewright.data.times import Stamps, TimeRule, day_bounds, parse_times


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the user says about a file; everything else is recognised.

    Parameters
    ----------
    kind : Kind
        Bars, quotes or trades.
    columns : mapping of str to str
        Field -> column name, where the names are not recognised.
    time_format : str
        strptime pattern, or s, ms, us, ns for epoch times; empty: recognised.
    timezone : str
        IANA zone of times without an offset.
    label : "open" or "close"
        Whether a bar's time is its start or its end. Dates without a time of day name the day itself.
    interval : str
        Length of a bar, such as ``5m``; empty: the most common step.
    is_sorted_here : bool
        Put rows in time order instead of refusing unsorted ones.
    drops_duplicates : bool
        Keep the last of several bars with one time instead of refusing them.
    keeps_errors : bool
        Return broken rows as findings instead of refusing the file; for looking at it, never for storing it.
    """

    kind: Kind = Kind.BARS
    columns: Mapping[str, str] = field(default_factory=dict)
    time_format: str = ""
    timezone: str = ""
    label: Literal["open", "close"] = "open"
    interval: str = ""
    is_sorted_here: bool = False
    drops_duplicates: bool = False
    keeps_errors: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """A checked file: ``frame`` as ``kinds.schema`` describes it, ascending in time.

    ``findings`` holds the warnings; ``notes`` what was assumed or changed, for people; ``digest`` is the
    BLAKE3 hash of the file's bytes.
    """

    kind: Kind
    timeframe: str
    frame: pl.DataFrame
    findings: Findings
    notes: tuple[str, ...]
    source: str
    digest: str


def import_file(path: Path, calendar: Calendar, options: ImportOptions | None = None) -> Imported:
    """Read, place and check one file; nothing is written.

    Parameters
    ----------
    path : Path
        CSV (plain, ``.gz``, ``.zip``) or Parquet.
    calendar : Calendar
        Of the instrument; places dates that have no time of day, and explains gaps.
    options : ImportOptions, optional
        What the user says about the file.

    Raises
    ------
    UsageError
        If an option is wrong or a needed one is missing.
    DataError
        If the file cannot be read or a row breaks a rule; names file, row, field and the repair.
    """
    options = options or ImportOptions()
    reads_epochs = options.time_format in ("", "s", "ms", "us", "ns")
    table = read_raw(path, options.kind, options.columns, reads_epochs=reads_epochs)
    with ThreadPoolExecutor(1) as thread:  # reading keeps every core busy, checking one
        hashed = thread.submit(_file_digest, path)
        imported = import_table(table, calendar, options)
        digest = hashed.result()
    return Imported(
        imported.kind,
        imported.timeframe,
        imported.frame,
        imported.findings,
        imported.notes,
        path.name,
        digest,
    )


def _file_digest(path: Path) -> str:
    return blake3().update_mmap(path).hexdigest()


def import_table(table: RawTable, calendar: Calendar, options: ImportOptions) -> Imported:
    """Place and check a table that was read already; see ``import_file``."""
    if options.label not in ("open", "close"):
        raise UsageError(f"'{options.label}' is not allowed", where="--label", fix="Allowed: open, close.")
    stamps = parse_times(table, TimeRule(options.time_format, options.timezone, calendar))
    notes = [f"times read as {stamps.form}"]
    interval = _interval(table, stamps, options)
    opens, ends = _bounds(stamps, interval, calendar, options)
    if stamps.is_date and options.kind is Kind.BARS:
        notes.append(f"dates are trading days of {calendar.name} ({calendar.zone}, from {calendar.day_start:%H:%M})")
    layout = LAYOUTS[options.kind]
    absent = [n for n in layout.rows if n not in table.frame.columns and n not in layout.defaults]
    if absent:
        notes.append(f"no column for {', '.join(absent)}: taken as 0")
    frame = pl.DataFrame({"ts_open": opens, "ts_event": ends, "ts_seen": ends}).with_columns(
        table.frame[n] if n in table.frame.columns else pl.lit(0.0).alias(n)
        for n in layout.rows
        if n in table.frame.columns or n not in layout.defaults
    )
    frame = canonical(frame, options.kind)
    frame, rows = _ordered(frame, options, table.first_row, notes)
    findings = check(Subject(table.name, options.kind, frame, rows, interval, calendar))
    if not options.keeps_errors:
        findings.raise_errors()
    if options.kind is Kind.BARS and not frame["volume"].to_numpy().any():
        notes.append("the volume is 0 throughout")
    return Imported(options.kind, timeframe_name(interval), frame, findings, tuple(notes), table.name, "")


def _interval(table: RawTable, stamps: Stamps, options: ImportOptions) -> int:
    if options.kind is not Kind.BARS:
        return interval_ns(TICK)
    if options.interval:
        interval = interval_ns(options.interval)
        if interval == 0:
            raise UsageError("'tick' is not a length of bars", where="--interval", fix="Give one such as 1m or 1d.")
        if stamps.is_date and interval % DAY:
            what = f"bars of '{options.interval}' cannot carry dates without a time of day"
            raise UsageError(what, where="--interval", fix="Give whole days or weeks, for example 1d.")
        return interval
    return common_interval(stamps.values * (DAY if stamps.is_date else 1), table.name)


def _bounds(
    stamps: Stamps, interval: int, calendar: Calendar, options: ImportOptions
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return start and end of every row, ns UTC."""
    if stamps.is_date:
        opens, ends = day_bounds(stamps.values, interval // DAY, calendar)
        return opens, ends if options.kind is Kind.BARS else opens
    if options.label == "close":
        return stamps.values - interval, stamps.values
    return stamps.values, stamps.values + interval


def _ordered(
    frame: pl.DataFrame, options: ImportOptions, first_row: int, notes: list[str]
) -> tuple[pl.DataFrame, NDArray[np.int64] | int]:
    """Sort and drop duplicates where asked; return the frame and the file's row numbers as `Subject` holds them."""
    if not (options.is_sorted_here or options.drops_duplicates):
        return frame, first_row
    numbered = frame.with_row_index("row", offset=first_row)
    if options.is_sorted_here and not frame["ts_open"].is_sorted():
        numbered = numbered.sort("ts_open", maintain_order=True)
        notes.append("rows were put in time order")
    if options.drops_duplicates and options.kind is Kind.BARS:
        # The last one wins: where a source repeats a time, the later row is its correction.
        numbered = numbered.unique("ts_open", keep="last", maintain_order=True)
        if len(numbered) < len(frame):
            notes.append(f"{len(frame) - len(numbered)} rows with a time already taken were dropped, the last kept")
    return numbered.drop("row"), numbered["row"].cast(pl.Int64).to_numpy()


def export_csv(frame: pl.DataFrame, path: Path) -> None:
    """Write a canonical frame as CSV that ``import_file`` reads back; its time is ``ts_open`` in ns."""
    kind = next(k for k in Kind if set(schema(k)) == set(frame.columns))
    values = [n for n in known_columns(frame, kind) if n not in TIME_COLUMNS]
    frame.select(pl.col("ts_open").alias("time"), *values).write_csv(path)
