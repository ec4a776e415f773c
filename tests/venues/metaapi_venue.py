"""MetaApi's REST API on a local trade server: the addresses of one account, with a token."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tests.venues.mt5_server import CONTRACT_SIZE, STEP, Mt5Server, Ticket

from tradewright.data.timeframe import interval_ns

AHEAD_S = 3 * 3_600  # of the server's clock
TOKEN, ACCOUNT = "local-metaapi-token", "local-account"
_TYPES = ("BUY", "SELL", "BUY_LIMIT", "SELL_LIMIT", "BUY_STOP", "SELL_STOP", "BUY_STOP_LIMIT", "SELL_STOP_LIMIT")
_STATES = {1: "PLACED", 2: "CANCELED", 3: "PARTIAL", 4: "FILLED", 5: "REJECTED", 6: "EXPIRED", 9: "REQUEST_CANCEL"}
_MODES = ("DEMO", "CONTEST", "REAL")
_MARGINS = ("RETAIL_NETTING", "EXCHANGE", "RETAIL_HEDGING")
_PATH = f"/users/current/accounts/{ACCOUNT}"


class MetaApiVenue:
    """The application."""

    def __init__(self, server: Mt5Server) -> None:
        self.server = server
        paths = {
            "/account-information": self.account,
            "/symbols/{name}/specification": self.symbol,
            "/symbols/{name}/current-price": self.price,
            "/historical-market-data/symbols/{name}/timeframes/{timeframe}/candles": self.candles,
            "/orders": self.orders,
            "/positions": self.positions,
            "/history-orders/time/{start}/{end}": self.history_orders,
            "/history-deals/time/{start}/{end}": self.history_deals,
        }
        routes = [Route(_PATH + path, self._guarded(handler)) for path, handler in paths.items()]
        self.app = Starlette(routes=[*routes, Route(f"{_PATH}/trade", self.trade, methods=["POST"])])

    def _guarded(self, handler: Any) -> Any:  # noqa: ANN401
        def answer(request: Request) -> Response:
            if request.headers.get("auth-token") != TOKEN:
                return JSONResponse({"error": "UnauthorizedError", "message": "Authorization token invalid"}, 401)
            with self.server.local.lock:
                value = handler(request)
            return JSONResponse(value) if value is not None else JSONResponse({"error": "NotFoundError"}, 404)

        return answer

    def account(self, _: Request) -> dict[str, Any]:
        server = self.server
        balance, equity = server.money()
        return {
            "platform": "mt5",
            "type": f"ACCOUNT_TRADE_MODE_{_MODES[server.trade_mode]}",
            "marginMode": f"ACCOUNT_MARGIN_MODE_{_MARGINS[server.margin_mode]}",
            "server": "Local-Demo",
            "currency": "USD",
            "login": str(server.login),
            "balance": balance,
            "equity": equity,
        }

    def symbol(self, request: Request) -> dict[str, Any] | None:
        if request.path_params["name"] != self.server.local.symbol:
            return None
        sizes = {"contractSize": CONTRACT_SIZE, "minVolume": STEP, "volumeStep": STEP}
        return {"symbol": self.server.local.symbol, "fillingModes": ["SYMBOL_FILLING_IOC"], **sizes}

    def price(self, _: Request) -> dict[str, Any]:
        bid, ask = self.server.local.runner.exchange.top(0)
        now = self.server.local.now_ns
        times = {"time": _iso(now), "brokerTime": _broker(now)}
        return {"symbol": self.server.local.symbol, "bid": bid, "ask": ask} | times

    def candles(self, request: Request) -> list[dict[str, Any]] | None:
        """Return candles backwards from a time, the oldest of them first."""
        if request.path_params["name"] != self.server.local.symbol:
            return None
        latest = datetime.fromisoformat(request.query_params["startTime"]).timestamp()
        limit, length_s = int(request.query_params["limit"]), interval_ns(request.path_params["timeframe"]) // 10**9
        rows = [row for row in self.server.bars(length_s, AHEAD_S) if row[0] - AHEAD_S <= latest]
        return [self._candle(row) for row in rows[-limit:]]

    def _candle(self, row: tuple[int, float, float, float, float, int]) -> dict[str, Any]:
        at = (row[0] - AHEAD_S) * 10**9
        prices = dict(zip(("open", "high", "low", "close"), row[1:5], strict=True))
        return {"time": _iso(at), "brokerTime": _broker(at), **prices, "tickVolume": row[5], "spread": 2, "volume": 0}

    def orders(self, _: Request) -> list[dict[str, Any]]:
        return [self._order(t) | {"time": _iso(t.work.ts_created)} for t in self.server.open()]

    def positions(self, _: Request) -> list[dict[str, Any]]:
        name = self.server.local.symbol
        return [
            {
                "id": str(p.number),
                "symbol": name,
                "type": f"POSITION_TYPE_{'BUY' if p.lots > 0 else 'SELL'}",
                "volume": abs(p.lots) * STEP,
                "openPrice": p.price,
                "magic": p.magic,
                "comment": p.comment,
            }
            for p in self.server.positions()
        ]

    def history_orders(self, request: Request) -> list[dict[str, Any]]:
        ended = [t for t in self.server.ended() if _within(request, t.work.ts_updated)]
        return self._paged(request, [self._order(t) | {"doneTime": _iso(t.work.ts_updated)} for t in ended])

    def history_deals(self, request: Request) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = [{"id": "1", "type": "DEAL_TYPE_BALANCE", "profit": 100_000.0}]
        for number, execution in self.server.deals:
            ticket = self.server.ticket_of(execution)
            if _within(request, execution.ts):
                row = {"id": str(number), "type": f"DEAL_TYPE_{_TYPES[ticket.type % 2]}", "orderId": str(ticket.number)}
                row |= {"entryType": "DEAL_ENTRY_IN", "symbol": self.server.local.symbol, "time": _iso(execution.ts)}
                sizes = {"volume": round(execution.lots * STEP, 8), "price": execution.price, "commission": -0.07}
                rows.append(row | sizes | {"magic": ticket.magic, "comment": ticket.comment})
        return self._paged(request, rows)

    def _paged(self, request: Request, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        offset, limit = (int(request.query_params[name]) for name in ("offset", "limit"))
        return rows[offset : offset + limit]

    def _order(self, ticket: Ticket) -> dict[str, Any]:
        return {
            "id": str(ticket.number),
            "symbol": self.server.local.symbol,
            "type": f"ORDER_TYPE_{_TYPES[ticket.type]}",
            "state": f"ORDER_STATE_{_STATES[ticket.state]}",
            "reason": "ORDER_REASON_EXPERT",
            "volume": ticket.volume,
            "currentVolume": ticket.left,
            "magic": ticket.magic,
            "comment": ticket.comment,
        }

    async def trade(self, request: Request) -> Response:
        if request.headers.get("auth-token") != TOKEN:
            return JSONResponse({"error": "UnauthorizedError", "message": "Authorization token invalid"}, 401)
        body = await request.json()
        comment = body.get("comment", "")
        if len(comment) > 26:
            return JSONResponse({"error": "ValidationError", "message": "comment is too long"}, 400)
        kind = body["actionType"]
        fields: dict[str, float] = {"action": 8, "order": int(body.get("orderId", 0))}
        if kind == "POSITION_CLOSE_BY":
            fields = {"action": 10, "position": int(body["positionId"]), "position_by": int(body["closeByPositionId"])}
        elif kind == "POSITION_PARTIAL":
            number = int(body["positionId"])
            with self.server.local.lock:
                is_long = any(p.lots > 0 for p in self.server.positions() if p.number == number)
            fields = {"action": 1, "type": int(is_long), "volume": body["volume"], "magic": body["magic"]}
            fields |= {"price": 0.0, "position": number}
        elif kind != "ORDER_CANCEL":
            type_ = _TYPES.index(kind.removeprefix("ORDER_TYPE_"))
            fields = {"action": 5 if type_ > 1 else 1, "type": type_, "volume": body["volume"], "magic": body["magic"]}
            fields |= {"price": body.get("openPrice", 0.0)}
            fields |= {"stoplimit": body["stopLimitPrice"]} if "stopLimitPrice" in body else {}
        code, ticket, _, arrives = self.server.send(fields, comment)
        if not arrives:
            return JSONResponse({"error": "TimeoutError", "message": "timed out"}, 504)
        return JSONResponse({"numericCode": code, "stringCode": "", "message": "", "orderId": str(ticket or "")})


def _broker(ns: int) -> str:
    """Return what the server's clock shows."""
    return _iso(ns + AHEAD_S * 10**9).replace("T", " ").removesuffix("Z")


def _iso(ns: int) -> str:
    when = datetime.fromtimestamp(ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{when}.{ns // 10**6 % 1_000:03d}Z"


def _within(request: Request, ns: int) -> bool:
    start, end = (datetime.fromisoformat(request.path_params[name]).timestamp() for name in ("start", "end"))
    return start <= ns / 1e9 <= end
