"""Small tables that people keep by hand, such as actions and universes: read, checked, stored whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

import polars as pl

from tradewright.core.types.errors import DataError, StoreError, UsageError
from tradewright.data.timeframe import DAY
from tradewright.data.times import moment_ns

_EPOCH = date(1970, 1, 1)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TextTable:
    """A file's columns as text, stripped; empty where a cell is. ``first_row`` as a person counts: 2 in a CSV file."""

    name: str
    columns: dict[str, list[str]]
    first_row: int

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values()), []))

    def place(self, index: int, field: str) -> str:
        """Return ``file, row N, field F`` for a row counted from 0."""
        return f"{self.name}, row {index + self.first_row}, field {field}"

    def parse(self, field: str, read: Callable[[str], T], default: T | None = None) -> list[T]:
        """Read every cell of a column; an absent column or an empty cell is the default, where there is one.

        Raises
        ------
        DataError
            If a cell is empty and there is no default, or ``read`` raises ValueError; names file, row and field.
        """
        cells = self.columns.get(field, [""] * len(self))
        values: list[T] = []
        for index, cell in enumerate(cells):
            if not cell and default is not None:
                values.append(default)
                continue
            try:
                if not cell:
                    raise ValueError("the cell is empty")
                values.append(read(cell))
            except ValueError as error:
                fix = "Correct the cell, or remove the row."
                raise DataError(str(error), where=self.place(index, field), fix=fix) from error
        return values


def read_table(path: Path, needed: Sequence[str], optional: Sequence[str] = ()) -> TextTable:
    """Read a CSV (plain or gzip) or Parquet file with named columns; others are ignored.

    Raises
    ------
    UsageError
        If the file does not exist or is of another type.
    DataError
        If it cannot be read, or a needed column is missing.
    """
    if not path.is_file():
        raise UsageError("no such file", where=str(path), fix="Check the path.")
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".gz", ".parquet", ".pq"):
        fix = "Allowed: .csv, .csv.gz, .parquet."
        raise UsageError(f"files ending in '{path.suffix}' are not known", where=path.name, fix=fix)
    is_csv = suffix in (".csv", ".gz")
    try:
        frame = pl.read_csv(path, infer_schema=False) if is_csv else pl.read_parquet(path, memory_map=False)
    except pl.exceptions.NoDataError as error:
        raise DataError("the file is empty", where=path.name, fix=f"Its columns are {', '.join(needed)}.") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).split("\n", 1)[0]
        raise DataError(f"the file cannot be read: {reason}", where=path.name, fix="Write it again.") from error
    frame = frame.rename({name: name.strip().lower() for name in frame.columns})
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        what = f"no column {', '.join(missing)}; the file has {', '.join(repr(n) for n in frame.columns)}"
        raise DataError(what, where=path.name, fix=f"Its columns are {', '.join((*needed, *optional))}.")
    kept = [name for name in (*needed, *optional) if name in frame.columns]
    columns = {name: _texts(frame[name]) for name in kept}
    return TextTable(path.name, columns, 2 if is_csv else 1)


def _texts(column: pl.Series) -> list[str]:
    if isinstance(column.dtype, pl.Datetime):
        return [t.isoformat() if t is not None else "" for t in column.to_list()]
    return [str(value).strip() if value is not None else "" for value in column.to_list()]


def date_of(text: str) -> date:
    """Return a date such as ``2020-08-31`` or ``20200831``; raises ValueError otherwise."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        msg = f"'{text}' is not a date; write it like 2020-08-31"
        raise ValueError(msg) from None


def day_number(day: date) -> int:
    """Return days since 1970-01-01."""
    return (day - _EPOCH).days


def ns_of(text: str) -> int:
    """Return a date (its midnight UTC), a time with its offset, or whole ns since 1970, in ns UTC.

    Raises
    ------
    ValueError
        If it is none of these, or a time of day without an offset.
    """
    if text.lstrip("-").isdigit() and len(text) != 8:
        return int(text)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            msg = f"'{text}' is not a date or a time; write it like 2020-08-31 or 2020-08-31T09:30:00-04:00"
            raise ValueError(msg) from None
        if moment.tzinfo is None:
            msg = f"'{text}' carries no time zone; write it like {text}+00:00"
            raise ValueError(msg) from None
        return moment_ns(moment.astimezone(UTC).isoformat())
    return day_number(day) * DAY


def number_of(text: str) -> float:
    """Return a finite number; raises ValueError otherwise."""
    try:
        number = float(text)
    except ValueError:
        msg = f"'{text}' is not a number"
        raise ValueError(msg) from None
    if not abs(number) < float("inf"):
        msg = f"'{text}' is not finite"
        raise ValueError(msg)
    return number


def write_table(path: Path, frame: pl.DataFrame) -> None:
    """Write a Parquet file; it appears whole or never.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=path.parent) as folder:
            draft = Path(folder) / path.name
            frame.write_parquet(draft)
            with draft.open("rb") as stream:
                os.fsync(stream.fileno())
            draft.replace(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        what = f"cannot be written: {str(error).splitlines()[0]}"
        raise StoreError(what, where=str(path), fix="Check its rights and the free space.") from error


def read_stored(path: Path, empty: pl.DataFrame) -> pl.DataFrame:
    """Return a table that `write_table` wrote; ``empty`` where there is none.

    Raises
    ------
    StoreError
        If the file is damaged or has other columns.
    """
    if not path.is_file():
        return empty
    try:
        frame = pl.read_parquet(path, memory_map=False)
        return frame.select(pl.col(name).cast(kind) for name, kind in empty.schema.items())
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).split("\n", 1)[0]
        what = f"the table cannot be read: {reason}"
        raise StoreError(what, where=str(path), fix="Import it again.") from error
