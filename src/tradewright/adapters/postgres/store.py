"""The market-data store in PostgreSQL: the same port, the same frames and the same digests as the Parquet store.

A row is never overwritten: a correction ends the validity of the old row (``version_to``) and adds a new one. A write
is one transaction, serialised for each data set by a lock on its row in the catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import polars as pl
import psycopg
from sqlalchemy import URL, Connection, Engine, Table, create_engine, exc, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.schema import CreateSchema

from tradewright.adapters.postgres.binary_rows import decoded, encoded
from tradewright.adapters.postgres.params import PostgresParams
from tradewright.adapters.postgres.tables import OPEN_END, added_column_sql, metadata, month_sql, months_of
from tradewright.adapters.postgres.timescale import aggregate_sql, has_timescale, hypertable_sql, now_sql
from tradewright.core.types.errors import StoreError
from tradewright.data.catalogue import Dataset, Partition, folder_name
from tradewright.data.importer import Imported
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import Kind, schema
from tradewright.data.store import MarketStore
from tradewright.data.timeframe import interval_ns
from tradewright.data.writing import Change, Written, entry_after, merged, partition_of, plan_change


class PostgresStore(MarketStore):
    """Data sets in one schema of a PostgreSQL database.

    Parameters
    ----------
    params : PostgresParams
        Where the server is.
    password : str
        Empty: the server's or libpq's own means. It appears in no message.
    now_ns : callable, optional
        The time at which a write is recorded, ns UTC; as for `BarStore`.
    """

    def __init__(self, params: PostgresParams, password: str = "", now_ns: Callable[[], int] | None = None) -> None:
        self.params = params
        self.now_ns = now_ns
        url = URL.create(
            "postgresql+psycopg",
            username=params.user,
            password=password or None,
            host=params.host,
            port=params.port,
            database=params.database,
        )
        self._engine: Engine = create_engine(
            url, connect_args={"connect_timeout": params.connect_timeout_s}, pool_size=2, pool_pre_ping=True
        )
        self._tables = metadata(params.db_schema)
        self._is_ready = False

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @property
    def place(self) -> str:
        """The server's address, without the password."""
        return self.params.place

    def list(self, kind: Kind | None = None) -> tuple[Dataset, ...]:
        """Return the newest version of every data set, by kind, symbol and timeframe."""
        name, version = self._table("dataset"), self._table("dataset_version")
        newest = select(version.c.dataset_id, func.max(version.c.version).label("version"))
        last = newest.group_by(version.c.dataset_id).subquery()
        query = (
            select(version.c.entry)
            .join(last, (last.c.dataset_id == version.c.dataset_id) & (last.c.version == version.c.version))
            .join(name, name.c.dataset_id == version.c.dataset_id)
        )
        if kind is not None:
            query = query.where(name.c.kind == kind.value)
        with self._transaction() as connection:
            if not self._has_tables(connection):
                return ()
            found = [Dataset.model_validate_json(row.entry) for row in connection.execute(query)]
        return tuple(sorted(found, key=lambda d: (d.kind, d.symbol, interval_ns(d.timeframe))))

    def versions(self, symbol: str, timeframe: str, kind: Kind = Kind.BARS) -> tuple[Dataset, ...]:
        """Return every version, oldest first; raises as `describe` does."""
        self.describe(symbol, timeframe, kind)
        with self._transaction() as connection:
            entries = self._entries(connection, (kind.value, symbol, timeframe), None)
        return tuple(sorted(entries, key=lambda d: d.version))

    def read(self, dataset: Dataset, partition: Partition) -> pl.DataFrame:
        """Return one partition's rows as a canonical frame; raises StoreError if they cannot be read."""
        with self._transaction() as connection:
            return self._rows(connection, dataset, partition)

    def write(self, imported: Imported, params: InstrumentParams, *, replace: bool = False) -> Written:
        """Store rows in one transaction; as `MarketStore.write`."""
        folder_name(params.symbol)  # the same symbols are possible in every store
        self._prepare()
        key = (imported.kind.value, params.symbol, imported.timeframe)
        with self._transaction() as connection:
            number = self._locked(connection, key)
            before = next(iter(self._entries(connection, key, 1)), None)

            def read(dataset: Dataset, partition: Partition) -> pl.DataFrame:
                return self._rows(connection, dataset, partition)

            change = plan_change(before, imported, params, read, replace=replace)
            if change is None and before is not None:
                return Written(before, 0, 0)
            if change is None:  # pragma: no cover -- a first write always changes something
                msg = "a first write changed nothing"
                raise AssertionError(msg)
            frames, entries = merged(change, read)
            entries |= {k: partition_of(k, rows, imported.kind) for k, rows in frames.items() if len(rows)}
            after = entry_after(
                change, tuple(entries[k] for k in sorted(entries)), self.now_ns() if self.now_ns else None
            )
            self._store_rows(connection, change, number, after.version)
            version = self._table("dataset_version")
            connection.execute(
                version.insert().values(dataset_id=number, version=after.version, entry=after.model_dump_json())
            )
        return Written(after, change.added, change.removed)

    def _store_rows(self, connection: Connection, change: Change, number: int, version: int) -> None:
        """End the rows that are corrected, and copy the new ones in."""
        kind, (first, last) = change.imported.kind, change.bounds
        table, new = self._table(kind.value), change.imported.frame
        mine = (table.c.dataset_id == number, table.c.ts_open.between(first, last), table.c.version_to == OPEN_END)
        if change.removed:
            connection.execute(update(table).where(*mine).values(version_to=version))
        elif change.before is not None:
            there = [row.ts_open for row in connection.execute(select(table.c.ts_open).where(*mine))]
            new = new.filter(~pl.col("ts_open").is_in(pl.Series(there, dtype=pl.Int64).implode()))
        if len(new) == 0:
            return
        if not has_timescale(connection):
            for statement in month_sql(self.params.db_schema, kind, months_of(new["ts_open"].to_numpy())):
                connection.execute(text(statement))
        whole = np.ones(len(new), dtype=np.int64)
        nth = new.select(nth=pl.int_range(pl.len(), dtype=pl.Int64).over("ts_open"))["nth"].to_numpy()
        columns = {"dataset_id": whole * number, "nth": nth, "version_from": whole * version}
        columns |= {"version_to": whole * OPEN_END} | {n: new[n].to_numpy() for n in schema(kind)}
        names = ", ".join(columns)
        statement = f'COPY "{self.params.db_schema}".{kind.value} ({names}) FROM STDIN (FORMAT BINARY)'
        driver = connection.connection.driver_connection
        if driver is None:  # pragma: no cover -- a checked-out connection has one
            msg = "no connection to copy through"
            raise AssertionError(msg)
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for block in encoded(columns):
                copy.write(block)

    def _rows(self, connection: Connection, dataset: Dataset, partition: Partition) -> pl.DataFrame:
        names = ", ".join(schema(dataset.kind))
        statement = (
            f'COPY (SELECT {names} FROM "{self.params.db_schema}".{dataset.kind.value} '  # noqa: S608 -- our own names
            f"WHERE dataset_id = {self._number(connection, dataset)} "
            f"AND ts_open BETWEEN {partition.first_open:d} AND {partition.last_open:d} "
            f"AND version_from <= {dataset.version:d} AND version_to > {dataset.version:d} "
            "ORDER BY ts_open, nth) TO STDOUT (FORMAT BINARY)"
        )
        driver = connection.connection.driver_connection
        if driver is None:  # pragma: no cover -- a checked-out connection has one
            msg = "no connection to copy through"
            raise AssertionError(msg)
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            data = b"".join(copy)
        try:
            return decoded(data, schema(dataset.kind))
        except ValueError as error:
            what = f"rows of {dataset.symbol} {dataset.timeframe} cannot be read: {error}"
            raise StoreError(what, where=self.place, fix="Check the table for changes made by others.") from error

    def _number(self, connection: Connection, dataset: Dataset) -> int:
        table = self._table("dataset")
        query = select(table.c.dataset_id).where(
            table.c.kind == dataset.kind.value,
            table.c.symbol == dataset.symbol,
            table.c.timeframe == dataset.timeframe,
        )
        return int(connection.execute(query).scalar_one())

    def _locked(self, connection: Connection, key: tuple[str, str, str]) -> int:
        """Return the data set's number; nobody else writes it until this transaction ends."""
        table, (kind, symbol, timeframe) = self._table("dataset"), key
        connection.execute(insert(table).values(kind=kind, symbol=symbol, timeframe=timeframe).on_conflict_do_nothing())
        mine = (table.c.kind == kind, table.c.symbol == symbol, table.c.timeframe == timeframe)
        return int(connection.execute(select(table.c.dataset_id).where(*mine).with_for_update()).scalar_one())

    def _entries(self, connection: Connection, key: tuple[str, str, str], most: int | None) -> tuple[Dataset, ...]:
        """Return versions of a data set, newest first."""
        name, version = self._table("dataset"), self._table("dataset_version")
        query = (
            select(version.c.entry)
            .join(name, name.c.dataset_id == version.c.dataset_id)
            .where(name.c.kind == key[0], name.c.symbol == key[1], name.c.timeframe == key[2])
            .order_by(version.c.version.desc())
            .limit(most)
        )
        return tuple(Dataset.model_validate_json(row.entry) for row in connection.execute(query))

    def _version(self, symbol: str, timeframe: str, kind: Kind, version: int | None) -> Dataset | None:
        with self._transaction() as connection:
            if not self._has_tables(connection):
                return None
            found = self._entries(connection, (kind.value, symbol, timeframe), 1 if version is None else None)
        return next((d for d in found if version in (None, d.version)), None)

    def _table(self, name: str) -> Table:
        return self._tables.tables[f"{self.params.db_schema}.{name}"]

    def _has_tables(self, connection: Connection) -> bool:
        """Tell whether anything was ever written; reading makes nothing."""
        name = f'"{self.params.db_schema}".dataset_version'
        return self._is_ready or connection.execute(select(func.to_regclass(name))).scalar() is not None

    def _prepare(self) -> None:
        """Make what is not there yet."""
        if self._is_ready:
            return
        name = self.params.db_schema
        with self._transaction() as connection:
            connection.execute(CreateSchema(name, if_not_exists=True))
            is_timescale = has_timescale(connection)
            if is_timescale:
                for kind in Kind:  # a hypertable is made of a plain table
                    self._table(kind.value).dialect_options["postgresql"]["partition_by"] = None
            self._tables.create_all(connection)
            for kind in Kind:
                for statement in added_column_sql(name, kind):
                    connection.execute(text(statement))
            if is_timescale:
                statements = [now_sql(name), *(s for kind in Kind for s in hypertable_sql(name, kind))]
                for statement in statements:
                    connection.execute(text(statement))
        if is_timescale:
            # A continuous aggregate cannot be made inside a transaction.
            with self._guarded(), self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                for statement in aggregate_sql(name):
                    connection.execute(text(statement))
        self._is_ready = True

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._guarded(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn the driver's errors into ours; they hold no password."""
        try:
            yield
        except exc.OperationalError as error:
            what = f"the database does not answer: {_reason(error)}"
            fix = "Check that the server runs, and its address, database, user and password."
            raise StoreError(what, where=self.place, fix=fix) from None
        except (exc.SQLAlchemyError, psycopg.Error) as error:
            raise StoreError(
                f"the database refused: {_reason(error)}", where=self.place, fix="Check the user's rights."
            ) from None


def _reason(error: Exception) -> str:
    origin = getattr(error, "orig", None) or error
    lines = str(origin).strip().splitlines()
    return lines[0] if lines else type(origin).__name__
