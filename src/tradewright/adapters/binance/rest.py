"""REST requests for klines and aggregated trades, page by page; a page with holes is asked for once more.

https://developers.binance.com/docs/binance-spot-api-docs/rest-api#market-data-endpoints and
https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api : at most 1000 (klines of
futures: 1500) rows an answer; where both times are given, aggregated trades must span less than one hour.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tradewright.adapters.binance.params import TRADES_LIMIT, BinanceParams, Market
from tradewright.adapters.binance.rows import Cleaned, clean
from tradewright.adapters.http import Query, VenueHttp
from tradewright.core.types.errors import SourceError
from tradewright.data.ports import Piece, Wanted
from tradewright.data.timeframe import SECOND, interval_ns

_MS = SECOND // 1000
_HOUR = 3600 * SECOND
#: From here on the archives of spot are in microseconds; before, REST is cut down to what they say.
_MICROSECONDS_SINCE_US = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
_FIRST_MICROSECOND = 10**14


@dataclass(slots=True)
class Collected:
    """Rows as text, in the order in which they came, and what people should know."""

    lines: list[str] = field(default_factory=list)
    asked_again: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what was asked for twice."""
        return (f"{self.asked_again} pages had holes and were asked for again",) if self.asked_again else ()


class BinanceRest:
    """Rows of a piece by REST.

    Parameters
    ----------
    http : VenueHttp
        To the REST address.
    params : BinanceParams
        Which market.
    """

    def __init__(self, http: VenueHttp, params: BinanceParams) -> None:
        self._http, self._params, self._rules = http, params, params.rules

    async def klines(self, wanted: Wanted, piece: Piece, settled_ns: int) -> Collected:
        """Return the bars that begin within a piece and end by ``settled_ns``.

        A bar that is absent from two answers does not exist: the market had halted, or was not there yet.

        Raises
        ------
        SourceError
            If the venue refuses, or keeps failing.
        """
        interval, limit = interval_ns(wanted.timeframe), self._rules.klines_limit
        found = Collected()
        first = -(-piece.start // interval) * interval
        last = min((piece.end - 1) // interval, settled_ns // interval - 1) * interval
        for start in range(first, last + 1, interval * limit):
            end = min(start + interval * (limit - 1), last)
            query: Query = {
                "symbol": wanted.symbol,
                "interval": wanted.timeframe,
                "startTime": start // _MS,
                "endTime": end // _MS,
                "limit": limit,
            }
            expected = set(range(start, end + 1, interval))

            def missing(cleaned: Cleaned, expected: set[int] = expected) -> set[int]:
                return expected.difference(cleaned.keys)

            page, _ = await self._page(wanted, piece, settled_ns, ("klines", query), missing, found)
            found.lines += page
        return found

    async def trades(self, wanted: Wanted, piece: Piece, settled_ns: int) -> Collected:
        """Return the trades of a piece, by id and without a hole; some before and after come along.

        Raises
        ------
        SourceError
            If the venue refuses, keeps failing, or keeps leaving out an id.
        """
        found = Collected()
        first = await self._first_id(wanted, piece, settled_ns)
        if first is None:
            return found
        at = max(0, first - 1)  # the one before proves that none is missing at the start
        while True:
            page, cleaned = await self._trades_from(wanted, piece, settled_ns, at, found)
            if cleaned.span is None:
                found.lines += page
                break
            last = max(cleaned.keys)
            if last < at:
                what = f"asked for trades from id {at} on, it answers with earlier ones"
                raise SourceError(what, where=f"binance {wanted.symbol}")
            if not found.lines and cleaned.span[0] >= piece.start and at > 0:
                at = max(0, at - TRADES_LIMIT)
                continue
            found.lines += page
            at = last + 1
            if cleaned.span[1] >= piece.end:
                break
        return found

    async def trades_by_id(self, wanted: Wanted, piece: Piece, settled_ns: int, ids: list[int]) -> Collected:
        """Return the trades with these ids, ascending, as far as the venue has them."""
        found = Collected()
        left = set(ids)
        for one in ids:
            if one in left:
                query: Query = {"symbol": wanted.symbol, "fromId": one, "limit": TRADES_LIMIT}
                page = await self._rows("aggTrades", query)
                keys = clean(wanted, piece, page, settled_ns=settled_ns, overshoots=True).keys
                new = left.intersection(keys)
                found.lines += [line for line in page if line.partition(",")[0] in {str(i) for i in new}]
                left -= new
        return found

    async def _first_id(self, wanted: Wanted, piece: Piece, settled_ns: int) -> int | None:
        """Return the id of a trade at the start of a piece, or None without any trade in it."""
        for start in range(piece.start, min(piece.end, settled_ns), _HOUR - _MS):
            query: Query = {
                "symbol": wanted.symbol,
                "startTime": start // _MS,
                "endTime": -(-min(piece.end, start + _HOUR - _MS) // _MS),
                "limit": TRADES_LIMIT,
            }
            page = await self._rows("aggTrades", query)
            cleaned = clean(wanted, piece, page, settled_ns=settled_ns, overshoots=True)
            if len(cleaned.keys):
                return int(min(cleaned.keys))
        return None

    async def _trades_from(
        self, wanted: Wanted, piece: Piece, settled_ns: int, at: int, found: Collected
    ) -> tuple[list[str], Cleaned]:
        """Return one page of trades that begins with an id."""

        def missing(cleaned: Cleaned) -> set[int]:
            top = min(max(cleaned.keys, default=at), at + 10 * TRADES_LIMIT)  # an id may be nonsense
            return set(range(at, top + 1)).difference(cleaned.keys)

        query: Query = {"symbol": wanted.symbol, "fromId": at, "limit": TRADES_LIMIT}
        page, cleaned = await self._page(wanted, piece, settled_ns, ("aggTrades", query), missing, found)
        absent = missing(cleaned).difference(cleaned.refused_keys) if len(cleaned.keys) else set()
        if absent:
            raise hole_error(wanted, absent)
        return page, cleaned

    async def _page(
        self,
        wanted: Wanted,
        piece: Piece,
        settled_ns: int,
        request: tuple[str, Query],
        missing: Callable[[Cleaned], set[int]],
        found: Collected,
    ) -> tuple[list[str], Cleaned]:
        """Return one page; where rows are missing it is asked for once more and both answers are put together."""
        page = await self._rows(*request)
        cleaned = clean(wanted, piece, page, settled_ns=settled_ns, overshoots=True)
        if missing(cleaned):
            had = set(page)
            more = [line for line in await self._rows(*request) if line not in had]
            if more:
                page = page + more
                cleaned = clean(wanted, piece, page, settled_ns=settled_ns, overshoots=True)
                found.asked_again += 1
        return page, cleaned

    async def _rows(self, what: str, query: Query) -> list[str]:
        """Return the rows of one answer as text."""
        path = f"{self._rules.api_path}/{what}"
        is_klines = what == "klines"
        weight = self._rules.klines_weight if is_klines else self._rules.trades_weight
        answer = await self._http.get_json(path, query, weight=weight)
        if not isinstance(answer, list):
            problem = f"the answer is no list of rows: {json.dumps(answer)[:200]}"
            raise SourceError(problem, where=f"binance {path} {query['symbol']}")
        return [_kline_line(row) if is_klines else self._trade_line(row) for row in answer]

    def _trade_line(self, row: object) -> str:
        """Return a trade as the archives write it; anything else as it came."""
        if not isinstance(row, dict) or not {"a", "p", "q", "f", "l", "T", "m"} <= row.keys():
            return json.dumps(row)
        time = row["T"]
        is_spot = self._params.market is Market.SPOT
        if is_spot and isinstance(time, int) and _FIRST_MICROSECOND <= time < _MICROSECONDS_SINCE_US:
            time = time // 1000 * 1000
        return ",".join(str(value) for value in (row["a"], row["p"], row["q"], row["f"], row["l"], time, row["m"]))


def hole_error(wanted: Wanted, ids: Collection[int]) -> SourceError:
    """Return the error that names the trades that the venue keeps leaving out."""
    named = ", ".join(str(i) for i in sorted(ids)[:5]) + (", ..." if len(ids) > 5 else "")
    what = f"{len(ids)} trades are missing after asking again: id {named}"
    return SourceError(what, where=f"binance {wanted.symbol}", fix="Try again later, or take bars of this stretch.")


def _kline_line(row: object) -> str:
    """Return a bar as the archives write it; anything else as it came."""
    return ",".join(str(value) for value in row) if isinstance(row, list) else json.dumps(row)
