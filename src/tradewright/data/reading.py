"""Bytes of a CSV (plain, gzip, zip) or Parquet file into a raw table whose rows a person can find again."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradewright.core.types.errors import DataError, UsageError
from tradewright.data.columns import clock_column, fields_of, recognise
from tradewright.data.kinds import Kind
from tradewright.data.plain_csv import is_worth_it, read_plain

_NULLS = ["NA", "N/A", "null", "NULL", "None", "nan", "NaN", "NAN", "-nan"]
_SEPARATORS = (",", ";", "\t", "|")
#: Bytes that hold the first two lines; how packed files begin, which polars unpacks (gzip, zstd, zlib).
_HEAD = 1 << 16
_PACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"x\x01", b"x\x9c", b"x\xda")
_SIDES = {"buy": 1.0, "b": 1.0, "bid": 1.0, "sell": -1.0, "s": -1.0, "ask": -1.0, "": 0.0, "unknown": 0.0}


@dataclass(frozen=True, slots=True)
class RawTable:
    """Recognised columns of a file: ``time`` as found, the others f8 (null where the file has none).

    ``first_row`` is the number a person would give the first data row: 2 in a CSV file, its names are row 1.
    """

    name: str
    frame: pl.DataFrame
    first_row: int

    def place(self, index: int, field: str = "") -> str:
        """Return ``file, row N, field F`` for a row counted from 0."""
        return f"{self.name}, row {index + self.first_row}" + (f", field {field}" if field else "")


def read_raw(path: Path, kind: Kind, given: Mapping[str, str], *, reads_epochs: bool = False) -> RawTable:
    """Read the recognised columns of ``path``.

    With ``reads_epochs``, the times of a CSV file that begins with a whole number of nine digits or more are read as
    i8 at once; else the times of a CSV file are text.

    Raises
    ------
    UsageError
        If the file does not exist or is of an unknown type.
    DataError
        If it is empty, damaged, lacks a column, or holds text where a number is due.
    """
    if not path.is_file():
        raise UsageError("no such file", where=str(path), fix="Check the path.")
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] in (".parquet", ".pq"):
        return _read_parquet(path, kind, given)
    if suffixes and suffixes[-1] in (".csv", ".txt", ".tsv", ".gz", ".zip"):
        return _read_csv(path, kind, given, reads_epochs=reads_epochs)
    what = f"files ending in '{path.suffix}' are not known"
    raise UsageError(what, where=path.name, fix="Allowed: .csv, .txt, .tsv, .csv.gz, .zip with one file, .parquet.")


def _content(path: Path) -> bytes | Path:
    """Return what polars shall read: a path it maps itself (gzip included), or the only member of a zip."""
    if path.suffix.lower() != ".zip":
        return path
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.namelist() if not m.endswith("/")]
            if len(members) != 1:
                what = f"the archive holds {len(members)} files ({', '.join(members[:3])}), not one"
                raise DataError(what, where=path.name, fix="Unpack it and import the files one by one.")
            return archive.read(members[0])
    except (zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"the archive is damaged: {error}", where=path.name, fix="Download it again.") from error


def _beginning(source: bytes | Path) -> bytes | Path:
    """Return enough of a plain file for its first lines; polars would look through all of it for two."""
    if isinstance(source, bytes):
        return source
    with source.open("rb") as stream:
        head = stream.read(_HEAD)
    return source if head.startswith(_PACKED) or b"\n" not in head else head[: head.rindex(b"\n") + 1]


def _read_csv(path: Path, kind: Kind, given: Mapping[str, str], *, reads_epochs: bool) -> RawTable:
    source = _content(path)
    try:
        head = _beginning(source)
        lines = pl.read_csv(head, has_header=False, n_rows=2, separator="\x01", quote_char=None, infer_schema=False)
        header = str(lines.item(0, 0) or "").lstrip("\ufeff")
        separator = max(_SEPARATORS, key=header.count)
        names = pl.read_csv(io.BytesIO(header.encode() + b"\n"), separator=separator, infer_schema=False).columns
        found = recognise(names, kind, given, path.name)
        clock = clock_column(names, found)
        wanted = {found[f]: pl.Float64() for f in fields_of(kind) if f in found and f not in ("time", "aggressor")}
        texts = [found["time"], *(clock or ()), *([found["aggressor"]] if "aggressor" in found else [])]
        schema: dict[str, pl.DataType] = wanted | {name: pl.String() for name in texts}
        if reads_epochs and clock is None and len(lines) > 1:
            cells = dict(zip(names, str(lines.item(1, 0) or "").split(separator), strict=False))
            if re.fullmatch(r"\d{9,19}", cells.get(found["time"], "")):
                schema[found["time"]] = pl.Int64()
        try:
            frame = read_plain(source, separator, names, schema) if is_worth_it(source) else None
            if frame is None:
                frame = _numeric_csv(source, separator, schema)
            if frame is None:
                frame = _csv(source, separator, schema)
        except pl.exceptions.ComputeError:
            # Something is not a number: read again as text to name the first such row.
            frame = _csv(source, separator, dict.fromkeys(schema, pl.String()))
            frame = _numbers(frame, list(wanted), path.name, 2)
    except pl.exceptions.NoDataError as error:
        raise DataError(
            "the file is empty", where=path.name, fix="Give a file with a line of names and rows."
        ) from error
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).split("\n", 1)[0]
        fix = "Check that every row has as many fields as the first line and that it is whole UTF-8 text."
        raise DataError(f"the file cannot be read as CSV: {reason}", where=path.name, fix=fix) from error
    return _finish(path.name, frame, found, clock, 2)


def _numeric_csv(source: bytes | Path, separator: str, schema: dict[str, pl.DataType]) -> pl.DataFrame | None:
    """Read columns that are all numbers, without looking for words that mean nothing; None where that does not do."""
    if pl.String() in schema.values():
        return None
    try:
        frame = _csv(source, separator, schema, nulls=None)
    except pl.exceptions.ComputeError:
        return None
    has_nan = any(frame.select(pl.col(pl.Float64).is_nan().any()).row(0))
    return None if has_nan else frame


def _csv(
    source: bytes | Path, separator: str, schema: dict[str, pl.DataType], nulls: list[str] | None = _NULLS
) -> pl.DataFrame:
    frame = pl.read_csv(
        source,
        separator=separator,
        columns=list(schema),
        schema_overrides=schema,
        null_values=nulls,
        infer_schema=False,
    )
    return frame.select(list(schema))


def _read_parquet(path: Path, kind: Kind, given: Mapping[str, str]) -> RawTable:
    try:
        names = list(pl.read_parquet_schema(path))
        found = recognise(names, kind, given, path.name)
        clock = clock_column(names, found)
        frame = pl.read_parquet(path, columns=sorted({*found.values(), *(clock or ())}))
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).split("\n", 1)[0]
        what = f"the file cannot be read as Parquet: {reason}"
        raise DataError(what, where=path.name, fix="Write it again; it is damaged or of another type.") from error
    numbers = [c for f, c in found.items() if f not in ("time", "aggressor")]
    return _finish(path.name, _numbers(frame, numbers, path.name, 1), found, clock, 1)


def _numbers(frame: pl.DataFrame, names: list[str], file: str, first_row: int) -> pl.DataFrame:
    """Cast columns to f8; the first cell that is text and no number is an error."""
    cast = frame.with_columns(
        pl.col(n).str.strip_chars().cast(pl.Float64, strict=False)
        if frame.schema[n] == pl.String
        else pl.col(n).cast(pl.Float64, strict=False)
        for n in names
    )
    worst: tuple[int, str] | None = None
    for name in names:
        bad = (cast[name].is_null() & frame[name].is_not_null()).arg_true()
        if len(bad) and (worst is None or int(bad[0]) < worst[0]):
            worst = int(bad[0]), name
    if worst is not None:
        index, name = worst
        what = f"'{frame[name][index]}' is not a number"
        where = f"{file}, row {index + first_row}, field {name}"
        raise DataError(what, where=where, fix="Correct the cell, or remove the row.")
    return cast


def _finish(
    file: str, frame: pl.DataFrame, found: Mapping[str, str], clock: tuple[str, str] | None, first_row: int
) -> RawTable:
    """Rename columns to fields, join a split date and time, and turn sides into +1, -1, 0."""
    if all(frame[name].null_count() for name in frame.columns):
        blank = frame.select(pl.all_horizontal(pl.all().is_null())).to_series()
        filled = (~blank).arg_true()
        frame = frame.head(int(filled[-1]) + 1 if len(filled) else 0)  # empty lines at the end mean nothing
    if len(frame) == 0:
        raise DataError("the file has column names but no rows", where=file, fix="Give a file with rows.")
    columns = [pl.col(c).alias(f) for f, c in found.items() if f not in ("time", "aggressor")]
    time = pl.col(found["time"])
    if clock is not None and frame.schema[clock[0]] == pl.String and frame.schema[clock[1]] == pl.String:
        time = pl.concat_str([pl.col(clock[0]), pl.col(clock[1])], separator=" ")
    columns.append(time.alias("time"))
    if "aggressor" in found:
        columns.append(_aggressor(frame, found["aggressor"], file, first_row).alias("aggressor"))
    return RawTable(file, frame.select(columns).rechunk(), first_row)  # whole columns are arrays without a copy


def _aggressor(frame: pl.DataFrame, column: str, file: str, first_row: int) -> pl.Expr:
    if frame.schema[column] != pl.String:
        return pl.col(column).cast(pl.Float64).sign()
    words = frame[column].fill_null("").str.strip_chars().str.to_lowercase()
    sides = words.cast(pl.Float64, strict=False).sign()
    mapped = words.replace_strict(_SIDES, default=None, return_dtype=pl.Float64).fill_null(sides)
    bad = mapped.is_null().arg_true()
    if len(bad):
        what = f"'{frame[column][int(bad[0])]}' is not a side"
        where = f"{file}, row {int(bad[0]) + first_row}, field {column}"
        raise DataError(what, where=where, fix="Allowed: buy, sell, b, s, 1, -1, 0 or empty.")
    return pl.lit(mapped)
