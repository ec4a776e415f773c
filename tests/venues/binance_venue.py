"""A local Binance: archives with checksums, REST and combined streams of a synthetic market, misbehaving on a script.

Faults beyond those of `tests.venues.faults`, for archives (path of the zip) and REST answers (path with query):
``missing`` (404), ``checksum`` (another one is stated), ``damaged`` (a byte of the zip differs), and of the rows, the
archive's checksum being right: ``shuffled``, ``repeated``, ``contrary`` (repeated with another price), ``hole`` (left
out), ``malformed`` (price is no number), ``ragged`` (a column too few), ``beyond`` (bars: one of long ago is added).
Streams (name of the stream): ``drop``, ``silent``, ``gap``, ``duplicate``, ``malformed``.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import random
import zipfile
from collections import deque
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.venues.binance_market import DAY_US, AggTrade, SyntheticMarket, interval_us
from tests.venues.faults import STREAM_FAULTS, Fault
from tests.venues.local_venue import LocalVenue, Reply, Request, as_json
from websockets.asyncio.server import ServerConnection

from tradewright.adapters.binance.params import RULES, BinanceParams, Market

ROW_FAULTS = ("shuffled", "repeated", "contrary", "hole", "malformed", "ragged", "beyond")
ARCHIVE_FAULTS = ("missing", "checksum", "damaged")
_2025_US = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
_NO_SUCH_KEY = b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchKey</Code></Error>'
_KLINE_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
)
_TRADE_HEADER = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"


def at(text: str) -> int:
    """Return the time of an ISO text, UTC, in ns."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


class BinanceVenue(LocalVenue):
    """Binance on 127.0.0.1.

    Parameters
    ----------
    market : Market
        Spot or futures.
    faults : sequence of Fault
        What goes wrong.
    seed, fault_seed : int
        Of the market, and of faults with a probability.
    now : str
        The venue's time, ISO; it stands still.
    listed : str
        Day since when everything trades.
    halts : sequence of pairs of str
        Stretches without bars, ISO.
    steps : int
        Length of the live tape: so many events of each stream.
    trades_a_day : int
        How many aggregated trades each day has.
    """

    def __init__(
        self,
        market: Market = Market.SPOT,
        faults: Sequence[Fault] = (),
        seed: int = 0,
        now: str = "2025-02-10T12:34:56",
        listed: str = "2024-11-15",
        halts: Sequence[tuple[str, str]] = (),
        steps: int = 30,
        trades_a_day: int = 2500,
        fault_seed: int = 0,
    ) -> None:
        super().__init__(faults, fault_seed)
        self.kind, self.now_ns, self.steps = market, at(now), steps
        self._rules = RULES[market]
        self.market = SyntheticMarket(
            seed,
            ("BTCUSDT", "ETHUSDT"),
            at(listed) // 1000 // DAY_US,
            trades_a_day,
            tuple((at(a) // 1000, at(b) // 1000) for a, b in halts),
        )
        self.weight_limit = self._rules.weight_per_minute
        self.targets: list[str] = []  # of the streams, in order of connection
        self._used: deque[tuple[float, float]] = deque()
        self._positions: dict[str, int] = {}
        self._zips: dict[str, bytes | None] = {}

    def params(self, **settings: Any) -> BinanceParams:  # noqa: ANN401
        """Return the adapter's settings for this venue."""
        addresses = {"archive_url": self.http_url, "rest_url": self.http_url, "ws_url": self.ws_url}
        return BinanceParams(**({"market": self.kind} | addresses | settings))

    def busy(self, status: int) -> object:
        text = "Too many requests; current limit is 6000 request weight per 1 MINUTE."
        banned = "Way too much request weight used; IP banned until 1739190000000."
        return {"code": -1003, "msg": banned if status == 418 else text}

    async def answer(self, request: Request) -> Reply:
        if request.path.startswith("/data/"):
            return self._archive(request.path)
        name = request.path.removeprefix(self._rules.api_path + "/")
        answers = {"klines": self._klines, "aggTrades": self._agg_trades, "exchangeInfo": self._exchange_info}
        if name not in answers:
            return Reply(404, b"<html><body><h2>404 Not found</h2></body></html>", kind="text/html")
        weight = {"klines": self._rules.klines_weight, "aggTrades": self._rules.trades_weight}.get(name, 1.0)
        used = self._count(weight)
        headers = {"X-MBX-USED-WEIGHT-1M": f"{used:.0f}"}
        if used > self.weight_limit:
            return as_json(self.busy(429), 429, headers | {"Retry-After": "1"})
        reply = answers[name](request)
        return Reply(reply.status, reply.body, headers)

    # ---------------------------------------------------------------------------------------------------------- REST

    def _count(self, weight: float) -> float:
        now = asyncio.get_running_loop().time()
        self._used.append((now, weight))
        while self._used[0][0] < now - 60:
            self._used.popleft()
        return sum(w for _, w in self._used)

    def _refusal(self, request: Request, *names: str) -> Reply | None:
        for name in names:
            if not request.query.get(name):
                msg = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
                return as_json({"code": -1102, "msg": msg}, 400)
        if request.query["symbol"] not in self.market.symbols:
            return as_json({"code": -1121, "msg": "Invalid symbol."}, 400)
        return None

    def _unit(self, request: Request) -> int:
        """Return how many microseconds a time of the answer counts."""
        is_micro = self._rules.has_microseconds and request.headers.get("x-mbx-time-unit") == "MICROSECOND"
        return 1 if is_micro else 1000

    def _klines(self, request: Request) -> Reply:
        refusal = self._refusal(request, "symbol", "interval")
        if refusal is not None:
            return refusal
        query = request.query
        if query["interval"] not in self._rules.intervals:
            return as_json({"code": -1120, "msg": "Invalid interval."}, 400)
        limit = min(int(query.get("limit", 500)), self._rules.klines_limit)
        start = int(query.get("startTime", 0)) * 1000
        end = min(int(query.get("endTime", 10**13)) * 1000 + 1, self.now_ns // 1000)
        end = min(end, max(start, self.market.first_day * DAY_US) + limit * interval_us(query["interval"]) * 3)
        rows = self.market.klines(query["symbol"], query["interval"], start, end)[:limit]
        unit = self._unit(request)
        for row in rows:
            row[0], row[6] = int(row[0]) // unit, int(row[6]) // unit
        texts = [",".join(str(value) for value in row) for row in rows]
        changed = self._changed(request.target, texts)
        return as_json([_json_kline(text) for text in changed])

    def _agg_trades(self, request: Request) -> Reply:
        refusal = self._refusal(request, "symbol")
        if refusal is not None:
            return refusal
        query, now_us = request.query, self.now_ns // 1000
        limit = min(int(query.get("limit", 500)), 1000)
        if "fromId" in query and ("startTime" in query or "endTime" in query):
            return as_json({"code": -1128, "msg": "Combination of optional parameters invalid."}, 400)
        if "fromId" in query:
            found = self.market.trades_from(query["symbol"], int(query["fromId"]), limit, now_us)
        else:
            start, end = int(query["startTime"]) * 1000, int(query["endTime"]) * 1000
            if end - start >= 3_600_000_000:
                return as_json({"code": -1127, "msg": "More than 1 hours between startTime and endTime."}, 400)
            found = self.market.trades(query["symbol"], start, min(end + 1, now_us))[:limit]
        unit = self._unit(request)
        changed = self._changed(request.target, [_trade_text(t, t.time_us // unit) for t in found])
        return as_json([_json_trade(text, has_match=self.kind is Market.SPOT) for text in changed])

    def _exchange_info(self, request: Request) -> Reply:
        symbol = request.query.get("symbol")
        if symbol is not None and symbol not in self.market.symbols:
            return as_json({"code": -1121, "msg": "Invalid symbol."}, 400)
        symbols = [
            {
                "symbol": name,
                "status": "TRADING",
                "baseAsset": name[:3],
                "quoteAsset": "USDT",
                "filters": [
                    {
                        "filterType": "PRICE_FILTER",
                        "minPrice": "0.01",
                        "maxPrice": "1000000.00",
                        "tickSize": "0.01000000",
                    },
                    {"filterType": "LOT_SIZE", "minQty": "0.00010000", "maxQty": "9000.00", "stepSize": "0.00001000"},
                ],
            }
            for name in self.market.symbols
            if symbol in {None, name}
        ]
        return as_json({"timezone": "UTC", "serverTime": self.now_ns // 10**6, "rateLimits": [], "symbols": symbols})

    # ------------------------------------------------------------------------------------------------------- archives

    def _archive(self, path: str) -> Reply:
        zip_path = path.removesuffix(".CHECKSUM")
        if zip_path not in self._zips:
            self._zips[zip_path] = self._zip(zip_path)
        body = self._zips[zip_path]
        if body is None or self.script.take(path, ("missing",)) is not None:
            return Reply(404, _NO_SUCH_KEY, kind="application/xml")
        if zip_path != path:
            digest = hashlib.sha256(body).hexdigest()
            if self.script.take(path, ("checksum",)) is not None:
                digest = digest[::-1]
            return Reply(200, f"{digest}  {zip_path.rpartition('/')[2]}\n".encode(), kind="text/plain")
        if self.script.take(path, ("damaged",)) is not None:
            body = body[:40] + bytes([body[40] ^ 1]) + body[41:]
        return Reply(200, body, kind="application/zip")

    def _zip(self, path: str) -> bytes | None:
        """Return an archive as it is published, or None; a fault of its rows is published too."""
        parts = path.strip("/").removeprefix(self._rules.archive_path).strip("/").split("/")
        if not path.startswith(f"/{self._rules.archive_path}/") or len(parts) not in {4, 5}:
            return None
        how, series, symbol = parts[:3]
        stem = parts[-1].removesuffix(".zip")
        what = parts[3] if series == "klines" else "aggTrades"
        when = stem.removeprefix(f"{symbol}-{what}-")
        first, last = _stretch(how, when)
        if first < self.market.first_day or last * DAY_US > self.now_ns // 1000 or symbol not in self.market.symbols:
            return None
        start, end = first * DAY_US, last * DAY_US
        unit = 1 if self.kind is Market.SPOT and start >= _2025_US else 1000
        if series == "klines":
            rows = self.market.klines(symbol, what, start, end)
            texts = [",".join(str(int(v) // unit if i in {0, 6} else v) for i, v in enumerate(row)) for row in rows]
            header = _KLINE_HEADER
        else:
            tail = ",True" if self.kind is Market.SPOT else ""
            texts = [_trade_text(t, t.time_us // unit) + tail for t in self.market.trades(symbol, start, end)]
            header = _TRADE_HEADER
        texts = self._changed(path, texts)
        if self.kind is Market.FUTURES:
            texts = [header, *texts]
        return _zipped(f"{stem}.csv", texts)

    def _changed(self, path: str, rows: list[str]) -> list[str]:
        """Return rows with what the script does to them."""
        fault = self.script.take(path, ROW_FAULTS) if rows else None
        if fault is None:
            return rows
        rng = random.Random(f"{path}{fault.kind}")  # noqa: S311 - a test's dice
        rows = list(rows)
        if fault.kind == "shuffled":
            rng.shuffle(rows)
        elif fault.kind == "beyond":
            rows.append(_long_ago(rows[0]))
        else:
            for i in sorted(rng.sample(range(len(rows)), min(fault.count, len(rows))), reverse=True):
                if fault.kind == "repeated":
                    rows.insert(i, rows[i])
                elif fault.kind == "contrary":
                    rows.insert(i + 1, _with_field(rows[i], 2, rows[i].split(",")[2].replace(".", "1.")))
                elif fault.kind == "hole":
                    del rows[i]
                elif fault.kind == "malformed":
                    rows[i] = _with_field(rows[i], 1, "n/a")
                else:
                    rows[i] = rows[i].rpartition(",")[0].rpartition(",")[0]
        return rows

    # -------------------------------------------------------------------------------------------------------- streams

    def tape(self, names: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
        """Return all live messages of some streams, in order: name and data."""
        return [(name, self._message(name, i)) for i in range(self.steps) for name in names]

    def _message(self, name: str, i: int) -> dict[str, Any]:
        symbol, _, what = name.partition("@")
        symbol = symbol.upper()
        unit = 1 if self._rules.has_microseconds else 1000
        now_us = self.now_ns // 1000
        if what == "aggTrade":
            t = self.market.trades(symbol, now_us - DAY_US, now_us)[i]
            time = t.time_us // unit
            texts = {"p": t.price, "q": t.size, "f": t.first, "l": t.last, "T": time, "m": t.is_buyer_maker}
            return {"e": "aggTrade", "E": time, "s": symbol, "a": t.id, **texts, "M": True}
        if what == "bookTicker":
            bid = 4_000_000 + 7 * i
            sides = {"b": f"{bid / 100:.8f}", "B": "1.50000000", "a": f"{(bid + 1) / 100:.8f}", "A": "2.25000000"}
            times = (
                {}
                if self.kind is Market.SPOT
                else {"e": "bookTicker", "T": now_us // 1000 + i, "E": now_us // 1000 + i}
            )
            return {**times, "u": 1000 + 3 * i, "s": symbol, **sides}
        interval = what.removeprefix("kline_")
        step = interval_us(interval)
        first = (now_us - DAY_US) // step * step
        row = self.market.klines(symbol, interval, first + i // 2 * step, first + (i // 2 + 1) * step)[0]
        keys = ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q", "B")
        kline = dict(zip(keys, row, strict=True))
        kline |= {"t": int(row[0]) // unit, "T": int(row[6]) // unit, "s": symbol, "i": interval, "x": i % 2 == 1}
        return {"e": "kline", "E": now_us // unit, "s": symbol, "k": kline}

    async def stream(self, connection: ServerConnection, target: str) -> None:
        """Play the tape from where it is; it goes on while nobody listens."""
        self.targets.append(target)
        names = parse_qs(urlsplit(target).query)["streams"][0].split("/")
        path = urlsplit(target).path
        right = {self._rules.book_path if name.endswith("@bookTicker") else self._rules.market_path for name in names}
        tape = self.tape(names) if right == {path} else []  # in the wrong place: connected, but silent
        while self._positions.get(target, 0) < len(tape):
            i = self._positions.get(target, 0)
            name, data = tape[i]
            fault = self.script.take(name, (*STREAM_FAULTS, "malformed"))
            kind = "" if fault is None else fault.kind
            self._positions[target] = i + (fault.count if fault is not None and kind not in {"", "duplicate"} else 1)
            if kind == "drop":
                connection.transport.abort()
                return
            if kind == "silent":
                break
            text = json.dumps({"stream": name, "data": data})
            if fault is not None and kind == "duplicate":
                for j in range(max(0, i - fault.count), i):
                    await connection.send(json.dumps({"stream": tape[j][0], "data": tape[j][1]}))
            if kind not in {"gap", "malformed"}:
                await connection.send(text)
            elif kind == "malformed":
                await connection.send(json.dumps({"stream": name, "data": {**data, "s": None}}))
        await connection.wait_closed()


def _stretch(how: str, when: str) -> tuple[int, int]:
    """Return first day and day after the last of an archive, days since 1970."""
    first = date.fromisoformat(when if how == "daily" else f"{when}-01")
    last = first.toordinal() + 1
    if how == "monthly":
        last = date(first.year + first.month // 12, first.month % 12 + 1, 1).toordinal()
    epoch = date(1970, 1, 1).toordinal()
    return first.toordinal() - epoch, last - epoch


def _zipped(name: str, lines: Sequence[str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(zipfile.ZipInfo(name), "".join(f"{line}\n" for line in lines))
    return buffer.getvalue()


def _trade_text(trade: AggTrade, time: int) -> str:
    values = (trade.id, trade.price, trade.size, trade.first, trade.last, time, trade.is_buyer_maker)
    return ",".join(str(value) for value in values)


def _with_field(row: str, i: int, value: str) -> str:
    fields = row.split(",")
    fields[i] = value
    return ",".join(fields)


def _long_ago(kline: str) -> str:
    """Return a bar 400 days earlier."""
    fields = kline.split(",")
    shift = 400 * DAY_US // (1 if len(fields[0]) > 13 else 1000)
    return ",".join(str(int(field) - shift) if i in {0, 6} else field for i, field in enumerate(fields))


def _json_kline(text: str) -> list[int | str]:
    """Return a row as REST writes it: times and the number of trades are numbers."""
    return [int(v) if i in {0, 6, 8} and v.isdecimal() else v for i, v in enumerate(text.split(","))]


def _json_trade(text: str, *, has_match: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in zip("apqflTm", text.split(","), strict=False):
        found[key] = value == "True" if key == "m" else int(value) if value.isdecimal() else value
    return found | ({"M": True} if has_match else {})
