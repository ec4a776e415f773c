"""ccxt's Binance client, unchanged but for its addresses, against the local exchange."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from tests.venues.local_exchange import KEY, SECRET, LocalExchange
from websockets.sync.client import connect

ccxt: Any = pytest.importorskip("ccxt", reason="ccxt is not installed; it is in the extra dev", exc_type=ImportError)

PAIR = "BTC/USDT"


@pytest.fixture
def exchange() -> Iterator[LocalExchange]:
    with LocalExchange("synthetic:BTCUSDT", protocol="binance") as running:
        running.advance(3)
        yield running


def client_of(exchange: LocalExchange, key: str = KEY, secret: str = SECRET) -> Any:  # noqa: ANN401
    options = {"fetchCurrencies": False, "fetchMarkets": {"types": ["spot"]}, "fetchMargins": False}
    client = ccxt.binance({"apiKey": key, "secret": secret, "enableRateLimit": False, "options": options})
    client.session.trust_env = False
    for name in ("public", "private", "v1"):
        version = "v1" if name == "v1" else "v3"
        client.urls["api"][name] = f"{exchange.http_url}/api/{version}"
    return client


def refused(kind: type[Exception], call: Callable[[], object], said: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert said in str(caught.value)


def test_markets_book_and_klines(exchange: LocalExchange) -> None:
    client = client_of(exchange)
    market = client.load_markets()[PAIR]
    assert (market["id"], market["precision"]["price"], market["precision"]["amount"]) == ("BTCUSDT", 0.01, 0.0001)
    assert market["limits"]["cost"]["min"] == 5.0
    exchange.advance(30)
    book, ticker = client.fetch_order_book(PAIR), client.fetch_bids_asks([PAIR])[PAIR]
    bid, ask = exchange.runner.exchange.top(0)
    assert (book["bids"][0][0], book["asks"][0][0]) == (bid, ask) == (ticker["bid"], ticker["ask"])
    klines = client.fetch_ohlcv(PAIR, "1m")
    bars = exchange.runner.exchange.markets[0].bars
    assert bars is not None
    assert klines[0][1:5] == [float(row[0]) for row in (bars.open, bars.high, bars.low, bars.close)]
    assert klines[-1][0] + 60_000 <= exchange.runner.now_ns // 10**6
    assert len(client.fetch_trades(PAIR)) > 5
    assert client.fetch_time() == exchange.runner.now_ns // 10**6


def test_an_order_from_the_balance_to_the_trade_and_back(exchange: LocalExchange) -> None:
    client = client_of(exchange)
    _, ask = exchange.runner.exchange.top(0)
    bought = client.create_order(PAIR, "market", "buy", 0.5, params={"newClientOrderId": "mine"})
    assert (bought["status"], bought["filled"], bought["average"], bought["clientOrderId"]) == (
        "closed",
        0.5,
        ask,
        "mine",
    )
    balance = client.fetch_balance()
    assert balance["BTC"]["free"] == 0.5
    assert balance["USDT"]["free"] == pytest.approx(100_000 - 0.5 * ask, abs=1e-6)
    (trade,) = client.fetch_my_trades(PAIR)
    assert (trade["order"], trade["price"], trade["amount"]) == (bought["id"], ask, 0.5)
    assert client.fetch_order(bought["id"], PAIR)["status"] == "closed"
    sold = client.create_order(PAIR, "market", "sell", 0.5)
    assert sold["filled"] == 0.5
    assert client.fetch_balance()["BTC"]["total"] == 0.0


def test_resting_orders_lock_are_listed_and_cancelled(exchange: LocalExchange) -> None:
    client = client_of(exchange)
    one = client.create_order(PAIR, "limit", "buy", 1, 90)
    client.create_order(PAIR, "limit", "buy", 1, 91)
    assert client.fetch_balance()["USDT"]["used"] == pytest.approx(181.0)
    assert [o["id"] for o in client.fetch_open_orders(PAIR)] == [one["id"], str(int(one["id"]) + 1)]
    assert client.cancel_order(one["id"], PAIR)["status"] == "canceled"
    refused(ccxt.OrderNotFound, lambda: client.cancel_order(one["id"], PAIR), "-2011")
    client.cancel_all_orders(PAIR)
    assert client.fetch_open_orders(PAIR) == []
    assert [o["status"] for o in client.fetch_orders(PAIR)] == ["canceled", "canceled"]


def test_immediate_orders_expire_where_they_do_not_fill(exchange: LocalExchange) -> None:
    client = client_of(exchange)
    order = client.create_order(PAIR, "limit", "buy", 1, 90, {"timeInForce": "IOC"})
    assert order["status"] == "expired"
    killed = client.create_order(PAIR, "limit", "buy", 900, 101, {"timeInForce": "FOK"})
    assert (killed["status"], killed["filled"]) == ("expired", 0.0)


def test_refusals_have_binances_codes(exchange: LocalExchange) -> None:
    client = client_of(exchange)
    client.load_markets()
    send = client.private_post_order
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "90", "quantity": "1"}
    refused(ccxt.InvalidOrder, lambda: send(order | {"price": "90.001"}), "-1013")
    refused(ccxt.InvalidOrder, lambda: send(order | {"quantity": "1.00001"}), "-1013")
    refused(ccxt.BadRequest, lambda: send(order | {"quantity": "0.01"}), "-1013")  # NOTIONAL
    refused(ccxt.InsufficientFunds, lambda: send(order | {"quantity": "100000"}), "insufficient balance")
    refused(ccxt.BadSymbol, lambda: send(order | {"symbol": "NOSUCH"}), "-1121")
    refused(ccxt.InsufficientFunds, lambda: send(order | {"side": "SELL", "price": "110"}), "insufficient balance")
    send(order | {"newClientOrderId": "a"})
    refused(ccxt.InvalidOrder, lambda: send(order | {"newClientOrderId": "a"}), "Duplicate")  # while that order is open
    client.cancel_all_orders(PAIR)
    send(order | {"newClientOrderId": "a"})


def test_signature_key_and_time_are_checked(exchange: LocalExchange) -> None:
    refused(ccxt.AuthenticationError, lambda: client_of(exchange, secret="x").fetch_balance(), "-1022")  # noqa: S106
    refused(ccxt.AuthenticationError, lambda: client_of(exchange, key="x").fetch_balance(), "-2015")
    late = client_of(exchange)
    late.options["timeDifference"] = 60_000
    refused(ccxt.InvalidNonce, late.fetch_balance, "-1021")


def test_the_streams_tell_of_orders_and_of_the_market(exchange: LocalExchange) -> None:
    client, headers = client_of(exchange), {"X-MBX-APIKEY": KEY}
    key = httpx.post(f"{exchange.http_url}/api/v3/userDataStream", headers=headers, trust_env=False).json()["listenKey"]
    streams = "btcusdt@bookTicker/btcusdt@aggTrade/btcusdt@kline_1m"
    with (
        connect(f"{exchange.ws_url}/ws/{key}", proxy=None, max_queue=None) as user,
        connect(f"{exchange.ws_url}/stream?streams={streams}", proxy=None, max_queue=None) as market,
    ):
        client.create_order(PAIR, "market", "buy", 0.5)
        new, fill, balances = (json.loads(user.recv(5)) for _ in range(3))
        exchange.advance(12)
        heard = [json.loads(market.recv(5)) for _ in range(7)]
    assert (new["x"], fill["x"], fill["X"], fill["l"]) == ("NEW", "TRADE", "FILLED", "0.50000000")
    assert {b["a"]: b["f"] for b in balances["B"]}["BTC"] == "0.5"
    assert {m["stream"] for m in heard} <= set(streams.split("/"))
    assert any(m["stream"].endswith("bookTicker") for m in heard)
