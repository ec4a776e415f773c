"""Binance's streams: trades, book ticker, depth and klines of the market, and the account's user data."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tradewright.core.types.events import EventKind
from tradewright.execution.exchange.garbling import CutError, Garbler, Message
from tradewright.execution.exchange.orders import Update
from tradewright.execution.exchange.scenarios import FROZEN
from tradewright.services.exchange.binance.market_data import DataFace, aggregate, kline
from tradewright.services.exchange.binance.refusals import BinanceError
from tradewright.services.exchange.binance.requests import Signatures
from tradewright.services.exchange.binance.words import Words, millis
from tradewright.services.exchange.outlet import Outlet, converse
from tradewright.services.exchange.runner import BarAt, Runner

_UNTOLD = {"accepted"}


class Streams:
    """All connections, and the key of the user data stream."""

    def __init__(self, runner: Runner, signatures: Signatures, words: Words, data: DataFace) -> None:
        self._runner, self._signatures, self._words, self._data = runner, signatures, words, data
        self._watching: dict[Outlet, tuple[set[str], bool]] = {}  # streams, and whether each message names its own
        runner.on_update.append(self._updated)
        runner.on_event.append(self._moved)
        runner.on_bar.append(self._bar)

    def routes(self) -> list[Route | WebSocketRoute]:
        """Return the addresses."""
        return [
            Route("/api/v3/userDataStream", self._key, methods=["POST", "PUT", "DELETE"]),
            WebSocketRoute("/ws", self._connect),
            WebSocketRoute("/ws/{stream:path}", self._connect),
            WebSocketRoute("/stream", self._connect),
        ]

    async def _key(self, request: Request) -> Response:
        """Give out, keep or end the key of the user data stream; it is one and the same."""
        try:
            self._signatures.check_key(request)
        except BinanceError as error:
            return error.response()
        body = {"listenKey": self._listen_key} if request.method == "POST" else {}
        return Response(json.dumps(body), media_type="application/json")

    @property
    def _listen_key(self) -> str:
        return "local" + "0" * 59

    async def _connect(self, socket: WebSocket) -> None:
        await socket.accept()
        outlet = Outlet(socket, Garbler(self._runner.script, _mangled), json.dumps)
        named = socket.query_params.get("streams", "")
        streams = {s for s in (named or socket.path_params.get("stream", "")).split("/") if s}
        self._watching[outlet] = (streams, bool(named) or socket.url.path == "/stream")
        self._count()

        async def listen() -> None:
            while True:
                try:
                    asked = json.loads(await socket.receive_text())
                except (WebSocketDisconnect, RuntimeError, KeyError):
                    return
                except ValueError:
                    outlet.say({"error": {"code": 3, "msg": "Invalid JSON"}})
                    continue
                wanted = set(asked.get("params") or ())
                if asked.get("method") == "SUBSCRIBE":
                    streams.update(wanted)
                elif asked.get("method") == "UNSUBSCRIBE":
                    streams.difference_update(wanted)
                self._count()
                outlet.say(
                    {"result": sorted(streams) if "LIST" in str(asked.get("method")) else None, "id": asked.get("id")}
                )

        try:
            Garbler(self._runner.script).passed("connect stream", {})
            await converse(outlet, listen)
        except CutError:
            outlet.cut()
            await outlet.pump()
        finally:
            self._watching.pop(outlet, None)
            self._count()

    def _count(self) -> None:
        known = [self._listen_key in streams for streams, _ in self._watching.values()]
        self._runner.listeners, self._runner.watchers = sum(known), len(known) - sum(known)

    def _updated(self, update: Update) -> None:
        if update.event in _UNTOLD:
            return
        report = self._words.report(update, self._runner.told_ns)
        for outlet, (streams, wraps) in list(self._watching.items()):
            if self._listen_key in streams:
                outlet.tell(f"event {update.event}", _wrapped(self._listen_key, report, wraps=wraps))
                if update.execution is not None:
                    balances = self._words.balance_event(self._runner.told_ns)
                    outlet.say(_wrapped(self._listen_key, balances, wraps=wraps))

    def _moved(self, i: int) -> None:
        if not self._watching:
            return
        exchange = self._runner.exchange
        kind, j = int(exchange.events.kinds[i]), int(exchange.events.instruments[i])
        symbol = exchange.markets[j].instrument.symbol
        recorded, low = self._data.recorded[symbol], symbol.lower()
        ts = millis(int(exchange.events.ts_event[i]))
        if kind == EventKind.TRADE:
            row = aggregate(recorded, i)
            self._publish(f"{low}@aggTrade", "t", {"e": "aggTrade", "E": ts, "s": symbol, **row})
            trade = {"e": "trade", "E": ts, "s": symbol, "t": row["a"], **{k: row[k] for k in "pqTmM"}}
            self._publish(f"{low}@trade", "t", trade)
        elif kind == EventKind.QUOTE:
            told = self._data.book_ticker(recorded)
            row = {
                "u": i,
                "s": symbol,
                "b": told["bidPrice"],
                "B": told["bidQty"],
                "a": told["askPrice"],
                "A": told["askQty"],
            }
            self._publish(f"{low}@bookTicker", "q", row)
            bids, asks = [[row["b"], row["B"]]], [[row["a"], row["A"]]]
            for depth in ("@depth5", "@depth10", "@depth20"):
                for speed in ("", "@100ms"):
                    self._publish(f"{low}{depth}{speed}", "q", {"lastUpdateId": i, "bids": bids, "asks": asks})

    def _bar(self, at: BarAt) -> None:
        market = self._runner.exchange.markets[at.market]
        if market.bars is None or not self._watching:
            return
        symbol, row = market.instrument.symbol, kline(market.bars, at.row)
        interval = _interval(market.timeframe_ns)
        names = ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q", "B")
        body = dict(zip(names, row, strict=True)) | {"s": symbol, "i": interval, "f": -1, "L": -1, "x": True}
        message = {"e": "kline", "E": millis(self._runner.told_ns), "s": symbol, "k": body}
        self._publish(f"{symbol.lower()}@kline_{interval}", "b", message)

    def _publish(self, stream: str, letter: str, message: Message) -> None:
        for outlet, (streams, wraps) in list(self._watching.items()):
            if stream in streams:
                outlet.tell(f"data {letter}", _wrapped(stream, message, wraps=wraps), stream)


def _wrapped(stream: str, message: Message, *, wraps: bool) -> Message:
    return {"stream": stream, "data": message} if wraps else message


def _mangled(kind: str, message: Message, before: Message | None) -> Message:
    """Return the message before it (``frozen``), or a quote with its sides exchanged (``crossed``)."""
    if kind == FROZEN:
        return message if before is None else before
    inside: dict[str, Any] = message.get("data", message)
    if "b" in inside and "a" in inside:
        inside = inside | {"b": inside["a"], "a": inside["b"]}
    return message | {"data": inside} if "data" in message else inside


def _interval(ns: int) -> str:
    seconds = ns // 10**9
    for size, letter in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size}{letter}"
    return f"{seconds}s"
