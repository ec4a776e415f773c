"""What is answered: values to the bit, typed, paged, and errors that say what to do."""

from __future__ import annotations

import asyncio
import io
import math

import httpx
import numpy as np
import polars as pl
import pytest
from tests.services.served_store import BARS, SETS, Asking, World

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import CLOSE
from tradewright.features import compute
from tradewright.services.data_service import schemas
from tradewright.services.data_service.feature_sets import named_set

SET = named_set("default", SETS["default"])


def batch(bars: Bars, rows: int) -> dict[str, np.ndarray]:
    """Return each feature's values over the first bars, in one pass for each."""
    first = Bars(
        bars.instrument, bars.ts_open[:rows], bars.ts_event[:rows], np.ascontiguousarray(bars.fields[:, :rows])
    )
    return {name: compute(feature, first) for name, feature in SET.features.items()}


def nulls(values: np.ndarray) -> list[float | None]:
    return [v if math.isfinite(v) else None for v in values.tolist()]


async def all_pages(client: httpx.AsyncClient, path: str, **query: int) -> list[dict[str, object]]:
    pages, cursor = [], ""
    while True:
        answer = await client.get(path, params={**query, "cursor": cursor})
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
        cursor = pages[-1]["next_cursor"]
        if cursor is None:
            return pages


def test_bars_in_pages_are_the_bars_of_the_store(world: World, asking: Asking) -> None:
    async def scenario() -> None:
        async with asking(world.service()) as client:
            pages = [schemas.BarsPage.model_validate(p) for p in await all_pages(client, "/v1/bars/SYN/1m", limit=700)]
            assert [len(p.rows) for p in pages] == [700, 700, 700, 700, 200]
            rows = [r for p in pages for r in p.rows]
            assert [r.ts_open for r in rows] == world.bars.ts_open[:BARS].tolist()
            assert [r.close for r in rows] == world.bars.close[:BARS].tolist()
            assert rows[0].open_time == "2024-01-01T00:00:00.000000000Z"
            assert {r.buy_volume for r in rows} == {None}
            assert pages[0].digest == world.store.fingerprint("SYN", "1m")

    asyncio.run(scenario())


@pytest.mark.parametrize("form", ["ns", "iso"])
def test_a_range_holds_the_rows_wholly_inside(world: World, asking: Asking, form: str) -> None:
    start, end = int(world.bars.ts_open[60]), int(world.bars.ts_event[119]) + 30 * 10**9
    query = (
        {"start": start, "end": end} if form == "ns" else {"start": "2024-01-01T01:00", "end": "2024-01-01T02:00:30Z"}
    )

    async def scenario() -> None:
        async with asking(world.service()) as client:
            for what in ("bars", "features"):
                rows = (await client.get(f"/v1/{what}/SYN/1m", params=query)).json()["rows"]
                assert [r["ts_open"] for r in rows] == world.bars.ts_open[60:120].tolist()

    asyncio.run(scenario())


def test_arrow_holds_the_same_rows(world: World, asking: Asking) -> None:
    async def scenario() -> None:
        async with asking(world.service()) as client:
            frames, cursor = [], ""
            while True:
                answer = await client.get(
                    "/v1/bars/SYN/1m", params={"limit": 1600, "format": "arrow", "cursor": cursor}
                )
                assert answer.headers["content-type"] == "application/vnd.apache.arrow.stream"
                frames.append(pl.read_ipc_stream(io.BytesIO(answer.content)))
                cursor = answer.headers.get("x-next-cursor", "")
                if not cursor:
                    break
            stored = world.store.frame(world.store.describe("SYN", "1m"))
            assert len(frames) == 2
            assert pl.concat(frames).equals(stored, null_equal=True)

    asyncio.run(scenario())


@pytest.mark.parametrize("limit", [1000, 999, 3000])
def test_features_in_pages_equal_one_pass_to_the_bit(world: World, asking: Asking, limit: int) -> None:
    expected = batch(world.bars, BARS)

    async def scenario() -> None:
        async with asking(world.service()) as client:
            found = await all_pages(client, "/v1/features/SYN/1m", limit=limit)
            rows = [r for p in found for r in schemas.FeaturesPage.model_validate(p).rows]
            assert [r.ts_open for r in rows] == world.bars.ts_open[:BARS].tolist()
            for k, values in enumerate(expected.values()):
                assert [r.values[k] for r in rows] == nulls(values)

    asyncio.run(scenario())


def test_a_page_in_the_middle_needs_no_page_before_it(world: World, asking: Asking) -> None:
    expected = batch(world.bars, BARS)

    async def scenario() -> None:
        async with asking(world.service()) as client, asking(world.service()) as other:
            first = (await client.get("/v1/features/SYN/1m", params={"limit": 500})).json()
            query = {"limit": 10, "cursor": first["next_cursor"]}
            row = (await other.get("/v1/features/SYN/1m", params=query)).json()["rows"][0]
            assert row["ts_open"] == world.bars.ts_open[500]
            assert row["values"] == [nulls(v)[500] for v in expected.values()]

    asyncio.run(scenario())


def test_the_latest_row_follows_the_store_to_the_bit(world: World, asking: Asking) -> None:
    async def scenario() -> None:
        async with asking(world.service()) as client:
            for rows in (BARS, BARS + 1, BARS + 2, BARS + 500):
                if rows > BARS:
                    world.add(BARS, rows)
                    world.steady += 10**9
                answer = await client.get("/v1/features/SYN/1m/latest")
                row = schemas.LatestFeatureRow.model_validate_json(answer.content)
                assert row.ts_event == world.bars.ts_event[rows - 1]
                assert row.values == {n: nulls(v)[-1] for n, v in batch(world.bars, rows).items()}
                assert row.digest == world.store.fingerprint("SYN", "1m")
                assert row.digest in answer.headers["etag"]

    asyncio.run(scenario())


def test_a_correction_of_the_past_changes_the_latest_row(world: World, asking: Asking) -> None:
    async def scenario() -> None:
        async with asking(world.service()) as client:
            before = (await client.get("/v1/features/SYN/1m/latest")).json()
            world.add(BARS - 10, BARS - 9, close=150.0)
            world.steady += 10**9
            world.bars.fields[CLOSE, BARS - 10] = 150.0
            after = (await client.get("/v1/features/SYN/1m/latest")).json()
            assert before["values"]["ema(20)"] != after["values"]["ema(20)"]
            stored = world.store.load("SYN", "1m")
            assert after["values"]["ema(20)"] == compute(SET.features["ema(20)"], stored)[-1]

    asyncio.run(scenario())


def test_a_row_grows_old_and_stale(world: World, asking: Asking) -> None:
    async def scenario() -> None:
        async with asking(world.service()) as client:
            ages = []
            for later_s in (0, 118, 120):
                world.steady = later_s * 10**9
                row = (await client.get("/v1/features/SYN/1m/latest")).json()
                bar = (await client.get("/v1/latest/SYN")).json()["bars"][0]
                assert (bar["age_s"], bar["is_stale"]) == (row["age_s"], row["is_stale"])
                ages.append((row["age_s"], row["is_stale"]))
            assert ages == [(1.0, False), (119.0, False), (121.0, True)]

    asyncio.run(scenario())


def test_the_newest_bars_of_a_symbol(world: World, asking: Asking) -> None:
    async def scenario() -> None:
        async with asking(world.service()) as client:
            found = schemas.LatestValues.model_validate((await client.get("/v1/latest/SYN")).json())
            assert [b.timeframe for b in found.bars] == ["1m"]
            assert found.bars[0].close == world.bars.close[BARS - 1]
            world.add(BARS, BARS + 1)
            world.steady += 10**9
            found = schemas.LatestValues.model_validate((await client.get("/v1/latest/SYN")).json())
            assert found.bars[0].ts_open == world.bars.ts_open[BARS]

    asyncio.run(scenario())


def test_a_page_of_changed_data_is_refused(world: World, asking: Asking) -> None:
    async def scenario() -> None:
        async with asking(world.service()) as client:
            for what in ("bars", "features"):
                first = (await client.get(f"/v1/{what}/SYN/1m", params={"limit": 100})).json()
                world.add(BARS, BARS + (1 if what == "bars" else 2))
                world.steady += 10**9
                query = {"limit": 100, "cursor": first["next_cursor"]}
                answer = await client.get(f"/v1/{what}/SYN/1m", params=query)
                assert answer.status_code == 409
                problem = schemas.Problem.model_validate(answer.json())
                assert "changed" in problem.what
                assert "without a cursor" in problem.fix
                assert (await client.get(f"/v1/{what}/SYN/1m", params={"limit": 100})).status_code == 200

    asyncio.run(scenario())


def test_the_etag_is_the_digest_and_saves_the_body(world: World, asking: Asking) -> None:
    async def scenario() -> None:
        async with asking(world.service()) as client:
            answer = await client.get("/v1/bars/SYN/1m")
            digest = world.store.fingerprint("SYN", "1m")
            assert answer.headers["etag"] == f'"{digest}"'
            again = await client.get("/v1/bars/SYN/1m", headers={"If-None-Match": f'"other", W/"{digest}"'})
            assert (again.status_code, again.content) == (304, b"")
            world.add(BARS, BARS + 1)
            world.steady += 10**9
            assert (await client.get("/v1/bars/SYN/1m", headers={"If-None-Match": f'"{digest}"'})).status_code == 200

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("path", "status", "where", "fix"),
    [
        ("/v1/bars/SYM/1m", 404, "store", "Did you mean SYN?"),
        ("/v1/bars/SYN/5m", 404, "store", "The store has: 1m."),
        ("/v1/features/SYM/1m/latest", 404, "store", "Did you mean SYN?"),
        ("/v1/latest/SYM", 404, "store", "Did you mean SYN?"),
        ("/v1/features/SYN/1m/latest?set=no", 404, "set", "There are: default, small."),
        ("/v1/features/SYN/1m?set=no", 404, "set", "There are: default, small."),
        ("/v1/bars/SYN/1q", 422, "timeframe", "1m, 15m"),
        ("/v1/bars/SYN/1m?limit=0", 422, "limit", "1 to 10000"),
        ("/v1/bars/SYN/1m?limit=10001", 422, "limit", "1 to 10000"),
        ("/v1/bars/SYN/1m?limit=x", 422, "limit", "Correct"),
        ("/v1/bars/SYN/1m?start=yesterday", 422, "start", "2020-01-31"),
        ("/v1/bars/SYN/1m?end=9999999999999999999", 422, "end", "year"),
        ("/v1/bars/SYN/1m?start=2024-02-01&end=2024-01-01", 422, "start", "Exchange"),
        ("/v1/bars/SYN/1m?cursor=nonsense", 422, "cursor", "next_cursor"),
        ("/v1/bars/SYN/1m?cursor=%F0%9F%98%80", 422, "cursor", "next_cursor"),
        ("/v1/bars/SYN/1m?cursor=W10", 422, "cursor", "next_cursor"),
        ("/v1/bars/SYN/1m?format=xml", 422, "format", "Correct"),
        ("/v1/bars/SYN/1m?strat=2024", 422, "strat", "Correct"),
        ("/v2/bars", 404, "request", "/docs"),
    ],
)
def test_errors_say_what_where_and_what_to_do(
    world: World, asking: Asking, path: str, status: int, where: str, fix: str
) -> None:
    async def scenario() -> None:
        async with asking(world.service()) as client:
            answer = await client.get(path)
            assert answer.status_code == status, answer.text
            problem = schemas.Problem.model_validate(answer.json())
            assert problem.where.endswith(where)
            assert fix in problem.fix
            assert problem.what

    asyncio.run(scenario())


def test_it_only_reads(world: World, asking: Asking) -> None:
    async def scenario() -> None:
        async with asking(world.service()) as client:
            for method in ("POST", "PUT", "DELETE", "PATCH"):
                answer = await client.request(method, "/v1/bars/SYN/1m")
                assert answer.status_code == 405
                assert set(answer.json()) == {"what", "where", "fix"}

    asyncio.run(scenario())


def test_a_damaged_store_is_an_error_and_not_an_answer(world: World, asking: Asking) -> None:
    next((world.store.root).rglob("*.parquet")).write_bytes(b"not parquet")

    async def scenario() -> None:
        async with asking(world.service()) as client:
            for path in ("/v1/bars/SYN/1m", "/v1/features/SYN/1m", "/v1/features/SYN/1m/latest", "/v1/latest/SYN"):
                answer = await client.get(path)
                assert answer.status_code == 500
                assert "cannot be read" in answer.json()["what"]

    asyncio.run(scenario())


def test_symbols_with_a_slash(world: World, asking: Asking) -> None:
    world.add(0, 10, symbol="SYN/USD")

    async def scenario() -> None:
        async with asking(world.service()) as client:
            for symbol in ("SYN/USD", "SYN%2FUSD"):
                assert len((await client.get(f"/v1/bars/{symbol}/1m")).json()["rows"]) == 10
                assert (await client.get(f"/v1/features/{symbol}/1m/latest?set=small")).json()["symbol"] == "SYN/USD"

    asyncio.run(scenario())


def test_the_description_names_every_address_and_answer(world: World, asking: Asking) -> None:
    async def scenario() -> None:
        async with asking(world.service()) as client:
            described = (await client.get("/openapi.json")).json()
            assert set(described["paths"]) == {
                "/health",
                "/v1/datasets",
                "/v1/latest/{symbol}",
                "/v1/bars/{symbol}/{timeframe}",
                "/v1/features/{symbol}/{timeframe}/latest",
                "/v1/features/{symbol}/{timeframe}",
            }
            page = (await client.get("/docs")).text
            assert all(path in page for path in described["paths"])
            assert "http" not in page.replace("https://", "http://").replace("<!doctype html>", "").split("</style>")[1]
            schemas.DatasetList.model_validate((await client.get("/v1/datasets")).json())
            schemas.Health.model_validate((await client.get("/health")).json())

    asyncio.run(scenario())
