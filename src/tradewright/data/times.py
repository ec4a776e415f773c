"""Times as files write them, into ns UTC: recognised, never guessed where a guess could be wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.core.types.calendar import Calendar
from tradewright.core.types.errors import DataError, UsageError
from tradewright.data.reading import RawTable
from tradewright.data.timeframe import DAY

_EPOCH_UNITS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
#: Epoch numbers below each bound are in that unit: 1e11 s is the year 5138, 1e11 ms is 1973.
_MAGNITUDES = ((1e11, "s"), (1e14, "ms"), (1e17, "us"), (np.inf, "ns"))

#: Days at either end are left free, so that bars and time zones around a time still fit int64 ns.
_FARTHEST = 106_700 * DAY

_ZONE = r"\s?(?:Z|[+-]\d\d:?\d\d)"
_DATE_SHAPES = (
    (r"\d{4}-\d\d?-\d\d?", "%Y-%m-%d"),
    (r"\d{4}/\d\d?/\d\d?", "%Y/%m/%d"),
    (r"\d{4}\.\d\d?\.\d\d?", "%Y.%m.%d"),
    (r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])", "%Y%m%d"),
)
_CLOCK_SHAPES = ((r"\d\d?:\d\d:\d\d(?:\.\d{1,9})?", "%H:%M:%S%.f"), (r"\d\d?:\d\d", "%H:%M"))


@dataclass(frozen=True, slots=True)
class TimeRule:
    """What is known about a file's times.

    ``time_format`` is a strptime pattern or one of s, ms, us, ns (epoch); empty: recognised. ``timezone`` is
    the IANA zone of times without an offset. ``calendar`` places dates without a time of day.
    """

    time_format: str = ""
    timezone: str = ""
    calendar: Calendar = field(default_factory=Calendar)


@dataclass(frozen=True, slots=True)
class Stamps:
    """Times of all rows, i8[n]: ns UTC, or days since 1970 if ``is_date``; ``form``: how they were read."""

    values: NDArray[np.int64]
    is_date: bool
    form: str


def parse_times(table: RawTable, rule: TimeRule) -> Stamps:
    """Read the ``time`` column of a table.

    Raises
    ------
    UsageError
        If times carry no zone and none was given, or the zone or the format is unknown.
    DataError
        If a time is missing, unreadable, of another form than the first, or does not exist (or exists twice)
        in the given zone; names the row.
    """
    if rule.timezone:
        _check_zone(rule.timezone)
    column = table.frame["time"]
    empty = column.is_null().arg_true()
    if len(empty):
        what = "the time is missing"
        raise DataError(what, where=table.place(int(empty[0]), "time"), fix="Fill it in, or remove the row.")
    dtype = column.dtype
    if isinstance(dtype, pl.Date):
        days = column.cast(pl.Int32).cast(pl.Int64).to_numpy()
        _check_range(table, days, DAY)
        return Stamps(days, is_date=True, form="date")
    if isinstance(dtype, pl.Datetime):
        unit = dtype.time_unit
        _check_range(table, column.to_physical().to_numpy(), _EPOCH_UNITS[unit])
        if dtype.time_zone is not None:
            return Stamps(_ns(column.dt.convert_time_zone("UTC")), is_date=False, form="with time zone")
        return _from_naive(table, column.cast(pl.Datetime("ns")), rule, "without time zone")
    if dtype.is_numeric():
        return _from_numbers(table, column, rule)
    if dtype != pl.String:
        raise DataError(
            f"a column of type {dtype} holds no times",
            where=table.name,
            fix="Name another with --column time=NAME.",
        )
    return _from_text(table, column.str.strip_chars(), rule)


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        what = f"'{name}' is not a time zone"
        raise UsageError(
            what, where="--timezone", fix="Give an IANA name, for example UTC or America/New_York."
        ) from error


def _check_range(table: RawTable, counts: NDArray[np.int64] | NDArray[np.float64], unit: int) -> tuple[float, float]:
    """Refuse times that int64 ns cannot hold; return the least and the greatest, in units of ``unit`` ns as given."""
    low, high = float(counts.min()), float(counts.max())
    if max(-low, high) * unit >= _FARTHEST:
        index = int(np.argmax(np.abs(counts.astype(np.float64)) * unit >= _FARTHEST))
        what = f"'{table.frame['time'][index]}' is outside the years 1678 to 2261"
        fix = "Correct the cell, or give the form with --time-format."
        raise DataError(what, where=table.place(index, "time"), fix=fix)
    return low, high


def _ns(column: pl.Series) -> NDArray[np.int64]:
    return column.cast(pl.Datetime("ns", "UTC")).dt.epoch("ns").to_numpy()


def _from_text(table: RawTable, column: pl.Series, rule: TimeRule) -> Stamps:
    pattern = rule.time_format or _shape(str(column[0]))
    if pattern in _EPOCH_UNITS or pattern == "epoch":
        return _from_numbers(table, column, rule)
    if not pattern:
        what = f"'{column[0]}' is not a time of a form that is recognised"
        fix = "Give its form, for example --time-format '%d.%m.%Y %H:%M:%S'."
        raise DataError(what, where=table.place(0, "time"), fix=fix)
    zoned = "z" in re.findall(r"%[#:]*([a-zA-Z])", pattern)
    zone = "UTC" if zoned else None
    try:
        if zoned:
            _check_offsets(table, column)
        stamps = column.str.to_datetime(_lenient(pattern), time_unit="ns", time_zone=zone, strict=False)
    except pl.exceptions.PolarsError as error:
        reason = str(error).split("\n", 1)[0]
        raise UsageError(
            f"'{pattern}' cannot be used: {reason}", where="--time-format", fix="Use strptime codes."
        ) from error
    bad = stamps.is_null().arg_true()
    if len(bad):
        raise _unreadable(table, column, int(bad[0]), pattern)
    coarse = column.str.to_datetime(_lenient(pattern), time_unit="us", time_zone=zone, strict=False)
    _check_range(table, coarse.dt.epoch("us").to_numpy(), 1_000)
    if zoned:
        return Stamps(_ns(stamps), is_date=False, form=pattern)
    if not re.search(r"%[HITRcXs]", pattern):
        return Stamps(stamps.dt.epoch("ns").to_numpy() // DAY, is_date=True, form=pattern)
    return _from_naive(table, stamps, rule, pattern)


def _shape(value: str) -> str:
    """Return the strptime pattern of one value, ``epoch`` for a number, empty when not recognised."""
    for date, date_pattern in _DATE_SHAPES:
        if re.fullmatch(date, value):
            return date_pattern
        for clock, clock_pattern in _CLOCK_SHAPES:
            match = re.fullmatch(f"{date}([ T]){clock}({_ZONE})?", value)
            if match:
                return date_pattern + match[1] + clock_pattern + ("%z" if match[2] else "")
    return "epoch" if re.fullmatch(r"\d+(\.\d*)?", value) else ""


def _lenient(pattern: str) -> str:
    """Let ``%z`` read ``Z``, ``+01``, ``+0100`` and ``+01:00`` alike."""
    return pattern.replace("%z", "%#z")


def _check_offsets(table: RawTable, column: pl.Series) -> None:
    """Refuse offsets that no single zone has; two an hour apart are winter and summer of one zone."""
    offsets = column.str.extract(r"(Z|[+-]\d\d:?\d\d)$", 1)
    kinds = [str(o) for o in offsets.drop_nulls().unique(maintain_order=True).to_list()]
    minutes = {_offset_minutes(o) for o in kinds}
    if len(minutes) > 2 or (len(minutes) == 2 and max(minutes) - min(minutes) != 60):
        first = _offset_minutes(kinds[0])
        other = next(o for o in kinds if _offset_minutes(o) not in (first, first - 60, first + 60) or len(minutes) > 2)
        index = int((offsets == (kinds[-1] if other == kinds[0] else other)).arg_true()[0])
        what = f"mixed time zones: offset {offsets[index]} after {kinds[0]}"
        raise DataError(what, where=table.place(index, "time"), fix="Write all times in one zone, best in UTC.")


def _offset_minutes(offset: str) -> int:
    if offset == "Z":
        return 0
    sign = -1 if offset[0] == "-" else 1
    return sign * (int(offset[1:3]) * 60 + int(offset[-2:]))


def _unreadable(table: RawTable, column: pl.Series, index: int, pattern: str) -> DataError:
    value, first = str(column[index]), str(column[0])
    where = table.place(index, "time")
    if index == 0:
        what = f"'{value}' is not a time of the form {pattern}"
        return DataError(what, where=where, fix="Correct the cell, or give the form with --time-format.")
    has_zone, expects_zone = bool(re.search(_ZONE + "$", value)) and ":" in value, "z" in pattern
    if ":" in first and ":" in value and has_zone != expects_zone:
        with_zone, without = (value, first) if has_zone else (first, value)
        what = f"mixed time zones: '{with_zone}' has an offset, '{without}' has none"
        return DataError(what, where=where, fix="Write all times in one zone, with or without offset throughout.")
    what = f"'{value}' is not a time of the form {pattern} (as '{first}' in the first row)"
    return DataError(what, where=where, fix="Correct the cell, or give the form with --time-format.")


def _from_numbers(table: RawTable, column: pl.Series, rule: TimeRule) -> Stamps:
    """Read epoch times; the unit is given or follows from the size of the first."""
    exact = column.cast(pl.Int64, strict=False) if not column.dtype.is_float() else column.cast(pl.Float64)
    if exact.null_count():  # not all whole numbers
        exact = column.cast(pl.Float64, strict=False)
    bad = exact.is_null() if not exact.dtype.is_float() else exact.is_null() | ~exact.is_finite().fill_null(value=False)
    if bad.any():
        index = int(bad.arg_true()[0])
        what = f"'{column[index]}' is not an epoch time"
        raise DataError(what, where=table.place(index, "time"), fix="Correct the cell, or remove the row.")
    unit = rule.time_format if rule.time_format in _EPOCH_UNITS else _unit_of(float(exact[0]))
    numbers = exact.to_numpy()
    low, high = _check_range(table, numbers, _EPOCH_UNITS[unit])
    if not rule.time_format and not (low >= 0 and _unit_of(low) == unit == _unit_of(high)):
        size = np.abs(numbers.astype(np.float64))
        bounds = [0.0, *(bound for bound, _ in _MAGNITUDES)]
        place = [name for _, name in _MAGNITUDES].index(unit)
        odd = np.flatnonzero((size < bounds[place]) | (size >= bounds[place + 1]))
        if len(odd):
            index = int(odd[0])
            what = f"'{column[index]}' is not of the size of the first time, '{column[0]}' (epoch {unit})"
            fix = "Correct the cell, or give --time-format s, ms, us or ns."
            raise DataError(what, where=table.place(index, "time"), fix=fix)
    if exact.dtype.is_float():
        # A double holds seconds to about 0.2 us; anything finer would be noise.
        micro = np.rint(exact.to_numpy() * (_EPOCH_UNITS[unit] / 1000))
        return Stamps(micro.astype(np.int64) * 1000, is_date=False, form=f"epoch {unit}")
    return Stamps(exact.to_numpy() * _EPOCH_UNITS[unit], is_date=False, form=f"epoch {unit}")


def _unit_of(value: float) -> str:
    return next(unit for bound, unit in _MAGNITUDES if abs(value) < bound)


def _from_naive(table: RawTable, naive: pl.Series, rule: TimeRule, form: str) -> Stamps:
    """Place times without an offset: all midnights are dates, others need the zone they are in."""
    local = naive.dt.epoch("ns").to_numpy()
    if not rule.timezone:
        if not np.any(local % DAY):
            return Stamps(local // DAY, is_date=True, form=form)
        what = f"times such as '{naive[0]}' carry no time zone"
        fix = "Say which zone they are in, for example --timezone UTC or --timezone America/New_York."
        raise UsageError(what, where=table.name, fix=fix)
    placed = naive.dt.replace_time_zone(rule.timezone, ambiguous="null", non_existent="null")
    bad = placed.is_null().arg_true()
    if len(bad):
        index = int(bad[0])
        one = naive.slice(index, 1)
        twice = not one.dt.replace_time_zone(rule.timezone, ambiguous="earliest", non_existent="null").has_nulls()
        problem = "happens twice" if twice else "does not exist"
        what = f"'{naive[index]}' {problem} in {rule.timezone} (the clock changes)"
        fix = "Write the times in UTC or with an offset, or check that --timezone is right."
        raise DataError(what, where=table.place(index, "time"), fix=fix)
    return Stamps(_ns(placed.dt.convert_time_zone("UTC")), is_date=False, form=f"{form} in {rule.timezone}")


def day_bounds(days: NDArray[np.int64], length: int, calendar: Calendar) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return start and end (ns UTC, i8[n]) of bars dated by trading day and ``length`` days long.

    A calendar whose day starts at noon or later names the day after the date it starts on: Monday's FX day
    starts on Sunday at 17:00. Days are as long as the clock says: 23 or 25 hours when it changes.
    """
    if len(days) == 0:
        return days.copy(), days.copy()
    starts = calendar.day_starts((int(days.min()) - 3) * DAY, (int(days.max()) + length + 3) * DAY)
    numbers = calendar.day_numbers(starts).astype(np.int64)
    first = days - 1 if names_next_day(calendar) else days
    return starts[np.searchsorted(numbers, first)], starts[np.searchsorted(numbers, first + length)]


def called_days(ts: NDArray[np.int64], calendar: Calendar) -> NDArray[np.int64]:
    """Return for each time (ns UTC, ascending) the date its trading day is called by, i8[n] days since 1970."""
    return calendar.day_numbers(ts).astype(np.int64) + int(names_next_day(calendar))


def names_next_day(calendar: Calendar) -> bool:
    """Return whether a trading day is called by the date after the one it starts on."""
    return calendar.day_start.hour >= 12


def moment_ns(text: str, zone: str = "UTC") -> int:
    """Return a date or time as people give it, such as ``2020-01-31`` or ``2020-01-31 14:30``, in ns UTC.

    ``zone`` holds for times without an offset.

    Raises
    ------
    UsageError
        If it is not an ISO 8601 date or time.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        what = f"'{text}' is not a date or time"
        raise UsageError(what, fix="Write it like 2020-01-31 or 2020-01-31 14:30:00+00:00.") from error
    if moment.tzinfo is None:
        _check_zone(zone)
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
