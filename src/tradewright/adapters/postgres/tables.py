"""The tables: a catalogue of versions, and one table of rows a kind, cut into months of ``ts_open``."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BigInteger, Column, Identity, MetaData, Table, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION

from tradewright.data.kinds import LAYOUTS, Kind, schema

#: ``version_to`` of a row that no version has ended.
OPEN_END = 2**63 - 1
#: What a row is known by besides its content.
KEY_COLUMNS = ("dataset_id", "nth", "version_from", "version_to")


def metadata(db_schema: str) -> MetaData:
    """Return every table; rows are valid in versions ``version_from`` to before ``version_to``."""
    found = MetaData(schema=db_schema)
    Table(
        "dataset",
        found,
        Column("dataset_id", BigInteger, Identity(always=True), primary_key=True),
        Column("kind", Text, nullable=False),
        Column("symbol", Text, nullable=False),
        Column("timeframe", Text, nullable=False),
        UniqueConstraint("kind", "symbol", "timeframe"),
    )
    Table(
        "dataset_version",
        found,
        Column("dataset_id", BigInteger, primary_key=True),
        Column("version", BigInteger, primary_key=True),
        Column("entry", Text, nullable=False),
    )
    for kind in Kind:
        Table(
            kind.value,
            found,
            Column("dataset_id", BigInteger, primary_key=True, autoincrement=False),
            Column("ts_open", BigInteger, primary_key=True, autoincrement=False),
            Column("nth", BigInteger, primary_key=True, autoincrement=False),
            Column("version_from", BigInteger, primary_key=True, autoincrement=False),
            Column("version_to", BigInteger, nullable=False),
            Column("ts_event", BigInteger, nullable=False),
            Column("ts_seen", BigInteger, nullable=False),
            *(Column(n, DOUBLE_PRECISION, nullable=False) for n in LAYOUTS[kind].rows),
            postgresql_partition_by="RANGE (ts_open)",
        )
    return found


def added_column_sql(db_schema: str, kind: Kind) -> list[str]:
    """Return what gives a table of an older program the columns it does not know, at their default."""
    defaults = LAYOUTS[kind].defaults
    return [
        f'ALTER TABLE "{db_schema}".{kind.value} ADD COLUMN IF NOT EXISTS {name} double precision '
        f"NOT NULL DEFAULT '{defaults[name]}'::double precision"
        for name in schema(kind)
        if name in defaults
    ]


def months_of(ts_open: NDArray[np.int64]) -> list[np.datetime64]:
    """Return the months (UTC) that rows start in, ascending."""
    return [np.datetime64(m) for m in np.unique(ts_open.view("datetime64[ns]").astype("datetime64[M]"))]


def month_sql(db_schema: str, kind: Kind, months: Iterable[np.datetime64]) -> list[str]:
    """Return what makes the plain partitions that hold these months."""
    made = []
    for month in months:
        first, last = (int(m.astype("datetime64[ns]").astype(np.int64)) for m in (month, month + 1))
        name = f"{kind.value}_{str(month).replace('-', '_')}"
        made.append(
            f'CREATE TABLE IF NOT EXISTS "{db_schema}".{name} PARTITION OF "{db_schema}".{kind.value} '
            f"FOR VALUES FROM ({first}) TO ({last})"
        )
    return made
