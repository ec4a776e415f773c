"""Alpaca's trading addresses (docs.alpaca.markets/reference: orders, positions, account, assets, clock, calendar)."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tradewright.core.types.order import Side
from tradewright.execution.exchange.orders import Force, Refusal, RefusedError, Wish, WorkOrder
from tradewright.execution.exchange.scenarios import FORGOTTEN, IGNORED_CANCEL, REJECT
from tradewright.services.exchange.alpaca.order_body import changed, number, wish_of
from tradewright.services.exchange.alpaca.refusals import AlpacaError, of_refusal, unreadable
from tradewright.services.exchange.alpaca.words import Document, Words, asset, is_crypto, made_id
from tradewright.services.exchange.decimals import decimal_of, whole_lots
from tradewright.services.exchange.keys import Keys
from tradewright.services.exchange.moments import ns_of
from tradewright.services.exchange.quota import Quota
from tradewright.services.exchange.runner import Runner
from tradewright.services.http_service.answers import iso

_NEW_YORK = ZoneInfo("America/New_York")
_LONGEST_LIST = 500
_PAGE = 100

Handler = Callable[[Request], Awaitable[Any]]


class TradingFace:
    """The trading part of the protocol over one account."""

    def __init__(self, runner: Runner, keys: Keys, quota: Quota) -> None:
        self._runner, self._keys, self._quota = runner, keys, quota
        self._account, self._markets = runner.account, runner.exchange.markets
        self.words = Words(self._account, self._markets)
        self._opened_ns = runner.now_ns

    def routes(self) -> list[Route]:
        """Return the addresses."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/v2/account", self._show_account),
            ("GET", "/v2/account/activities", self._activities),
            ("GET", "/v2/account/activities/{kind}", self._activities),
            ("GET", "/v2/clock", self._clock),
            ("GET", "/v2/calendar", self._calendar),
            ("GET", "/v2/assets", self._assets),
            ("GET", "/v2/assets/{symbol:path}", self._asset),
            ("GET", "/v2/orders", self._orders),
            ("POST", "/v2/orders", self._submit),
            ("DELETE", "/v2/orders", self._cancel_all),
            ("GET", "/v2/orders:by_client_order_id", self._by_client),
            ("GET", "/v2/orders/{order_id}", self._order),
            ("PATCH", "/v2/orders/{order_id}", self._replace),
            ("DELETE", "/v2/orders/{order_id}", self._cancel),
            ("GET", "/v2/positions", self._positions),
            ("DELETE", "/v2/positions", self._close_all),
            ("GET", "/v2/positions/{symbol:path}", self._position),
            ("DELETE", "/v2/positions/{symbol:path}", self._close),
        ]
        return [Route(path, self._guarded(handler), methods=[method]) for method, path, handler in table]

    def _guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Check keys and quota, live up to now, and turn what is raised into Alpaca's errors."""

        async def answer(request: Request) -> Response:
            try:
                if not self._keys.fit_alpaca(request):
                    raise AlpacaError(401, 40110000, "request is not authorized")
                if not self._quota.take():
                    raise AlpacaError(429, 42910000, "too many requests.")
                self._runner.sync()
                response = _as_response(await handler(request))
            except RefusedError as error:
                response = of_refusal(error).response()
            except AlpacaError as error:
                response = error.response()
            self._runner.settle()
            response.headers["X-RateLimit-Limit"] = str(self._quota.limit)
            response.headers["X-RateLimit-Remaining"] = str(self._quota.left)
            response.headers["X-RateLimit-Reset"] = str(round(self._runner.told_ns / 1e9 + self._quota.reset_s))
            return response

        return answer

    # ------------------------------------------------------------------------------------------------------- orders

    async def _submit(self, request: Request) -> Document:
        body = await _body(request)
        j = self._instrument(str(body.get("symbol", "")))
        if self._runner.script.take("order", {REJECT}) is not None:
            raise RefusedError(Refusal.INJECTED, "insufficient buying power")
        wish = wish_of(body, self._markets[j].instrument, self._runner.exchange.top(j), self._account.mark(j))
        return self.words.order(self._account.submit(wish, self._runner.now_ns))

    async def _orders(self, request: Request) -> list[Document]:
        query = request.query_params
        status, nested = query.get("status", "open"), query.get("nested") in {"true", "True"}
        limit = min(_LONGEST_LIST, _whole(query.get("limit", "50"), "limit"))
        symbols = {s for s in query.get("symbols", "").split(",") if s}
        after, until = (ns_of(query[k]) if query.get(k) else None for k in ("after", "until"))
        found = []
        for order in self._account.orders.values():
            if nested and order.parent is not None:
                continue
            is_over = order.is_over and (not nested or all(leg.is_over for leg in order.legs))
            if status != "all" and is_over is not (status == "closed"):
                continue
            if symbols and order.wish.symbol not in symbols:
                continue
            if query.get("side") and (order.wish.side > 0) is not (query["side"] == "buy"):
                continue
            if (after is not None and order.ts_created <= after) or (until is not None and order.ts_created >= until):
                continue
            found.append(order)
        if query.get("direction", "desc") == "desc":
            found.reverse()
        return [self.words.order(order, with_legs=nested) for order in found[:limit]]

    async def _order(self, request: Request) -> Document:
        return self.words.order(self._found(self._account.order(request.path_params["order_id"])))

    async def _by_client(self, request: Request) -> Document:
        return self.words.order(
            self._found(self._account.order_of_client(request.query_params.get("client_order_id", "")))
        )

    def _found(self, order: WorkOrder) -> WorkOrder:
        if order.is_over and self._runner.script.take("order", {FORGOTTEN}) is not None:
            raise RefusedError(Refusal.UNKNOWN_ORDER, f"order not found for {order.id}")
        return order

    async def _replace(self, request: Request) -> Document:
        order = self._account.order(request.path_params["order_id"])
        wish = changed(order, await _body(request), self._markets[order.instrument].instrument)
        return self.words.order(self._account.replace(order, wish, self._runner.now_ns))

    async def _cancel(self, request: Request) -> Response:
        order = self._account.order(request.path_params["order_id"])
        if order.is_over or self._runner.script.take("order", {IGNORED_CANCEL}) is None:
            self._account.cancel(order, self._runner.now_ns)
        return Response(status_code=204)

    async def _cancel_all(self, _: Request) -> Response:
        return _multi(self._cancel_every())

    def _cancel_every(self) -> list[Document]:
        told = []
        for order in list(self._account.open_orders()):
            if not order.is_over:
                self._account.cancel(order, self._runner.now_ns)
                told.append({"id": order.id, "status": 200, "body": self.words.order(order, with_legs=False)})
        return told

    # ---------------------------------------------------------------------------------------------------- positions

    async def _positions(self, _: Request) -> list[Document]:
        return [self.words.position(j) for j in sorted(self._account.book.holdings)]

    async def _position(self, request: Request) -> Document:
        return self.words.position(self._held(request))

    async def _close(self, request: Request) -> Document:
        j = self._held(request)
        lots, query = self._account.book.lots(j), request.query_params
        wanted = abs(lots)
        if query.get("qty"):
            wanted = whole_lots(decimal_of(query["qty"]), self._markets[j].instrument.lot) or 0
        elif query.get("percentage"):
            wanted = int(abs(lots) * (number(query, "percentage") or 0.0) / 100.0)
        return self.words.order(self._close_lots(j, lots, wanted))

    async def _close_all(self, request: Request) -> Response:
        if request.query_params.get("cancel_orders") in {"true", "True"}:
            self._cancel_every()
        told: list[Document] = []
        for j in sorted(self._account.book.holdings):
            symbol, lots = self._markets[j].instrument.symbol, self._account.book.lots(j)
            try:
                order = self._close_lots(j, lots, abs(lots))
                told.append({"symbol": symbol, "status": 200, "order_id": order.id, "body": self.words.order(order)})
            except RefusedError as error:
                refused = of_refusal(error)
                told.append({"symbol": symbol, "status": refused.status, "body": refused.body | {"symbol": symbol}})
        return _multi(told)

    def _close_lots(self, j: int, lots: int, wanted: int) -> WorkOrder:
        instrument = self._markets[j].instrument
        force = Force.GTC if is_crypto(instrument) else Force.DAY
        wish = Wish(instrument.symbol, Side.SELL if lots > 0 else Side.BUY, wanted, force=force)
        return self._account.submit(wish, self._runner.now_ns)

    def _held(self, request: Request) -> int:
        j = self._instrument(request.path_params["symbol"], Refusal.NO_POSITION)
        if j not in self._account.book.holdings:
            raise RefusedError(Refusal.NO_POSITION, "position does not exist")
        return j

    # ------------------------------------------------------------------------------------------ account and markets

    async def _show_account(self, _: Request) -> Document:
        return self.words.account(self._opened_ns)

    async def _activities(self, request: Request) -> list[Document]:
        query = request.query_params
        kinds = request.path_params.get("kind") or query.get("activity_types") or "FILL"
        if "FILL" not in kinds.split(","):
            return []
        after, until = (ns_of(query[k]) if query.get(k) else None for k in ("after", "until"))
        rows = [
            self.words.activity(e)
            for e in self._account.executions
            if (after is None or e.ts > after) and (until is None or e.ts < until)
        ]
        if query.get("direction", "desc") == "desc":
            rows.reverse()
        token = query.get("page_token")
        if token:
            places = [k for k, row in enumerate(rows) if row["id"] == token]
            rows = rows[places[0] + 1 :] if places else []
        return rows[: min(_PAGE, _whole(query.get("page_size", str(_PAGE)), "page_size"))]

    async def _clock(self, _: Request) -> Document:
        now, hours = self._runner.now_ns, self._stock_hours()
        return {
            "timestamp": iso(self._runner.told_ns),
            "is_open": hours.is_open(now),
            "next_open": _local(hours.next_open(now) or now),
            "next_close": _local(min(hours.next_close(now) or now, 2**62)),
        }

    async def _calendar(self, request: Request) -> list[Document]:
        hours, query = self._stock_hours(), request.query_params
        first = _day(query.get("start", "1970-01-01"))
        last = _day(query.get("end", "2200-01-01"))
        days = []
        for opens, closes in zip(hours.opens.tolist(), hours.closes.tolist(), strict=True):
            if hours.never_close:
                break
            start, end = (datetime.fromtimestamp(t // 10**9, tz=_NEW_YORK) for t in (opens, closes))
            if first <= start.date() <= last:
                days.append(
                    {
                        "date": start.date().isoformat(),
                        "open": f"{start:%H:%M}",
                        "close": f"{end:%H:%M}",
                        "session_open": "0400",
                        "session_close": "2000",
                    }
                )
        return days

    async def _assets(self, request: Request) -> list[Document]:
        wanted = request.query_params.get("asset_class")
        found = [asset(market) for market in self._markets]
        return [row for row in found if not wanted or row["class"] == wanted]

    async def _asset(self, request: Request) -> Document:
        symbol = request.path_params["symbol"]
        for market in self._markets:
            if symbol in _names(market.instrument.symbol):
                return asset(market)
        raise AlpacaError(404, 40410000, f"asset not found for {symbol}")

    def _stock_hours(self) -> Any:  # noqa: ANN401  # Hours
        return next((m.hours for m in self._markets if not m.hours.never_close), self._markets[0].hours)

    def _instrument(self, symbol: str, reason: Refusal = Refusal.UNKNOWN_SYMBOL) -> int:
        for j, market in enumerate(self._markets):
            if symbol in _names(market.instrument.symbol):
                return j
        what = f'asset "{symbol}" not found' if reason is Refusal.UNKNOWN_SYMBOL else "position does not exist"
        raise RefusedError(reason, what)


def _names(symbol: str) -> set[str]:
    """Return what a symbol may be called by: itself, a pair without its slash, the id of its asset."""
    return {symbol, symbol.replace("/", ""), made_id("asset", symbol)}


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise AlpacaError(400, 40010000, "request body format is invalid") from error
    if not isinstance(body, dict):
        raise AlpacaError(400, 40010000, "request body format is invalid")
    return body


def _as_response(value: object) -> Response:
    if isinstance(value, Response):
        return value
    return Response(json.dumps(value, separators=(",", ":")), media_type="application/json")


def _multi(value: object) -> Response:
    return Response(json.dumps(value, separators=(",", ":")), 207, media_type="application/json")


def _whole(text: str, name: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise unreadable(f"{name} must be a whole number above zero")
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError as error:
        raise unreadable(f"'{text}' is not a date") from error


def _local(ns: int) -> str:
    return datetime.fromtimestamp(ns // 10**9, tz=UTC).astimezone(_NEW_YORK).isoformat()
