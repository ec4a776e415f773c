"""A real server for these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from tests.services.redis_server import RedisServer, redis_server

from tradewright.adapters.redis.params import RedisParams


@pytest.fixture(scope="session")
def running() -> Iterator[RedisServer]:
    """Return a server for all tests."""
    with redis_server() as found:
        if isinstance(found, str):
            pytest.skip(found)
        yield found


@pytest.fixture
def server(running: RedisServer) -> RedisServer:
    """Return an empty server."""
    running.flush()
    return running


@pytest.fixture
def params(server: RedisServer) -> RedisParams:
    """Return its address."""
    return RedisParams(url=SecretStr(server.url))
