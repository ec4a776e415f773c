"""A hundred misses at once are one computation; what is kept is kept for its time and within its size."""

from __future__ import annotations

import asyncio

import pytest
from tests.services.redis_server import RedisServer
from tests.services.served_store import Asking, World

from tradewright.adapters.redis.link import RedisLink
from tradewright.adapters.redis.pages import RedisPages
from tradewright.adapters.redis.params import RedisParams
from tradewright.services.data_service.page_cache import Page, PageCache, PageCacheParams

PARAMS = PageCacheParams(ttl_s=10.0, memory_bytes=100, lock_s=5.0)


class Maker:
    """Makes pages, and counts them."""

    def __init__(self, size: int = 4) -> None:
        self.made = 0
        self.size = size

    async def __call__(self) -> Page:
        self.made += 1
        await asyncio.sleep(0.02)
        return Page("text/plain", "", str(self.made).encode().ljust(self.size, b"."))


def test_a_hundred_misses_are_one_computation() -> None:
    async def scenario() -> None:
        cache, make = PageCache(PARAMS, None, lambda: 0), Maker()
        pages = await asyncio.gather(*(cache.get("a", make) for _ in range(100)))
        assert make.made == 1
        assert {p.body for p in pages} == {b"1..."}

    asyncio.run(scenario())


def test_a_hundred_misses_in_four_processes_are_one_computation(redis: RedisServer, shared: RedisParams) -> None:
    assert redis.url

    async def scenario() -> None:
        links = [RedisLink(shared, lambda: 0) for _ in range(4)]
        caches, make = [PageCache(PARAMS, RedisPages(link), lambda: 0) for link in links], Maker()
        pages = await asyncio.gather(*(caches[n % 4].get("a", make) for n in range(100)))
        assert make.made == 1
        assert {p.body for p in pages} == {b"1..."}
        for link in links:
            await link.close()

    asyncio.run(scenario())


def test_a_process_that_dies_with_the_lock_does_not_stop_the_others(redis: RedisServer, shared: RedisParams) -> None:
    assert redis.url
    now = [0]

    async def sleep(seconds: float) -> None:
        now[0] += int(seconds * 1e9)

    async def scenario() -> None:
        link = RedisLink(shared, lambda: 0)
        pages = RedisPages(link)
        assert await pages.lock("a", 60_000) is not None  # and is never heard of again
        make = Maker()
        page = await PageCache(PARAMS, pages, lambda: now[0], sleep).get("a", make)
        assert (page.body, make.made) == (b"1...", 1)
        assert now[0] == pytest.approx(PARAMS.lock_s * 1e9, rel=0.01)
        await link.close()

    asyncio.run(scenario())


def test_a_page_is_made_anew_when_its_time_is_over() -> None:
    now = [0]

    async def scenario() -> None:
        cache, make = PageCache(PARAMS, None, lambda: now[0]), Maker()
        for at_s, made in ((0, 1), (9.9, 1), (10, 2), (19.9, 2), (20, 3)):
            now[0] = int(at_s * 1e9)
            await cache.get("a", make)
            assert make.made == made

    asyncio.run(scenario())


def test_memory_is_bounded() -> None:
    async def scenario() -> None:
        cache, make = PageCache(PARAMS, None, lambda: 0), Maker(size=40)
        for key in ("a", "b", "a", "c", "a"):  # c pushes b out, which was used longest ago
            await cache.get(key, make)
        assert make.made == 3
        await cache.get("b", make)
        assert make.made == 4
        large = Maker(size=101)
        await cache.get("d", large)
        await cache.get("d", large)
        assert large.made == 2

    asyncio.run(scenario())


def test_an_error_goes_to_all_and_is_not_kept() -> None:
    async def fails() -> Page:
        await asyncio.sleep(0)
        msg = "no"
        raise ValueError(msg)

    async def scenario() -> None:
        cache, make = PageCache(PARAMS, None, lambda: 0), Maker()
        found = await asyncio.gather(*(cache.get("a", fails) for _ in range(5)), return_exceptions=True)
        assert [type(e) for e in found] == [ValueError] * 5
        assert (await cache.get("a", make)).body == b"1..."

    asyncio.run(scenario())


def test_who_goes_away_does_not_take_the_answer_along() -> None:
    async def scenario() -> None:
        cache, make = PageCache(PARAMS, None, lambda: 0), Maker()
        first = asyncio.create_task(cache.get("a", make))
        second = asyncio.create_task(cache.get("a", make))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).body == b"1..."
        assert make.made == 1

    asyncio.run(scenario())


def test_a_hundred_requests_for_the_latest_row_are_one_computation(world: World, asking: Asking) -> None:
    service = world.service()

    async def scenario() -> None:
        async with asking(service) as client:
            answers = await asyncio.gather(*(client.get("/v1/features/SYN/1m/latest") for _ in range(100)))
            assert len({a.content for a in answers}) == 1
            assert service.latest.counts.computed == 1

    asyncio.run(scenario())
