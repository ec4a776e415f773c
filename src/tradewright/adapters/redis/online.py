"""The newest feature row of each instrument in Redis: one hash for each data set and feature set."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis.asyncio import Redis

from tradewright.adapters.redis.link import RedisLink, RedisUnavailableError

#: A row stays newest until a newer one comes: an older one must not replace it, whoever is slower. Rows computed from
#: the store replace each other, because a correction may take the last bars away. Times are padded to equal length,
#: since Lua's numbers do not hold ns exactly.
_PUBLISH = """
local at, by = unpack(redis.call('HMGET', KEYS[1], 'ts_event', 'origin'))
if at and at > ARGV[3] and not (by == 'store' and ARGV[5] == 'store') then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
"""
_TIME_DIGITS = 20


class RowOrigin(StrEnum):
    """What a row was computed from."""

    STORE = "store"  # bars of a stored data set
    LIVE = "live"  # bars of a live feed, ahead of the store


@dataclass(frozen=True, slots=True)
class OnlineKey:
    """Which row: ``feature_set`` is the digest of the set's definition."""

    symbol: str
    timeframe: str
    feature_set: str


@dataclass(frozen=True, slots=True)
class OnlineRow:
    """The features of one instrument after its newest bar.

    Parameters
    ----------
    key : OnlineKey
        Whose row it is.
    ts_open, ts_event, ts_seen : int
        Of the bar, ns UTC: start, close, and when it was known.
    values : tuple of float
        In the order of the feature set; NaN where unknown.
    digest : str
        Of the data set that the row was computed from; of a live row, of the data set the feed continues.
    origin : RowOrigin
        What it was computed from.
    """

    key: OnlineKey
    ts_open: int
    ts_event: int
    ts_seen: int
    values: tuple[float, ...]
    digest: str
    origin: RowOrigin = RowOrigin.STORE


class OnlineRows:
    """Writes and reads rows. Without Redis a row is not written and not found.

    Parameters
    ----------
    link : RedisLink
        The server.
    ttl_ms : int
        A row that is not replaced for so long is forgotten.
    """

    def __init__(self, link: RedisLink, ttl_ms: int = 7 * 86_400_000) -> None:
        self.damaged = 0
        self._link = link
        self._ttl_ms = ttl_ms

    async def publish(self, rows: Sequence[OnlineRow]) -> int:
        """Write rows that are not older than what is there; return how many were written (0 without Redis)."""
        if not rows:
            return 0

        async def write(client: Redis) -> int:
            async with client.pipeline(transaction=False) as pipe:
                for row in rows:
                    pipe.eval(_PUBLISH, 1, self._name(row.key), str(self._ttl_ms), *_packed(row))
                return sum(int(answer) for answer in await pipe.execute())

        try:
            return await self._link.run(write)
        except RedisUnavailableError:
            return 0

    async def read(self, key: OnlineKey, size: int) -> OnlineRow | None:
        """Return the newest row of ``size`` values; None where there is none, or not one that can be read."""

        async def fetch(client: Redis) -> Any:  # noqa: ANN401 -- what the library declares
            return await client.hgetall(self._name(key))

        try:
            found = await self._link.run(fetch)
        except RedisUnavailableError:
            return None
        if not found:
            return None
        try:
            return _unpacked(key, found, size)
        except (KeyError, ValueError, UnicodeDecodeError, struct.error):
            self.damaged += 1
            return None

    def _name(self, key: OnlineKey) -> str:
        return f"{self._link.params.namespace}:features:{key.symbol}:{key.timeframe}:{key.feature_set}"


def _packed(row: OnlineRow) -> list[str | bytes]:
    """Return names and values of the hash's fields in turn; `_PUBLISH` knows the places of the first two."""
    return [
        *("ts_event", f"{row.ts_event:0{_TIME_DIGITS}d}"),
        *("origin", row.origin.value),
        *("ts_open", str(row.ts_open)),
        *("ts_seen", str(row.ts_seen)),
        *("digest", row.digest),
        *("values", struct.pack(f"<{len(row.values)}d", *row.values)),
    ]


def _unpacked(key: OnlineKey, found: Mapping[bytes, bytes], size: int) -> OnlineRow:
    times = {name: int(found[name.encode()]) for name in ("ts_open", "ts_event", "ts_seen")}
    values = struct.unpack(f"<{size}d", found[b"values"])
    origin = RowOrigin(found[b"origin"].decode())
    return OnlineRow(key, **times, values=values, digest=found[b"digest"].decode(), origin=origin)
