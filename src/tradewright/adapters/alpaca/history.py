"""Alpaca's history behind the port `data.ports.HistorySource`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import polars as pl

from tradewright.adapters.alpaca.conditions import SEPARATOR, eligibility
from tradewright.adapters.alpaca.pages import Gathered, JsonClient, Question, gather
from tradewright.adapters.alpaca.params import AlpacaParams
from tradewright.adapters.alpaca.request import (
    bar_length,
    is_from_trades,
    path_of,
    pieces,
    query_of,
)
from tradewright.adapters.alpaca.rows import WIDE, ReadRow, bar_reader, read_quote, trade_reader
from tradewright.adapters.alpaca.second_bars import second_bars
from tradewright.adapters.http import HttpParams, RateLimit, Sleep, VenueHttp
from tradewright.data.kinds import Kind, canonical
from tradewright.data.ports import Fetched, Piece, Wanted
from tradewright.data.timeframe import SECOND


def open_http(params: AlpacaParams, *, sleep: Sleep = asyncio.sleep) -> VenueHttp:
    """Return the client for Alpaca's REST service, within the plan's limit of requests.

    ``sleep`` is the awaitable pause in seconds between attempts.

    Raises
    ------
    UsageError
        If the keys are missing.
    """
    saved = 0.05 * params.requests_per_minute  # so that no minute holds more than the plan allows
    return VenueHttp(
        HttpParams(params.data_url, timeout_s=params.timeout_s, max_attempts=params.max_attempts),
        RateLimit((params.requests_per_minute - saved) / 60.0, burst=max(1.0, saved)),
        name="alpaca",
        headers=params.headers(),
        sleep=sleep,
    )


class AlpacaHistory:
    """Bars, trades and quotes of stocks and crypto pairs.

    Prices and sizes are passed on as sent; quoted stock sizes of the consolidated tape are in round lots where the
    tape had them so. Stock trades carry no aggressor (0); crypto trades carry the taker's side. ``ts_seen`` of history
    is ``ts_event``. Trades that were cancelled or corrected later are refused with their reason.

    Parameters
    ----------
    params : AlpacaParams
        Addresses, keys, feed.
    now_ns : callable
        ns UTC; decides only whether a piece is final.
    http : JsonClient, optional
        In place of the client that `open_http` makes at the first request.
    """

    name = "alpaca"

    def __init__(self, params: AlpacaParams, *, now_ns: Callable[[], int], http: JsonClient | None = None) -> None:
        self._params, self._now_ns, self._http = params, now_ns, http

    def pieces(self, wanted: Wanted) -> tuple[Piece, ...]:
        """Return the pieces in order: a UTC day for ticks and bars of seconds, a month for minutes, else a year.

        Raises
        ------
        UsageError
            If Alpaca does not have this kind, timeframe or form of symbol.
        """
        return pieces(wanted, self._params)

    async def fetch(self, wanted: Wanted, piece: Piece) -> Fetched:
        """Fetch one piece.

        Raises
        ------
        SourceError
            If the venue refuses or keeps failing; says what to do.
        UsageError
            If the keys are missing.
        """
        params = self._params
        now = self._now_ns()
        is_final = piece.end <= now - round(params.final_after_s * SECOND)
        is_made = is_from_trades(wanted)
        rows = Kind.TRADES.value if is_made else wanted.kind.value
        path = path_of(wanted.symbol, rows, params)
        origin = f"{params.data_url}{path}"
        step = bar_length(wanted.timeframe).interval if is_made else 1
        start, end = (-(-ts // step) * step for ts in (piece.start, piece.end))
        if start >= end or start >= now:  # nothing begins in it, or not yet
            return Fetched(canonical(pl.DataFrame(schema=WIDE[wanted.kind]), wanted.kind), origin, is_final=is_final)
        question = Question(
            wanted.symbol,
            Kind.TRADES if is_made else wanted.kind,
            rows,
            path,
            query_of(wanted, start, end, params),
            start,
            end,
        )
        gathered = await gather(self._client(), question, self._reader(wanted))
        if is_made:
            gathered.notes += _unusual(gathered.frame)
            gathered.frame = _bars_of_seconds(gathered, step)
        refused = gathered.refused
        return Fetched(
            canonical(gathered.frame, wanted.kind),
            origin,
            is_final=is_final,
            quarantined=_quarantine(refused) if refused else None,
            notes=tuple(gathered.notes),
        )

    async def close(self) -> None:
        """Release connections."""
        if self._http is not None:
            await self._http.close()

    def _client(self) -> JsonClient:
        if self._http is None:
            self._http = open_http(self._params)
        return self._http

    def _reader(self, wanted: Wanted) -> ReadRow:
        if wanted.kind is Kind.QUOTES:
            return read_quote
        if wanted.kind is Kind.TRADES or is_from_trades(wanted):
            return trade_reader(is_corrected_kept=self._params.is_corrected_kept)
        return bar_reader(bar_length(wanted.timeframe), wanted.symbol)


def _quarantine(refused: list[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(refused, schema={"reason": pl.String, "row": pl.String}, orient="row")


def _unusual(trades: pl.DataFrame) -> list[str]:
    """Say which condition codes are not in the table, and how many trades have them."""
    kinds = trades.group_by("conditions", "tape").len().sort("conditions", "tape")
    return [
        f"{count} trades with conditions '{codes.replace(SEPARATOR, ' ')}' on tape '{tape}': counted in the volume only"
        for codes, tape, count in kinds.iter_rows()
        if not eligibility(codes, tape).is_known
    ]


def _bars_of_seconds(gathered: Gathered, interval: int) -> pl.DataFrame:
    """Return the bars, and say how much volume is in none of them."""
    trades = gathered.frame
    bars = second_bars(trades, interval)
    counted = [eligibility(*pair).adds_volume for pair in trades.select("conditions", "tape").iter_rows()]
    missing = sum(counted) - int(bars["trades"].sum())
    if missing:
        gathered.notes.append(f"{missing} trades are in no bar: nothing set a price in their {interval // SECOND} s")
    return bars.with_columns(ts_seen="ts_event")
