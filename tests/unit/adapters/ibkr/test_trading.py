"""The trading adapter against a local TWS, well behaved and not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from pydantic import ValidationError
from tests.venues.faults import Fault
from tests.venues.ibkr_orders import TwsOrders
from tests.venues.ibkr_venue import IbkrVenue
from tests.venues.local_account import LocalAccount

from tradewright.adapters.ibkr.order_errors import is_notice, order_error
from tradewright.adapters.ibkr.order_rows import revision_of
from tradewright.adapters.ibkr.trading import IbkrTrading
from tradewright.adapters.ibkr.trading_params import IbkrTradingParams, LiveAccount, PaperAccount
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, OrderStatus, Origin, Side, TimeInForce
from tradewright.core.types.venue import OrderIntent, StreamGap, VenueEvent, VenueFill, VenueOrder
from tradewright.execution.venue import (
    VenueAuthError,
    VenueRejectedError,
    VenueTimeoutError,
    VenueUnavailableError,
)

PAPER = PaperAccount(account_id="DU0000001")
Work = Callable[[IbkrTrading], Coroutine[Any, Any, None]]


@pytest.fixture
def tws() -> Iterator[IbkrVenue]:
    with IbkrVenue(orders=TwsOrders(LocalAccount("AAPL"))) as server:
        yield server


def local(tws: IbkrVenue) -> LocalAccount:
    assert tws.orders is not None
    return tws.orders.local


@asynccontextmanager
async def adapter(tws: IbkrVenue, **changes: Any) -> AsyncIterator[IbkrTrading]:  # noqa: ANN401
    known: dict[str, Any] = {"account": PAPER, "host": "127.0.0.1", "port": tws.port, "timeout_s": 0.4} | changes
    clock = local(tws).now_ns
    venue = IbkrTrading(IbkrTradingParams(**known), {"AAPL": Instrument("AAPL")}, clock_ns=lambda: clock)
    try:
        yield venue
    finally:
        await venue.close()


def run(tws: IbkrVenue, work: Work, **changes: Any) -> None:  # noqa: ANN401
    async def inside() -> None:
        async with adapter(tws, **changes) as venue:
            await work(venue)

    asyncio.run(inside())


def intent(client_id: str, lots: int = 5, **more: Any) -> OrderIntent:  # noqa: ANN401
    known: dict[str, Any] = {"side": Side.BUY, "kind": OrderKind.MARKET} | more
    return OrderIntent(
        client_id=client_id, sequence=1, epoch=1, strategy="s", instrument="AAPL", lots=lots, ts_event=0, **known
    )


def resting(client_id: str, price: float = 90.0, **more: Any) -> OrderIntent:  # noqa: ANN401
    return intent(client_id, kind=OrderKind.LIMIT, limit_price=price, **more)


def open_gate() -> None:
    """Let everything through."""


@pytest.mark.parametrize(("kind", "number"), [(PaperAccount, "U1234567"), (LiveAccount, "DU1234567")])
def test_an_account_has_the_kind_that_its_number_shows(kind: type[PaperAccount | LiveAccount], number: str) -> None:
    with pytest.raises(ValidationError, match="paper account"):
        kind(account_id=number)


@pytest.mark.parametrize(
    ("accounts", "account"),
    [
        ("U7654321", PAPER),
        ("DU0000001,U7654321", PAPER),  # one click in the gateway away from real money
        ("DU0000002", PAPER),
        ("DU0000001", LiveAccount(account_id="U7654321")),
    ],
)
def test_a_gateway_that_is_logged_in_to_another_account_is_refused(
    accounts: str, account: PaperAccount | LiveAccount
) -> None:
    orders = TwsOrders(LocalAccount("AAPL"), accounts)

    async def work(venue: IbkrTrading) -> None:
        with pytest.raises(VenueAuthError, match="logged in to"):
            await venue.submit(intent("a"), open_gate)
        assert orders.placed == {}

    with IbkrVenue(orders=orders) as tws:
        run(tws, work, account=account)


def test_without_a_gateway_and_beside_another_program_nothing_is_sent(tws: IbkrVenue) -> None:
    async def work(venue: IbkrTrading) -> None:
        await venue.connect()
        async with adapter(tws) as second:
            with pytest.raises(VenueUnavailableError, match="client id 72 is used by another program"):
                await second.submit(intent("a"), open_gate)
        async with adapter(tws, port=1) as nowhere:
            with pytest.raises(VenueUnavailableError, match="no TWS or IB Gateway answers"):
                await nowhere.submit(intent("a"), open_gate)

    run(tws, work)


def test_what_was_sent_is_found_again_by_every_question(tws: IbkrVenue) -> None:
    async def work(venue: IbkrTrading) -> None:
        bought, rests = await venue.submit(intent("a"), open_gate), await venue.submit(resting("b"), open_gate)
        assert (bought.client_id, rests.status, rests.venue_id != bought.venue_id) == ("a", OrderStatus.ACCEPTED, True)
        done = await venue.order("a")
        assert done is not None
        assert (done.status, done.filled, done.venue_id) == (OrderStatus.FILLED, 5, bought.venue_id)
        assert await venue.order("nobody") is None
        assert [o.client_id for o in await venue.open_orders()] == ["b"]
        assert [o.client_id for o in await venue.order_history(0)] == ["a", "b"]
        (fill,) = await venue.fills(0)
        assert (fill.client_id, fill.venue_id, fill.lots, fill.side) == ("a", bought.venue_id, 5, Side.BUY)
        assert await venue.fills(fill.ts_event + 10**9) == []
        (position,) = await venue.positions()
        assert (position.instrument, position.lots, position.average_price) == ("AAPL", 5, fill.price)
        account = await venue.account()
        assert account.cash == pytest.approx(100_000 - 5 * fill.price, abs=1e-6)
        assert await venue.server_time_ns() == local(tws).now_ns // 10**9 * 10**9

    run(tws, work)


def test_a_label_does_not_keep_a_second_order_away(tws: IbkrVenue) -> None:
    async def work(venue: IbkrTrading) -> None:
        first, second = await venue.submit(resting("a"), open_gate), await venue.submit(resting("a"), open_gate)
        found = await venue.order("a")
        assert found is not None
        assert found.venue_id == second.venue_id
        await venue.cancel("a", second.venue_id)
        assert [o.venue_id for o in await venue.open_orders()] == [first.venue_id]

    run(tws, work)


def test_a_bracket_goes_out_as_a_whole_and_its_exits_name_their_entry(tws: IbkrVenue) -> None:
    async def work(venue: IbkrTrading) -> None:
        asked = 0

        def gate() -> None:
            nonlocal asked
            asked += 1

        await venue.submit(intent("entry", stop_loss=90.0, take_profit=120.0), gate)
        assert asked == 1
        sent = [(f[18], f[26], f[27]) for f in tws.asked("order")]
        assert sent == [("MKT", "entry", "0"), ("LMT", "entry/TP", "0"), ("STP", "entry/SL", "1")]
        assert {f[28] for f in tws.asked("order")[1:]} == {tws.asked("order")[0][1]}
        exits = {o.client_id: o for o in await venue.open_orders()}
        assert {name: o.origin for name, o in exits.items()} == {
            "entry/SL": Origin.STOP_LOSS,
            "entry/TP": Origin.TAKE_PROFIT,
        }
        assert {(o.parent, o.side, o.lots, o.is_open) for o in exits.values()} == {("entry", Side.SELL, 5, True)}
        await venue.cancel("entry/SL", exits["entry/SL"].venue_id)
        assert [o.client_id for o in await venue.open_orders()] != ["entry/SL"]

    run(tws, work)


def test_refusals_are_told_apart(tws: IbkrVenue) -> None:
    async def work(venue: IbkrTrading) -> None:
        with pytest.raises(VenueRejectedError, match="code 110"):
            await venue.submit(resting("a", 90.005), open_gate)
        with pytest.raises(VenueRejectedError, match="code 201"):
            await venue.submit(intent("b", 10_000_000), open_gate)
        with pytest.raises(VenueRejectedError, match="TRAILING"):
            await venue.submit(intent("c", kind=OrderKind.TRAILING_STOP), open_gate)
        with pytest.raises(VenueRejectedError, match="made by this connection"):
            await venue.cancel("nobody", "77")
        order = await venue.submit(resting("d"), open_gate)
        await venue.cancel("d", "")
        while await venue.open_orders():  # noqa: ASYNC110 - the end of the first would pass for an answer to the second
            await asyncio.sleep(0.01)
        with pytest.raises(VenueRejectedError, match="code 10148"):
            await venue.cancel("d", order.venue_id)

    run(tws, work)


def test_a_number_that_another_program_used_costs_no_order(tws: IbkrVenue) -> None:
    async def work(venue: IbkrTrading) -> None:
        await venue.submit(resting("a"), open_gate)
        assert tws.orders is not None
        tws.orders.next_number += 100
        with pytest.raises(VenueUnavailableError, match="code 103"):
            await venue.submit(resting("b"), open_gate)
        await venue.server_time_ns()  # by then the next number has come
        assert (await venue.submit(resting("c"), open_gate)).is_open
        assert sorted(o.client_id for o in await venue.open_orders()) == ["a", "c"]

    run(tws, work)


@pytest.mark.parametrize(
    ("kind", "is_there"), [("drop", True), ("silent", True), ("pending", True), ("garbled", True), ("lost", False)]
)
def test_an_order_without_a_word_of_the_venue_is_not_known_until_it_is_asked_for(
    tws: IbkrVenue, kind: str, is_there: bool
) -> None:
    tws.script.add([Fault(kind, "order")])

    async def work(venue: IbkrTrading) -> None:
        with pytest.raises(VenueTimeoutError):
            await venue.submit(resting("a"), open_gate)
        listed = [o.client_id for o in await venue.open_orders()]
        # of an order that only the gateway has, nothing is said
        assert listed == (["a"] if is_there and kind != "pending" else [])

    run(tws, work)


def test_a_gateway_without_the_broker_sends_nothing_until_it_is_back(tws: IbkrVenue) -> None:
    tws.script.add([Fault("cut", "order")])

    async def work(venue: IbkrTrading) -> None:
        with pytest.raises(VenueTimeoutError):
            await venue.submit(resting("a"), open_gate)
        with pytest.raises(VenueUnavailableError, match="no connection to Interactive Brokers"):
            await venue.submit(resting("b"), open_gate)
        assert tws.orders is not None
        tws.orders.sessions[0].error(-1, 1102, "Connectivity has been restored - data maintained.")
        await venue.server_time_ns()
        assert (await venue.submit(resting("c"), open_gate)).is_open

    run(tws, work)


async def hear(venue: IbkrTrading, act: Callable[[], Coroutine[Any, Any, object]], count: int) -> list[VenueEvent]:
    """Return the first events of the stream after its opening gap, of what was done once it listened."""
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


def test_a_fill_is_told_again_when_its_commission_comes_and_taken_back_when_it_is_corrected(tws: IbkrVenue) -> None:
    async def work(venue: IbkrTrading) -> None:
        async def buy_and_correct() -> None:
            await venue.submit(intent("a"), open_gate)
            assert tws.orders is not None
            tws.orders.correct(99.5)

        heard = await hear(venue, buy_and_correct, 5)
        fills = [e for e in heard if isinstance(e, VenueFill)]
        first, paid, busted, corrected = fills
        assert (first.trade_id, first.fee) == (paid.trade_id, None)
        assert (paid.fee, paid.fee_currency) == (0.0, "USD")
        assert (busted.busts, busted.lots, busted.price) == (first.trade_id, 5, first.price)
        assert (corrected.price, corrected.lots) == (99.5, 5)
        assert len({first.trade_id, busted.trade_id, corrected.trade_id}) == 3
        asked = await venue.fills(0)
        assert {(f.trade_id, f.busts, f.price) for f in asked} >= {
            (f.trade_id, f.busts, f.price) for f in (first, busted, corrected)
        }
        orders = [e for e in heard if isinstance(e, VenueOrder)]
        assert [o.status for o in orders] == [OrderStatus.FILLED]

    run(tws, work)


def test_after_a_loss_and_after_a_return_of_the_link_the_stream_says_that_something_may_be_missing(
    tws: IbkrVenue,
) -> None:
    async def work(venue: IbkrTrading) -> None:
        async def break_and_return() -> None:
            tws.cut()
            order = await venue.submit(resting("a"), open_gate) if await _back(venue) else None
            assert order is not None
            assert tws.orders is not None
            tws.orders.sessions[0].error(-1, 1101, "Connectivity restored - data lost.")

        heard = await hear(venue, break_and_return, 3)
        assert [type(e) for e in heard] == [StreamGap, VenueOrder, StreamGap]
        assert isinstance(heard[2], StreamGap)
        assert "1101" in heard[2].reason

    run(tws, work)


async def _back(venue: IbkrTrading) -> bool:
    for _ in range(100):
        try:
            await venue.server_time_ns()
        except (VenueTimeoutError, VenueUnavailableError):
            await asyncio.sleep(0.02)
        else:
            return True
    return False


def test_a_question_that_nobody_waits_for_cannot_answer_the_next(tws: IbkrVenue) -> None:
    async def work(venue: IbkrTrading) -> None:
        await venue.submit(resting("a"), open_gate)
        asking = asyncio.ensure_future(venue.open_orders())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert await _back(venue)
        assert [o.client_id for o in await venue.open_orders()] == ["a"]
        assert len(tws.asked("connect")) > 1

    run(tws, work)


def test_an_order_of_another_connection_is_seen_and_left_alone_and_one_command_cancels_all(tws: IbkrVenue) -> None:
    async def work(venue: IbkrTrading) -> None:
        async with adapter(tws, client_id=5) as other:
            theirs = await other.submit(resting("theirs", time_in_force=TimeInForce.DAY), open_gate)
            assert [o.client_id for o in await venue.open_orders()] == ["theirs"]
            with pytest.raises(VenueRejectedError, match="made by this connection"):
                await venue.cancel("theirs", theirs.venue_id)
            await venue.submit(resting("mine"), open_gate)
            await venue.cancel_all("AAPL2")
            assert len(await venue.open_orders()) == 2
            await venue.cancel_all()
            assert await venue.open_orders() == []

    run(tws, work)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (110, VenueRejectedError),
        (201, VenueRejectedError),
        (202, VenueRejectedError),
        (10147, VenueRejectedError),
        (103, VenueUnavailableError),
        (100, VenueTimeoutError),
        (504, VenueTimeoutError),
        (1300, VenueTimeoutError),
    ],
)
def test_a_message_about_an_order_says_what_is_known_of_it(code: int, kind: type[Exception]) -> None:
    assert type(order_error(code, "text", "here")) is kind
    assert not is_notice(code)


@pytest.mark.parametrize("code", [399, 2104, 2106, 2158, 10349])
def test_notices_change_nothing(code: int) -> None:
    assert is_notice(code)


def test_versions_of_an_execution_differ_behind_the_last_point() -> None:
    assert revision_of("0000e0d5.6580b5d1.01.02") == ("0000e0d5.6580b5d1.01", 2)
    assert revision_of("odd") == ("odd", 0)


def test_only_the_client_id_that_made_an_order_cancels_it_and_a_watchdog_takes_that_of_a_program_that_is_gone(
    tws: IbkrVenue,
) -> None:
    async def work() -> None:
        assert tws.orders is not None
        tws.orders.id_kept_s = 0.3
        async with adapter(tws, client_id=73, ends_for_others=True) as dog, adapter(tws, client_id=74) as stranger:
            async with adapter(tws, client_id=72) as session:
                for name in "ab":
                    await session.submit(resting(name), open_gate)
                with pytest.raises(VenueUnavailableError, match=r"client id 72.*end it"):
                    await dog.cancel("a", "")
            with pytest.raises(VenueRejectedError, match="no such order was made by this connection"):
                await stranger.cancel("a", "")
            await dog.cancel("a", "")
            assert [order.client_id for order in await dog.open_orders()] == ["b"]
            await dog.cancel("b", "")
            assert await dog.open_orders() == []

    asyncio.run(work())
