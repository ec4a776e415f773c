"""The trading adapter against the local exchange, well behaved and not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import aclosing
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from tests.venues.local_exchange import KEY, SECRET, LocalExchange

from tradewright.adapters.binance.trading import BinanceTrading
from tradewright.adapters.binance.trading_params import (
    LIVE_URL,
    TESTNET_URL,
    BinanceTradingParams,
    LiveKeys,
    TestnetKeys,
)
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, OrderStatus, Side, TimeInForce
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

SYMBOL = "BTCUSDT"
INSTRUMENTS = {SYMBOL: Instrument(SYMBOL, lot_size="0.0001")}


@pytest.fixture
def exchange() -> Iterator[LocalExchange]:
    with LocalExchange(f"synthetic:{SYMBOL}", protocol="binance") as running:
        running.advance(3)
        yield running


def run(
    exchange: LocalExchange,
    work: Callable[[BinanceTrading], Coroutine[Any, Any, None]],
    secret: str = SECRET,
    clock_ns: Callable[[], int] | None = None,
) -> None:
    async def inside() -> None:
        keys = TestnetKeys(key=SecretStr(KEY), secret=SecretStr(secret))
        params = BinanceTradingParams(rest_url=exchange.http_url, keys=keys, timeout_s=5.0, weight_per_minute=1e6)
        venue = BinanceTrading(params, INSTRUMENTS, clock_ns=clock_ns or (lambda: exchange.runner.now_ns))
        try:
            await work(venue)
        finally:
            await venue.close()

    asyncio.run(inside())


def intent(client_id: str, lots: int = 5_000, **more: Any) -> OrderIntent:  # noqa: ANN401
    known: dict[str, Any] = {"side": Side.BUY, "kind": OrderKind.MARKET} | more
    return OrderIntent(
        client_id=client_id, sequence=1, epoch=1, strategy="s", instrument=SYMBOL, lots=lots, ts_event=0, **known
    )


def resting(client_id: str, price: float = 90.0) -> OrderIntent:
    return intent(client_id, kind=OrderKind.LIMIT, limit_price=price)


def open_gate() -> None:
    """Let everything through."""


def test_what_was_sent_is_found_again_by_every_question(exchange: LocalExchange) -> None:
    async def work(venue: BinanceTrading) -> None:
        await venue.connect()
        assert venue.account_id
        bought = await venue.submit(intent("a"), open_gate)
        rests = await venue.submit(resting("b"), open_gate)
        assert (bought.status, bought.filled, rests.status) == (OrderStatus.FILLED, 5_000, OrderStatus.ACCEPTED)
        assert await venue.order("a") == bought
        assert await venue.order("nobody") is None
        assert await venue.open_orders() == [rests]
        assert [o.client_id for o in await venue.order_history(0)] == ["a", "b"]
        (fill,) = await venue.fills(0)
        assert (fill.venue_id, fill.lots, fill.side, fill.fee_currency) == (bought.venue_id, 5_000, Side.BUY, "USDT")
        assert [(p.instrument, p.lots) for p in await venue.positions()] == [(SYMBOL, 5_000)]
        account = await venue.account()
        assert account.cash == pytest.approx(100_000 - 0.5 * fill.price, abs=1e-6)
        assert account.equity == pytest.approx(account.cash + 0.5 * exchange.runner.account.means.mark(0))

    run(exchange, work)


def test_what_is_held_is_counted_to_the_lot_while_part_of_it_is_in_an_order(exchange: LocalExchange) -> None:
    """0.1 + 0.7 in binary is less than 0.8: a lot would be missing."""

    async def work(venue: BinanceTrading) -> None:
        await venue.submit(intent("a", 8_000), open_gate)
        high = exchange.runner.account.means.mark(0) * 1.5
        await venue.submit(intent("b", 7_000, side=Side.SELL, kind=OrderKind.LIMIT, limit_price=round(high)), open_gate)
        assert [(p.instrument, p.lots) for p in await venue.positions()] == [(SYMBOL, 8_000)]

    run(exchange, work)


def test_cancels_and_refusals_are_told_apart(exchange: LocalExchange) -> None:
    async def work(venue: BinanceTrading) -> None:
        order = await venue.submit(resting("a"), open_gate)
        with pytest.raises(DuplicateIdError):
            await venue.submit(resting("a"), open_gate)
        await venue.cancel("a", order.venue_id)
        with pytest.raises(VenueRejectedError):
            await venue.cancel("a", "")
        known = await venue.order("a")
        assert known is not None
        assert known.status is OrderStatus.CANCELED
        for wrong in (intent("b", 10**9), intent("c", 1), intent("d", time_in_force=TimeInForce.DAY)):
            with pytest.raises(VenueRejectedError):
                await venue.submit(wrong, open_gate)
        await venue.submit(resting("e"), open_gate)
        await venue.cancel_all()
        await venue.cancel_all(SYMBOL)  # nothing left: no error
        assert await venue.open_orders() == []

    run(exchange, work)

    async def stranger(venue: BinanceTrading) -> None:
        with pytest.raises(VenueAuthError) as caught:
            await venue.positions()
        assert "canary" not in str(caught.value)

    run(exchange, stranger, secret="canary")  # noqa: S106


def test_nothing_is_sent_through_a_closed_gate(exchange: LocalExchange) -> None:
    def closed() -> None:
        raise GateClosedError("killed")

    async def work(venue: BinanceTrading) -> None:
        with pytest.raises(GateClosedError):
            await venue.submit(intent("a"), closed)
        assert not exchange.runner.account.orders.by_id

    run(exchange, work)


@pytest.mark.parametrize(
    ("scenario", "is_there"),
    [("accept_then_timeout", True), ("timeout_not_accepted", False), ("error_after_accept", True)],
)
def test_silence_is_unknown_never_a_rejection_and_nothing_is_sent_twice(
    exchange: LocalExchange, scenario: str, is_there: bool
) -> None:
    async def work(venue: BinanceTrading) -> None:
        exchange.command("faults", scenarios=[scenario])
        with pytest.raises(VenueTimeoutError):
            await venue.submit(resting("a"), open_gate)
        assert (await venue.order("a") is not None) is is_there
        assert len(exchange.runner.account.orders.by_id) == is_there

    run(exchange, work)


def test_a_clock_that_went_wrong_is_compared_again_and_nothing_was_done(exchange: LocalExchange) -> None:
    shift = [0]

    async def work(venue: BinanceTrading) -> None:
        assert await venue.open_orders() == []
        shift[0] = 30_000_000_000
        with pytest.raises(VenueUnavailableError, match="-1021"):
            await venue.submit(resting("a"), open_gate)
        assert await venue.order("a") is None
        await venue.submit(resting("a"), open_gate)

    run(exchange, work, clock_ns=lambda: exchange.runner.now_ns + shift[0])


def test_the_stream_tells_of_fills_and_of_what_may_be_missing(exchange: LocalExchange) -> None:
    async def hear(venue: BinanceTrading, act: Callable[[], Awaitable[object]], count: int) -> list[VenueEvent]:
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

    async def work(venue: BinanceTrading) -> None:
        heard = await hear(venue, lambda: venue.submit(intent("a"), open_gate), 3)
        assert [type(e) for e in heard] == [VenueOrder, VenueFill, VenueOrder]
        (asked,) = await venue.fills(0)
        told = heard[1]
        assert isinstance(told, VenueFill)
        assert (told.trade_id, told.client_id, told.price, told.fee) == (asked.trade_id, "a", asked.price, asked.fee)

        async def place_and_cancel() -> None:
            order = await venue.submit(resting("b"), open_gate)
            await venue.cancel("b", order.venue_id)

        orders = [e for e in await hear(venue, place_and_cancel, 2) if isinstance(e, VenueOrder)]
        assert [(o.client_id, o.status) for o in orders] == [("b", OrderStatus.ACCEPTED), ("b", OrderStatus.CANCELED)]
        exchange.runner.script.add([Fault("cut", "event fill")])
        heard = await hear(venue, lambda: venue.submit(intent("c"), open_gate), 1)
        assert isinstance(heard[0], StreamGap)
        assert len(await venue.fills(0)) == 2

    run(exchange, work)


def test_keys_and_addresses_that_do_not_belong_together_are_refused() -> None:
    test = TestnetKeys(key=SecretStr("k"), secret=SecretStr("s"))
    live = LiveKeys(key=SecretStr("k"), secret=SecretStr("s"))
    assert BinanceTradingParams(rest_url=TESTNET_URL, keys=test).name == "binance-testnet"
    assert BinanceTradingParams(rest_url=LIVE_URL, keys=live).name == "binance-live"
    elsewhere = ("http://evil.example", test)
    for url, keys in ((LIVE_URL, test), (TESTNET_URL, live), ("http://127.0.0.1:1", live), elsewhere):
        with pytest.raises(ValidationError):
            BinanceTradingParams(rest_url=url, keys=keys)
