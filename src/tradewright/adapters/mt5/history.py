"""History of bars from a MetaTrader 5 terminal.

A terminal has as many bars as its setting *Max bars in chart* allows, and loads older ones when they are asked for:
meanwhile it answers with what it has (mql5.com/en/docs/series/copyrates).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import polars as pl

from tradewright.adapters.http import Sleep
from tradewright.adapters.mt5.bars import MS, cleaned, over, period_of, trouble
from tradewright.adapters.mt5.server_zone import last_change_ms
from tradewright.adapters.mt5.terminal import BarRow, Bars, Period, Terminal
from tradewright.core.types.errors import SourceError, VenueError
from tradewright.data.kinds import Kind, canonical, schema
from tradewright.data.ports import Fetched, Piece, Wanted, spans
from tradewright.data.timeframe import DAY, SECOND
from tradewright.execution.venue import VenueTimeoutError, VenueUnavailableError

T = TypeVar("T")
#: A piece is final so long after its end, and a bar that no quote has followed is over.
_SETTLED_NS = 300 * SECOND
#: Pieces of about ten thousand bars of a minute, or nine thousand of an hour.
_SPAN, _LONG_SPAN = 7 * DAY, 360 * DAY
_ATTEMPTS, _PAUSE_S = 3, 1.0
#: So often is an answer asked for again that grows.
_LOADS = 20


class Mt5History:
    """The port `HistorySource` over a terminal: bars of bids, their volume the number of quotes.

    A broker's zone must be known for bars of before clocks were last moved; without it they are refused, because they
    could be an hour off.

    Parameters
    ----------
    terminal : Terminal
        The way to it; closed with this.
    now_ns : callable
        The time now, ns UTC.
    theirs : callable
        What the broker calls a symbol.
    zone : str
        How the server's zone is written in the settings, "" where it is not; part of what names a piece.
    sleep : callable
        Awaitable pause in seconds, between attempts.
    """

    name = "mt5"

    def __init__(
        self,
        terminal: Terminal,
        *,
        now_ns: Callable[[], int],
        theirs: Callable[[str], str] = str,
        zone: str = "",
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._terminal, self._now_ns, self._theirs = terminal, now_ns, theirs
        self._zone, self._sleep = zone, sleep

    def pieces(self, wanted: Wanted) -> tuple[Piece, ...]:
        """Return the pieces: weeks since 1970 for bars below an hour, else 360 days, cut to what is wanted.

        Raises
        ------
        UsageError
            If a terminal has no such rows.
        """
        period = period_of(wanted.kind, wanted.timeframe)
        span = _SPAN if period < Period.H1 else _LONG_SPAN
        head = f"{_safe(self._theirs(wanted.symbol))}_{wanted.timeframe}_{_safe(self._zone) or 'now'}"
        return tuple(Piece(f"{head}_{start}_{end}", start, end) for start, end in spans(wanted, span))

    async def fetch(self, wanted: Wanted, piece: Piece) -> Fetched:
        """Fetch one piece.

        Raises
        ------
        UsageError
            As `pieces`.
        SourceError
            If the terminal is not there, has no such symbol, or cannot tell the times of such old bars.
        """
        period, theirs, now = period_of(wanted.kind, wanted.timeframe), self._theirs(wanted.symbol), self._now_ns()
        origin = f"mt5 {theirs} {period.name}"
        if piece.start >= now:
            return Fetched(pl.DataFrame(schema=schema(Kind.BARS)), origin, is_final=False)
        try:
            found, quoted_ms = await self._loaded(theirs, period, piece)
        except VenueError as error:
            raise SourceError(error.what, where=f"mt5 {theirs}", fix=error.fix) from error
        if not found.knows_zone and piece.start < last_change_ms(now // MS) * MS:
            what = "bars of before the clocks were last moved may be an hour off: the server's zone is not known"
            fix = "Say which zone its clock shows; most brokers': server_zone America/New_York+7 (docs/venues.md)."
            raise SourceError(what, where=f"mt5 {theirs}", fix=fix)
        rows, notes, refused = cleaned(found.rows)
        # a market that is closed has no quote past its last bar
        done = {row.time_ms for row in over(rows, max(quoted_ms, (now - _SETTLED_NS) // MS)) if row.end_ms * MS <= now}
        inside = [row for row in rows if piece.start <= row.time_ms * MS < piece.end]
        kept = [row for row in inside if row.time_ms in done]
        refused += [(trouble(row), row.model_dump_json()) for row in kept if trouble(row)]
        if len(kept) < len(inside):
            notes.append(f"{len(inside) - len(kept)} unfinished bars left out")
        if not inside:
            notes.append("no data in this span")
        kept_apart = pl.DataFrame(refused, schema={"reason": pl.String, "row": pl.String}, orient="row")
        return Fetched(
            _frame([row for row in kept if not trouble(row)]),
            origin,
            is_final=piece.end + period.ms * MS + _SETTLED_NS <= now,
            quarantined=kept_apart if refused else None,
            notes=tuple(notes),
        )

    async def close(self) -> None:
        """Release the terminal."""
        await self._terminal.close()

    async def _loaded(self, theirs: str, period: Period, piece: Piece) -> tuple[Bars, int]:
        """Return the bars from the piece's beginning to one beyond its end, and the time of the newest quote.

        What may have to be loaded first counts when two answers have the same number of bars.
        """
        if await self._patiently(lambda: self._terminal.symbol(theirs)) is None:
            fix = "Write it as the terminal's Market Watch does, or give the broker's suffix."
            raise SourceError(f"the broker has no symbol {theirs}", where="mt5", fix=fix)
        quoted_ms = (await self._patiently(lambda: self._terminal.tick(theirs))).time_ms
        latest = max(quoted_ms, self._now_ns() // MS) + 1
        start, end = -(-piece.start // MS), -(-piece.end // MS)
        # with the newest bar in it, of last week's end: a span in which the terminal has none may be an error to it
        span = min(start, max(quoted_ms - period.ms, start - _SPAN // MS, 0)), min(end + period.ms, latest)

        async def ask() -> Bars:
            return await self._patiently(lambda: self._terminal.bars(theirs, period, *span))

        found = await ask()
        for _ in range(_LOADS if piece.start < self._now_ns() - DAY else 0):
            before = len(found.rows)
            await self._sleep(_PAUSE_S)
            found = await ask()
            if len(found.rows) == before:
                break
        return found, quoted_ms

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        for attempt in range(1, _ATTEMPTS):
            try:
                return await ask()
            except (VenueTimeoutError, VenueUnavailableError):
                await self._sleep(_PAUSE_S * attempt)
        return await ask()


def _frame(rows: Sequence[BarRow]) -> pl.DataFrame:
    times = {
        "ts_open": [row.time_ms * MS for row in rows],
        "ts_event": [row.end_ms * MS for row in rows],
        "ts_seen": [row.end_ms * MS for row in rows],
    }
    values = {name: [getattr(row, name) for row in rows] for name in ("open", "high", "low", "close")}
    columns = [pl.Series(name, column, dtype=pl.Int64) for name, column in times.items()]
    columns += [pl.Series(name, column, dtype=pl.Float64) for name, column in values.items()]
    volume = pl.Series("volume", [float(row.ticks) for row in rows], dtype=pl.Float64)
    return canonical(pl.DataFrame([*columns, volume]), Kind.BARS)


def _safe(text: str) -> str:
    """Return a text of letters, digits, point and hyphen; anything else is written by its number."""
    return "".join(c if c.isascii() and (c.isalnum() or c in ".-") else f"_{ord(c):x}" for c in text)
