"""A local Alpaca: REST v2 stocks and v1beta3 crypto, and the live stream, over one seeded market that never changes.

The trades that the stream plays are those that history gives for the same seconds. Besides the faults of every venue
(`tests.venues.faults`) it knows:

REST: ``swapped`` (the first two pages change places), ``backwards`` (rows of a page in reverse), ``page twice`` (a page
comes again under another token), ``rows twice`` (some rows of a page come twice), ``malformed`` (rows that are none
among the good ones), ``loop`` (a page names itself as the next), ``shape`` (a JSON body of another form).
Stream: ``drop``, ``silent``, ``gap``, ``duplicate``, ``malformed``, and an error code (``401`` ... ``410``) as the
answer to a connection.
"""

from __future__ import annotations

import asyncio
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import SecretStr
from tests.venues.faults import Fault
from tests.venues.local_venue import LocalVenue, Reply, Request, as_json
from websockets.asyncio.server import ServerConnection

from tradewright.adapters.alpaca.params import AlpacaParams
from tradewright.adapters.websocket import Connection, SocketParams, open_connection

SECOND = 1_000_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
KEY, SECRET = "AKCANARYCANARYCANARY", "canary-secret-0123456789abcdef-canary"
#: The stream plays these 90 seconds.
LIVE_DAY = date(2024, 3, 7)
LIVE_FROM = int(datetime(2024, 3, 7, 15, 0, tzinfo=UTC).timestamp()) * SECOND
LIVE_TO = LIVE_FROM + 90 * SECOND
REST_FAULTS = ("swapped", "backwards", "page twice", "rows twice", "malformed", "loop", "shape")
_STREAM_ERRORS = {
    "401": "not authenticated",
    "402": "auth failed",
    "404": "auth timeout",
    "405": "symbol limit exceeded",
    "406": "connection limit exceeded",
    "407": "slow client",
    "409": "insufficient subscription",
    "410": "invalid subscribe action for this feed",
}
_LOST = 12  # messages that nobody gets while a connection is down
_EXCHANGES = "VQPNKZ"
_CODES = ([" "], ["@"], ["@", "F"], ["@", "I"], ["@", "4"], ["@", "T"], ["@", "Z"], ["@", "W"], [" ", "B"], ["@", "M"])
_CODE_WEIGHTS = (0.3, 0.3, 0.1, 0.15, 0.03, 0.03, 0.03, 0.02, 0.02, 0.02)

Row = dict[str, Any]


def rfc3339(ts: int) -> str:
    """Write ns UTC with the digits it needs, as Alpaca does."""
    seconds, rest = divmod(ts, SECOND)
    digits = f".{rest:09d}".rstrip("0") if rest else ""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S") + digits + "Z"


def ns(text: str) -> int:
    """Read what `rfc3339` writes."""
    whole, _, digits = text.rstrip("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole + "+00:00").timestamp())
    return seconds * SECOND + int((digits or "0").ljust(9, "0"))


def _rng(*what: object) -> np.random.Generator:
    return np.random.default_rng(list("|".join(map(str, what)).encode()))


def _times(rng: np.random.Generator, day: date, *, is_crypto: bool, sparse: int, dense: int) -> list[int]:
    """Return sorted times of a day: a few over the session, many in the live seconds of the live day."""
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * SECOND
    if not is_crypto and day.weekday() >= 5:
        return []
    begin, end = (midnight, midnight + DAY) if is_crypto else (midnight + 14 * HOUR + HOUR // 2, midnight + 21 * HOUR)
    times = rng.integers(begin, end, sparse)
    times = times[(times < LIVE_FROM) | (times >= LIVE_TO)]
    if day == LIVE_DAY:
        times = np.concatenate([times, rng.integers(LIVE_FROM, LIVE_TO, dense)])
    found = np.sort(times)
    found[1::17] = found[0 : len(found[1::17]) * 17 : 17]  # some at the same ns as the one before
    return [int(t) for t in found]


@lru_cache(maxsize=512)
def trades(symbol: str, day: date, seed: int) -> tuple[Row, ...]:
    """Return the trades of a day in the venue's order."""
    rng = _rng(seed, symbol, day, "trades")
    is_crypto = "/" in symbol
    rows: list[Row] = []
    level = 100.0
    for i, ts in enumerate(_times(rng, day, is_crypto=is_crypto, sparse=120, dense=400)):
        level = round(max(1.0, level + float(rng.integers(-3, 4)) / 100), 2)
        row: Row = {"t": rfc3339(ts), "p": level}
        if is_crypto:
            rows.append(row | {"s": round(float(rng.uniform(1e-6, 2)), 9), "tks": "BS"[i % 2], "i": 7_000 + i})
            continue
        codes = list(_CODES[int(rng.choice(len(_CODES), p=_CODE_WEIGHTS))])
        tape = "A" if codes[0] == " " else "C"
        row |= {"x": _EXCHANGES[int(rng.integers(6))], "s": int(rng.integers(1, 500)), "c": codes, "i": 50_000 + i}
        row["z"] = tape
        if i % 40 == 13:
            row["u"] = ("canceled", "incorrect", "corrected")[i // 40 % 3]
        rows.append(row)
    return tuple(rows)


@lru_cache(maxsize=512)
def quotes(symbol: str, day: date, seed: int) -> tuple[Row, ...]:
    """Return the quotes of a day in the venue's order."""
    rng = _rng(seed, symbol, day, "quotes")
    is_crypto = "/" in symbol
    rows: list[Row] = []
    for ts in _times(rng, day, is_crypto=is_crypto, sparse=100, dense=200):
        bid = round(100 + float(rng.integers(-100, 100)) / 100, 2)
        sizes = [int(n) for n in rng.integers(1, 50, 2)]
        row: Row = {"t": rfc3339(ts), "bp": bid, "bs": sizes[0], "ap": round(bid + 0.01, 2), "as": sizes[1]}
        rows.append(row if is_crypto else row | {"bx": "V", "ax": "Q", "c": ["R"], "z": "C"})
    return tuple(rows)


@lru_cache(maxsize=2048)
def bars(symbol: str, timeframe: str, day: date, seed: int) -> tuple[Row, ...]:
    """Return the bars that begin on a UTC day: sessions for stocks, days at midnight in New York."""
    is_crypto = "/" in symbol
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * SECOND
    if timeframe in {"1Day", "1Week"}:
        zone = ZoneInfo("America/Chicago" if is_crypto else "America/New_York")
        is_there = is_crypto or day.weekday() < 5 if timeframe == "1Day" else day.weekday() == 0
        starts = [int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * SECOND] if is_there else []
    else:
        step = int(timeframe.rstrip("MinHour")) * (MINUTE if timeframe.endswith("Min") else HOUR)
        begin, end = (
            (midnight, midnight + DAY) if is_crypto else (midnight + 14 * HOUR + HOUR // 2, midnight + 21 * HOUR)
        )
        begin = begin // step * step
        starts = list(range(begin, end, step)) if is_crypto or day.weekday() < 5 else []
    rng = _rng(seed, symbol, timeframe, day, "bars")
    moves = rng.integers(-5, 6, (len(starts), 4)) / 100
    rows: list[Row] = []
    for ts, (a, b, c, d) in zip(starts, moves, strict=True):
        first, last = round(100 + float(a), 2), round(100 + float(b), 2)
        high, low = round(max(first, last) + abs(float(c)), 2), round(min(first, last) - abs(float(d)), 2)
        size = int(rng.integers(100, 10_000))
        row: Row = {"t": rfc3339(ts), "o": first, "h": high, "l": low, "c": last, "v": size, "n": size // 90 + 1}
        rows.append(row | {"vw": round((high + low) / 2, 4)})
    return tuple(rows)


class AlpacaVenue(LocalVenue):
    """A local Alpaca.

    ``plan`` is ``free`` (no consolidated tape of the last 15 minutes) or ``paid``. The stream rests after ``play_to``.
    ``resumed_at`` holds, for each subscription that was acknowledged, the market's time then, ns UTC.
    """

    def __init__(
        self,
        faults: Sequence[Fault] = (),
        seed: int = 7,
        *,
        plan: str = "paid",
        now_ns: int = LIVE_TO,
    ) -> None:
        super().__init__(faults, seed)
        self.seed, self.plan, self.now_ns = seed, plan, now_ns
        self.play_to = LIVE_TO
        self.resumed_at: list[int] = []
        self.heard: list[Row] = []  # what clients said on the stream
        self._swapped: set[str] = set()
        self._cursor: dict[str, int] = {}
        self._connected_to: set[str] = set()

    def params(self, **changes: Any) -> AlpacaParams:  # noqa: ANN401
        """Return settings that reach this venue, quick ones."""
        known: dict[str, Any] = {
            "data_url": self.http_url,
            "stream_url": self.ws_url,
            "key": SecretStr(KEY),
            "secret": SecretStr(SECRET),
            "requests_per_minute": 1e6,
            "page_limit": 100,
        }
        return AlpacaParams(**(known | changes))

    def busy(self, status: int) -> object:
        """Say it as Alpaca does."""
        return {"message": "too many requests."} if status == 429 else super().busy(status)

    # ------------------------------------------------------------------------------------------------------- REST

    async def answer(self, request: Request) -> Reply:
        """Answer one request for bars, trades or quotes."""
        given = (request.headers.get("apca-api-key-id"), request.headers.get("apca-api-secret-key"))
        if not all(given):
            return as_json({"message": "authentication required"}, 401)
        if given != (KEY, SECRET):
            return as_json({"message": f"forbidden: key {given[0]} secret {given[1]}"}, 403)
        place, _, kind = request.path.rpartition("/")
        query = dict(request.query)
        is_crypto = place == "/v1beta3/crypto/us"
        if kind not in {"bars", "trades", "quotes"} or not (is_crypto or place == "/v2/stocks"):
            return as_json({"message": "endpoint not found."}, 404)
        symbol = query["symbols"]
        if ("/" in symbol and not is_crypto) or symbol.startswith("NOSUCH"):
            return as_json({"message": f"invalid symbol: {symbol}"}, 400)
        if kind == "bars" and query.get("timeframe", "")[-3:] not in {"Min", "our", "Day", "eek"}:
            return as_json({"message": "invalid timeframe"}, 422)
        end = ns(query["end"])
        if self.plan == "free" and query.get("feed") == "sip" and end > self.now_ns - 15 * MINUTE:
            return as_json({"message": "subscription does not permit querying recent SIP data"}, 403)
        if self.script.take(request.target, {"shape"}) is not None:
            return as_json([kind, symbol])
        return self._page(request, kind, symbol, self._rows(kind, symbol, query, ns(query["start"]), end))

    def _rows(self, kind: str, symbol: str, query: Row, start: int, end: int) -> list[Row]:
        """Return the rows in ``[start, end]``."""
        found: list[Row] = []
        day = datetime.fromtimestamp(start // SECOND, tz=UTC).date() - timedelta(days=1)
        while int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * SECOND <= end:
            if kind == "bars":
                rows = bars(symbol, query["timeframe"], day, self.seed)
            else:
                rows = (trades if kind == "trades" else quotes)(symbol, day, self.seed)
            times = [ns(row["t"]) for row in rows]
            found += rows[bisect_left(times, start) : bisect_right(times, end)]
            day += timedelta(days=1)
        return found

    def _page(self, request: Request, kind: str, symbol: str, rows: list[Row]) -> Reply:
        """Return one page, with what the script does to it."""
        limit, token = int(request.query["limit"]), request.query.get("page_token", "0")
        question = json.dumps({k: v for k, v in request.query.items() if k != "page_token"}) + kind
        pages = [rows[i : i + limit] for i in range(0, len(rows), limit)] or [[]]
        number = int(token.partition("-")[0])
        following = str(number + 1) if number + 1 < len(pages) else None
        fault = self.script.take(request.target, set(REST_FAULTS) - {"shape"})
        what = "" if fault is None else fault.kind
        if what == "swapped" and number == 0 and len(pages) > 1:
            self._swapped.add(question)
        shown = number if question not in self._swapped or number > 1 else 1 - number
        page = list(pages[shown])
        if what == "backwards":
            page.reverse()
        elif what == "page twice":
            following = f"{number}-again"
        elif what == "rows twice":
            page = [row for i, row in enumerate(page) for _ in range(2 if i % 3 == 0 else 1)]
        elif what == "loop":
            following = token
        elif what == "malformed":
            page[1:1] = malformed_rows(kind)
        return as_json({kind: {symbol: page} if page else {}, "next_page_token": following})

    # ----------------------------------------------------------------------------------------------------- stream

    async def stream(self, connection: ServerConnection, target: str) -> None:
        """Greet, check the keys, take a subscription, then play the live seconds from where they stand."""

        async def say(*parts: Row) -> None:
            await connection.send(json.dumps(list(parts)))

        async def refuse(code: str) -> None:
            await say({"T": "error", "code": int(code), "msg": f"{_STREAM_ERRORS[code]}"})

        if target in self._connected_to:
            await refuse("406")
            return
        self._connected_to.add(target)
        try:
            await say({"T": "success", "msg": "connected"})
            login = json.loads(await connection.recv())
            self.heard.append(login)
            if (login.get("key"), login.get("secret")) != (KEY, SECRET):
                parts = {"T": "error", "code": 402, "msg": f"auth failed for {login.get('secret')}"}
                await say(parts)
                return
            fault = self.script.take(target, _STREAM_ERRORS)
            if fault is not None:
                await refuse(fault.kind)
                return
            if target.endswith("/sip") and self.plan == "free":
                await refuse("409")
                return
            await say({"T": "success", "msg": "authenticated"})
            asked = json.loads(await connection.recv())
            self.heard.append(asked)
            await self._play(connection, target, asked)
        finally:
            self._connected_to.discard(target)

    async def _play(self, connection: ServerConnection, target: str, asked: Row) -> None:
        messages = self.live_messages(asked)
        at = self._cursor.get(target, 0)
        self.resumed_at.append(LIVE_FROM if at == 0 else messages[at][0] if at < len(messages) else LIVE_TO)
        channels = {name: asked.get(name, []) for name in ("trades", "quotes", "bars")}
        await connection.send(json.dumps([{"T": "subscription", "updatedBars": [], **channels}]))
        while at < len(messages) and messages[at][0] <= self.play_to:
            fault = self.script.take(target, {"drop", "silent", "gap", "duplicate", "malformed"})
            what = "" if fault is None else fault.kind
            if what in {"drop", "silent"}:
                self._cursor[target] = at + _LOST
                if what == "silent":
                    await connection.wait_closed()
                return
            part = messages[at][1]
            if what == "malformed":
                part = part | {"t": "yesterday"}
            if what != "gap":
                for _ in range(2 if what == "duplicate" else 1):
                    await connection.send(json.dumps([part]))
            at += 1
            self._cursor[target] = at
            await asyncio.sleep(0)
        await connection.wait_closed()

    def live_messages(self, asked: Row) -> list[tuple[int, Row]]:
        """Return what the stream says of the live seconds, with the market's time of each message."""
        found: list[tuple[int, int, Row]] = []
        for symbol in asked.get("trades", []):
            for row in trades(symbol, LIVE_DAY, self.seed):
                ts = ns(row["t"])
                if LIVE_FROM <= ts < LIVE_TO:
                    plain = {k: v for k, v in row.items() if k != "u"}
                    found.append((ts, 0, {"T": "t", "S": symbol} | plain))
                    found += [(ts, 1, {"S": symbol} | part) for part in _undoings(row)]
        for symbol in asked.get("quotes", []):
            for row in quotes(symbol, LIVE_DAY, self.seed):
                if LIVE_FROM <= (ts := ns(row["t"])) < LIVE_TO:
                    found.append((ts, 0, {"T": "q", "S": symbol} | row))
        for symbol in asked.get("bars", []):
            for row in bars(symbol, "1Min", LIVE_DAY, self.seed):
                if LIVE_FROM <= (ts := ns(row["t"])) < LIVE_TO:
                    found.append((ts + MINUTE, 2, {"T": "b", "S": symbol} | row))
                    found.append((ts + MINUTE + MINUTE // 2, 3, {"T": "u", "S": symbol} | row | {"v": row["v"] + 1}))
        found.sort(key=lambda item: item[:2])
        return [(ts, part) for ts, _, part in found]


def _undoings(row: Row) -> list[Row]:
    """Return what the stream says at once of a trade that history marks: it was cancelled or corrected."""
    common = {"x": row.get("x"), "z": row.get("z"), "t": row["t"]}
    if row.get("u") == "canceled":
        return [{"T": "x", "i": row["i"], "p": row["p"], "s": row["s"], "a": "C"} | common]
    if row.get("u") in {"incorrect", "corrected"}:
        old = {"oi": row["i"], "op": row["p"], "os": row["s"], "oc": row["c"]}
        return [{"T": "c"} | old | {"ci": row["i"] + 900_000, "cp": 1.0, "cs": 1, "cc": ["@"]} | common]
    return []


def malformed_rows(kind: str) -> list[Any]:
    """Return rows that are none, each broken in one way."""
    at = rfc3339(LIVE_FROM)
    good: dict[str, Row] = {
        "bars": {"t": at, "o": 1.0, "h": 1.0, "l": 1.0, "c": 1.0, "v": 1, "n": 1},
        "trades": {"t": at, "x": "V", "p": 1.0, "s": 1, "c": ["@"], "i": 1, "z": "C"},
        "quotes": {"t": at, "bp": 1.0, "bs": 1, "ap": 1.1, "as": 1, "bx": "V", "ax": "V", "c": ["R"], "z": "C"},
    }
    row = good[kind]
    cost, size = {"bars": ("o", "v"), "trades": ("p", "s"), "quotes": ("bp", "bs")}[kind]
    return [
        "not an object",
        row | {"t": "2024-03-07 25:00:00"},
        row | {"t": 1709823600},
        {k: v for k, v in row.items() if k != cost},
        row | {cost: "1.0"},
        row | {cost: -1.0},
        row | {size: None},
        row | {"t": "1999-01-01T00:00:00Z"},
    ]


class HeardClock:
    """A client's clock that follows the market it hears: the time of the last message, or of the last subscription."""

    def __init__(self, venue: AlpacaVenue) -> None:
        self._venue = venue
        self._subscriptions = 0
        self.now = LIVE_FROM

    def ns(self) -> int:
        """Return the time, ns UTC."""
        return self.now

    def connect(self, params: SocketParams) -> AbstractAsyncContextManager[Connection]:
        """Open a connection whose messages move this clock."""
        return _listening(params, self._hear)

    def _hear(self, message: str) -> None:
        for part in json.loads(message):
            if part["T"] == "subscription":
                self.now = max(self.now, self._venue.resumed_at[self._subscriptions])
                self._subscriptions += 1
            elif part["T"] in {"t", "q"} and part["t"][0] == "2":
                self.now = max(self.now, ns(part["t"]))
            elif part["T"] == "b":
                self.now = max(self.now, ns(part["t"]) + MINUTE)


@asynccontextmanager
async def _listening(params: SocketParams, hear: Callable[[str], None]) -> Any:  # noqa: ANN401
    async with open_connection(params) as connection:
        yield _Heard(connection, hear)


class _Heard:
    """A connection that is listened to."""

    def __init__(self, connection: Connection, hear: Callable[[str], None]) -> None:
        self._connection, self._hear = connection, hear

    async def recv(self, decode: bool | None = None) -> str | bytes:
        message = await self._connection.recv(decode=decode)
        self._hear(message if isinstance(message, str) else message.decode())
        return message

    async def send(self, message: str) -> None:
        await self._connection.send(message)
