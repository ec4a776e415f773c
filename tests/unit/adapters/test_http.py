"""The HTTP client against a local server that misbehaves, and its rate limit against a clock that we hold."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import httpx
import pytest
from tests.venues.faults import HTTP_FAULTS, Fault, any_request_may_fail
from tests.venues.local_venue import LocalVenue, Reply, Request, as_json

from tradewright.adapters.http import HttpParams, RateLimit, VenueHttp
from tradewright.core.types.errors import SourceError

T = TypeVar("T")
ROWS = [{"price": "1.25", "id": i} for i in range(200)]


class Shop(LocalVenue):
    async def answer(self, request: Request) -> Reply:
        if request.path == "/api/rows":
            return as_json(ROWS, headers={"X-Used": request.query.get("used", "0")})
        if request.path == "/api/file":
            return Reply(200, b"\x00\xff" * 500, kind="application/zip")
        if request.path == "/api/bad":
            return as_json({"code": -1121, "msg": f"Invalid symbol, key {request.headers['x-key']}."}, 400)
        if request.path == "/api/forbidden":
            return Reply(403, b"<h1>no\n entry</h1>")
        if request.path == "/api/moved":
            return Reply(302, headers={"Location": "/api/rows"})
        if request.path == "/api/text":
            return Reply(200, b"[1, 2")
        return Reply(404, b"nothing here")


class Pauses(list[float]):
    async def __call__(self, seconds: float) -> None:
        self.append(seconds)
        await asyncio.sleep(0)


def ask(
    do: Callable[[VenueHttp], Awaitable[T]],
    faults: Sequence[Fault] = (),
    *,
    pauses: Pauses | None = None,
    limit: RateLimit | None = None,
    **params: float | str,
) -> tuple[T, Shop]:
    """Run requests against a shop with faults, without real pauses."""

    async def _run(url: str) -> T:
        http = VenueHttp(
            HttpParams(f"{url}/api", **params),  # type: ignore[arg-type]
            limit or RateLimit(1e6, 1e6),
            name="shop",
            headers={"X-Key": "s3cret-key"},
            sleep=pauses if pauses is not None else Pauses(),
        )
        try:
            return await do(http)
        finally:
            await http.close()

    with Shop(faults) as shop:
        return asyncio.run(_run(shop.http_url)), shop


def rows(http: VenueHttp) -> Awaitable[object]:
    return http.get_json("/rows", {"limit": 5})


@pytest.mark.parametrize("kind", HTTP_FAULTS)
def test_a_passing_fault_changes_nothing(kind: str) -> None:
    got, shop = ask(rows, [Fault(kind, times=2)])
    assert got == ROWS
    fired = 1 if kind == "slow" else 2  # slow, but in time
    assert shop.script.fired[kind] == fired
    assert shop.requests == ["/api/rows?limit=5"] * (1 if kind == "slow" else 3)


@pytest.mark.parametrize("kind", ["truncated", "cut"])
def test_a_file_is_whole_or_asked_for_again(kind: str) -> None:
    got, shop = ask(lambda http: http.get_bytes("/file"), [Fault(kind)])
    assert got == b"\x00\xff" * 500
    assert len(shop.requests) == 2


def test_a_slow_answer_is_a_time_out_and_asked_for_again() -> None:
    got, shop = ask(rows, [Fault("slow", seconds=0.2)], timeout_s=0.1)
    assert got == ROWS
    assert len(shop.requests) == 2


def test_every_request_may_fail() -> None:
    async def _many(http: VenueHttp) -> list[object]:
        return list(await asyncio.gather(*(http.get_json("/rows", {"limit": i}) for i in range(30))))

    faults = any_request_may_fail(0.3, ("429", "418", "500", "503", "cut", "truncated", "garbage"))
    got, shop = ask(_many, faults, max_attempts=20)
    assert got == [ROWS] * 30
    assert shop.script.fired.total() == len(shop.requests) - 30 > 5


@pytest.mark.parametrize("kind", ["500", "429", "truncated", "cut", "garbage"])
def test_a_lasting_fault_is_an_error_after_so_many_attempts(kind: str) -> None:
    pauses = Pauses()
    with pytest.raises(SourceError, match="still failing after 4 attempts") as caught:
        ask(rows, [Fault(kind, times=None)], pauses=pauses, max_attempts=4)
    assert caught.value.where == "shop /rows"
    assert caught.value.fix
    assert len(pauses) == 3


def test_pauses_double_up_to_their_bound() -> None:
    pauses = Pauses()
    ask(rows, [Fault("500", times=5)], pauses=pauses, backoff_s=1.0, backoff_max_s=4.0)
    for pause, longest in zip(pauses, (1, 2, 4, 4, 4), strict=True):
        assert longest / 4 <= pause <= longest


@pytest.mark.parametrize("kind", ["429", "418", "503"])
def test_retry_after_is_kept(kind: str) -> None:
    pauses = Pauses()
    ask(rows, [Fault(kind, seconds=17)], pauses=pauses)
    assert pauses == [17.0]


def test_without_retry_after_the_usual_pause() -> None:
    pauses = Pauses()
    ask(rows, [Fault("429", seconds=-1)], pauses=pauses, backoff_s=2.0)
    assert len(pauses) == 1
    assert 0.5 <= pauses[0] <= 2.0


def test_retry_after_as_a_date_is_measured_from_the_answer() -> None:
    class Dated(Shop):
        async def answer(self, request: Request) -> Reply:
            if len(self.requests) > 1:
                return await super().answer(request)
            dates = {"Date": "Wed, 21 Oct 2015 07:28:00 GMT", "Retry-After": "Wed, 21 Oct 2015 07:28:45 GMT"}
            return Reply(429, headers=dates)

    pauses = Pauses()

    async def _run(url: str) -> object:
        http = VenueHttp(
            HttpParams(f"{url}/api"), RateLimit(1e6, 1e6), name="shop", headers={"X-Key": "k"}, sleep=pauses
        )
        try:
            return await rows(http)
        finally:
            await http.close()

    with Dated() as shop:
        assert asyncio.run(_run(shop.http_url)) == ROWS
    assert pauses == [45.0]


def test_a_long_ban_is_said_at_once() -> None:
    pauses = Pauses()
    with pytest.raises(SourceError, match="asks to wait 86400 s"):
        ask(rows, [Fault("418", seconds=86400)], pauses=pauses)
    assert pauses == []


def test_all_requests_keep_a_retry_after() -> None:
    # one request is told to wait; those that come meanwhile are not sent before it is over
    order: list[str] = []

    async def _go() -> None:
        told = asyncio.Event()

        def reply(request: httpx.Request) -> httpx.Response:
            order.append(str(request.url.path))
            return httpx.Response(429, headers={"Retry-After": "9"}) if len(order) == 1 else httpx.Response(200, json=1)

        async def sleep(seconds: float) -> None:
            assert seconds == 9
            told.set()
            await asyncio.sleep(0.05)
            order.append("over")

        http = VenueHttp(
            HttpParams("http://x"), RateLimit(1e6, 1e6), name="x", sleep=sleep, transport=httpx.MockTransport(reply)
        )
        first = asyncio.create_task(http.get_json("/a"))
        await told.wait()
        await asyncio.gather(first, http.get_json("/b"), http.get_json("/c"))
        await http.close()

    asyncio.run(_go())
    assert order[:2] == ["/a", "over"]
    assert sorted(order[2:]) == ["/a", "/b", "/c"]


def test_other_refusals_are_errors_at_once_in_the_venues_words_without_keys() -> None:
    pauses = Pauses()
    with pytest.raises(SourceError, match=r"400 Invalid symbol, key \*\*\*\. \(code -1121\)") as caught:
        ask(lambda http: http.get_json("/bad"), pauses=pauses)
    assert "s3cret-key" not in f"{caught.value}{caught.value!r}"
    assert pauses == []
    with pytest.raises(SourceError, match="403 <h1>no entry</h1>") as caught:
        ask(lambda http: http.get_bytes("/forbidden"))
    assert "keys" in caught.value.fix


@pytest.mark.parametrize("path", ["/moved", "/nothing"])
def test_only_success_is_success(path: str) -> None:
    with pytest.raises(SourceError, match=r"302|404 nothing here"):
        ask(lambda http: http.get_bytes(path))


def test_a_missing_file_may_be_an_answer() -> None:
    got, shop = ask(lambda http: http.get_bytes_or_none("/nothing"), [Fault("500"), Fault("truncated")])
    assert got is None
    assert len(shop.requests) == 3
    assert ask(lambda http: http.get_bytes_or_none("/file"))[0] == b"\x00\xff" * 500


def test_an_answer_that_never_is_json() -> None:
    with pytest.raises(SourceError, match="not JSON"):
        ask(lambda http: http.get_json("/text"), max_attempts=2)


def test_an_address_that_cannot_be() -> None:
    async def _go() -> None:
        http = VenueHttp(HttpParams("gopher://x"), RateLimit(1, 1), name="shop")
        try:
            await http.get_json("/rows")
        finally:
            await http.close()

    with pytest.raises(SourceError, match="protocol") as caught:
        asyncio.run(_go())
    assert "address" in caught.value.fix


class Clock:
    """A monotonic clock whose sleep is its hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def take(limit: RateLimit, *weights: float) -> None:
    async def _go() -> None:
        for weight in weights:
            await limit.take(weight)

    asyncio.run(_go())


def test_a_rate_limit_lets_a_burst_through_and_then_its_rate() -> None:
    clock = Clock()
    take(RateLimit(2.0, 10.0, clock, clock.sleep), 4, 6, 1, 3)
    assert clock.slept == [0.5, 1.5]


def test_a_rate_limit_grows_back_but_not_above_its_burst() -> None:
    clock = Clock()
    limit = RateLimit(2.0, 10.0, clock, clock.sleep)
    take(limit, 10)
    clock.now = 1000.0
    take(limit, 10, 2)
    assert clock.slept == [1.0]


def test_a_rate_limit_serves_a_queue_in_order() -> None:
    clock = Clock()
    limit = RateLimit(1.0, 1.0, clock, clock.sleep)
    waits: list[float] = []

    async def waiting(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    limit._sleep = waiting

    async def _go() -> None:
        await asyncio.gather(*(limit.take() for _ in range(4)))

    asyncio.run(_go())
    assert waits == [1.0, 2.0, 3.0]


def test_a_rate_limit_needs_numbers_above_zero() -> None:
    with pytest.raises(ValueError, match="above zero"):
        RateLimit(0.0, 1.0)


def test_the_venues_own_count_is_believed_where_it_runs_ahead() -> None:
    clock = Clock()
    limit = RateLimit(10.0, 100.0, clock, clock.sleep)

    async def _two(http: VenueHttp) -> None:
        await http.get_json("/rows", {"used": 99}, weight=5.0)
        await http.get_json("/rows", {"used": 10}, weight=5.0)

    ask(_two, limit=limit, usage_header="X-Used", usage_limit=100.0)
    assert clock.slept == [pytest.approx(0.4)]  # 1 was left, 5 are needed, 10 grow back each second
