"""A store of synthetic bars, a clock that is set by hand, and a service that is asked without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from tests.services.redis_server import RedisServer, running_server
from tests.services.served_store import BARS, Asking, World

from tradewright.adapters.redis.params import RedisParams
from tradewright.data.store import BarStore
from tradewright.data.synthetic import WalkParams, synthetic_bars
from tradewright.services.data_service.app import make_app
from tradewright.services.data_service.service import DataService


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a store with 3000 of 4000 bars of a minute."""
    made = World(BarStore(tmp_path / "store"), synthetic_bars(4000, 5, WalkParams(symbol="SYN")))
    made.add(0, BARS)
    return made


running = pytest.fixture(scope="session")(running_server)


@pytest.fixture
def redis(running: RedisServer) -> RedisServer:
    """Return an empty server."""
    running.flush()
    return running


@pytest.fixture
def shared(redis: RedisServer) -> RedisParams:
    """Return its address."""
    return RedisParams(url=SecretStr(redis.url), timeout_s=2.0)


@pytest.fixture
def asking() -> Asking:
    """Return what opens a client of a service."""

    @asynccontextmanager
    async def opened(service: DataService, token: str = "") -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(make_app(service, token), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client
        await service.close()

    return opened
