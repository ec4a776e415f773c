"""The SQL for servers with TimescaleDB, as text: no package ships the extension, so none of it runs here."""

from __future__ import annotations

import re

import pytest
from tests.services.postgres_server import PostgresServer

from tradewright.adapters.postgres import store as store_module
from tradewright.adapters.postgres.params import PostgresParams
from tradewright.adapters.postgres.store import PostgresStore
from tradewright.adapters.postgres.tables import OPEN_END
from tradewright.adapters.postgres.timescale import (
    aggregate_sql,
    can_have_timescale,
    has_timescale,
    hypertable_sql,
    now_sql,
)
from tradewright.core.types.errors import StoreError
from tradewright.data.kinds import Kind


def test_a_table_becomes_a_compressed_hypertable() -> None:
    made, now, compress, policy = hypertable_sql("mine", Kind.BARS)
    assert made == (
        "SELECT create_hypertable('\"mine\".bars', 'ts_open', chunk_time_interval => 2592000000000000, "
        "if_not_exists => TRUE)"
    )
    assert "set_integer_now_func('\"mine\".bars', '\"mine\".now_ns'" in now
    assert "timescaledb.compress_segmentby = 'dataset_id'" in compress
    assert "add_compression_policy('\"mine\".bars', compress_after => 7776000000000000::bigint" in policy
    assert now_sql("mine").startswith('CREATE OR REPLACE FUNCTION "mine".now_ns() RETURNS bigint')


def test_aggregates_are_of_the_newest_version_only() -> None:
    statements = aggregate_sql("mine")
    views = [s for s in statements if s.startswith("CREATE MATERIALIZED VIEW")]
    assert [re.findall(r'"mine"\.(bars_\w+) WITH \(timescaledb.continuous\)', v)[0] for v in views] == [
        "bars_1h",
        "bars_1d",
    ]
    assert all(f"WHERE version_to = {OPEN_END}" in v for v in views)
    assert "time_bucket(86400000000000::bigint, ts_open)" in views[1]
    assert sum("add_continuous_aggregate_policy" in s for s in statements) == 2


def test_a_server_without_the_extension_says_so(postgres: PostgresStore) -> None:
    with postgres._engine.begin() as connection:
        assert not has_timescale(connection)
        assert not can_have_timescale(connection)


def test_with_the_extension_the_statements_are_sent(
    server: PostgresServer, params: PostgresParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server without it refuses the first statement, and everything is rolled back."""
    monkeypatch.setattr(store_module, "has_timescale", lambda _: True)
    store = PostgresStore(params, server.password)
    with pytest.raises(StoreError, match=r"function create_hypertable\(.*does not exist"):
        store._prepare()
    assert store.list() == ()
    store.close()
