"""Forecasts from a file and into one: what a model said about a symbol, and when that could be known."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.core.types.errors import DataError, StoreError, UsageError
from tradewright.core.types.forecast import ForecastRow, Forecasts
from tradewright.data.reading import RawTable
from tradewright.data.times import TimeRule, parse_times

#: Columns of a forecast file; the last three may be missing.
COLUMNS = ("symbol", "ts_seen", *ForecastRow._fields)
_NEEDED = ("symbol", "ts_seen", "p_up")
_VALUES = ForecastRow._fields
#: A table of weights is read as forecasts whose expected return is the weight: `strategies.target_weights` trades it.
WEIGHT = "weight"
_PROBABILITIES = ("p_up", "p_down", "p_flat")
#: Probabilities that a model gave as 4-byte floats add up to 1 within this.
TOLERANCE = 1e-6


def read_forecasts(path: Path, rule: TimeRule | None = None) -> tuple[Forecasts, ...]:
    """Read a CSV (plain or gzip) or Parquet file of forecasts.

    Columns: ``symbol``; ``ts_seen``, the time at which the forecast could be known (not the time it is
    about), with a zone or an epoch number; ``p_up``; optionally ``p_down``, ``p_flat`` and
    ``expected_return``, of which an empty cell means that there is none. Without ``p_flat`` it is what the
    other two leave; without ``p_down`` that is what ``p_up`` and ``p_flat`` leave. Rows of a symbol ascend in
    time. Other columns are ignored.

    A file with a column ``weight`` in place of ``p_up`` is a table of weights, shares of equity with a sign; they stand
    where a forecast has its expected return.

    Parameters
    ----------
    path : Path
        The file, ending in .csv, .csv.gz or .parquet.
    rule : TimeRule, optional
        How times are written, where they have no zone or an unusual form.

    Returns
    -------
    tuple of Forecasts
        One a symbol, in alphabetical order.

    Raises
    ------
    UsageError
        If the file does not exist or is of another type, or its times carry no zone and none was given.
    DataError
        If a column is missing or a row breaks a rule; names file, row and field.
    """
    table = _read(path)
    stamps = _times(table, rule or TimeRule())
    values = _values(table)
    symbols = table.frame["symbol"].cast(pl.String).str.strip_chars().fill_null("")
    blank = (symbols == "").arg_true()
    if len(blank):
        raise DataError("the symbol is missing", where=table.place(int(blank[0]), "symbol"), fix="Fill it in.")
    found = []
    for symbol in sorted(symbols.unique().to_list()):
        rows = (symbols == symbol).arg_true().to_numpy().astype(np.int64)
        _check_order(table, symbol, rows, stamps[rows])
        found.append(Forecasts(symbol, stamps[rows], np.ascontiguousarray(values[:, rows])))
    return tuple(found)


def with_expiry(forecasts: Forecasts, valid_ns: int) -> Forecasts:
    """Let each forecast end some time after it was known: NaN stands from then until the next one.

    Without this the newest forecast stands for ever, also when the model has stopped.

    Parameters
    ----------
    forecasts : Forecasts
        Of one instrument.
    valid_ns : int
        How long each is valid, ns.

    Raises
    ------
    UsageError
        If ``valid_ns`` is not positive.
    """
    if valid_ns <= 0:
        raise UsageError(f"forecasts cannot be valid for {valid_ns} ns", where="valid_ns", fix="Give more than 0.")
    ends = forecasts.ts_seen + valid_ns
    following = np.append(forecasts.ts_seen[1:], np.iinfo(np.int64).max)
    ends = ends[ends < following]  # a forecast that comes just then takes over without a gap
    stamps = np.concatenate([forecasts.ts_seen, ends])
    values = np.concatenate([forecasts.values, np.full((len(_VALUES), len(ends)), np.nan)], axis=1)
    order = np.argsort(stamps, kind="stable")
    return replace(forecasts, ts_seen=stamps[order], values=np.ascontiguousarray(values[:, order]))


def write_forecasts(path: Path, forecasts: Sequence[Forecasts]) -> None:
    """Write forecasts so that `read_forecasts` gives the same bits back; the file appears whole or never.

    Raises
    ------
    UsageError
        If the file's name does not end in .csv or .parquet.
    DataError
        If the forecasts themselves break a rule; nothing is written.
    StoreError
        If the file cannot be written.
    """
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise UsageError(
            f"files ending in '{path.suffix}' cannot be written",
            where=str(path),
            fix="Allowed: .csv, .parquet.",
        )
    frames = [
        pl.DataFrame({"symbol": [f.instrument] * len(f.ts_seen), "ts_seen": f.ts_seen})
        .with_columns(pl.col("ts_seen").cast(pl.Datetime("ns")).dt.replace_time_zone("UTC"))
        .with_columns(pl.Series(name, f.values[k]) for k, name in enumerate(_VALUES))
        for f in forecasts
        if len(f.ts_seen)
    ]
    if not frames:
        raise DataError("there are no forecasts to write", where=str(path))
    table = RawTable(path.name, pl.concat(frames), _first_row(path))
    _values(table)
    for f in forecasts:
        _check_order(table, f.instrument, np.arange(len(f.ts_seen)), f.ts_seen)
    _write(path, table.frame.with_columns(pl.col("expected_return").fill_nan(None)))


def write_weights(path: Path, names: Sequence[str], stamps: NDArray[np.int64], weights: NDArray[np.float64]) -> None:
    """Write a table of weights, f8[k, n], that were known at ``stamps``, i8[k] ns UTC; it appears whole or never.

    Raises
    ------
    UsageError
        If the file's name does not end in .csv or .parquet.
    StoreError
        If it cannot be written.
    """
    if path.suffix.lower() not in (".csv", ".parquet"):
        what = f"files ending in '{path.suffix}' cannot be written"
        raise UsageError(what, where=str(path), fix="Allowed: .csv, .parquet.")
    frame = pl.DataFrame(
        {"symbol": np.repeat(np.array(names), len(stamps)), "ts_seen": np.tile(stamps, len(names))}
    ).with_columns(
        pl.col("ts_seen").cast(pl.Datetime("ns")).dt.replace_time_zone("UTC"), pl.Series(WEIGHT, weights.T.ravel())
    )
    _write(path, frame)


def _write(path: Path, frame: pl.DataFrame) -> None:
    try:
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=path.parent) as folder:
            draft = Path(folder) / path.name
            if path.suffix.lower() == ".csv":
                frame.write_csv(draft, datetime_format="%Y-%m-%dT%H:%M:%S%.9fZ")
            else:
                frame.write_parquet(draft)
            draft.replace(path)
    except OSError as error:
        raise StoreError(f"cannot be written: {error}", where=str(path), fix="Choose another folder.") from error


def _first_row(path: Path) -> int:
    """Return the number a person would give the first data row."""
    return 1 if path.suffix.lower() in (".parquet", ".pq") else 2


def _read(path: Path) -> RawTable:
    """Read the columns of a forecast file, of a CSV file all as text."""
    if not path.is_file():
        raise UsageError("no such file", where=str(path), fix="Check the path.")
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".gz", ".parquet", ".pq"):
        fix = "Allowed: .csv, .csv.gz, .parquet."
        raise UsageError(f"files ending in '{path.suffix}' are not known", where=path.name, fix=fix)
    try:
        is_csv = _first_row(path) == 2
        frame = pl.read_csv(path, infer_schema=False) if is_csv else pl.read_parquet(path)
    except pl.exceptions.NoDataError as error:
        raise DataError(
            "the file is empty", where=path.name, fix="Give a file with a line of names and rows."
        ) from error
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).split("\n", 1)[0]
        raise DataError(f"the file cannot be read: {reason}", where=path.name, fix="Write it again.") from error
    has_weights = WEIGHT in frame.columns and "p_up" not in frame.columns
    needed = (*_NEEDED[:2], WEIGHT) if has_weights else _NEEDED
    missing = [name for name in needed if name not in frame.columns]
    if missing:
        what = f"no column {', '.join(missing)}; the file has {', '.join(repr(n) for n in frame.columns)}"
        raise DataError(what, where=path.name, fix=f"A forecast file has the columns {', '.join(COLUMNS)}.")
    if len(frame) == 0:
        raise DataError("the file has column names but no rows", where=path.name, fix="Give a file with rows.")
    frame = frame.select(needed if has_weights else [name for name in COLUMNS if name in frame.columns])
    return RawTable(path.name, frame, _first_row(path))


def _times(table: RawTable, rule: TimeRule) -> NDArray[np.int64]:
    """Read ``ts_seen``, i8[n] ns UTC."""
    try:
        stamps = parse_times(RawTable(table.name, table.frame.rename({"ts_seen": "time"}), table.first_row), rule)
    except DataError as error:
        where = error.where.replace("field time", "field ts_seen")
        raise DataError(error.what, where=where, fix=error.fix) from error
    if stamps.is_date:
        what = "a date does not say when a forecast could be known"
        raise DataError(what, where=table.place(0, "ts_seen"), fix="Write the time of day, with its zone.")
    return stamps.values


def _column(table: RawTable, name: str) -> NDArray[np.float64]:
    """Read one column of numbers, f8[n]; NaN where a cell is empty."""
    column = table.frame[name]
    if column.dtype == pl.String:
        column = column.str.strip_chars().replace("", None)
    numbers = column.cast(pl.Float64, strict=False)
    bad = (numbers.is_null() & column.is_not_null()).arg_true()
    if len(bad):
        what = f"'{table.frame[name][int(bad[0])]}' is not a number"
        raise DataError(what, where=table.place(int(bad[0]), name), fix="Correct the cell, or remove the row.")
    return numbers.fill_null(np.nan).to_numpy().astype(np.float64)


def _values(table: RawTable) -> NDArray[np.float64]:
    """Read and check the numbers, f8[4, n]; probabilities that are not given are what the others leave."""
    values = np.full((len(_VALUES), len(table.frame)), np.nan)
    if WEIGHT in table.frame.columns:
        values[-1] = _column(table, WEIGHT)
        _check_range(table, WEIGHT, values[-1])
        return values
    given = [name for name in _VALUES if name in table.frame.columns]
    for name in given:
        values[_VALUES.index(name)] = _column(table, name)
        _check_range(table, name, values[_VALUES.index(name)])
    up, down, flat, _ = values
    if "p_flat" not in given:
        flat[:] = 0.0 if "p_down" not in given else np.maximum(1.0 - up - down, 0.0)
    if "p_down" not in given:
        down[:] = 1.0 - up - flat
    total = up + down + flat
    off = np.flatnonzero((np.abs(total - 1.0) > TOLERANCE) | (down < -TOLERANCE))
    if len(off):
        row = int(off[0])
        what = f"the probabilities add up to {total[row] - min(down[row], 0.0):.9g}, not to 1"
        names = ", ".join(name for name in _PROBABILITIES if name in given)
        raise DataError(what, where=table.place(row, names), fix="Correct the row.")
    np.clip(values[:3], 0.0, 1.0, out=values[:3])
    return values


def _check_range(table: RawTable, name: str, values: NDArray[np.float64]) -> None:
    """Probabilities lie between 0 and 1; an expected return is finite or not given."""
    if name in _PROBABILITIES:
        bad = np.flatnonzero(~((values >= 0.0) & (values <= 1.0 + TOLERANCE)))
        what = "is not a probability between 0 and 1"
    else:
        bad = np.flatnonzero(np.isinf(values))
        what = "is not finite"
    if len(bad):
        row = int(bad[0])
        value = "an empty cell" if np.isnan(values[row]) else repr(float(values[row]))
        raise DataError(f"{value} {what}", where=table.place(row, name), fix="Correct the row, or remove it.")


def _check_order(table: RawTable, symbol: str, rows: NDArray[np.int64], stamps: NDArray[np.int64]) -> None:
    """Refuse times of one symbol that do not ascend: of two known at the same time neither is the newest."""
    bad = np.flatnonzero(np.diff(stamps) <= 0)
    if len(bad) == 0:
        return
    at = int(bad[0]) + 1
    repeats = stamps[at] == stamps[at - 1]
    earlier = f"row {int(rows[at - 1]) + table.first_row}"
    what = f"{symbol}: the same time as {earlier}" if repeats else f"{symbol}: earlier than {earlier}"
    fix = "Keep one of them." if repeats else "Sort the file by symbol and ts_seen."
    raise DataError(what, where=table.place(int(rows[at]), "ts_seen"), fix=fix)
