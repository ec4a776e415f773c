"""Questions over many instruments and years that never hold all rows in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

import polars as pl

from tradewright.core.types.errors import DataError, UsageError
from tradewright.data.catalogue import Dataset
from tradewright.data.kinds import LAYOUTS, Kind, schema
from tradewright.data.store import BarStore

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def scan(
    store: BarStore,
    symbols: Sequence[str],
    timeframe: str,
    start: int | None = None,
    end: int | None = None,
    columns: Sequence[str] = (),
    kind: Kind = Kind.BARS,
) -> pl.LazyFrame:
    """Return rows of many instruments as a lazy frame over the partition files.

    Nothing is read until it is collected; ``collect(engine="streaming")`` and ``sink_parquet`` read in batches, and
    only the partitions, columns and row groups that are needed.

    Parameters
    ----------
    store : BarStore
        A Parquet store.
    symbols : sequence of str
        Instruments; their rows follow one another in this order, each in order of time.
    timeframe : str
        As `data.timeframe` names it.
    start, end : int, optional
        Rows wholly within, ns UTC.
    columns : sequence of str
        Columns of `data.kinds.schema` and ``symbol``; empty: ``symbol`` and all.
    kind : Kind
        Bars, quotes or trades.

    Raises
    ------
    UsageError
        If a symbol or a column does not exist, or none was named.
    """
    if not symbols:
        raise UsageError("no instrument was named", where=store.place, fix="Name one or more.")
    allowed = ("symbol", *schema(kind))
    for name in columns:
        if name not in allowed:
            raise UsageError(f"there is no column '{name}'", where=kind.value, fix=f"Allowed: {', '.join(allowed)}.")
    parts = [_scan_one(store, store.describe(s, timeframe, kind), start, end) for s in symbols]
    whole = pl.concat(parts)
    return whole.select(list(columns)) if columns else whole


def _scan_one(store: BarStore, dataset: Dataset, start: int | None, end: int | None) -> pl.LazyFrame:
    layout, wanted = LAYOUTS[dataset.kind], schema(dataset.kind)
    files = store.files(dataset, start, end)
    if files:
        frame = pl.scan_parquet(files, schema=wanted, missing_columns="insert", glob=False)
    else:
        frame = pl.LazyFrame(schema=wanted)
    if start is not None:
        frame = frame.filter(pl.col("ts_open") >= start)
    if end is not None:
        frame = frame.filter(pl.col("ts_event") <= end)
    filled = [pl.col(n).fill_null(layout.defaults[n]) if n in layout.defaults else pl.col(n) for n in wanted]
    return frame.select(pl.lit(dataset.symbol).alias("symbol"), *filled)


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """What a query may use: memory in MB (more goes to disk), threads."""

    memory_mb: int = 1024
    threads: int = 2


class SqlView:
    """A read-only SQL database over the store: one view a kind (``bars``, ``quotes``, ``trades``).

    Columns: ``symbol``, ``timeframe``, ``ts`` (``ts_open`` as a TIMESTAMP with ns), and those of `data.kinds.schema`.
    DuckDB reads the partition files as it needs them; nothing is copied. Only SELECT is let through; other
    files and the network are out of reach.

    Parameters
    ----------
    store : BarStore
        A Parquet store.
    limits : QueryLimits
        Memory and threads.
    """

    def __init__(self, store: BarStore, limits: QueryLimits | None = None) -> None:
        self.store = store
        self.limits = limits or QueryLimits()
        self._connection = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def columns_and_rows(
        self, sql: str, batch_rows: int = 10_000
    ) -> tuple[tuple[str, ...], Iterator[tuple[object, ...]]]:
        """Run one SELECT; return the names of its columns and its rows, fetched in batches.

        Raises
        ------
        UsageError
            If it is not one SELECT, or DuckDB does not understand it.
        DataError
            If it fails while it runs.
        """
        import duckdb  # noqa: PLC0415 -- only those who ask in SQL need it

        try:
            statements = self._connection.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                fix = 'Ask for example "select symbol, count(*) from bars group by symbol".'
                raise UsageError("only one SELECT statement is allowed", where="SQL", fix=fix)
            cursor = self._connection.execute(statements[0])
        except (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException) as error:
            raise UsageError(_first_line(error), where="SQL", fix=self._fix()) from error
        except duckdb.Error as error:
            raise DataError(f"the query failed: {_first_line(error)}", where="SQL", fix=self._fix()) from error
        names = tuple(str(d[0]) for d in cursor.description or ())
        return names, self._rows(cursor, batch_rows)

    def _rows(self, cursor: DuckDBPyConnection, batch_rows: int) -> Iterator[tuple[object, ...]]:
        import duckdb  # noqa: PLC0415

        try:
            while batch := cursor.fetchmany(batch_rows):
                yield from batch
        except duckdb.Error as error:
            raise DataError(f"the query failed: {_first_line(error)}", where="SQL", fix=self._fix()) from error

    def _fix(self) -> str:
        return f"Views: {', '.join(sorted({d.kind.value for d in self.store.list()})) or 'none, the store is empty'}."

    def _open(self) -> DuckDBPyConnection:
        try:
            import duckdb  # noqa: PLC0415
        except ImportError as error:
            raise UsageError("SQL needs the package duckdb", fix="Install it: pip install duckdb") from error
        entries = self.store.list()
        folder = self.store.root.resolve()
        connection = duckdb.connect(
            ":memory:",
            config={
                "memory_limit": f"{self.limits.memory_mb}MB",
                "threads": self.limits.threads,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        for kind in Kind:
            parts = [self._select(e) for e in entries if e.kind is kind]
            if parts:
                connection.execute(f"create view {kind.value} as {' union all '.join(parts)}")
        connection.execute(f"set allowed_directories = [{_quoted(str(folder))}]")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        return connection

    def _select(self, dataset: Dataset) -> str:
        """Return a SELECT over one data set; every name in it is quoted."""
        paths = self.store.files(dataset)
        defaults = LAYOUTS[dataset.kind].defaults
        held = {name for path in paths for name in pl.read_parquet_schema(path)}
        columns = [
            (f"coalesce({n}, {_number(defaults[n])}) as {n}" if n in held else f"{_number(defaults[n])} as {n}")
            if n in defaults
            else n
            for n in schema(dataset.kind)
        ]
        files = ", ".join(_quoted(str(p.resolve())) for p in paths)
        head = f"{_quoted(dataset.symbol)} as symbol, {_quoted(dataset.timeframe)} as timeframe"
        source = f"read_parquet([{files}], union_by_name = true)"
        return f"select {head}, make_timestamp_ns(ts_open) as ts, {', '.join(columns)} from {source}"  # noqa: S608


def _number(value: float) -> str:
    return f"cast('{value}' as double)"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
