"""Binance's history: archives where they are published, REST for the rest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain, islice

import polars as pl

from tradewright.adapters.binance.archive import Archive, fetch_archive
from tradewright.adapters.binance.exchange_info import instrument_of
from tradewright.adapters.binance.params import BinanceParams, Market
from tradewright.adapters.binance.pieces import ends_before, pieces_of, place_of
from tradewright.adapters.binance.request import check_symbol
from tradewright.adapters.binance.rest import BinanceRest, hole_error
from tradewright.adapters.binance.rows import Cleaned, clean
from tradewright.adapters.http import HttpParams, RateLimit, VenueHttp
from tradewright.core.types.instrument import Instrument
from tradewright.data.kinds import Kind
from tradewright.data.ports import Fetched, Piece, Wanted

#: The archives lie on a content network without a stated limit: so many requests a second, and at once.
_ARCHIVE_PER_SECOND, _ARCHIVE_BURST = 20.0, 20.0
#: A bucket lets burst + rate through in its first minute; together they are the venue's limit.
_BURST_SHARE = 0.2
#: An archive that lacks more trades than this is not mended by asking for each.
_MOST_HOLES = 10_000


class BinanceHistory:
    """History of spot or USD-M futures: bars (klines) and aggregated trades.

    Parameters
    ----------
    params : BinanceParams
        Which market, where.
    now_ns : callable
        ns UTC; decides what is finished.
    sleep : callable
        Awaitable pause in seconds, for retries and the rate limit.
    seed : int
        Of the random part of pauses.
    """

    def __init__(
        self,
        params: BinanceParams | None = None,
        *,
        now_ns: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        seed: int = 0,
    ) -> None:
        self._params = params or BinanceParams()
        self._now_ns = now_ns
        rules = self._params.rules

        def http(address: str, limit: RateLimit, headers: dict[str, str], usage: tuple[str, float]) -> VenueHttp:
            settings = HttpParams(
                address,
                timeout_s=self._params.timeout_s,
                max_attempts=self._params.max_attempts,
                patience_s=self._params.patience_s,
                usage_header=usage[0],
                usage_limit=usage[1],
            )
            return VenueHttp(settings, limit, name="binance", headers=headers, sleep=sleep, seed=seed)

        weight = rules.weight_per_minute
        rest_limit = RateLimit((1 - _BURST_SHARE) * weight / 60.0, _BURST_SHARE * weight, sleep=sleep)
        unit = {"X-MBX-TIME-UNIT": "MICROSECOND"} if rules.has_microseconds else {}
        self._rest_http = http(self._params.rest_address, rest_limit, unit, ("X-MBX-USED-WEIGHT-1M", weight))
        archive_limit = RateLimit(_ARCHIVE_PER_SECOND, _ARCHIVE_BURST, sleep=sleep)
        self._archive_http = http(self._params.archive_address, archive_limit, {}, ("", 0.0))
        self._rest = BinanceRest(self._rest_http, self._params)

    @property
    def name(self) -> str:
        """Name of the vendor."""
        return "binance"

    def pieces(self, wanted: Wanted) -> tuple[Piece, ...]:
        """Return the pieces in order of time: finished months, finished days, and the rest.

        Raises
        ------
        UsageError
            If the market does not have this kind, timeframe or symbol form.
        """
        return pieces_of(self._params, wanted, self._now_ns())

    async def fetch(self, wanted: Wanted, piece: Piece) -> Fetched:
        """Fetch one piece of `pieces`; an archive that is not published (yet) is replaced by REST.

        Raises
        ------
        SourceError
            If the venue refuses, keeps failing, or keeps sending damaged data.
        """
        place = place_of(self._params, wanted, piece)
        settled_ns = ends_before(self._params, self._now_ns())
        notes: tuple[str, ...] = ()
        if place.archive:
            archive = await fetch_archive(self._archive_http, self._params, place.archive)
            if archive is not None:
                return await self._from_archive(wanted, piece, settled_ns, place.archive, archive)
            notes = (f"{place.archive.rpartition('/')[2]} is not published; taken from REST",)
        is_bars = wanted.kind is Kind.BARS
        ask = self._rest.klines if is_bars else self._rest.trades
        found = await ask(wanted, piece, settled_ns)
        cleaned = await _cleaned(wanted, piece, found.lines, settled_ns, overshoots=not is_bars)
        origin = f"{self._params.rules.api_path.lstrip('/')}/{'klines' if is_bars else 'aggTrades'}"
        return _fetched(cleaned, origin, notes + found.notes, is_final=piece.end <= settled_ns)

    async def instrument(self, symbol: str) -> Instrument:
        """Return the definition of a symbol as the venue states it now: grid, currency; fees are the house's preset.

        Raises
        ------
        UsageError
            If this is not the form of a symbol.
        SourceError
            If the venue does not list it, or keeps failing.
        """
        check_symbol(symbol)
        rules = self._params.rules
        query = {"symbol": symbol} if self._params.market is Market.SPOT else {}  # futures always lists everything
        answer = await self._rest_http.get_json(f"{rules.api_path}/exchangeInfo", query, weight=rules.info_weight)
        return instrument_of(self._params.market, symbol, answer)

    async def close(self) -> None:
        """Release connections."""
        await self._rest_http.close()
        await self._archive_http.close()

    async def _from_archive(
        self, wanted: Wanted, piece: Piece, settled_ns: int, path: str, archive: Archive
    ) -> Fetched:
        """Return the rows of an archive; trades that it lacks are asked for by REST."""
        cleaned = await _cleaned(wanted, piece, archive.lines, settled_ns)
        notes: tuple[str, ...] = ()
        if archive.failures:
            notes = (f"the archive was damaged {archive.failures} times and fetched again",)
        absent = _holes(cleaned) if wanted.kind is Kind.TRADES else []
        if len(absent) > _MOST_HOLES:
            raise hole_error(wanted, absent)
        if absent:
            more = await self._rest.trades_by_id(wanted, piece, settled_ns, absent)
            lines = pl.concat([archive.lines, pl.Series("row", more.lines, dtype=pl.String)])
            cleaned = await _cleaned(wanted, piece, lines, settled_ns)
            lacking = set(absent).difference(cleaned.keys)
            if lacking:
                raise hole_error(wanted, lacking)
            notes += (f"{len(absent)} trades that the archive lacks taken from REST",)
        return _fetched(cleaned, path.lstrip("/"), notes, sha256=archive.sha256)


def _holes(cleaned: Cleaned) -> list[int]:
    """Return the ids between the first and the last that no row accounts for, ascending."""
    known = pl.concat([cleaned.keys, cleaned.refused_keys]).unique().sort()
    after = (known.diff() > 1).arg_true()
    ranges = [range(known[at - 1] + 1, known[at]) for at in after]
    return list(islice(chain.from_iterable(ranges), _MOST_HOLES + 1))


async def _cleaned(
    wanted: Wanted, piece: Piece, lines: Sequence[str] | pl.Series, settled_ns: int, *, overshoots: bool = False
) -> Cleaned:
    """Clean rows in a thread: a large archive takes seconds, and other pieces are under way."""
    return await asyncio.to_thread(clean, wanted, piece, lines, settled_ns=settled_ns, overshoots=overshoots)


def _fetched(
    cleaned: Cleaned, origin: str, notes: tuple[str, ...], *, sha256: str = "", is_final: bool = True
) -> Fetched:
    quarantined = cleaned.quarantined if len(cleaned.quarantined) else None
    return Fetched(cleaned.frame, origin, sha256, is_final, quarantined, notes + cleaned.notes)
