"""Alpaca's addresses of the account, its positions and the markets (docs.alpaca.markets/reference)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tradewright.core.types.order import Side
from tradewright.execution.exchange.market import Hours
from tradewright.execution.exchange.orders import Force, Refusal, RefusedError, Wish, WorkOrder
from tradewright.services.exchange.alpaca.door import Door, Handler, multi, names_of, number_of, whole
from tradewright.services.exchange.alpaca.order_body import number
from tradewright.services.exchange.alpaca.orders import cancel_every
from tradewright.services.exchange.alpaca.refusals import AlpacaError, of_refusal, unreadable
from tradewright.services.exchange.alpaca.words import Document, Words, asset, is_crypto
from tradewright.services.exchange.decimals import decimal_of, whole_lots
from tradewright.services.exchange.moments import ns_of
from tradewright.services.exchange.runner import Runner
from tradewright.services.http_service.answers import iso

_NEW_YORK = ZoneInfo("America/New_York")
_PAGE = 100


class AccountFace:
    """Account, activities, positions, assets, clock and calendar."""

    def __init__(self, runner: Runner, door: Door, words: Words) -> None:
        self._runner, self._door, self.words = runner, door, words
        self._account, self._markets = runner.account, runner.exchange.markets
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
            ("GET", "/v2/positions", self._positions),
            ("DELETE", "/v2/positions", self._close_all),
            ("GET", "/v2/positions/{symbol:path}", self._position),
            ("DELETE", "/v2/positions/{symbol:path}", self._close),
        ]
        return [Route(path, self._door.guarded(handler), methods=[method]) for method, path, handler in table]

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
            cancel_every(self._runner, self.words)
        told: list[Document] = []
        for j in sorted(self._account.book.holdings):
            symbol, lots = self._markets[j].instrument.symbol, self._account.book.lots(j)
            try:
                order = self._close_lots(j, lots, abs(lots))
                told.append({"symbol": symbol, "status": 200, "order_id": order.id, "body": self.words.order(order)})
            except RefusedError as error:
                refused = of_refusal(error)
                told.append({"symbol": symbol, "status": refused.status, "body": refused.body | {"symbol": symbol}})
        return multi(told)

    def _close_lots(self, j: int, lots: int, wanted: int) -> WorkOrder:
        instrument = self._markets[j].instrument
        force = Force.GTC if is_crypto(instrument) else Force.DAY
        wish = Wish(instrument.symbol, Side.SELL if lots > 0 else Side.BUY, wanted, force=force)
        return self._account.submit(wish, self._runner.now_ns)

    def _held(self, request: Request) -> int:
        j = number_of(request.path_params["symbol"], self._markets, Refusal.NO_POSITION)
        if j not in self._account.book.holdings:
            raise RefusedError(Refusal.NO_POSITION, "position does not exist")
        return j

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
        return rows[: min(_PAGE, whole(query.get("page_size", str(_PAGE)), "page_size"))]

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
            if symbol in names_of(market.instrument.symbol):
                return asset(market)
        raise AlpacaError(404, 40410000, f"asset not found for {symbol}")

    def _stock_hours(self) -> Hours:
        return next((m.hours for m in self._markets if not m.hours.never_close), self._markets[0].hours)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError as error:
        raise unreadable(f"'{text}' is not a date") from error


def _local(ns: int) -> str:
    return datetime.fromtimestamp(ns // 10**9, tz=UTC).astimezone(_NEW_YORK).isoformat()
