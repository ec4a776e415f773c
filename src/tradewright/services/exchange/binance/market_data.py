"""Binance's public addresses: symbols and filters, order book, trades, klines, tickers, time."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import AGGRESSOR, ASK_SIZE, BID_SIZE, BUY_VOLUME, PRICE, SIZE, TRADES
from tradewright.execution.exchange.orders import Refusal, RefusedError
from tradewright.services.exchange.binance.refusals import BinanceError, of_refusal
from tradewright.services.exchange.binance.requests import Params, params_of
from tradewright.services.exchange.binance.words import Document, eight, millis, symbol_info
from tradewright.services.exchange.quota import Quota
from tradewright.services.exchange.records import Recorded
from tradewright.services.exchange.runner import Runner

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_MOST = 1_000
_DAY_NS = 86_400 * 10**9

Handler = Callable[[Params], Any]


class DataFace:
    """The public part of the protocol."""

    def __init__(self, runner: Runner, quota: Quota) -> None:
        self._runner, self._quota = runner, quota
        exchange = runner.exchange
        self.recorded = {m.instrument.symbol: Recorded(m, j, exchange.events) for j, m in enumerate(exchange.markets)}

    def routes(self) -> list[Route]:
        """Return the addresses."""
        table: list[tuple[str, Handler, int]] = [
            ("ping", lambda _: {}, 1),
            ("time", lambda _: {"serverTime": millis(self._runner.told_ns)}, 1),
            ("exchangeInfo", self._info, 20),
            ("depth", self._depth, 5),
            ("trades", self._trades, 25),
            ("aggTrades", self._aggregates, 4),
            ("klines", self._klines, 2),
            ("ticker/bookTicker", self._book_ticker, 2),
            ("ticker/price", self._price, 2),
            ("ticker/24hr", self._day, 2),
        ]
        return [
            Route(f"/api/v3/{name}", self._guarded(handler, weight), methods=["GET"]) for name, handler, weight in table
        ]

    def _guarded(self, handler: Handler, weight: int) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                if not self._quota.take(weight):
                    raise BinanceError(-1003, "Too much request weight used.", 429)
                params, _ = await params_of(request)
                self._runner.sync()
                response = Response(json.dumps(handler(params), separators=(",", ":")), media_type="application/json")
            except RefusedError as error:
                response = of_refusal(error).response()
            except BinanceError as error:
                response = error.response()
            response.headers["X-MBX-USED-WEIGHT-1M"] = str(self._quota.used)
            return response

        return answer

    def _info(self, _: Params) -> Document:
        limits = [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": self._quota.limit}
        ]
        symbols = [symbol_info(market) for market in self._runner.exchange.markets]
        now = millis(self._runner.told_ns)
        return {"timezone": "UTC", "serverTime": now, "rateLimits": limits, "exchangeFilters": [], "symbols": symbols}

    def _depth(self, params: Params) -> Document:
        recorded = self._of(params.need("symbol"))
        bids, asks = self.levels(recorded)
        return {"lastUpdateId": self._runner.exchange.cursor, "bids": bids, "asks": asks}

    def levels(self, recorded: Recorded) -> tuple[list[list[str]], list[list[str]]]:
        """Return the best bid and ask: what was recorded has no more levels."""
        bid, ask = self._runner.exchange.top(recorded.number)
        row = self._last(recorded, "quotes")
        if row < 0:
            return [], []
        fields = recorded.events.fields
        return (
            [[eight(bid), eight(float(fields[BID_SIZE, row]))]],
            [[eight(ask), eight(float(fields[ASK_SIZE, row]))]],
        )

    def _last(self, recorded: Recorded, kind: str) -> int:
        rows = recorded.within(recorded.quotes if kind == "quotes" else recorded.trades, 0, self._runner.now_ns)
        return int(rows[-1]) if len(rows) else -1

    def _trades(self, params: Params) -> list[Document]:
        recorded = self._of(params.need("symbol"))
        rows = recorded.within(recorded.trades, 0, self._runner.now_ns)[-min(_MOST, params.whole("limit", 500)) :]
        found = []
        for i in rows.tolist():
            price, size = (float(recorded.events.fields[r, i]) for r in (PRICE, SIZE))
            is_buyer_maker = bool(recorded.events.fields[AGGRESSOR, i] < 0)
            found.append(
                {
                    "id": i + 1,
                    "price": eight(price),
                    "qty": eight(size),
                    "quoteQty": eight(round(price * size, 8)),
                    "time": millis(int(recorded.events.ts_event[i])),
                    "isBuyerMaker": is_buyer_maker,
                    "isBestMatch": True,
                }
            )
        return found

    def _aggregates(self, params: Params) -> list[Document]:
        recorded = self._of(params.need("symbol"))
        start, end = params.whole("startTime", 0) * 10**6, params.whole("endTime", 2**42) * 10**6 + 999_999
        rows = recorded.within(recorded.trades, start, min(end, self._runner.now_ns))
        first, limit = params.whole("fromId", -1), min(_MOST, params.whole("limit", 500))
        rows = rows[rows + 1 >= first]
        rows = rows[:limit] if first >= 0 or params.given.get("startTime") else rows[-limit:]
        return [aggregate(recorded, i) for i in rows.tolist()]

    def _klines(self, params: Params) -> list[list[object]]:
        recorded, interval = self._of(params.need("symbol")), params.need("interval")
        unit = _UNITS.get(interval[-1:], 0)
        if not unit or not interval[:-1].isdecimal():
            raise BinanceError(-1120, "Invalid interval.")
        bars = recorded.bars(int(interval[:-1]) * unit * 10**9, self._runner.now_ns)
        if bars is None:
            return []
        start, end = params.whole("startTime", 0) * 10**6, params.whole("endTime", 2**42) * 10**6
        keep = [k for k in range(len(bars)) if start <= int(bars.ts_open[k]) <= end]
        limit = min(_MOST, params.whole("limit", 500))
        return [kline(bars, k) for k in (keep[:limit] if start else keep[-limit:])]

    def _book_ticker(self, params: Params) -> Any:  # noqa: ANN401
        return self._each(params, self.book_ticker)

    def book_ticker(self, recorded: Recorded) -> Document:
        """Return the best bid and ask of a symbol."""
        bids, asks = self.levels(recorded)
        nothing = [["0.00000000", "0.00000000"]]
        (bid, bid_size), (ask, ask_size) = (bids or nothing)[0], (asks or nothing)[0]
        symbol = recorded.market.instrument.symbol
        return {"symbol": symbol, "bidPrice": bid, "bidQty": bid_size, "askPrice": ask, "askQty": ask_size}

    def _price(self, params: Params) -> Any:  # noqa: ANN401
        def one(recorded: Recorded) -> Document:
            price = self._runner.account.means.mark(recorded.number)
            return {"symbol": recorded.market.instrument.symbol, "price": eight(price)}

        return self._each(params, one)

    def _day(self, params: Params) -> Any:  # noqa: ANN401
        def one(recorded: Recorded) -> Document:
            now = self._runner.now_ns
            rows = recorded.within(recorded.trades, now - _DAY_NS, now)
            fields = recorded.events.fields
            prices, sizes = fields[PRICE, rows], fields[SIZE, rows]
            first, last = (float(prices[0]), float(prices[-1])) if len(rows) else (0.0, 0.0)
            high, low = (float(prices.max()), float(prices.min())) if len(rows) else (0.0, 0.0)
            part = (last / first - 1.0) * 100.0 if first else 0.0
            return {
                **self.book_ticker(recorded),
                "priceChange": eight(round(last - first, 8)),
                "priceChangePercent": f"{part:.3f}",
                "lastPrice": eight(last),
                "openPrice": eight(first),
                "highPrice": eight(high),
                "lowPrice": eight(low),
                "volume": eight(float(sizes.sum())),
                "quoteVolume": eight(round(float((prices * sizes).sum()), 8)),
                "openTime": millis(now - _DAY_NS),
                "closeTime": millis(now),
                "firstId": int(rows[0]) + 1 if len(rows) else -1,
                "lastId": int(rows[-1]) + 1 if len(rows) else -1,
                "count": len(rows),
            }

        return self._each(params, one)

    def _each(self, params: Params, one: Callable[[Recorded], Document]) -> Any:  # noqa: ANN401
        symbol = params.given.get("symbol", "")
        return one(self._of(symbol)) if symbol else [one(recorded) for recorded in self.recorded.values()]

    def _of(self, symbol: str) -> Recorded:
        if symbol not in self.recorded:
            raise RefusedError(Refusal.UNKNOWN_SYMBOL, symbol)
        return self.recorded[symbol]


def aggregate(recorded: Recorded, i: int) -> Document:
    """Return a trade as ``aggTrades`` has it; each stands for itself."""
    fields = recorded.events.fields
    taker_sold = bool(fields[AGGRESSOR, i] < 0)
    price, size, ts = eight(float(fields[PRICE, i])), eight(float(fields[SIZE, i])), int(recorded.events.ts_event[i])
    return {"a": i + 1, "p": price, "q": size, "f": i + 1, "l": i + 1, "T": millis(ts), "m": taker_sold, "M": True}


def kline(bars: Bars, k: int) -> list[object]:
    """Return one bar as REST has it."""
    volume, bought = float(bars.volume[k]), float(bars.fields[BUY_VOLUME, k])
    middle = float(bars.high[k] + bars.low[k] + bars.close[k]) / 3.0
    bought = bought if bought == bought else volume / 2.0  # noqa: PLR0124  # NaN: unknown
    prices = [eight(float(row[k])) for row in (bars.open, bars.high, bars.low, bars.close)]
    return [
        millis(int(bars.ts_open[k])),
        *prices,
        eight(volume),
        millis(int(bars.ts_event[k])) - 1,
        eight(round(volume * middle, 8)),
        int(bars.fields[TRADES, k]),
        eight(bought),
        eight(round(bought * middle, 8)),
        "0",
    ]
