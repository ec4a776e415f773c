"""Symbols change, securities stay: which symbol a permanent id had at a moment, and the other way round."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tradewright.core.types.errors import UsageError
from tradewright.data.dated_tables import ns_of, read_stored, read_table, write_table
from tradewright.data.universe import check_spans, open_ends

_SCHEMA: dict[str, pl.DataType] = {
    "permanent_id": pl.String(),
    "symbol": pl.String(),
    "begin": pl.Int64(),
    "end": pl.Int64(),
}


@dataclass(frozen=True, slots=True)
class SymbolSpan:
    """``permanent_id`` was called ``symbol`` within ``[begin, end)``, ns UTC; None: still."""

    permanent_id: str
    symbol: str
    begin: int
    end: int | None = None

    def holds_at(self, at_ns: int) -> bool:
        """Return whether the span covers a moment."""
        return self.begin <= at_ns and (self.end is None or at_ns < self.end)


@dataclass(frozen=True, slots=True)
class Symbols:
    """The names of securities over time, in order of id and time; see `symbols_of`."""

    spans: tuple[SymbolSpan, ...]

    def symbol_at(self, permanent_id: str, at_ns: int) -> str | None:
        """Return the symbol of a security at a moment, None where it had none.

        Raises
        ------
        UsageError
            If the id is unknown.
        """
        own = [s for s in self.spans if s.permanent_id == permanent_id]
        if not own:
            known = ", ".join(sorted({s.permanent_id for s in self.spans})[:10])
            raise UsageError(f"unknown id '{permanent_id}'", where="symbols", fix=f"The table has: {known}.")
        return next((s.symbol for s in own if s.holds_at(at_ns)), None)

    def id_at(self, symbol: str, at_ns: int) -> str | None:
        """Return the security that had a symbol at a moment, None where no one had."""
        return next((s.permanent_id for s in self.spans if s.symbol == symbol and s.holds_at(at_ns)), None)

    def history(self, permanent_id: str) -> tuple[SymbolSpan, ...]:
        """Return all names of a security, oldest first."""
        return tuple(s for s in self.spans if s.permanent_id == permanent_id)

    def with_names_of(self, other: Symbols) -> Symbols:
        """Return a table in which the securities of another have the names they have there."""
        theirs = {s.permanent_id for s in other.spans}
        return symbols_of([*(s for s in self.spans if s.permanent_id not in theirs), *other.spans])

    def write(self, path: Path) -> None:
        """Write the table as Parquet, whole or not at all; raises StoreError if it cannot be written."""
        rows = [(s.permanent_id, s.symbol, s.begin, s.end) for s in self.spans]
        write_table(path, pl.DataFrame(rows, schema=_SCHEMA, orient="row"))


def symbols_path(store: Path) -> Path:
    """Return where a market-data store keeps its table of names."""
    return store / "symbols.parquet"


def stored_symbols(path: Path) -> Symbols:
    """Return what `Symbols.write` wrote, an empty table where there is nothing; raises StoreError if it is damaged."""
    rows = read_stored(path, pl.DataFrame(schema=_SCHEMA)).iter_rows()
    return symbols_of(SymbolSpan(*row) for row in rows)


def symbols_of(spans: Iterable[SymbolSpan], name: str = "symbols") -> Symbols:
    """Return a table from its rows.

    Raises
    ------
    DataError
        If a span ends before it begins, or a security has two symbols, or a symbol two securities, at one time.
    """
    given = list(spans)
    places = [f"{name}, row {number}" for number in range(1, len(given) + 1)]
    for key in ("permanent_id", "symbol"):
        check_spans([(getattr(s, key), s.begin, s.end) for s in given], places)
    return Symbols(tuple(sorted(given, key=lambda s: (s.permanent_id, s.begin))))


def read_symbols(path: Path) -> Symbols:
    """Read a CSV or Parquet file with the columns ``id``, ``symbol``, ``from`` and optionally ``to``.

    ``from`` and ``to`` are dates (their midnight UTC) or times with an offset; ``to`` is the first moment at which the
    symbol no longer holds, empty while it does.

    Raises
    ------
    UsageError
        If the file does not exist or is of another type.
    DataError
        If a row breaks a rule; names file, row and field.
    """
    text = read_table(path, ("id", "symbol", "from"), ("to",))
    ids, names = text.parse("id", str), text.parse("symbol", str)
    rows = zip(ids, names, text.parse("from", ns_of), open_ends(text, "to"), strict=True)
    spans = [SymbolSpan(*row) for row in rows]
    places = [text.place(number, "from") for number in range(len(spans))]
    for key in ("permanent_id", "symbol"):
        check_spans([(getattr(s, key), s.begin, s.end) for s in spans], places)
    return Symbols(tuple(sorted(spans, key=lambda s: (s.permanent_id, s.begin))))
