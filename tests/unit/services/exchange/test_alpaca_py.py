"""The official library of Alpaca, unchanged, against the local exchange."""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.venues.local_exchange import KEY, SECRET, LocalExchange

pytest.importorskip("alpaca", reason="alpaca-py is not installed; it is in the extra dev", exc_type=ImportError)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its streams use a part of websockets that is going to go
    from alpaca.common.exceptions import APIError
    from alpaca.data.historical import StockHistoricalDataClient
    from alpaca.data.live import StockDataStream
    from alpaca.data.requests import StockBarsRequest, StockLatestQuoteRequest, StockQuotesRequest, StockTradesRequest
    from alpaca.data.timeframe import TimeFrame, TimeFrameUnit
    from alpaca.trading.client import TradingClient
    from alpaca.trading.enums import OrderClass, OrderSide, OrderStatus, QueryOrderStatus, TimeInForce
    from alpaca.trading.requests import (
        ClosePositionRequest,
        GetOrdersRequest,
        LimitOrderRequest,
        MarketOrderRequest,
        ReplaceOrderRequest,
        StopLimitOrderRequest,
        StopLossRequest,
        StopOrderRequest,
        TakeProfitRequest,
        TrailingStopOrderRequest,
    )
    from alpaca.trading.stream import TradingStream

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

BUY, SELL = OrderSide.BUY, OrderSide.SELL
DAY, GTC = TimeInForce.DAY, TimeInForce.GTC


@pytest.fixture
def exchange() -> Iterator[LocalExchange]:
    with LocalExchange() as running:
        running.advance(3)
        yield running


def client_of(exchange: LocalExchange, key: str = KEY) -> Any:  # noqa: ANN401
    return TradingClient(key, SECRET, url_override=exchange.http_url)


def market(qty: float, side: Any = BUY, **more: Any) -> Any:  # noqa: ANN401
    return MarketOrderRequest(symbol="SYN", qty=qty, side=side, time_in_force=DAY, **more)


def limit(qty: float, price: float, side: Any = BUY, **more: Any) -> Any:  # noqa: ANN401
    return LimitOrderRequest(symbol="SYN", qty=qty, side=side, time_in_force=GTC, limit_price=price, **more)


def refused(call: Callable[[], object]) -> tuple[int, int, str]:
    with pytest.raises(APIError) as caught:
        call()
    return caught.value.status_code, caught.value.code, caught.value.message


def test_a_market_order_fills_at_the_quote_and_is_booked(exchange: LocalExchange) -> None:
    client = client_of(exchange)
    _, ask = exchange.runner.exchange.top(0)
    order = client.submit_order(market(5, client_order_id="mine-1"))
    assert (order.status, float(order.filled_avg_price), order.client_order_id) == (OrderStatus.FILLED, ask, "mine-1")
    position = client.get_open_position("SYN")
    assert (position.qty, float(position.avg_entry_price)) == ("5", ask)
    assert float(client.get_account().cash) == pytest.approx(100_000 - 5 * ask, abs=1e-6)


def test_every_kind_of_order_is_taken(exchange: LocalExchange) -> None:
    client = client_of(exchange)
    common: dict[str, Any] = {"symbol": "SYN", "qty": 1, "time_in_force": GTC}
    stop = client.submit_order(StopOrderRequest(**common, side=BUY, stop_price=110))
    stop_limit = client.submit_order(StopLimitOrderRequest(**common, side=BUY, stop_price=110, limit_price=111))
    trail = client.submit_order(TrailingStopOrderRequest(**common, side=BUY, trail_percent=5))
    rest = client.submit_order(limit(1, 90))
    told = [o.status for o in (stop, stop_limit, trail, rest)]
    assert told == [OrderStatus.NEW] * 4
    assert float(trail.hwm) == pytest.approx(float(trail.stop_price) / 1.05, abs=0.02)
    assert len(client.get_orders()) == 4
    assert {str(r.status) for r in client.cancel_orders()} == {"200"}
    assert client.get_orders() == []
    closed = client.get_orders(GetOrdersRequest(status=QueryOrderStatus.CLOSED))
    assert [o.status for o in closed] == [OrderStatus.CANCELED] * 4


def test_replacing_makes_a_new_order_and_names_the_old(exchange: LocalExchange) -> None:
    client = client_of(exchange)
    old = client.submit_order(limit(5, 90))
    new = client.replace_order_by_id(old.id, ReplaceOrderRequest(qty=7, limit_price=91.5))
    assert (new.replaces, new.qty, new.limit_price, new.status) == (old.id, "7", "91.5", OrderStatus.NEW)
    old = client.get_order_by_id(old.id)
    assert (old.status, old.replaced_by) == (OrderStatus.REPLACED, new.id)
    client.cancel_order_by_id(new.id)
    assert client.get_order_by_id(new.id).status == OrderStatus.CANCELED
    assert refused(lambda: client.cancel_order_by_id(new.id))[:2] == (422, 42210000)


def test_a_bracket_holds_its_stop_and_one_exit_cancels_the_other(exchange: LocalExchange) -> None:
    client = client_of(exchange)
    _, ask = exchange.runner.exchange.top(0)
    entry = client.submit_order(
        market(
            5,
            order_class=OrderClass.BRACKET,
            take_profit=TakeProfitRequest(limit_price=round(ask + 0.2, 2)),
            stop_loss=StopLossRequest(stop_price=round(ask - 0.2, 2)),
        )
    )
    target, stop = client.get_order_by_id(entry.id).legs
    assert (target.status, stop.status) == (OrderStatus.NEW, OrderStatus.HELD)
    for _ in range(200):
        exchange.advance(10)
        legs = [client.get_order_by_id(leg.id).status for leg in (target, stop)]
        if OrderStatus.FILLED in legs:
            break
    assert sorted(legs) == [OrderStatus.CANCELED, OrderStatus.FILLED]
    assert client.get_all_positions() == []


def test_oco_closes_a_position(exchange: LocalExchange) -> None:
    client = client_of(exchange)
    client.submit_order(market(5))
    bid, ask = exchange.runner.exchange.top(0)
    oco = client.submit_order(
        limit(
            5,
            round(ask + 5, 2),
            SELL,
            order_class=OrderClass.OCO,
            take_profit=TakeProfitRequest(limit_price=round(ask + 5, 2)),
            stop_loss=StopLossRequest(stop_price=round(bid - 5, 2)),
        )
    )
    assert [leg.status for leg in oco.legs] == [OrderStatus.HELD]
    assert refused(lambda: client.submit_order(market(5, SELL)))[:2] == (403, 40310000)
    client.cancel_order_by_id(oco.id)
    assert client.get_orders() == []


def test_large_orders_fill_by_what_is_displayed(exchange: LocalExchange) -> None:
    client = client_of(exchange)
    order = client.submit_order(market(500))
    assert order.status == OrderStatus.PARTIALLY_FILLED
    assert 0 < float(order.filled_qty) < 500
    ioc = client.submit_order(
        MarketOrderRequest(symbol="SYN", qty=400, side=BUY, time_in_force=TimeInForce.FOK, client_order_id="fok")
    )
    assert (ioc.status, ioc.filled_qty) == (OrderStatus.CANCELED, "0")


def test_refusals_have_alpacas_codes(exchange: LocalExchange) -> None:
    client = client_of(exchange)
    client.submit_order(limit(1, 90, client_order_id="once"))
    assert refused(lambda: client.submit_order(limit(1, 90, client_order_id="once")))[:2] == (422, 40010001)
    assert refused(lambda: client.submit_order(market(1_000_000))) == (403, 40310000, "insufficient buying power")
    assert refused(lambda: client.submit_order(limit(1, 90.001)))[:2] == (422, 42210000)
    assert refused(lambda: client.get_order_by_client_id("nobody"))[:2] == (404, 40410000)
    assert refused(lambda: client.get_open_position("SYN"))[:2] == (404, 40410000)
    assert refused(lambda: client_of(exchange, "PKOTHER").get_account())[0] == 401


def test_positions_are_closed_in_part_and_whole(exchange: LocalExchange) -> None:
    client = client_of(exchange)
    client.submit_order(market(10))
    client.close_position("SYN", ClosePositionRequest(qty="4"))
    assert client.get_open_position("SYN").qty == "6"
    assert [r.status for r in client.close_all_positions(cancel_orders=True)] == [200]
    assert client.get_all_positions() == []


def test_account_clock_calendar_and_assets(exchange: LocalExchange) -> None:
    client = client_of(exchange)
    assert client.get_clock().is_open
    assert client.get_calendar() == []  # a market that never closes has no sessions
    assert client.get_asset("SYN").tradable
    assert [a.symbol for a in client.get_all_assets()] == ["SYN"]
    assert refused(lambda: client.get_asset("NOSUCH"))[:2] == (404, 40410000)


def test_history_stops_at_simulated_now(exchange: LocalExchange) -> None:
    data: Any = StockHistoricalDataClient(KEY, SECRET, url_override=exchange.http_url)
    exchange.advance(30)
    now = exchange.runner.now_ns / 1e9
    bars = data.get_stock_bars(StockBarsRequest(symbol_or_symbols="SYN", timeframe=TimeFrame.Minute)).data["SYN"]
    assert len(bars) >= 5
    assert bars[-1].timestamp.timestamp() + 60 <= now
    five = TimeFrame(5, TimeFrameUnit.Minute)
    wide = data.get_stock_bars(StockBarsRequest(symbol_or_symbols="SYN", timeframe=five)).data["SYN"]
    assert (wide[0].open, wide[0].high) == (bars[0].open, max(b.high for b in bars[:5]))
    quotes = data.get_stock_quotes(StockQuotesRequest(symbol_or_symbols="SYN")).data["SYN"]
    trades = data.get_stock_trades(StockTradesRequest(symbol_or_symbols="SYN", limit=7)).data["SYN"]
    assert (len(trades), quotes[-1].timestamp.timestamp() <= now) == (7, True)
    newest = data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols="SYN"))["SYN"]
    assert (newest.bid_price, newest.ask_price) == exchange.runner.exchange.top(0)


@contextmanager
def heard(
    stream: Any,  # noqa: ANN401
    messages: list[Any],
    ready: Callable[[], bool],
    nudge: Callable[[], object],
) -> Iterator[None]:
    """Run a stream of the library in a thread until the block ends; it notices that at its next message."""
    thread = threading.Thread(target=lambda: asyncio.run(stream._run_forever()), daemon=True)
    thread.start()
    try:
        wait_until(ready)
        yield
    finally:
        stream.stop()
        nudge()
        thread.join(10)
    assert messages


def wait_until(is_so: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(300):
        if is_so():
            return
        pause.wait(0.02)
    pytest.fail("it did not happen within 6 s")


def test_order_events_come_on_the_trading_stream(exchange: LocalExchange) -> None:
    client, events = client_of(exchange), []
    stream = TradingStream(KEY, SECRET, url_override=f"{exchange.ws_url}/stream")

    async def on_update(update: Any) -> None:  # noqa: ANN401
        events.append((str(update.event), update.order.client_order_id, update.qty))

    stream.subscribe_trade_updates(on_update)
    with heard(stream, events, lambda: bool(exchange.listeners()), lambda: client.submit_order(limit(1, 90))):
        client.submit_order(market(5, client_order_id="a"))
        rest = client.submit_order(limit(1, 90, client_order_id="b"))
        client.cancel_order_by_id(rest.id)
        wait_until(lambda: len(events) >= 4)
    assert events[:4] == [("new", "a", None), ("fill", "a", 5.0), ("new", "b", None), ("canceled", "b", None)]


def test_market_data_comes_on_the_data_stream(exchange: LocalExchange) -> None:
    messages: list[Any] = []
    stream = StockDataStream(KEY, SECRET, url_override=f"{exchange.ws_url}/v2/iex")

    async def on_message(message: Any) -> None:  # noqa: ANN401
        messages.append(message)

    stream.subscribe_bars(on_message, "SYN")
    stream.subscribe_quotes(on_message, "SYN")
    stream.subscribe_trades(on_message, "SYN")
    with heard(stream, messages, lambda: bool(exchange.watchers()), exchange.advance):
        exchange.advance(12)
        wait_until(lambda: any(type(m).__name__ == "Bar" for m in messages))
    assert {type(m).__name__ for m in messages} == {"Bar", "Quote", "Trade"}
    assert all(m.symbol == "SYN" for m in messages)
