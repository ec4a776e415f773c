"""Rows come back to the bit, and an older one never replaces a newer one."""

from __future__ import annotations

import asyncio
import math
import struct
from dataclasses import replace

import pytest
import redis
from pydantic import SecretStr
from tests.services.redis_server import RedisServer

from tradewright.adapters.redis.link import RedisLink
from tradewright.adapters.redis.online import OnlineKey, OnlineRow, OnlineRows, RowOrigin
from tradewright.adapters.redis.params import RedisParams

KEY = OnlineKey("BTC/USDT", "1m", "f" * 32)
AT = 1_704_067_200_000_000_000
ROW = OnlineRow(KEY, AT, AT + 60, AT + 61, (0.1 + 0.2, math.nan, -0.0, 5e-324), "d" * 32)


def bits(row: OnlineRow | None) -> tuple[object, ...]:
    assert row is not None
    values = struct.pack(f"<{len(row.values)}d", *row.values)
    return row.key, row.ts_open, row.ts_event, row.ts_seen, values, row.digest, row.origin


def test_a_row_comes_back_to_the_bit(params: RedisParams) -> None:
    async def scenario() -> None:
        link = RedisLink(params, lambda: 0)
        rows = OnlineRows(link)
        assert await rows.read(KEY, 4) is None
        assert await rows.publish([]) == 0
        assert await rows.publish([ROW]) == 1
        assert bits(await rows.read(KEY, 4)) == bits(ROW)
        assert await rows.read(replace(KEY, feature_set="0"), 4) is None
        await link.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("first", "second", "later_ns", "is_replaced"),
    [
        (RowOrigin.LIVE, RowOrigin.LIVE, 1, True),  # 1 ns decides: more digits than a double has
        (RowOrigin.LIVE, RowOrigin.LIVE, 0, True),  # the same bar again, corrected
        (RowOrigin.LIVE, RowOrigin.LIVE, -1, False),
        (RowOrigin.LIVE, RowOrigin.STORE, -1, False),  # the store lags behind the feed
        (RowOrigin.STORE, RowOrigin.LIVE, -1, False),
        (RowOrigin.STORE, RowOrigin.STORE, -1, True),  # a correction took the last bar away
    ],
)
def test_which_row_stays(
    params: RedisParams, first: RowOrigin, second: RowOrigin, later_ns: int, is_replaced: bool
) -> None:
    async def scenario() -> None:
        link = RedisLink(params, lambda: 0)
        rows = OnlineRows(link)
        old = replace(ROW, origin=first, values=(1.0,))
        new = replace(ROW, origin=second, ts_event=ROW.ts_event + later_ns, values=(2.0,))
        assert await rows.publish([old, new]) == 1 + is_replaced
        found = await rows.read(KEY, 1)
        assert found == (new if is_replaced else old)
        await link.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("damage", [{"values": b"123"}, {"ts_open": b"x"}, {"origin": b"moon"}, {"digest": b"\xff"}])
def test_a_row_that_cannot_be_read_is_none(server: RedisServer, params: RedisParams, damage: dict[str, bytes]) -> None:
    async def scenario() -> None:
        link = RedisLink(params, lambda: 0)
        rows = OnlineRows(link)
        await rows.publish([ROW])
        with redis.Redis(port=server.port) as client:
            (name,) = client.keys()
            client.hset(name, mapping=damage)
        assert await rows.read(KEY, 4) is None
        assert rows.damaged == 1
        await link.close()

    asyncio.run(scenario())


def test_a_row_of_another_length_is_none(params: RedisParams) -> None:
    async def scenario() -> None:
        link = RedisLink(params, lambda: 0)
        rows = OnlineRows(link)
        await rows.publish([ROW])
        assert await rows.read(KEY, 3) is None
        await link.close()

    asyncio.run(scenario())


def test_a_row_that_is_not_renewed_is_forgotten(params: RedisParams) -> None:
    async def scenario() -> None:
        link = RedisLink(params, lambda: 0)
        rows = OnlineRows(link, ttl_ms=30)
        await rows.publish([ROW])
        await asyncio.sleep(0.05)
        assert await rows.read(KEY, 4) is None
        await link.close()

    asyncio.run(scenario())


def test_without_redis_nothing_is_written_and_nothing_found() -> None:
    async def scenario() -> None:
        link = RedisLink(RedisParams(url=SecretStr("redis://127.0.0.1:1")), lambda: 0)
        rows = OnlineRows(link)
        assert await rows.publish([ROW]) == 0
        assert await rows.read(KEY, 4) is None
        await link.close()

    asyncio.run(scenario())
