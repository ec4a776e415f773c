"""Splits and dividends as a point-in-time table: what happened, from which day on, and since when it was known.

Prices are stored raw. A row of this table never changes: a correction is a new row with a later ``known_from``, and a
reader as of some moment uses, for each action, the newest row known by then. What becomes known later can therefore
not change what an earlier reader sees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from tradewright.core.types.errors import DataError, StoreError
from tradewright.data.dated_tables import (
    TextTable,
    date_of,
    day_number,
    ns_of,
    number_of,
    read_stored,
    read_table,
    write_table,
)

SPLIT, DIVIDEND = "split", "dividend"
KINDS = (SPLIT, DIVIDEND)
#: Name of the table beside the store's folders of data.
FILE = "actions.parquet"
_SCHEMA: dict[str, pl.DataType] = {
    "symbol": pl.String(),
    "ex_day": pl.Int64(),
    "kind": pl.String(),
    "label": pl.String(),
    "value": pl.Float64(),
    "reference": pl.Float64(),
    "known_from": pl.Int64(),
}
_KEY = ("symbol", "ex_day", "kind", "label")
_Place = Callable[[int, str], str]
_NEEDED = ("symbol", "ex_date", "kind", "value", "known_from")


@dataclass(frozen=True, slots=True)
class Actions:
    """Actions of any number of symbols.

    Parameters
    ----------
    frame : polars.DataFrame
        ``symbol``; ``ex_day``, the first trading day without the right (days since 1970); ``kind``, split or
        dividend; ``label``, tells apart two of a kind on one day, such as ``special`` (else empty); ``value``, new
        shares for one old share, or cash a share before any adjustment (0 dividend or 1 split: it was called off);
        ``reference``, the close that a dividend's factor is taken from (NaN: the last raw close before ``ex_day``);
        ``known_from``, ns UTC. Sorted by all of these.
    """

    frame: pl.DataFrame

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.frame)

    def known_at(self, as_of_ns: int) -> Actions:
        """Return what a reader at ``as_of_ns`` (ns UTC) knows: of each action the newest version."""
        seen = self.frame.filter(pl.col("known_from") <= as_of_ns)
        return Actions(seen.unique(_KEY, keep="last", maintain_order=True))

    def of(self, symbol: str) -> Actions:
        """Return the rows of one symbol."""
        return Actions(self.frame.filter(pl.col("symbol") == symbol))


def no_actions() -> Actions:
    """Return an empty table."""
    return Actions(pl.DataFrame(schema=_SCHEMA))


def actions_of(rows: Sequence[dict[str, object]]) -> Actions:
    """Return a table from rows with the columns of `Actions.frame`; ``label`` and ``reference`` may be absent.

    Raises
    ------
    DataError
        If a row breaks a rule; names it.
    """
    filled = [{"label": "", "reference": np.nan} | row for row in rows]
    table = pl.DataFrame(filled, schema=_SCHEMA) if filled else pl.DataFrame(schema=_SCHEMA)
    return _checked(table, lambda index, field: f"actions, row {index + 1}, field {field}")


def read_actions(path: Path) -> Actions:
    """Read actions from a CSV or Parquet file.

    Columns: ``symbol``; ``ex_date`` (a date); ``kind`` (split or dividend); ``value`` (new shares for one old one, or
    cash a share); ``known_from`` (a date, which is its midnight UTC, or a time with its offset); optionally ``label``
    and ``reference``. See `Actions`.

    Raises
    ------
    UsageError
        If the file does not exist or is of another type.
    DataError
        If a column is missing or a row breaks a rule; names file, row and field.
    """
    text = read_table(path, _NEEDED, ("label", "reference"))
    return _checked(_parsed(text), text.place)


def _parsed(text: TextTable) -> pl.DataFrame:
    columns = {
        "symbol": text.parse("symbol", str),
        "ex_day": [day_number(day) for day in text.parse("ex_date", date_of)],
        "kind": [kind.lower() for kind in text.parse("kind", str)],
        "label": text.parse("label", str, ""),
        "value": text.parse("value", number_of),
        "reference": text.parse("reference", number_of, np.nan),
        "known_from": text.parse("known_from", ns_of),
    }
    return pl.DataFrame(columns, schema=_SCHEMA)


def _checked(frame: pl.DataFrame, place: _Place) -> Actions:
    """Refuse rows that break a rule; return the rest in order."""
    rules = (
        ("symbol", pl.col("symbol") == "", "the symbol is missing"),
        ("kind", ~pl.col("kind").is_in(KINDS), f"is not a kind of action; allowed: {', '.join(KINDS)}"),
        ("value", ~pl.col("value").is_finite(), "is not a finite number"),
        ("value", (pl.col("kind") == SPLIT) & (pl.col("value") <= 0), "is not a ratio above zero"),
        ("value", (pl.col("kind") == DIVIDEND) & (pl.col("value") < 0), "is not an amount; it is below zero"),
        ("reference", pl.col("reference") <= 0, "is not a price above zero"),
        ("known_from", pl.struct(*_KEY, "known_from").is_duplicated(), "repeats another row of the same action"),
    )
    for field, is_bad, what in rules:
        bad = frame.select(is_bad.fill_null(value=True)).to_series().arg_true()
        if len(bad):
            index = int(bad[0])
            where = place(index, "ex_date" if field == "ex_day" else field)
            value = frame[field][index]
            raise DataError(f"'{value}' {what}" if value != "" else what, where=where, fix="Correct the row.")
    return Actions(frame.sort(*_KEY, "known_from"))


class ActionStore:
    """The table of actions beside a market-data store.

    Parameters
    ----------
    root : Path
        The store's folder.
    """

    def __init__(self, root: Path) -> None:
        self.path = root / FILE

    def read(self) -> Actions:
        """Return all rows.

        Raises
        ------
        StoreError
            If the file is damaged.
        """
        return Actions(read_stored(self.path, pl.DataFrame(schema=_SCHEMA)))

    def add(self, new: Actions) -> int:
        """Append rows that are not there yet; return how many. All or nothing.

        Raises
        ------
        StoreError
            If a row with the same action and ``known_from`` is there with another value: that would change what
            earlier readers saw. Also if the table cannot be read or written.
        """
        old = self.read().frame
        both = old.join(new.frame, on=[*_KEY, "known_from"], how="inner", suffix="_new")
        same = (pl.col("value") == pl.col("value_new")) & pl.col("reference").eq_missing(pl.col("reference_new"))
        conflict = both.filter(~same)
        if len(conflict):
            row = conflict.row(0, named=True)
            day = np.datetime64(row["ex_day"], "D")
            what = f"the {row['kind']} of {row['symbol']} on {day} is there with {row['value']}, not {row['value_new']}"
            fix = "Give a correction a later known_from; what was known before does not change."
            raise StoreError(what, where=str(self.path), fix=fix)
        added = new.frame.join(old, on=[*_KEY, "known_from"], how="anti")
        if len(added):
            write_table(self.path, pl.concat([old, added]).sort(*_KEY, "known_from"))
        return len(added)
