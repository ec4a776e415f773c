"""The universe as a dated membership table: who belonged at a moment, never who belongs today."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

import polars as pl

from tradewright.core.types.errors import DataError
from tradewright.data.dated_tables import TextTable, ns_of, read_stored, read_table, write_table

_SCHEMA: dict[str, pl.DataType] = {
    "symbol": pl.String(),
    "begin": pl.Int64(),
    "end": pl.Int64(),
    "source": pl.String(),
}


#: Under which name evidence keeps the badge, beside the configuration.
SURVIVORSHIP = "survivorship"


class Survivorship(StrEnum):
    """What can be said about survivorship bias; a badge of reports."""

    DATED = "DATED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Membership:
    """``symbol`` belonged within ``[begin, end)``, ns UTC; None: still. ``source`` says who says so."""

    symbol: str
    begin: int
    end: int | None
    source: str

    def holds_at(self, at_ns: int) -> bool:
        """Return whether the span covers a moment."""
        return self.begin <= at_ns and (self.end is None or at_ns < self.end)


@dataclass(frozen=True, slots=True)
class Universe:
    """Memberships in order of symbol and time; a symbol may leave and come back."""

    name: str
    memberships: tuple[Membership, ...]

    def members(self, at_ns: int) -> tuple[str, ...]:
        """Return the symbols that belonged at a moment (ns UTC), in alphabetical order."""
        return tuple(m.symbol for m in self.memberships if m.holds_at(at_ns))

    def ever(self) -> tuple[str, ...]:
        """Return every symbol that ever belonged: what must be loaded for a run without survivorship bias."""
        return tuple(sorted({m.symbol for m in self.memberships}))

    def write(self, path: Path) -> None:
        """Write the table as Parquet, whole or not at all; raises StoreError if it cannot be written."""
        rows = [(m.symbol, m.begin, m.end, m.source) for m in self.memberships]
        write_table(path, pl.DataFrame(rows, schema=_SCHEMA, orient="row"))


def universe_path(store: Path, name: str) -> Path:
    """Return where a market-data store keeps the table of this name."""
    return store / "universes" / f"{name}.parquet"


def stored_universe(path: Path) -> Universe | None:
    """Return what `Universe.write` wrote, None where there is nothing; raises StoreError if it is damaged."""
    if not path.is_file():
        return None
    rows = read_stored(path, pl.DataFrame(schema=_SCHEMA)).iter_rows()
    return universe_of((Membership(*row) for row in rows), path.stem)


def survivorship(universe: Universe | None, symbols: Sequence[str], at_ns: int) -> Survivorship:
    """Return the badge of a run: DATED only if a universe table covers every symbol and begins by the run's start.

    Without a table nobody can say whether the symbols were chosen because they survived.

    Parameters
    ----------
    universe : Universe or None
        The table the run's symbols were taken from.
    symbols : sequence of str
        What the run trades.
    at_ns : int
        Start of the run, ns UTC.
    """
    if universe is None or not universe.memberships:
        return Survivorship.UNKNOWN
    is_covered = min(m.begin for m in universe.memberships) <= at_ns and set(symbols) <= set(universe.ever())
    return Survivorship.DATED if is_covered else Survivorship.UNKNOWN


def universe_of(memberships: Iterable[Membership], name: str = "universe") -> Universe:
    """Return a table from its rows.

    Raises
    ------
    DataError
        If a span ends before it begins, or two spans of a symbol overlap.
    """
    given = list(memberships)
    places = [f"{name}, row {number}" for number in range(1, len(given) + 1)]
    check_spans([(m.symbol, m.begin, m.end) for m in given], places)
    return Universe(name, tuple(sorted(given, key=lambda m: (m.symbol, m.begin))))


def read_universe(path: Path) -> Universe:
    """Read a CSV or Parquet file with the columns ``symbol``, ``from``, ``source`` and optionally ``to``.

    ``from`` and ``to`` are dates (their midnight UTC) or times with an offset; ``to`` is the first moment at which the
    symbol no longer belongs, empty while it does.

    Raises
    ------
    UsageError
        If the file does not exist or is of another type.
    DataError
        If a row breaks a rule; names file, row and field.
    """
    text = read_table(path, ("symbol", "from", "source"), ("to",))
    symbols, sources = text.parse("symbol", str), text.parse("source", str)
    begins = text.parse("from", ns_of)
    ends = open_ends(text, "to")
    rows = zip(symbols, begins, ends, sources, strict=True)
    memberships = [Membership(*row) for row in rows]
    places = [text.place(number, "from") for number in range(len(memberships))]
    check_spans([(m.symbol, m.begin, m.end) for m in memberships], places)
    name = path.name.split(".", 1)[0]
    return Universe(name, tuple(sorted(memberships, key=lambda m: (m.symbol, m.begin))))


def open_ends(text: TextTable, field: str) -> list[int | None]:
    """Return a column of ends, ns UTC; None where a cell is empty or the column absent."""
    cells = text.columns.get(field, [""] * len(text))
    found = text.parse(field, ns_of, 0)
    return [end if cell else None for cell, end in zip(cells, found, strict=True)]


def check_spans(spans: Sequence[tuple[str, int, int | None]], places: Sequence[str]) -> None:
    """Refuse spans ``(key, begin, end)`` that end before they begin, or overlap another of the same key.

    Raises
    ------
    DataError
        Names the place of the (later) row.
    """
    for (key, begin, end), place in zip(spans, places, strict=True):
        if end is not None and end <= begin:
            raise DataError(f"{key} ends before it begins", where=place, fix="Correct the dates.")
    order = sorted(range(len(spans)), key=lambda k: (spans[k][0], spans[k][1]))
    for one, two in pairwise(order):
        until = spans[one][2]
        if spans[one][0] == spans[two][0] and (until is None or spans[two][1] < until):
            what = f"{spans[two][0]} begins while an earlier row of it still holds ({places[one]})"
            raise DataError(what, where=places[two], fix="End the earlier row first, or remove one.")
