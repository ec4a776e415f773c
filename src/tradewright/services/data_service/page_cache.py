"""Pages, cache-aside: this process's memory, then Redis, then one computation however many ask."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tradewright.adapters.redis.pages import RedisPages
from tradewright.services.data_service.single_flight import SingleFlight

#: How often it is looked whether the process that holds the lock is done.
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Page:
    """The answer to a question whose data cannot change: the key names the content."""

    media_type: str
    next_cursor: str
    body: bytes

    def packed(self) -> bytes:
        """Return one line of JSON and the body."""
        return json.dumps([self.media_type, self.next_cursor]).encode() + b"\n" + self.body

    @staticmethod
    def unpacked(packed: bytes) -> Page:
        """Read what `packed` wrote."""
        head, _, body = packed.partition(b"\n")
        media_type, next_cursor = json.loads(head)
        return Page(media_type, next_cursor, body)


@dataclass(slots=True)
class PageCounts:
    """What became of questions so far."""

    memory: int = 0
    redis: int = 0
    computed: int = 0


@dataclass(frozen=True, slots=True)
class PageCacheParams:
    """How long and how much is kept; ``lock_s`` is the longest wait for another process that computes."""

    ttl_s: float
    memory_bytes: int
    lock_s: float


class PageCache:
    """Answers by key.

    Parameters
    ----------
    params : PageCacheParams
        Sizes and times.
    redis : RedisPages or None
        The cache that processes share; None: there is none.
    steady_ns : callable
        A clock that never runs backwards, ns.
    sleep : callable
        Waits for so many seconds.
    """

    def __init__(
        self,
        params: PageCacheParams,
        redis: RedisPages | None,
        steady_ns: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.counts = PageCounts()
        self._params = params
        self._redis = redis
        self._steady_ns = steady_ns
        self._sleep = sleep
        self._pages: OrderedDict[str, tuple[Page, int]] = OrderedDict()
        self._size = 0
        self._flights: SingleFlight[Page] = SingleFlight()

    async def get(self, key: str, make: Callable[[], Awaitable[Page]]) -> Page:
        """Return the page of a key; ``make`` computes it, and its error goes to all who wait for it."""
        found = self._pages.get(key)
        if found is not None and self._steady_ns() < found[1]:
            self._pages.move_to_end(key)
            self.counts.memory += 1
            return found[0]
        return await self._flights.do(key, lambda: self._fetch(key, make))

    async def _fetch(self, key: str, make: Callable[[], Awaitable[Page]]) -> Page:
        page = await self._shared(key) or await self._made(key, make)
        self._keep(key, page)
        return page

    async def _shared(self, key: str) -> Page | None:
        packed = await self._redis.get(key) if self._redis is not None else None
        if packed is None:
            return None
        self.counts.redis += 1
        return Page.unpacked(packed)

    async def _made(self, key: str, make: Callable[[], Awaitable[Page]]) -> Page:
        if self._redis is None:
            self.counts.computed += 1
            return await make()
        hold_ms, until = int(self._params.lock_s * 1e3), self._steady_ns() + int(self._params.lock_s * 1e9)
        while (lock := await self._redis.lock(key, hold_ms)) is None and self._steady_ns() < until:
            await self._sleep(_POLL_S)
            page = await self._shared(key)
            if page is not None:
                return page
        try:
            # between our miss and our lock another process may have finished
            page = await self._shared(key) if lock is not None and lock.token else None
            if page is None:
                self.counts.computed += 1
                page = await make()
                await self._redis.put(key, page.packed(), int(self._params.ttl_s * 1e3))
        finally:
            if lock is not None:
                await self._redis.unlock(lock)
        return page

    def _keep(self, key: str, page: Page) -> None:
        if len(page.body) > self._params.memory_bytes:
            return
        old = self._pages.pop(key, None)
        self._size += len(page.body) - (len(old[0].body) if old else 0)
        self._pages[key] = (page, self._steady_ns() + int(self._params.ttl_s * 1e9))
        while self._size > self._params.memory_bytes:
            _, (gone, _) = self._pages.popitem(last=False)
            self._size -= len(gone.body)
