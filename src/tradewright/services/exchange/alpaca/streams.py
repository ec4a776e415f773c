"""Alpaca's streams: ``trade_updates`` of the account, and market data in JSON or MessagePack."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import msgpack
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tradewright.core.types.events import EventKind
from tradewright.execution.exchange.garbling import CutError, Garbler
from tradewright.execution.exchange.orders import Update
from tradewright.services.exchange.alpaca.market_rows import Document, bar_row, mangled, quote_row, trade_row
from tradewright.services.exchange.alpaca.words import Words
from tradewright.services.exchange.keys import Keys
from tradewright.services.exchange.outlet import Outlet, converse
from tradewright.services.exchange.runner import BarAt, Runner
from tradewright.services.http_service.answers import iso

_CHANNELS = ("trades", "quotes", "bars")
_ALL_CHANNELS = (
    *_CHANNELS,
    "updatedBars",
    "dailyBars",
    "statuses",
    "lulds",
    "corrections",
    "cancelErrors",
    "orderbooks",
)
#: Events that Alpaca does not tell of: an order that was taken is told of once it is in the book.
_UNTOLD = {"accepted"}


class Streams:
    """All connections of the exchange."""

    def __init__(self, runner: Runner, keys: Keys, words: Words) -> None:
        self._runner, self._keys, self._words = runner, keys, words
        self._listening: list[Outlet] = []  # to order events
        self._watching: dict[Outlet, tuple[bool, dict[str, set[str]]]] = {}  # market data: packed?, symbols by channel
        runner.on_update.append(self._updated)
        runner.on_event.append(self._moved)
        runner.on_bar.append(self._bar)

    def routes(self) -> list[WebSocketRoute]:
        """Return the addresses."""
        return [
            WebSocketRoute("/stream", self._orders),
            WebSocketRoute("/v2/{feed}", self._market),
            WebSocketRoute("/v1beta3/crypto/{place}", self._market),
        ]

    # ------------------------------------------------------------------------------------------------- order events

    async def _orders(self, socket: WebSocket) -> None:
        await socket.accept()
        # Alpaca sends this stream in binary frames that hold JSON
        outlet = Outlet(socket, Garbler(self._runner.script), lambda message: json.dumps(message).encode())

        async def listen() -> None:
            is_known = False
            while True:
                asked = await _heard(socket)
                if asked is None:
                    return
                action, data = asked.get("action"), asked.get("data") or {}
                if action in {"authenticate", "auth"}:
                    pair = (data.get("key_id", asked.get("key")), data.get("secret_key", asked.get("secret")))
                    is_known = self._keys.fit(*pair)
                    status = "authorized" if is_known else "unauthorized"
                    outlet.say({"stream": "authorization", "data": {"status": status, "action": "authenticate"}})
                elif action == "listen" and is_known:
                    streams = [s for s in data.get("streams", []) if s == "trade_updates"]
                    if streams and outlet not in self._listening:
                        self._listening.append(outlet)
                    elif not streams and outlet in self._listening:
                        self._listening.remove(outlet)
                    self._runner.listeners = len(self._listening)
                    outlet.say({"stream": "listening", "data": {"streams": streams}})
                else:
                    outlet.say({"stream": "listening", "data": {"error": "required action: authenticate or listen"}})

        if _may_connect(self._runner, "stream", outlet):
            await converse(outlet, listen)
        else:
            await outlet.pump()
        if outlet in self._listening:
            self._listening.remove(outlet)
        self._runner.listeners = len(self._listening)

    def _updated(self, update: Update) -> None:
        if update.event in _UNTOLD or not self._listening:
            return
        message = self._words.update(update)
        for outlet in list(self._listening):
            outlet.tell(f"event {update.event}", message)

    # -------------------------------------------------------------------------------------------------- market data

    async def _market(self, socket: WebSocket) -> None:
        await socket.accept()
        packs = "msgpack" in socket.headers.get("content-type", "")
        outlet = Outlet(socket, Garbler(self._runner.script, mangled), _packed if packs else _as_text)

        async def listen() -> None:
            outlet.say([{"T": "success", "msg": "connected"}])
            headers = socket.headers
            is_known = self._keys.fit(headers.get("apca-api-key-id"), headers.get("apca-api-secret-key"))
            if is_known:
                outlet.say([{"T": "success", "msg": "authenticated"}])
            channels: dict[str, set[str]] = defaultdict(set)
            while True:
                asked = await _heard(socket, packs=packs)
                if asked is None:
                    return
                action = asked.get("action")
                if action == "auth":
                    is_known = self._keys.fit(asked.get("key"), asked.get("secret"))
                    outlet.say([{"T": "success", "msg": "authenticated"} if is_known else _error(402, "auth failed")])
                elif not is_known:
                    outlet.say([_error(401, "not authenticated")])
                elif action in {"subscribe", "unsubscribe"}:
                    for name in _ALL_CHANNELS:
                        wanted = set(asked.get(name) or ())
                        channels[name] = channels[name] | wanted if action == "subscribe" else channels[name] - wanted
                    self._watching[outlet] = (packs, channels)
                    self._runner.watchers = len(self._watching)
                    told = {name: sorted(channels[name]) for name in _ALL_CHANNELS}
                    outlet.say([{"T": "subscription", **told}])
                else:
                    outlet.say([_error(400, "invalid syntax")])

        if _may_connect(self._runner, "data", outlet):
            await converse(outlet, listen)
        else:
            await outlet.pump()
        self._watching.pop(outlet, None)
        self._runner.watchers = len(self._watching)

    def _moved(self, i: int) -> None:
        if not self._watching:
            return
        events = self._runner.exchange.events
        kind, j = int(events.kinds[i]), int(events.instruments[i])
        if kind == EventKind.QUOTE:
            self._publish("quotes", "q", j, lambda stamp, is_crypto: quote_row(events, i, stamp, is_crypto=is_crypto))
        elif kind == EventKind.TRADE:
            self._publish("trades", "t", j, lambda stamp, is_crypto: trade_row(events, i, stamp, is_crypto=is_crypto))

    def _bar(self, at: BarAt) -> None:
        bars = self._runner.exchange.markets[at.market].bars
        if bars is not None and self._watching:
            self._publish("bars", "b", at.market, lambda s, is_crypto: bar_row(bars, at.row, s, is_crypto=is_crypto))

    def _publish(self, channel: str, letter: str, market: int, row: Any) -> None:  # noqa: ANN401  # of stamp and kind
        symbol = self._runner.exchange.markets[market].instrument.symbol
        for outlet, (packs, channels) in list(self._watching.items()):
            if channels[channel] & {symbol, "*"}:
                message = {"T": letter, "S": symbol, **row(_timestamp if packs else iso, "/" in symbol)}
                outlet.tell(f"data {letter}", message, f"{letter}{symbol}")


def _may_connect(runner: Runner, what: str, outlet: Outlet) -> bool:
    """Return whether a connection lives; a fault may end it at once."""
    try:
        Garbler(runner.script).passed(f"connect {what}", {})
    except CutError:
        outlet.cut()
        return False
    return True


def _error(code: int, message: str) -> Document:
    return {"T": "error", "code": code, "msg": message}


def _packed(message: object) -> bytes:
    parts = message if isinstance(message, list) else [message]
    packed: bytes = msgpack.packb(parts)
    return packed


def _timestamp(ns: int) -> object:
    return msgpack.Timestamp.from_unix_nano(ns)


async def _heard(socket: WebSocket, *, packs: bool = False) -> Document | None:
    """Return what a client says; None at the end. What cannot be read is an empty request."""
    try:
        item = await socket.receive()
    except (WebSocketDisconnect, RuntimeError):
        return None
    if item["type"] == "websocket.disconnect":
        return None
    raw: str | bytes = item.get("bytes") or item.get("text") or ""
    try:
        asked = msgpack.unpackb(raw) if packs and isinstance(raw, bytes) else json.loads(raw)
    except ValueError:
        return {}
    return asked if isinstance(asked, dict) else {}


def _as_text(message: object) -> str:
    return json.dumps(message if isinstance(message, list) else [message])
