"""A Redis that is away, slow or unwilling is noticed, counted, and soon costs nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from redis.asyncio import Redis
from tests.services.redis_server import RedisServer

from tradewright.adapters.redis.circuit import CircuitState
from tradewright.adapters.redis.link import RedisLink, RedisUnavailableError
from tradewright.adapters.redis.params import RedisParams


def ping(client: Redis) -> Awaitable[Any]:
    return client.ping()


def test_answers_come_through(params: RedisParams) -> None:
    async def scenario() -> None:
        link = RedisLink(params, lambda: 0)
        assert await link.run(ping)
        assert (link.status.commands, link.status.failures, link.status.last_error) == (1, 0, "")
        await link.close()

    asyncio.run(scenario())


def test_a_server_that_is_killed_and_comes_back(server: RedisServer, params: RedisParams) -> None:
    now = [0]

    async def scenario() -> None:
        link = RedisLink(params, lambda: now[0])
        assert await link.run(ping)
        server.kill()
        for _ in range(10):
            with pytest.raises(RedisUnavailableError):
                await link.run(ping)
        status = link.status
        assert (status.circuit, status.failures, status.skipped) == (CircuitState.OPEN, 3, 7)
        assert status.last_error == "ConnectionError"
        server.start()
        with pytest.raises(RedisUnavailableError):
            await link.run(ping)
        now[0] = 2 * 10**9
        assert await link.run(ping)
        assert link.status.circuit is CircuitState.CLOSED
        await link.close()

    asyncio.run(scenario())


def test_a_server_that_is_silent_costs_the_deadline_once_per_attempt() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        params = RedisParams(url=SecretStr(address), timeout_s=0.02, failures_to_open=2)

        async def scenario() -> None:
            link = RedisLink(params, lambda: 0)
            for _ in range(5):
                with pytest.raises(RedisUnavailableError):
                    await link.run(ping)
            assert (link.status.commands, link.status.skipped) == (2, 3)
            assert "imeout" in link.status.last_error
            await link.close()

        asyncio.run(scenario())


def test_a_refused_command_is_a_failure(params: RedisParams) -> None:
    async def scenario() -> None:
        link = RedisLink(params, lambda: 0)
        await link.run(lambda client: client.set("text", "x"))
        with pytest.raises(RedisUnavailableError):
            await link.run(lambda client: client.incr("text"))
        assert link.status.last_error == "ResponseError"
        await link.close()

    asyncio.run(scenario())


def test_the_address_is_never_shown() -> None:
    params = RedisParams(url=SecretStr("redis://:swordfish@127.0.0.1:1"))
    assert "swordfish" not in f"{params!r} {params} {params.model_dump_json()}"
    with pytest.raises(ValidationError) as caught:
        RedisParams(url=SecretStr("http://:swordfish@host"))
    assert "swordfish" not in str(caught.value)
