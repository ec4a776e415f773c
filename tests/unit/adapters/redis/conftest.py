"""A real server for these tests."""

from __future__ import annotations

import pytest
from pydantic import SecretStr
from tests.services.redis_server import RedisServer, running_server

from tradewright.adapters.redis.params import RedisParams

running = pytest.fixture(scope="session")(running_server)


@pytest.fixture
def server(running: RedisServer) -> RedisServer:
    """Return an empty server."""
    running.flush()
    return running


@pytest.fixture
def params(server: RedisServer) -> RedisParams:
    """Return its address."""
    return RedisParams(url=SecretStr(server.url))
