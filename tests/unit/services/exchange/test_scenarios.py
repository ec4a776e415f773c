"""Every scenario strikes: what its faults name is what the exchange calls its places."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import httpx
import pytest
from tests.venues.local_exchange import KEY, SECRET, LocalExchange
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tradewright.execution.exchange.scenarios import SCENARIOS

HEADERS = {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET}
ORDER = {"symbol": "SYN", "side": "buy", "type": "market", "time_in_force": "day", "qty": "200"}
BRACKET = ORDER | {
    "qty": "5",
    "order_class": "bracket",
    "take_profit": {"limit_price": "140"},
    "stop_loss": {"stop_price": "60"},
}


def tell(socket: ClientConnection, *messages: dict[str, Any]) -> None:
    with suppress(ConnectionClosed):
        for message in messages:
            socket.send(json.dumps(message))
            socket.recv(0.3)


def live(exchange: LocalExchange) -> None:
    """Do a little of everything, and bear what comes of it."""
    client = httpx.Client(base_url=exchange.http_url, headers=HEADERS, trust_env=False, timeout=2.0)

    def ask(method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        with suppress(httpx.RequestError, ValueError):
            return client.request(method, path, json=body).json()
        return {}

    with (
        connect(f"{exchange.ws_url}/stream", proxy=None) as orders,
        connect(f"{exchange.ws_url}/v2/iex", proxy=None, additional_headers=HEADERS, max_queue=None) as data,
    ):
        login = {"action": "authenticate", "data": {"key_id": KEY, "secret_key": SECRET}}
        tell(orders, login, {"action": "listen", "data": {"streams": ["trade_updates"]}})
        tell(data, {"action": "subscribe", "quotes": ["*"], "bars": ["*"]})
        tell(data, {"action": "subscribe", "trades": ["*"]}, {"action": "subscribe", "bars": ["*"]})
        ask("POST", "/v2/orders", BRACKET)
        ask("POST", "/v2/orders", ORDER)
        rest = ask("POST", "/v2/orders", ORDER | {"type": "limit", "limit_price": "90", "time_in_force": "gtc"})
        for _ in range(3):
            exchange.advance(20)
            ask("GET", "/v2/account")
            ask("GET", "/v2/orders?status=all")
        ask("DELETE", f"/v2/orders/{rest.get('id', '')}")
        if rest.get("id"):
            ask("GET", f"/v2/orders/{rest['id']}")
        ask("GET", "/v2/positions")
    client.close()


@pytest.mark.parametrize("name", [s.name for s in SCENARIOS])
def test_it_strikes_and_the_exchange_lives_on(name: str) -> None:
    with LocalExchange(faults=(name,), lost_s=0.05) as exchange:
        exchange.advance(3)
        live(exchange)
        assert sum(exchange.command("advance", moments=1)["faults"].values()) > 0
