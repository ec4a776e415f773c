"""A real server for these tests, and a store in a schema of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from tests.services.postgres_server import PostgresServer, postgres_server

from tradewright.adapters.postgres.params import PostgresParams
from tradewright.adapters.postgres.store import PostgresStore

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """Return a running PostgreSQL."""
    with postgres_server() as found:
        if isinstance(found, str):
            pytest.skip(found)
        yield found


@pytest.fixture
def params(server: PostgresServer) -> PostgresParams:
    """Return the address of an empty schema."""
    return PostgresParams(
        host=server.host,
        port=server.port,
        database=server.database,
        user=server.user,
        db_schema=f"test_{next(_NUMBERS)}",
    )


@pytest.fixture
def postgres(server: PostgresServer, params: PostgresParams) -> Iterator[PostgresStore]:
    """Return an empty store whose clock stands still."""
    store = PostgresStore(params, server.password, lambda: 1)
    yield store
    store.close()
