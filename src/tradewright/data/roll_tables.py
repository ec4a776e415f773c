"""What a roll rule is told: contracts and daily figures, from files and from stored bars, and the days of trade.

Trading days are called by their dates as the exchange calls them: Monday's may begin on Sunday evening.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from tradewright.core.types.bar import Bars
from tradewright.core.types.calendar import Calendar
from tradewright.core.types.errors import DataError, UsageError
from tradewright.data.dated_tables import date_of, day_number, number_of, read_table
from tradewright.data.rolls import Contract, Days
from tradewright.data.sessions import sessions_between, sessions_name
from tradewright.data.timeframe import DAY
from tradewright.data.times import called_days

#: Days looked back from the first contract's last one: more than any roll lies before it.
_BEFORE = 400


def read_contracts(path: Path) -> tuple[Contract, ...]:
    """Read a CSV or Parquet file with the columns ``symbol`` and ``last_day`` (a date); return it in order of expiry.

    Raises
    ------
    UsageError
        If the file does not exist or is of another type.
    DataError
        If a column or all rows are missing, or a cell cannot be read; names file, row and field.
    """
    text = read_table(path, ("symbol", "last_day"))
    if len(text) == 0:
        raise DataError("the file has column names but no rows", where=path.name, fix="Give a row for each contract.")
    rows = zip(text.parse("symbol", str), text.parse("last_day", date_of), strict=True)
    return tuple(sorted((Contract(symbol, day_number(day)) for symbol, day in rows), key=lambda c: c.last_day))


def read_figures(path: Path, column: str) -> pl.DataFrame:
    """Read a CSV or Parquet file with the columns ``symbol``, ``date`` and ``volume`` or ``open_interest``.

    Returns
    -------
    DataFrame
        ``symbol``, ``day`` (days since 1970) and the column, as `rolls.roll_schedule` takes them; raises as
        `read_contracts` does.
    """
    text = read_table(path, ("symbol", "date", column))
    days = [day_number(day) for day in text.parse("date", date_of)]
    return pl.DataFrame({"symbol": text.parse("symbol", str), "day": days, column: text.parse(column, number_of)})


def daily_volume(contracts: Iterable[Bars], calendar: Calendar) -> pl.DataFrame:
    """Return the volume of each contract on each trading day: ``symbol``, ``day``, ``volume``."""
    parts = [pl.DataFrame(schema={"symbol": pl.String(), "day": pl.Int64(), "volume": pl.Float64()})]
    for bars in contracts:
        days = called_days(bars.ts_open, calendar)
        table = pl.DataFrame({"symbol": bars.instrument, "day": days, "volume": bars.volume})
        parts.append(table.group_by("symbol", "day", maintain_order=True).agg(pl.col("volume").sum()))
    return pl.concat(parts)


def trading_days(contracts: Sequence[Contract], calendar: Calendar) -> Days:
    """Return the exchange's trading days until the last contract's last one, i8[k] days since 1970.

    Raises
    ------
    UsageError
        If the calendar's sessions are not known, or not that far into the future.
    """
    name = sessions_name(calendar)
    if not name:
        what = f"the trading days of '{calendar.name}' are not known"
        raise UsageError(what, where="calendar", fix="Name an exchange, for example --calendar CMES.")
    first, last = contracts[0].last_day - _BEFORE, contracts[-1].last_day
    sessions = sessions_between(name, first * DAY, (last + 1) * DAY)
    days = sessions.days[~sessions.is_optional]
    return days[(days >= first) & (days <= last)]
