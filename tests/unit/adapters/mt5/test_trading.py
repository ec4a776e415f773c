"""The trading adapter on a local trade server, well behaved and not, over each way to a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
from tests.venues.faults import Fault
from tests.venues.local_account import LocalAccount
from tests.venues.mt5_server import Mt5Server
from tests.venues.mt5_ways import WAYS, way_to

from tradewright.adapters.mt5.answers import error_of
from tradewright.adapters.mt5.terminal import Result, Terminal
from tradewright.adapters.mt5.trading import Mt5Trading
from tradewright.adapters.mt5.trading_params import DemoAccount, Mt5TradingParams, RealAccount
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, OrderStatus, Side, TimeInForce
from tradewright.core.types.venue import OrderIntent, StreamGap, VenueEvent, VenueFill, VenueOrder
from tradewright.execution.venue import (
    VenueAuthError,
    VenueRejectedError,
    VenueTimeoutError,
    VenueUnavailableError,
)

SYMBOL = "EURUSD"
DEMO = DemoAccount(login=5001)
Work = Callable[[Mt5Trading], Coroutine[Any, Any, None]]


@pytest.fixture
def server() -> Mt5Server:
    return Mt5Server(LocalAccount(SYMBOL))


def run(server: Mt5Server, work: Work, way: str = "module", *, connects: bool = True, **changes: Any) -> None:  # noqa: ANN401
    async def inside(terminal: Terminal) -> None:
        instrument = changes.pop("instrument", Instrument(SYMBOL))
        params = Mt5TradingParams(**({"account": DEMO, "poll_s": 0.02} | changes))
        local = server.local
        venue = Mt5Trading(params, terminal, {instrument.symbol: instrument}, clock_ns=lambda: local.now_ns)
        try:
            if connects:
                await venue.connect()
            await work(venue)
        finally:
            await venue.close()

    with way_to(way, server) as terminal:
        asyncio.run(inside(terminal))


def intent(client_id: str, lots: int = 5, **more: Any) -> OrderIntent:  # noqa: ANN401
    known: dict[str, Any] = {"side": Side.BUY, "kind": OrderKind.MARKET} | more
    return OrderIntent(
        client_id=client_id, sequence=1, epoch=1, strategy="s", instrument=SYMBOL, lots=lots, ts_event=0, **known
    )


def resting(client_id: str, price: float = 90.0) -> OrderIntent:
    return intent(client_id, kind=OrderKind.LIMIT, limit_price=price)


def open_gate() -> None:
    """Let everything through."""


@pytest.mark.parametrize("way", WAYS)
def test_what_was_sent_is_found_again_by_every_question(server: Mt5Server, way: str) -> None:
    async def work(venue: Mt5Trading) -> None:
        bought, rests = await venue.submit(intent("a"), open_gate), await venue.submit(resting("b"), open_gate)
        assert (bought.client_id, rests.status) == ("a", OrderStatus.ACCEPTED)
        done = await venue.order("a")
        assert done is not None
        assert (done.status, done.filled, done.venue_id) == (OrderStatus.FILLED, 5, bought.venue_id)
        assert await venue.order("nobody") is None
        assert [o.client_id for o in await venue.open_orders()] == ["b"]
        assert [o.client_id for o in await venue.order_history(0)] == ["a", "b"]
        (fill,) = await venue.fills(0)
        assert (fill.client_id, fill.venue_id, fill.lots, fill.side) == ("a", bought.venue_id, 5, Side.BUY)
        assert (fill.fee, fill.fee_currency) == (0.07, "USD")
        assert abs(fill.ts_event - server.local.now_ns) < 10**9  # whatever the server's zone
        assert await venue.fills(fill.ts_event + 3 * 3_600 * 10**9) == []
        (position,) = await venue.positions()
        assert (position.instrument, position.lots, position.average_price) == (SYMBOL, 5, fill.price)
        account = await venue.account()
        assert account.cash == pytest.approx(100_000, abs=1)
        assert abs(await venue.server_time_ns() - server.local.now_ns) < 10**9
        stop = intent("c", kind=OrderKind.STOP, side=Side.SELL, stop_price=80.0)
        both = intent("d", kind=OrderKind.STOP_LIMIT, stop_price=150.0, limit_price=151.0)
        for each in (stop, both):
            assert (await venue.submit(each, open_gate)).is_open
        await venue.cancel("c", "")
        assert sorted(o.client_id for o in await venue.open_orders()) == ["b", "d"]

    run(server, work, way)


@pytest.mark.parametrize("way", WAYS)
def test_what_became_of_an_order_is_told_apart(server: Mt5Server, way: str) -> None:
    cases: list[tuple[str, type[Exception], bool]] = [
        ("timeout", VenueTimeoutError, True),
        ("error", VenueTimeoutError, True),
        ("silent", VenueTimeoutError, True),
        ("locked", VenueTimeoutError, False),
        ("requote", VenueRejectedError, False),
        ("closed", VenueRejectedError, False),
        ("offline", VenueUnavailableError, False),
    ]

    async def work(venue: Mt5Trading) -> None:
        for n, (kind, expected, is_there) in enumerate(cases, 1):
            server.script.add([Fault(kind, "send 5")])
            with pytest.raises(expected):
                await venue.submit(resting(kind), open_gate)
            assert ((await venue.order(kind)) is not None) is is_there
            assert server.requests == n

    run(server, work, way)


@pytest.mark.parametrize("way", WAYS)
def test_a_comment_that_the_broker_rewrites_does_not_hide_an_order(server: Mt5Server, way: str) -> None:
    server.script.add([Fault("wiped", "send", times=None)])

    async def work(venue: Mt5Trading) -> None:
        order = await venue.submit(intent("a"), open_gate)
        found = await venue.order("a")
        assert found is not None
        assert (found.client_id, found.venue_id) == ("a", order.venue_id)
        (fill,) = await venue.fills(0)
        assert (fill.client_id, fill.venue_id) == ("", order.venue_id)  # the ticket says whose it is

    run(server, work, way)


@pytest.mark.parametrize("way", WAYS)
def test_another_account_is_refused(server: Mt5Server, way: str) -> None:
    cases: list[tuple[DemoAccount | RealAccount, int, type[Exception]]] = [
        (DemoAccount(login=77), 0, VenueAuthError),
        (DEMO, 2, VenueAuthError),  # real money behind the parameters of a demo account
        (RealAccount(login=5001), 0, VenueAuthError),
    ]
    for account, trade_mode, expected in cases:
        server.trade_mode = trade_mode

        async def work(venue: Mt5Trading, expected: type[Exception] = expected) -> None:
            with pytest.raises(expected):
                await venue.connect()
            with pytest.raises(VenueRejectedError, match="not traded here"):
                await venue.submit(intent("a"), open_gate)
            assert server.requests == 0

        run(server, work, way, connects=False, account=account)


@pytest.mark.parametrize("way", WAYS)
def test_a_symbol_that_is_not_there_or_has_other_steps_is_refused(server: Mt5Server, way: str) -> None:
    cases = [(Instrument("XAUUSD"), "no symbol XAUUSD"), (Instrument(SYMBOL, lot_size="0.5"), "go by 0.01")]
    for instrument, what in cases:

        async def work(venue: Mt5Trading, what: str = what) -> None:
            with pytest.raises(VenueRejectedError, match=what):
                await venue.connect()

        run(server, work, way, connects=False, instrument=instrument)


def test_orders_that_metatrader_does_not_have_are_not_sent(server: Mt5Server) -> None:
    async def work(venue: Mt5Trading) -> None:
        for order in (intent("a", kind=OrderKind.TRAILING_STOP), resting("b")):
            with pytest.raises(VenueRejectedError, match="no order of MetaTrader"):
                await venue.submit(replace(order, time_in_force=TimeInForce.IOC), open_gate)
        with pytest.raises(VenueRejectedError, match="cannot be given another client id"):
            await venue.replace("b", resting("c"), open_gate)
        assert server.requests == 0

    run(server, work)


def test_a_look_that_fails_is_a_gap_and_the_next_one_finds_what_was_missed(server: Mt5Server) -> None:
    async def work(venue: Mt5Trading) -> None:
        heard: list[VenueEvent] = []

        async def listen() -> None:
            async with aclosing(venue.stream()) as stream:
                async for event in stream:
                    heard.append(event)  # noqa: PERF401  # it is looked at meanwhile

        async def until(count: int) -> None:
            async with asyncio.timeout(8):
                while len(heard) < count:  # noqa: ASYNC110  # another task hears it
                    await asyncio.sleep(0.01)

        task = asyncio.ensure_future(listen())
        await until(1)
        assert isinstance(heard[0], StreamGap)
        await venue.submit(intent("a"), open_gate)
        await until(3)
        assert [type(e) for e in heard[1:]] == [VenueFill, VenueOrder]
        module = venue._terminal._module  # type: ignore[attr-defined]
        module.is_running = False
        with pytest.raises(VenueUnavailableError):
            await venue.open_orders()  # an error is no empty list
        await asyncio.sleep(0.1)
        module.is_running = True
        await until(4)
        assert isinstance(heard[3], StreamGap)
        assert "IPC" in heard[3].reason
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(server, work)


@pytest.mark.parametrize("code", [10_008, 10_009, 10_010])
def test_three_answers_are_successes(code: int) -> None:
    assert error_of(Result(code=code), "here") is None


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        ((10_004, 10_006, 10_013, 10_018, 10_019, 10_030, 10_046), VenueRejectedError),
        ((10_024, 10_031), VenueUnavailableError),
        ((10_011, 10_012, 10_028, 10_099, 0), VenueTimeoutError),
    ],
)
def test_all_others_say_what_is_known(codes: tuple[int, ...], kind: type[Exception]) -> None:
    assert {type(error_of(Result(code=code), "here")) for code in codes} == {kind}


def tickets(server: Mt5Server) -> list[tuple[str, int]]:
    return [(held.comment, held.lots) for held in server.positions()]


def exits(client_id: str, lots: int, **more: Any) -> OrderIntent:  # noqa: ANN401
    return intent(client_id, lots, side=Side.SELL, is_reduce_only=True, **more)


@pytest.mark.parametrize("way", WAYS)
def test_tickets_that_stand_side_by_side_are_one_position_and_a_strangers_stays(server: Mt5Server, way: str) -> None:
    server.margin_mode = 2
    foreign = {"action": 1, "type": 0, "volume": 0.01, "price": 0.0, "magic": 77}

    async def work(venue: Mt5Trading) -> None:
        server.send(foreign, "by hand")
        for name, lots in (("a", 4), ("b", 2)):
            await venue.submit(intent(name, lots), open_gate)
        assert [p.lots for p in await venue.positions()] == [7]
        await venue.submit(exits("c", 2), open_gate)
        assert tickets(server) == [("by hand", 1), ("a", 2), ("b", 2)], "the oldest of ours that is large enough"
        server.local.advance(2)  # the book fills up again
        await venue.submit(exits("d", 4), open_gate)
        assert tickets(server)[-1] == ("d", -4), "no ticket is large enough: one against the others"
        before = len(await venue.fills(0))
        await venue.net_pairs()
        assert tickets(server) == [("by hand", 1)]
        assert ([p.lots for p in await venue.positions()], len(await venue.fills(0))) == ([1], before)
        await venue.net_pairs()
        assert tickets(server) == [("by hand", 1)]

    run(server, work, way)


@pytest.mark.parametrize("way", WAYS)
def test_a_stop_that_fills_beside_its_position_is_paired_with_it_by_the_stream(server: Mt5Server, way: str) -> None:
    server.margin_mode = 2

    async def work(venue: Mt5Trading) -> None:
        await venue.submit(intent("a", 2), open_gate)
        bid, _ = server.local.runner.exchange.top(0)
        await venue.submit(exits("s", 2, kind=OrderKind.STOP, stop_price=bid - 0.02), open_gate)
        async with aclosing(venue.stream()) as heard:
            await anext(heard)
            for _ in range(400):
                server.local.advance()
                if any(execution.order.wish.side < 0 for _, execution in server.deals):
                    break
            told = [await anext(heard) for _ in range(2)]
        assert any(isinstance(event, VenueFill) and event.side is Side.SELL for event in told)
        assert (tickets(server), await venue.positions()) == ([], [])

    run(server, work, way)


def test_who_ends_everything_closes_a_strangers_ticket_too(server: Mt5Server) -> None:
    server.margin_mode = 2

    async def work(venue: Mt5Trading) -> None:
        server.send({"action": 1, "type": 0, "volume": 0.04, "price": 0.0, "magic": 77}, "by hand")
        await venue.submit(exits("w", 4), open_gate)
        assert tickets(server) == []

    run(server, work, takes_any_lot=True)


def test_of_client_ids_that_brokers_overwrite_the_newest_are_remembered(
    server: Mt5Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewright.adapters.mt5.trading._REMEMBERED", 3)
    server.script.add([Fault("wiped", "send", times=None)])

    async def work(venue: Mt5Trading) -> None:
        for name in "abcde":
            await venue.submit(resting(name), open_gate)
        assert [order.client_id for order in await venue.open_orders()] == ["", "", "c", "d", "e"]
        assert len(venue._sent) == 3
        oldest = await venue.order("a")
        assert oldest is not None, "who asks by its id finds it all the same"
        assert oldest.is_open

    run(server, work)
