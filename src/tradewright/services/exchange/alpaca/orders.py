"""Alpaca's addresses of orders (docs.alpaca.markets/reference: orders)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tradewright.execution.exchange.orders import Refusal, RefusedError, WorkOrder
from tradewright.execution.exchange.scenarios import FORGOTTEN, IGNORED_CANCEL, REJECT
from tradewright.services.exchange.alpaca.door import Door, Handler, body_of, multi, number_of, whole
from tradewright.services.exchange.alpaca.order_body import changed, wish_of
from tradewright.services.exchange.alpaca.words import Document, Words
from tradewright.services.exchange.moments import ns_of
from tradewright.services.exchange.runner import Runner

_LONGEST_LIST = 500


class OrdersFace:
    """Orders: taken, found, replaced, cancelled."""

    def __init__(self, runner: Runner, door: Door, words: Words) -> None:
        self._runner, self._door, self.words = runner, door, words
        self._account, self._markets = runner.account, runner.exchange.markets

    def routes(self) -> list[Route]:
        """Return the addresses."""
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/v2/orders", self._orders),
            ("POST", "/v2/orders", self._submit),
            ("DELETE", "/v2/orders", self._cancel_all),
            ("GET", "/v2/orders:by_client_order_id", self._by_client),
            ("GET", "/v2/orders/{order_id}", self._order),
            ("PATCH", "/v2/orders/{order_id}", self._replace),
            ("DELETE", "/v2/orders/{order_id}", self._cancel),
        ]
        return [Route(path, self._door.guarded(handler), methods=[method]) for method, path, handler in table]

    async def _submit(self, request: Request) -> Document:
        body = await body_of(request)
        j = number_of(str(body.get("symbol", "")), self._markets)
        if self._runner.script.take("order", {REJECT}) is not None:
            raise RefusedError(Refusal.INJECTED, "insufficient buying power")
        wish = wish_of(body, self._markets[j].instrument, self._runner.exchange.top(j), self._account.means.mark(j))
        return self.words.order(self._account.submit(wish, self._runner.now_ns))

    async def _orders(self, request: Request) -> list[Document]:
        query = request.query_params
        status, nested = query.get("status", "open"), query.get("nested") in {"true", "True"}
        limit = min(_LONGEST_LIST, whole(query.get("limit", "50"), "limit"))
        symbols = {s for s in query.get("symbols", "").split(",") if s}
        after, until = (ns_of(query[k]) if query.get(k) else None for k in ("after", "until"))
        found = []
        for order in self._account.orders.by_id.values():
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
        return self.words.order(self._found(self._account.orders.of_id(request.path_params["order_id"])))

    async def _by_client(self, request: Request) -> Document:
        return self.words.order(
            self._found(self._account.orders.of_client(request.query_params.get("client_order_id", "")))
        )

    def _found(self, order: WorkOrder) -> WorkOrder:
        if order.is_over and self._runner.script.take("order", {FORGOTTEN}) is not None:
            raise RefusedError(Refusal.UNKNOWN_ORDER, f"order not found for {order.id}")
        return order

    async def _replace(self, request: Request) -> Document:
        order = self._account.orders.of_id(request.path_params["order_id"])
        wish = changed(order, await body_of(request), self._markets[order.instrument].instrument)
        return self.words.order(self._account.replace(order, wish, self._runner.now_ns))

    async def _cancel(self, request: Request) -> Response:
        order = self._account.orders.of_id(request.path_params["order_id"])
        if order.is_over or self._runner.script.take("order", {IGNORED_CANCEL}) is None:
            self._account.cancel(order, self._runner.now_ns)
        return Response(status_code=204)

    async def _cancel_all(self, _: Request) -> Response:
        return multi(cancel_every(self._runner, self.words))


def cancel_every(runner: Runner, words: Words) -> list[Document]:
    """Cancel every open order; return what is said of each."""
    told = []
    for order in list(runner.account.orders.open()):
        if not order.is_over:
            runner.account.cancel(order, runner.now_ns)
            told.append({"id": order.id, "status": 200, "body": words.order(order, with_legs=False)})
    return told
