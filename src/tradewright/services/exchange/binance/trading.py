"""Binance's trading addresses (developers.binance.com: spot trading and account endpoints)."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, Side
from tradewright.execution.exchange.account import number_of
from tradewright.execution.exchange.orders import Force, Refusal, RefusedError, Wish, WorkOrder
from tradewright.execution.exchange.scenarios import FORGOTTEN, IGNORED_CANCEL, REJECT
from tradewright.services.exchange.binance.refusals import BinanceError, of_refusal
from tradewright.services.exchange.binance.requests import Params, Signatures, params_of
from tradewright.services.exchange.binance.words import MIN_NOTIONAL, Words, cancel_id, millis, order_id
from tradewright.services.exchange.decimals import decimal_of, whole_lots
from tradewright.services.exchange.quota import Quota
from tradewright.services.exchange.runner import Runner

_KINDS = {
    "MARKET": OrderKind.MARKET,
    "LIMIT": OrderKind.LIMIT,
    "LIMIT_MAKER": OrderKind.LIMIT,
    "STOP_LOSS": OrderKind.STOP,
    "STOP_LOSS_LIMIT": OrderKind.STOP_LIMIT,
}
_FORCES = {"GTC": Force.GTC, "IOC": Force.IOC, "FOK": Force.FOK}
_LONGEST_ID, _MOST = 36, 1_000

Handler = Callable[[Params], Awaitable[Any]]


class TradingFace:
    """The signed part of the protocol over one account."""

    def __init__(self, runner: Runner, signatures: Signatures, quota: Quota) -> None:
        self._runner, self._signatures, self._quota = runner, signatures, quota
        self._account, self._markets = runner.account, runner.exchange.markets
        self.words = Words(self._account, self._markets)

    def routes(self) -> list[Route]:
        """Return the addresses."""
        table: list[tuple[str, str, Handler, int]] = [
            ("GET", "/api/v3/account", self._show_account, 20),
            ("POST", "/api/v3/order", self._submit, 1),
            ("POST", "/api/v3/order/test", self._test, 1),
            ("GET", "/api/v3/order", self._order, 4),
            ("DELETE", "/api/v3/order", self._cancel, 1),
            ("GET", "/api/v3/openOrders", self._open_orders, 6),
            ("DELETE", "/api/v3/openOrders", self._cancel_all, 1),
            ("GET", "/api/v3/allOrders", self._all_orders, 20),
            ("GET", "/api/v3/myTrades", self._trades, 20),
        ]
        return [
            Route(path, self._guarded(handler, weight), methods=[method]) for method, path, handler, weight in table
        ]

    def _guarded(self, handler: Handler, weight: int) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                if not self._quota.take(weight):
                    raise BinanceError(-1003, "Too much request weight used.", 429)
                params, total = await params_of(request)
                self._signatures.check(request, params, total)
                self._runner.sync()
                body = json.dumps(await handler(params), separators=(",", ":"))
                response = Response(body, media_type="application/json")
            except RefusedError as error:
                response = of_refusal(error).response()
            except BinanceError as error:
                response = error.response()
                if error.status == 429:
                    response.headers["Retry-After"] = f"{self._quota.reset_s:.0f}"
            self._runner.settle()
            response.headers["X-MBX-USED-WEIGHT-1M"] = str(self._quota.used)
            return response

        return answer

    # ------------------------------------------------------------------------------------------------------- orders

    async def _submit(self, params: Params) -> Any:  # noqa: ANN401
        wish = self._wish(params)
        if self._runner.script.take("order", {REJECT}) is not None:
            raise RefusedError(Refusal.INJECTED, "injected")
        before = len(self._account.executions)
        order = self._account.submit(wish, self._runner.now_ns)
        return self.words.placed(order, [e for e in self._account.executions[before:] if e.order is order])

    async def _test(self, params: Params) -> Any:  # noqa: ANN401
        self._wish(params)
        return {}

    def _wish(self, params: Params) -> Wish:
        j = self._instrument(params.need("symbol"))
        instrument = self._markets[j].instrument
        side = {"BUY": Side.BUY, "SELL": Side.SELL}.get(params.need("side"))
        name = params.need("type")
        kind = _KINDS.get(name)
        if side is None:
            raise BinanceError(-1117, "Invalid side.")
        if kind is None:
            raise BinanceError(-1116, "Invalid orderType.")
        force = Force.IOC if kind is OrderKind.MARKET else Force.GTC
        if name in {"LIMIT", "STOP_LOSS_LIMIT"}:
            found = _FORCES.get(params.need("timeInForce"))
            if found is None:
                raise BinanceError(-1115, "Invalid timeInForce.")
            force = found
        limit = _number(params, "price") if kind in {OrderKind.LIMIT, OrderKind.STOP_LIMIT} else None
        stop = _number(params, "stopPrice") if kind in {OrderKind.STOP, OrderKind.STOP_LIMIT} else None
        bid, ask = self._runner.exchange.top(j)
        market_price = ask if side > 0 else bid
        if name == "LIMIT_MAKER" and limit is not None and limit * side >= market_price * side:
            raise BinanceError(-2010, "Order would immediately match and take.")
        client_id = params.given.get("newClientOrderId", "")
        if len(client_id) > _LONGEST_ID:
            raise BinanceError(-1100, "Illegal characters found in parameter 'newClientOrderId'.")
        mark = self._account.means.mark(j)
        lots = _lots(params, instrument, market_price if market_price == market_price else mark)  # noqa: PLR0124  # NaN
        price = limit or stop or mark
        if price and lots * float(instrument.unit_value) * price < MIN_NOTIONAL:
            raise BinanceError(-1013, "Filter failure: NOTIONAL")
        return Wish(instrument.symbol, side, lots, kind, force, limit=limit, stop=stop, client_id=client_id)

    async def _order(self, params: Params) -> Any:  # noqa: ANN401
        order = self._named(params)
        if order.is_over and self._runner.script.take("order", {FORGOTTEN}) is not None:
            raise RefusedError(Refusal.UNKNOWN_ORDER, "")
        return self.words.order(order)

    async def _cancel(self, params: Params) -> Any:  # noqa: ANN401
        try:
            order = self._named(params)
        except RefusedError as error:
            raise BinanceError(-2011, "Unknown order sent.") from error
        if order.is_over or self._runner.script.take("order", {IGNORED_CANCEL}) is None:
            self._account.cancel(order, self._runner.now_ns)
        return self._canceled(order)

    async def _cancel_all(self, params: Params) -> Any:  # noqa: ANN401
        j = self._instrument(params.need("symbol"))
        mine = [order for order in self._account.orders.open() if order.instrument == j]
        if not mine:
            raise BinanceError(-2011, "Unknown order sent.")
        for order in mine:
            if not order.is_over:
                self._account.cancel(order, self._runner.now_ns)
        return [self._canceled(order) for order in mine]

    def _canceled(self, order: WorkOrder) -> Any:  # noqa: ANN401
        told = self.words.order(order)
        named = {"origClientOrderId": order.wish.client_id, "clientOrderId": cancel_id(order)}
        return told | named | {"transactTime": millis(self._runner.now_ns)}

    async def _open_orders(self, params: Params) -> Any:  # noqa: ANN401
        symbol = params.given.get("symbol", "")
        j = self._instrument(symbol) if symbol else -1
        return [self.words.order(o) for o in self._account.orders.open() if j < 0 or o.instrument == j]

    async def _all_orders(self, params: Params) -> Any:  # noqa: ANN401
        j = self._instrument(params.need("symbol"))
        first, start = params.whole("orderId", 0), params.whole("startTime", 0)
        end = params.whole("endTime", 2**62)
        mine = [
            order
            for order in self._account.orders.by_id.values()
            if order.instrument == j and order_id(order) >= first and start <= millis(order.ts_created) <= end
        ]
        limit = min(_MOST, params.whole("limit", 500))
        chosen = mine[:limit] if first or start else mine[-limit:]
        return [self.words.order(order) for order in chosen]

    async def _trades(self, params: Params) -> Any:  # noqa: ANN401
        j = self._instrument(params.need("symbol"))
        first, of = params.whole("fromId", -1), params.whole("orderId", 0)
        start, end = params.whole("startTime", 0), params.whole("endTime", 2**62)
        mine = [
            e
            for e in self._account.executions
            if e.order.instrument == j and e.number >= first and (not of or order_id(e.order) == of)
        ]
        mine = [e for e in mine if start <= millis(e.ts) <= end]
        limit = min(_MOST, params.whole("limit", 500))
        return [self.words.trade(e) for e in (mine[:limit] if first >= 0 or start else mine[-limit:])]

    async def _show_account(self, _: Params) -> Any:  # noqa: ANN401
        return self.words.account(self._runner.told_ns)

    def _named(self, params: Params) -> WorkOrder:
        j = self._instrument(params.need("symbol"))
        number, client_id = params.whole("orderId", 0), params.given.get("origClientOrderId", "")
        if not (number or client_id):
            raise BinanceError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
        if client_id:
            order = self._account.orders.of_client(client_id)
        else:
            found = [o for o in self._account.orders.by_id.values() if order_id(o) == number]
            if not found:
                raise RefusedError(Refusal.UNKNOWN_ORDER, f"no order {number}")
            order = found[-1]
        if order.instrument != j:
            raise RefusedError(Refusal.UNKNOWN_ORDER, "of another symbol")
        return order

    def _instrument(self, symbol: str) -> int:
        return number_of(symbol, self._markets)


def _number(params: Params, name: str) -> float:
    try:
        return float(decimal_of(params.need(name)))
    except ValueError as error:
        raise BinanceError(-1100, f"Illegal characters found in parameter '{name}'.") from error


def _lots(params: Params, instrument: Instrument, price: float) -> int:
    name = "quantity" if params.given.get("quantity") else "quoteOrderQty"
    try:
        amount = decimal_of(params.need(name))
    except ValueError as error:
        raise BinanceError(-1100, f"Illegal characters found in parameter '{name}'.") from error
    if name == "quoteOrderQty":
        return int(amount / (Decimal(repr(price)) * instrument.lot.numerator / instrument.lot.denominator))
    lots = whole_lots(amount, instrument.lot)
    if lots is None or lots < instrument.min_lots:
        raise BinanceError(-1013, "Filter failure: LOT_SIZE")
    return lots
