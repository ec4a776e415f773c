"""Alpaca's market-data addresses: history up to simulated now, newest values, snapshots."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tradewright.services.exchange.alpaca.market_rows import Document, bar_row, quote_row, trade_row
from tradewright.services.exchange.alpaca.refusals import AlpacaError, unreadable
from tradewright.services.exchange.keys import Keys
from tradewright.services.exchange.moments import ns_of
from tradewright.services.exchange.records import Recorded
from tradewright.services.exchange.runner import Runner
from tradewright.services.http_service.answers import iso

_UNITS = {"Min": 60, "T": 60, "Hour": 3_600, "H": 3_600, "Day": 86_400, "D": 86_400}
_MOST, _USUAL = 10_000, 1_000
_DAY_NS = 86_400 * 10**9

#: Rows of one symbol, and a function that writes row ``k``.
Rows = tuple[int, Callable[[int], Document]]


class DataFace:
    """The market-data part of the protocol."""

    def __init__(self, runner: Runner, keys: Keys) -> None:
        self._runner, self._keys = runner, keys
        exchange = runner.exchange
        self._recorded = {m.instrument.symbol: Recorded(m, j, exchange.events) for j, m in enumerate(exchange.markets)}

    def routes(self) -> list[Route]:
        """Return the addresses of stocks and of crypto pairs."""
        table: list[tuple[str, Callable[[Request], Awaitable[Document]]]] = []
        for kind in ("bars", "quotes", "trades"):
            history, newest = self._history(kind), self._newest(kind)
            table += [
                (f"/v2/stocks/{kind}", history),
                (f"/v2/stocks/{kind}/latest", newest),
                (f"/v2/stocks/{{symbol}}/{kind}", history),
                (f"/v2/stocks/{{symbol}}/{kind}/latest", newest),
                (f"/v1beta3/crypto/{{place}}/{kind}", history),
                (f"/v1beta3/crypto/{{place}}/latest/{kind}", newest),
            ]
        table += [("/v2/stocks/snapshots", self._snapshots), ("/v1beta3/crypto/{place}/snapshots", self._snapshots)]
        return [Route(path, self._guarded(handler), methods=["GET"]) for path, handler in table]

    def _guarded(self, handler: Callable[[Request], Awaitable[Document]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                if not self._keys.fit_alpaca(request):
                    raise AlpacaError(401, 40110000, "request is not authorized")
                self._runner.sync()
                body = json.dumps(await handler(request), separators=(",", ":"))
                return Response(body, media_type="application/json")
            except AlpacaError as error:
                return error.response()

        return answer

    def _history(self, kind: str) -> Callable[[Request], Awaitable[Document]]:
        async def answer(request: Request) -> Document:
            query = request.query_params
            now = self._runner.now_ns
            start = _time(query.get("start"), now // _DAY_NS * _DAY_NS)
            end = min(now, _time(query.get("end"), now))
            limit = min(_MOST, int(query.get("limit") or _USUAL))
            groups: dict[str, list[Document]] = {}
            token, left = None, limit
            skip_symbol, skip = _read_token(query.get("page_token"))
            for symbol in sorted(self._symbols(request)):
                if skip_symbol and symbol < skip_symbol:
                    continue
                count, write = self._rows(kind, symbol, start, end, query.get("timeframe", "1Min"))
                order = range(count) if query.get("sort", "asc") == "asc" else range(count - 1, -1, -1)
                todo = order[skip if symbol == skip_symbol else 0 :]
                rows = [write(k) for k in todo[:left]]
                if rows:
                    groups[symbol] = rows
                left -= len(rows)
                if len(rows) < len(todo):
                    done = (skip if symbol == skip_symbol else 0) + len(rows)
                    token = base64.b64encode(f"{symbol}|{done}".encode()).decode()
                    break
            return self._shaped(request, {kind: groups, "next_page_token": token}, kind)

        return answer

    def _newest(self, kind: str) -> Callable[[Request], Awaitable[Document]]:
        async def answer(request: Request) -> Document:
            found = {}
            for symbol in sorted(self._symbols(request)):
                row = self._last(kind, symbol)
                if row is not None:
                    found[symbol] = row
            return self._shaped(request, {kind: found}, kind, one=kind.rstrip("s"))

        return answer

    async def _snapshots(self, request: Request) -> Document:
        names = {"latestTrade": "trades", "latestQuote": "quotes", "minuteBar": "bars"}
        found: Document = {}
        for symbol in sorted(self._symbols(request)):
            found[symbol] = {name: self._last(kind, symbol) for name, kind in names.items()}
        return {"snapshots": found} if "crypto" in request.url.path else found

    def _shaped(self, request: Request, body: Document, kind: str, one: str = "") -> Document:
        """Return the form that an address for one symbol has, where it is one."""
        symbol = request.path_params.get("symbol")
        if symbol is None:
            return body
        rows = body[kind].get(symbol, {} if one else [])
        return {"symbol": symbol, **({one: rows} if one else body | {kind: rows})}

    def _symbols(self, request: Request) -> list[str]:
        named = request.path_params.get("symbol") or request.query_params.get("symbols", "")
        symbols = [s for s in named.split(",") if s]
        for symbol in symbols:
            if symbol not in self._recorded:
                raise AlpacaError(400, 40010000, f"invalid symbol: {symbol}")
        if not symbols:
            raise AlpacaError(400, 40010000, "symbols is required")
        return symbols

    def _rows(self, kind: str, symbol: str, start: int, end: int, timeframe: str) -> Rows:
        recorded, is_crypto = self._recorded[symbol], "/" in symbol
        if kind == "bars":
            bars = recorded.bars(_size_ns(timeframe), self._runner.now_ns)
            if bars is None:
                return 0, lambda _: {}
            keep = [k for k in range(len(bars)) if start <= int(bars.ts_open[k]) <= end]
            return len(keep), lambda k: bar_row(bars, keep[k], iso, is_crypto=is_crypto)
        rows = recorded.within(recorded.quotes if kind == "quotes" else recorded.trades, start, end)
        write = quote_row if kind == "quotes" else trade_row
        return len(rows), lambda k: write(recorded.events, int(rows[k]), iso, is_crypto=is_crypto)

    def _last(self, kind: str, symbol: str) -> Document | None:
        recorded = self._recorded[symbol]
        now, size = self._runner.now_ns, recorded.market.timeframe_ns
        if kind == "bars":
            bars = recorded.bars(size, now) if size else None
            if bars is None or not len(bars):
                return None
            return bar_row(bars, len(bars) - 1, iso, is_crypto="/" in symbol)
        count, write = self._rows(kind, symbol, 0, now, "")
        return write(count - 1) if count else None


def _size_ns(text: str) -> int:
    match = re.fullmatch(r"(\d{1,2})(Min|Hour|Day|T|H|D)", text)
    if match is None:
        raise unreadable(f"invalid timeframe: {text}")
    return int(match[1]) * _UNITS[match[2]] * 10**9


def _time(text: str | None, otherwise: int) -> int:
    if not text:
        return otherwise
    try:
        return ns_of(text)
    except ValueError as error:
        raise unreadable(str(error)) from error


def _read_token(token: str | None) -> tuple[str, int]:
    if not token:
        return "", 0
    try:
        symbol, _, place = base64.b64decode(token, validate=True).decode().partition("|")
        return symbol, int(place)
    except ValueError as error:
        raise unreadable("invalid page_token") from error
