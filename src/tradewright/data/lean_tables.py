"""Factor and map files as LEAN (QuantConnect) keeps them, into tables of actions and of symbols.

Formats: https://www.quantconnect.com/docs/v2/lean-engine/contributions/datasets/key-concepts (US equity security
master). A factor file has the lines ``date,price_factor,split_factor,reference_price``: the factors hold up to and
including the date. A map file has ``date,ticker[,exchange]``: the ticker holds up to and including the date, the first
line's date being the first day of data.
"""

from __future__ import annotations

import csv
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

from tradewright.core.types.errors import DataError, UsageError
from tradewright.data.actions import DIVIDEND, SPLIT, Actions, actions_of
from tradewright.data.dated_tables import date_of, day_number, number_of
from tradewright.data.symbols import Symbols, SymbolSpan, symbols_of
from tradewright.data.timeframe import DAY

_SATURDAY = 5
#: LEAN's date for "until today".
_OPEN_END = date(2050, 12, 31)
#: Factors have seven decimals; two that differ by less say the same.
_ROUNDING = 1e-9


def read_factor_file(path: Path, symbol: str) -> Actions:
    """Return the splits and dividends that a factor file implies.

    The file does not say when an action was announced: ``known_from`` is the start (UTC) of the day it takes effect,
    which is later than it really was, and never too early. The day is the next weekday after the line's date; where
    that is a holiday no bar lies between, so that nothing depends on it. A dividend's amount is worked out from the
    factors and the reference price, and good to the seven decimals of the file.

    Raises
    ------
    UsageError
        If the file does not exist.
    DataError
        If a line breaks a rule; names file, row and field.
    """
    lines = _lines(path, 3)
    rows: list[dict[str, object]] = []
    parsed = [_factors(path, number, line) for number, line in enumerate(lines, start=1)]
    for number, (one, two) in enumerate(pairwise(parsed), start=2):
        if two[0] <= one[0]:
            where = f"{path.name}, row {number}, field date"
            raise DataError("the dates do not ascend", where=where, fix="Sort the file.")
        day = _next_weekday(one[0])
        about = {"symbol": symbol, "ex_day": day_number(day), "known_from": day_number(day) * DAY}
        split, price = two[2] / one[2], one[1] / two[1]
        if abs(split - 1.0) > _ROUNDING:
            rows.append(about | {"kind": SPLIT, "value": _split_ratio(one[2], two[2])})
        if abs(price - 1.0) > _ROUNDING:
            if one[3] <= 0:
                where = f"{path.name}, row {number - 1}, field reference_price"
                raise DataError("a dividend without a price", where=where, fix="Use a factor file with prices.")
            rows.append(about | {"kind": DIVIDEND, "value": one[3] * (1.0 - price), "reference": one[3]})
    return actions_of(rows)


def _factors(path: Path, number: int, line: list[str]) -> tuple[date, float, float, float]:
    names = ("date", "price_factor", "split_factor", "reference_price")
    cells = [*line, "0"][:4]
    field = names[0]
    try:
        day = date_of(cells[0])
        values = []
        for field, cell in zip(names[1:], cells[1:], strict=True):
            values.append(number_of(cell))
            if field != names[3] and values[-1] <= 0:
                msg = f"'{cell}' is not a factor above zero"
                raise ValueError(msg)
    except ValueError as error:
        where = f"{path.name}, row {number}, field {field}"
        raise DataError(str(error), where=where, fix="Correct the line.") from error
    return day, values[0], values[1], values[2]


def _split_ratio(before: float, after: float) -> float:
    """Return the simple ratio two factors of seven decimals stand for: 0.25 / 0.0357143 is 7, else the quotient."""
    ratio = after / before
    slack = 1e-7 * (1.0 / before + 1.0 / after)
    for below in (1, 2, 3, 4, 5, 10, 20, 25, 50, 100):
        for over, under in ((round(ratio * below), below), (below, round(below / ratio))):
            if over and under and abs(over / under / ratio - 1.0) <= slack:
                return over / under
    return ratio


def read_map_file(path: Path, permanent_id: str) -> Symbols:
    """Return the symbols that a map file gives one security.

    Raises
    ------
    UsageError
        If the file does not exist.
    DataError
        If a line breaks a rule; names file, row and field.
    """
    lines = _lines(path, 2)
    spans: list[SymbolSpan] = []
    begin: int | None = None
    for number, line in enumerate(lines, start=1):
        try:
            day = date_of(line[0])
        except ValueError as error:
            where = f"{path.name}, row {number}, field date"
            raise DataError(str(error), where=where, fix="Correct the line.") from error
        if begin is None:
            begin = day_number(day) * DAY
            continue
        end = None if day >= _OPEN_END else (day_number(day) + 1) * DAY
        spans.append(SymbolSpan(permanent_id, line[1].strip().upper(), begin, end))
        if end is None:
            break
        begin = end
    return symbols_of(spans, path.name)


def _lines(path: Path, least: int) -> list[list[str]]:
    if not path.is_file():
        raise UsageError("no such file", where=str(path), fix="Check the path.")
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            lines = [line for line in csv.reader(stream) if line]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read: {error}", where=path.name, fix="Get the file again.") from error
    for number, line in enumerate(lines, start=1):
        if len(line) < least:
            what = f"the line has {len(line)} fields, not {least} or more"
            raise DataError(what, where=f"{path.name}, row {number}, field {len(line) + 1}", fix="Correct the line.")
    if len(lines) < 2:
        raise DataError("the file has fewer than two lines", where=path.name, fix="Get the file again.")
    return lines


def _next_weekday(day: date) -> date:
    day += timedelta(days=1)
    while day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
    return day
