"""Bodies of answers in Redis, with a lock that lets one process of many compute a missing one."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from tradewright.adapters.redis.link import RedisLink, RedisUnavailableError

_DIGEST_SIZE = 16
#: Only whoever holds the lock may end it: it may have run out and be another's by now.
_UNLOCK = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


@dataclass(frozen=True, slots=True)
class Lock:
    """The right to compute; ``token`` is empty where Redis is away and everybody has it."""

    key: str
    token: str


class RedisPages:
    """Bytes by key. Without Redis every read is a miss, every write is dropped and every lock is granted."""

    def __init__(self, link: RedisLink, most_bytes: int = 8 * 1024 * 1024) -> None:
        self.damaged = 0
        self._link = link
        self._most_bytes = most_bytes
        self._prefix = f"{link.params.namespace}:page:"

    async def get(self, key: str) -> bytes | None:
        """Return a body, None where there is none or what is there is not what was put."""

        async def read(client: Redis) -> Any:  # noqa: ANN401 -- what the library declares
            return await client.get(self._prefix + key)

        try:
            found = await self._link.run(read)
        except RedisUnavailableError:
            return None
        if found is None:
            return None
        if not isinstance(found, bytes) or found[:_DIGEST_SIZE] != _digest(found[_DIGEST_SIZE:]):
            self.damaged += 1
            return None
        return found[_DIGEST_SIZE:]

    async def put(self, key: str, body: bytes, ttl_ms: int) -> None:
        """Keep a body for ``ttl_ms``; one that is too large is not kept."""
        if len(body) > self._most_bytes:
            return

        async def write(client: Redis) -> None:
            await client.set(self._prefix + key, _digest(body) + body, px=ttl_ms)

        try:
            await self._link.run(write)
        except RedisUnavailableError:
            return

    async def lock(self, key: str, hold_ms: int) -> Lock | None:
        """Return the lock of a key, None where another process has it; it ends by itself after ``hold_ms``."""
        lock = Lock(f"{self._prefix}{key}:lock", uuid.uuid4().hex)

        async def take(client: Redis) -> bool:
            return bool(await client.set(lock.key, lock.token, nx=True, px=hold_ms))

        try:
            return lock if await self._link.run(take) else None
        except RedisUnavailableError:
            return Lock(lock.key, "")

    async def unlock(self, lock: Lock) -> None:
        """Give a lock back."""
        if not lock.token:
            return

        async def give(client: Redis) -> None:
            await client.eval(_UNLOCK, 1, lock.key, lock.token)

        try:
            await self._link.run(give)
        except RedisUnavailableError:
            return


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST_SIZE).digest()
