"""Pages are kept for their time, damage is a miss, and one process of many holds the lock."""

from __future__ import annotations

import asyncio

import pytest
import redis
from pydantic import SecretStr
from tests.services.redis_server import RedisServer

from tradewright.adapters.redis.link import RedisLink
from tradewright.adapters.redis.pages import RedisPages
from tradewright.adapters.redis.params import RedisParams


def test_what_is_put_is_got_until_its_time_is_over(server: RedisServer, params: RedisParams) -> None:
    async def scenario() -> None:
        link = RedisLink(params, lambda: 0)
        pages = RedisPages(link)
        assert await pages.get("a") is None
        await pages.put("a", b"\x00body", 60_000)
        assert await pages.get("a") == b"\x00body"
        with redis.Redis(port=server.port) as client:
            assert 0 < client.pttl("tradewright:page:a") <= 60_000
        await pages.put("b", b"short", 30)
        await asyncio.sleep(0.05)
        assert await pages.get("b") is None
        await link.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("body", [b"", b"x", b"0123456789abcdef{}"])
def test_a_page_that_is_not_what_was_put_is_a_miss(server: RedisServer, params: RedisParams, body: bytes) -> None:
    async def scenario() -> None:
        link = RedisLink(params, lambda: 0)
        pages = RedisPages(link)
        with redis.Redis(port=server.port) as client:
            client.set("tradewright:page:a", body)
        assert await pages.get("a") is None
        assert pages.damaged == 1
        await link.close()

    asyncio.run(scenario())


def test_a_page_that_is_too_large_is_not_kept(params: RedisParams) -> None:
    async def scenario() -> None:
        link = RedisLink(params, lambda: 0)
        pages = RedisPages(link, most_bytes=3)
        await pages.put("a", b"1234", 60_000)
        assert await pages.get("a") is None
        await link.close()

    asyncio.run(scenario())


def test_one_holds_the_lock_and_only_it_gives_it_back(server: RedisServer, params: RedisParams) -> None:
    async def scenario() -> None:
        link, other = RedisLink(params, lambda: 0), RedisLink(params, lambda: 0)
        mine, theirs = RedisPages(link), RedisPages(other)
        lock = await mine.lock("a", 60_000)
        assert lock is not None
        assert await theirs.lock("a", 60_000) is None
        with redis.Redis(port=server.port) as client:
            client.set(lock.key, "another's by now")
        await mine.unlock(lock)
        assert await theirs.lock("a", 60_000) is None
        with redis.Redis(port=server.port) as client:
            client.set(lock.key, lock.token)
        await mine.unlock(lock)
        assert await theirs.lock("a", 30) is not None
        await asyncio.sleep(0.05)
        assert await mine.lock("a", 60_000) is not None
        await link.close()
        await other.close()

    asyncio.run(scenario())


def test_without_redis_everything_is_a_miss_and_every_lock_is_granted() -> None:
    async def scenario() -> None:
        link = RedisLink(RedisParams(url=SecretStr("redis://127.0.0.1:1")), lambda: 0)
        pages = RedisPages(link)
        assert await pages.get("a") is None
        await pages.put("a", b"1", 1000)
        lock = await pages.lock("a", 1000)
        assert lock is not None
        assert lock.token == ""
        await pages.unlock(lock)
        await link.close()

    asyncio.run(scenario())
