"""SQL for servers that have TimescaleDB: hypertables, compression, continuous aggregates.

Time is ``ts_open`` in ns as bigint, because timestamptz ends at microseconds; so intervals are numbers too and
"now" is a function of ours. Written against the documentation of TimescaleDB 2.x (create_hypertable,
set_integer_now_func, add_compression_policy, add_continuous_aggregate_policy); its own test suite here looks at
the text, because no package ships the extension.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

from tradewright.adapters.postgres.tables import OPEN_END
from tradewright.data.kinds import Kind

_DAY_NS = 86_400 * 10**9
#: Length of a chunk, and the age from which one is compressed.
CHUNK_NS = 30 * _DAY_NS
COMPRESS_AFTER_NS = 90 * _DAY_NS
#: Sizes of bars that the server keeps ready, of bars that are shorter.
AGGREGATES = {"1h": 3_600 * 10**9, "1d": _DAY_NS}


def has_timescale(connection: Connection) -> bool:
    """Tell whether the extension is created in this database; being on the server's disk is not enough."""
    found = connection.execute(text("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"))
    return found.first() is not None


def can_have_timescale(connection: Connection) -> bool:
    """Tell whether ``CREATE EXTENSION timescaledb`` would find the extension."""
    found = connection.execute(text("SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'"))
    return found.first() is not None


def now_sql(db_schema: str) -> str:
    """Return the function that tells policies the time, in ns."""
    body = "$$ SELECT (extract(epoch FROM now()) * 1000000000)::bigint $$"
    return f'CREATE OR REPLACE FUNCTION "{db_schema}".now_ns() RETURNS bigint LANGUAGE sql STABLE AS {body}'


def hypertable_sql(db_schema: str, kind: Kind) -> list[str]:
    """Return what turns a fresh table into a compressed hypertable."""
    name = f'"{db_schema}".{kind.value}'
    order = "ts_open, nth, version_from"
    compress = f"timescaledb.compress_segmentby = 'dataset_id', timescaledb.compress_orderby = '{order}'"
    after = f"compress_after => {COMPRESS_AFTER_NS}::bigint"
    return [
        f"SELECT create_hypertable('{name}', 'ts_open', chunk_time_interval => {CHUNK_NS}, if_not_exists => TRUE)",
        f"SELECT set_integer_now_func('{name}', '\"{db_schema}\".now_ns', replace_if_exists => TRUE)",
        f"ALTER TABLE {name} SET (timescaledb.compress, {compress})",
        f"SELECT add_compression_policy('{name}', {after}, if_not_exists => TRUE)",
    ]


def aggregate_sql(db_schema: str) -> list[str]:
    """Return the continuous aggregates of bars: the newest version's rows in buckets of an hour and a day (UTC).

    Only buckets of days in UTC; a trading day of another calendar is built by `data.bars`.
    """
    made = []
    for timeframe, interval in AGGREGATES.items():
        name = f'"{db_schema}".bars_{timeframe}'
        bucket = f"time_bucket({interval}::bigint, ts_open) AS bucket"
        prices = "first(open, ts_open) AS open, max(high) AS high, min(low) AS low, last(close, ts_open) AS close"
        source = f'"{db_schema}".bars WHERE version_to = {OPEN_END}'
        query = (
            f"SELECT dataset_id, {bucket}, {prices}, sum(volume) AS volume, max(ts_seen) AS ts_seen "  # noqa: S608
            f"FROM {source} GROUP BY dataset_id, bucket"
        )
        span = f"start_offset => {30 * interval}::bigint, end_offset => {interval}::bigint"
        every = "schedule_interval => INTERVAL '1 hour', if_not_exists => TRUE"
        made += [
            f"CREATE MATERIALIZED VIEW IF NOT EXISTS {name} WITH (timescaledb.continuous) AS {query} WITH NO DATA",
            f"SELECT add_continuous_aggregate_policy('{name}', {span}, {every})",
        ]
    return made
