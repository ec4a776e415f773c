"""The trading adapter against the local exchange, well behaved and not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr, ValidationError
from tests.venues.local_exchange import KEY, SECRET, LocalExchange

from tradewright.adapters.alpaca.trading import AlpacaTrading
from tradewright.adapters.alpaca.trading_params import LIVE_URL, PAPER_URL, AlpacaTradingParams, LiveKeys, PaperKeys
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, OrderStatus, Origin, Side, TimeInForce
from tradewright.core.types.venue import OrderIntent, StreamGap, VenueEvent, VenueFill, VenueOrder
from tradewright.execution.exchange.faults import Fault
from tradewright.execution.venue import (
    DuplicateIdError,
    GateClosedError,
    VenueAuthError,
    VenueRejectedError,
    VenueTimeoutError,
    VenueUnavailableError,
)

T = TypeVar("T")
INSTRUMENTS = {"SYN": Instrument("SYN")}


def params_of(url: str, key: str = KEY, timeout_s: float = 5.0) -> AlpacaTradingParams:
    keys = PaperKeys(key=SecretStr(key), secret=SecretStr(SECRET))
    return AlpacaTradingParams(trading_url=url, keys=keys, timeout_s=timeout_s, requests_per_minute=1e6)


@pytest.fixture
def exchange() -> Iterator[LocalExchange]:
    with LocalExchange() as running:
        running.advance(3)
        yield running


@asynccontextmanager
async def adapter(exchange: LocalExchange, **changes: Any) -> AsyncIterator[AlpacaTrading]:  # noqa: ANN401
    venue = AlpacaTrading(params_of(exchange.http_url, **changes), INSTRUMENTS, clock_ns=lambda: 7)
    try:
        yield venue
    finally:
        await venue.close()


def run(exchange: LocalExchange, work: Callable[[AlpacaTrading], Coroutine[Any, Any, T]], **changes: Any) -> T:  # noqa: ANN401
    async def inside() -> T:
        async with adapter(exchange, **changes) as venue:
            return await work(venue)

    return asyncio.run(inside())


def intent(client_id: str, lots: int = 5, **more: Any) -> OrderIntent:  # noqa: ANN401
    known: dict[str, Any] = {"side": Side.BUY, "kind": OrderKind.MARKET, "time_in_force": TimeInForce.DAY} | more
    return OrderIntent(
        client_id=client_id, sequence=1, epoch=1, strategy="s", instrument="SYN", lots=lots, ts_event=0, **known
    )


def resting(client_id: str, price: float = 90.0, lots: int = 5) -> OrderIntent:
    return intent(client_id, lots, kind=OrderKind.LIMIT, limit_price=price, time_in_force=TimeInForce.GTC)


def open_gate() -> None:
    """Let everything through."""


async def of(venue: AlpacaTrading, order: OrderIntent) -> VenueOrder:
    return await venue.submit(order, open_gate)


def test_what_was_sent_is_found_again_by_every_question(exchange: LocalExchange) -> None:
    async def work(venue: AlpacaTrading) -> None:
        await venue.connect()
        assert venue.account_id.startswith("PA")
        bought, rests = await of(venue, intent("a")), await of(venue, resting("b"))
        assert (bought.status, bought.filled, rests.status) == (OrderStatus.FILLED, 5, OrderStatus.ACCEPTED)
        assert await venue.order("a") == bought
        assert await venue.order("nobody") is None
        assert await venue.open_orders() == [rests]
        assert [o.client_id for o in await venue.order_history(0)] == ["a", "b"]
        (fill,) = await venue.fills(0)
        assert (fill.venue_id, fill.lots, fill.side) == (bought.venue_id, 5, Side.BUY)
        (position,) = await venue.positions()
        assert (position.instrument, position.lots, position.average_price) == ("SYN", 5, fill.price)
        account = await venue.account()
        assert account.cash == pytest.approx(100_000 - 5 * fill.price, abs=1e-6)
        assert await venue.server_time_ns() == exchange.runner.now_ns

    run(exchange, work)


def test_cancel_replace_and_cancel_all(exchange: LocalExchange) -> None:
    async def work(venue: AlpacaTrading) -> None:
        await of(venue, resting("a"))
        changed = await venue.replace("a", resting("b", 91.0, 7), open_gate)
        assert (changed.client_id, changed.lots, changed.status) == ("b", 7, OrderStatus.ACCEPTED)
        old = await venue.order("a")
        assert old is not None
        assert (old.status, old.reason) == (OrderStatus.CANCELED, "replaced")
        await venue.cancel("b", "")
        with pytest.raises(VenueRejectedError):
            await venue.cancel("b", changed.venue_id)
        with pytest.raises(VenueRejectedError):
            await venue.cancel("nobody", "")
        for name in ("c", "d"):
            await of(venue, resting(name))
        await venue.cancel_all("SYN")
        assert await venue.open_orders() == []
        await of(venue, resting("e"))
        await venue.cancel_all()
        assert await venue.open_orders() == []

    run(exchange, work)


def test_a_bracket_is_held_by_the_venue_and_its_exits_name_their_parent(exchange: LocalExchange) -> None:
    async def work(venue: AlpacaTrading) -> None:
        await of(venue, intent("entry", stop_loss=90.0, take_profit=120.0))
        exits = await venue.open_orders()
        assert [(o.parent, o.side, o.status) for o in exits] == [("entry", Side.SELL, OrderStatus.ACCEPTED)] * 2
        assert {o.origin for o in exits} == {Origin.STOP_LOSS, Origin.TAKE_PROFIT}
        await venue.cancel_all()
        await of(venue, intent("second", stop_loss=90.0))
        assert [o.parent for o in await venue.open_orders()] == ["second"]

    run(exchange, work)


def test_refusals_are_told_apart(exchange: LocalExchange) -> None:
    async def work(venue: AlpacaTrading) -> None:
        await of(venue, resting("a"))
        with pytest.raises(DuplicateIdError):
            await of(venue, resting("a"))
        with pytest.raises(VenueRejectedError, match="buying power"):
            await of(venue, intent("b", 10_000_000))
        with pytest.raises(VenueRejectedError, match="TRAILING"):
            await of(venue, intent("c", kind=OrderKind.TRAILING_STOP))

    run(exchange, work)

    async def stranger(venue: AlpacaTrading) -> None:
        with pytest.raises(VenueAuthError) as caught:
            await venue.positions()
        assert "PKCANARY" not in str(caught.value)

    run(exchange, stranger, key="PKCANARY")


def test_the_gate_is_asked_last_and_nothing_is_sent_through_a_closed_one(exchange: LocalExchange) -> None:
    def closed() -> None:
        raise GateClosedError("killed")

    async def work(venue: AlpacaTrading) -> None:
        with pytest.raises(GateClosedError):
            await venue.submit(intent("a"), closed)
        assert await venue.order("a") is None

    run(exchange, work)


@pytest.mark.parametrize(
    ("scenario", "is_there"),
    [("accept_then_timeout", True), ("timeout_not_accepted", False), ("error_after_accept", True)],
)
def test_silence_is_unknown_never_a_rejection_and_nothing_is_sent_twice(
    exchange: LocalExchange, scenario: str, is_there: bool
) -> None:
    async def work(venue: AlpacaTrading) -> None:
        exchange.command("faults", scenarios=[scenario])
        with pytest.raises(VenueTimeoutError):
            await of(venue, resting("a"))
        found = await venue.order("a")
        assert (found is not None) is is_there
        assert len(exchange.runner.account.orders.by_id) == is_there

    run(exchange, work)


def test_without_a_connection_nothing_was_sent() -> None:
    async def work() -> None:
        venue = AlpacaTrading(params_of("http://127.0.0.1:9"), INSTRUMENTS, clock_ns=lambda: 0)
        with pytest.raises(VenueUnavailableError):
            await of(venue, intent("a"))
        await venue.close()

    asyncio.run(work())


def test_too_many_requests_is_safe_to_repeat(exchange: LocalExchange) -> None:
    async def work(venue: AlpacaTrading) -> None:
        exchange.runner.script.add(faults("429"))
        with pytest.raises(VenueUnavailableError):
            await of(venue, resting("a"))
        assert await venue.order("a") is None

    run(exchange, work)


def test_a_question_that_fails_is_no_empty_answer(exchange: LocalExchange) -> None:
    async def work(venue: AlpacaTrading) -> None:
        exchange.runner.script.add(faults("503"))
        with pytest.raises(VenueTimeoutError):
            await venue.positions()

    run(exchange, work)


def faults(kind: str) -> list[Any]:
    return [Fault(kind, " /v2")]


async def hear(venue: AlpacaTrading, act: Callable[[], Awaitable[object]], count: int) -> list[VenueEvent]:
    """Return the first events of the stream after it listens and something was done."""
    heard: list[VenueEvent] = []

    async def listen() -> None:
        async with aclosing(venue.stream()) as stream:
            async for event in stream:
                heard.append(event)
                if len(heard) > count:
                    return

    task = asyncio.ensure_future(listen())
    async with asyncio.timeout(8):
        while not heard:  # noqa: ASYNC110  # the first words say that it listens
            await asyncio.sleep(0.01)
        await act()
        await task
    assert isinstance(heard[0], StreamGap)
    return heard[1:]


def test_the_stream_tells_of_fills_with_the_ids_that_questions_give(exchange: LocalExchange) -> None:
    async def work(venue: AlpacaTrading) -> None:
        heard = await hear(venue, lambda: of(venue, intent("a")), 3)
        assert [type(e) for e in heard] == [VenueOrder, VenueFill, VenueOrder]
        (asked,) = await venue.fills(0)
        told = heard[1]
        assert isinstance(told, VenueFill)
        assert (told.trade_id, told.lots, told.price, told.client_id) == (asked.trade_id, 5, asked.price, "a")
        assert isinstance(heard[2], VenueOrder)
        assert heard[2].status is OrderStatus.FILLED

    run(exchange, work)


def test_a_fill_told_twice_has_one_id(exchange: LocalExchange) -> None:
    async def work(venue: AlpacaTrading) -> None:
        exchange.command("faults", scenarios=["duplicate_fill"])
        heard = await hear(venue, lambda: of(venue, intent("a")), 5)
        fills = [e for e in heard if isinstance(e, VenueFill)]
        assert len(fills) == 2
        assert len({f.trade_id for f in fills}) == 1

    run(exchange, work)


def test_after_a_cut_the_stream_says_that_something_may_be_missing(exchange: LocalExchange) -> None:
    async def work(venue: AlpacaTrading) -> None:
        exchange.command("faults", scenarios=["cut_during_fills"])
        heard = await hear(venue, lambda: of(venue, intent("a")), 1)
        assert isinstance(heard[0], StreamGap)  # what was on its way when the connection ended is lost
        assert len(await venue.fills(0)) == 1

    run(exchange, work)


def test_a_busted_trade_is_a_reason_to_ask_for_everything(exchange: LocalExchange) -> None:
    async def work(venue: AlpacaTrading) -> None:
        exchange.command("faults", scenarios=["trade_bust"])
        heard = await hear(venue, lambda: of(venue, intent("a")), 4)
        assert isinstance(heard[3], StreamGap)
        assert "trade_bust" in heard[3].reason
        assert await venue.fills(0) == []
        assert await venue.positions() == []

    run(exchange, work)


def test_the_stream_does_not_go_on_with_keys_that_are_refused(exchange: LocalExchange) -> None:
    async def work(venue: AlpacaTrading) -> None:
        with pytest.raises(VenueAuthError):
            await anext(aiter(venue.stream()))

    run(exchange, work, key="PKOTHER")


def test_keys_and_addresses_that_do_not_belong_together_are_refused() -> None:
    paper = PaperKeys(key=SecretStr("PK1"), secret=SecretStr("s"))
    live = LiveKeys(key=SecretStr("AK1"), secret=SecretStr("s"))
    assert AlpacaTradingParams(trading_url=PAPER_URL, keys=paper).name == "alpaca-paper"
    assert AlpacaTradingParams(trading_url=LIVE_URL, keys=live).name == "alpaca-live"
    for url, keys in (
        (LIVE_URL, paper),
        (PAPER_URL, live),
        ("http://127.0.0.1:1", live),
        ("http://evil.example", paper),
    ):
        with pytest.raises(ValidationError):
            AlpacaTradingParams(trading_url=url, keys=keys)
    with pytest.raises(ValidationError, match="begin with PK"):
        PaperKeys(key=SecretStr("AK1"), secret=SecretStr("s"))
    with pytest.raises(ValidationError):
        AlpacaTradingParams.model_validate({"keys": paper})  # no address is assumed
