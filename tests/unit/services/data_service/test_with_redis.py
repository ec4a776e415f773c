"""With a real Redis between processes: one computes, all answer; Redis gone, all still answer."""

from __future__ import annotations

import asyncio
import math

import pytest
from tests.services.redis_server import RedisServer
from tests.services.served_store import BARS, Asking, World

from tradewright.adapters.redis.link import RedisLink
from tradewright.adapters.redis.online import OnlineKey, OnlineRow, OnlineRows, RowOrigin
from tradewright.adapters.redis.params import RedisParams
from tradewright.services.data_service import schemas

PATHS = ("/v1/bars/SYN/1m", "/v1/features/SYN/1m", "/v1/features/SYN/1m/latest", "/v1/latest/SYN")
NOWHERE = "redis://127.0.0.1:1"


def live_row(world: World, feature_set: str, *, later_bars: int = 1, **changes: object) -> OnlineRow:
    minute = 60 * 10**9
    at = int(world.bars.ts_event[BARS - 1]) + (later_bars - 1) * minute
    known = {"values": (1.25,), "digest": "feed", "origin": RowOrigin.LIVE, **changes}
    return OnlineRow(OnlineKey("SYN", "1m", feature_set), at, at + minute, at + minute, **known)  # type: ignore[arg-type]


def test_two_services_compute_once(world: World, asking: Asking, shared: RedisParams) -> None:
    one, other = world.service(shared), world.service(shared)

    async def scenario() -> None:
        async with asking(one) as first, asking(other) as second:
            for path in PATHS[:3]:
                answers = await asyncio.gather(*(c.get(path) for c in (first, second) for _ in range(10)))
                assert {a.status_code for a in answers} == {200}
                assert len({a.content for a in answers}) == 1
            assert one.pages.counts.computed + other.pages.counts.computed == 2
            assert one.latest.counts.computed + other.latest.counts.computed == 1
            assert one.pages.counts.redis + other.pages.counts.redis == 2
            health = schemas.Health.model_validate((await first.get("/health")).json())
            assert (health.status, health.redis.state if health.redis else "") == ("ok", "closed")

    asyncio.run(scenario())


def test_redis_killed_in_the_middle_and_back(
    world: World, asking: Asking, redis: RedisServer, shared: RedisParams
) -> None:
    service = world.service(shared)

    async def scenario() -> None:
        async with asking(service) as client:
            before = [(await client.get(path)).json() for path in PATHS]
            redis.kill()
            world.add(BARS, BARS + 5)
            world.steady += 10**9
            for path, old in zip(PATHS, before, strict=True):
                answer = await client.get(path, params={"start": "2024-01-02"} if path in PATHS[:2] else {})
                assert answer.status_code == 200
                assert answer.json() != old
            health = schemas.Health.model_validate((await client.get("/health")).json())
            assert health.status == "degraded"
            assert health.redis is not None
            assert (health.redis.state, health.redis.failures) == ("open", 3)
            assert health.redis.skipped > 0
            redis.start()
            world.steady += 3 * 10**9
            assert (await client.get(PATHS[2])).status_code == 200
            assert (await client.get("/health")).json()["status"] == "ok"

    asyncio.run(scenario())


@pytest.mark.parametrize("is_given", [False, True])
def test_answers_without_redis_are_the_same(world: World, asking: Asking, shared: RedisParams, is_given: bool) -> None:
    absent = shared.model_copy(update={"url": type(shared.url)(NOWHERE)}) if is_given else None

    async def scenario() -> None:
        async with asking(world.service(absent)) as without, asking(world.service(shared)) as with_one:
            for path in PATHS:
                assert (await without.get(path)).content == (await with_one.get(path)).content
            state = (await without.get("/health")).json()["redis"]["state"]
            assert state == ("open" if is_given else "off")

    asyncio.run(scenario())


def test_a_published_row_ahead_of_the_store_is_served(world: World, asking: Asking, shared: RedisParams) -> None:
    service = world.service(shared)
    world.steady = 61 * 10**9  # the live bar closed a moment ago

    async def scenario() -> None:
        async with asking(service) as client:
            path = "/v1/features/SYN/1m/latest?set=small"
            assert (await client.get(path)).json()["origin"] == "store"
            link = RedisLink(shared, lambda: 0)
            row = live_row(world, service.sets["small"].digest)
            assert await OnlineRows(link).publish([row]) == 1
            world.steady += 10**9
            served = schemas.LatestFeatureRow.model_validate((await client.get(path)).json())
            assert (served.origin, served.ts_event, list(served.values.values())) == ("live", row.ts_event, [1.25])
            world.add(BARS, BARS + 1)  # the store catches up
            world.steady += 10**9
            served = schemas.LatestFeatureRow.model_validate((await client.get(path)).json())
            assert (served.origin, served.values) == ("store", {"close_price": world.bars.close[BARS]})
            await link.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("changes", [{"later_bars": 9}, {"values": (1.0, 2.0)}, {"later_bars": 0}])
def test_a_row_from_the_future_or_of_another_shape_is_not_believed(
    world: World, asking: Asking, shared: RedisParams, changes: dict[str, object]
) -> None:
    service = world.service(shared)

    async def scenario() -> None:
        link = RedisLink(shared, lambda: 0)
        await OnlineRows(link).publish([live_row(world, service.sets["small"].digest, **changes)])  # type: ignore[arg-type]
        async with asking(service) as client:
            row = (await client.get("/v1/features/SYN/1m/latest?set=small")).json()
            assert (row["origin"], row["ts_event"]) == ("store", world.bars.ts_event[BARS - 1])
        await link.close()

    asyncio.run(scenario())


def test_unknown_values_survive_redis(world: World, asking: Asking, shared: RedisParams) -> None:
    service = world.service(shared)

    async def scenario() -> None:
        link = RedisLink(shared, lambda: 0)
        world.steady = 61 * 10**9
        await OnlineRows(link).publish([live_row(world, service.sets["small"].digest, values=(math.nan,))])
        async with asking(service) as client:
            row = (await client.get("/v1/features/SYN/1m/latest?set=small")).json()
            assert (row["origin"], row["values"]) == ("live", {"close_price": None})
        await link.close()

    asyncio.run(scenario())
