"""Live bars and quotes of a MetaTrader 5 terminal, which has no stream: it is asked."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass

from tradewright.adapters.http import Sleep
from tradewright.adapters.mt5.bars import MS, cleaned, over, period_of, trouble
from tradewright.adapters.mt5.server_zone import HOUR_MS, last_change_ms
from tradewright.adapters.mt5.terminal import BarRow, Period, Terminal, TickRow
from tradewright.core.types.bar import Bar
from tradewright.core.types.errors import SourceError, UsageError, VenueError
from tradewright.core.types.feed import FeedGap
from tradewright.core.types.quote import Quote
from tradewright.data.kinds import Kind
from tradewright.data.ports import Subscription
from tradewright.data.timeframe import TICK
from tradewright.execution.venue import VenueAuthError, VenueRejectedError

#: Between two looks, and between two that fail.
_POLL_S, _LONGEST_WAIT_S = 1.0, 30.0
#: One look that fails is no gap: nothing is missed by it.
_LOOKS_LOST = 3


@dataclass(slots=True)
class _Line:
    """One subscription; ``last_ms``: up to when its bars were heard of, ``due_ms``: when the running one is over."""

    symbol: str
    theirs: str
    period: Period
    last_ms: int = 0
    due_ms: int = 0


class Mt5Live:
    """The port `LiveSource` over a terminal.

    Each look asks for the newest quotes, and for bars where one may have completed. A bar is handed out once, when it
    is over (`bars.over`). Where several are over at once, the terminal having been away or slow, the newest is handed
    out after a `FeedGap`; those before it are history, and nobody trades on them as if they were new. Of quotes the
    newest is handed out where it is another than at the look before; their sizes are not known (0).

    Parameters
    ----------
    terminal : Terminal
        The way to it; it is not closed here.
    now_ns : callable
        Our clock, ns UTC: when the terminal was away.
    theirs : callable
        What the broker calls a symbol.
    sleep : callable
        Awaitable pause in seconds.
    """

    name = "mt5"

    def __init__(
        self,
        terminal: Terminal,
        *,
        now_ns: Callable[[], int],
        theirs: Callable[[str], str] = str,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._terminal, self._now_ns, self._theirs = terminal, now_ns, theirs
        self._sleep = sleep

    async def stream(self, subscriptions: Sequence[Subscription]) -> AsyncGenerator[Bar | Quote | FeedGap, None]:
        """Yield bars as they complete and the newest quotes, for ever; a terminal that stays away is a gap.

        Raises
        ------
        UsageError
            If a subscription is not offered.
        SourceError
            If the terminal refuses at the beginning.
        """
        asked = dict.fromkeys(subscriptions)
        quoted = [s.symbol for s in asked if (s.kind, s.timeframe) == (Kind.QUOTES, TICK)]
        lines = [
            _Line(s.symbol, self._theirs(s.symbol), period_of(s.kind, s.timeframe))
            for s in asked
            if (s.kind, s.timeframe) != (Kind.QUOTES, TICK)
        ]
        if not asked:
            raise UsageError("nothing to listen to", where="mt5", fix="Name at least one instrument.")
        names = {s.symbol: self._theirs(s.symbol) for s in asked}
        before: dict[str, TickRow] = {}
        lost, heard = 0, self._now_ns()
        while True:
            try:
                if not before:
                    await self._check(names)
                ticks = {symbol: await self._terminal.tick(theirs) for symbol, theirs in names.items()}
                newest_ms = max(0, *(tick.time_ms for tick in ticks.values()))  # 0: no quote yet
                for line in lines:
                    line.last_ms = line.last_ms or newest_ms  # what is over when listening begins is history
                    if newest_ms >= line.due_ms:
                        for noun in await self._news(line, newest_ms):
                            yield noun
                for symbol in quoted:
                    tick = ticks[symbol]
                    if tick != before.get(symbol, tick) and 0.0 < tick.bid <= tick.ask < math.inf:
                        yield Quote(symbol, tick.time_ms * MS, self._now_ns(), tick.bid, tick.ask, 0.0, 0.0)
                before, lost, heard = ticks, 0, self._now_ns()
            except VenueError as error:
                if not before and isinstance(error, VenueAuthError | VenueRejectedError):
                    raise SourceError(error.what, where="mt5 feed", fix=error.fix) from error
                lost += 1
                if lost == _LOOKS_LOST:
                    for symbol in names:
                        yield FeedGap(symbol, heard, self._now_ns(), f"disconnected: {error.what}")
            await self._sleep(min(_POLL_S * 2.0 ** min(lost, 16), _LONGEST_WAIT_S))

    async def _check(self, names: Mapping[str, str]) -> None:
        """Have all symbols in the Market Watch."""
        for theirs in names.values():
            if await self._terminal.symbol(theirs) is None:
                what, fix = f"the broker has no symbol {theirs}", "Write it as the terminal's Market Watch does."
                raise SourceError(what, where="mt5 feed", fix=fix)

    async def _news(self, line: _Line, quoted_ms: int) -> list[Bar | FeedGap]:
        start = max(0, line.last_ms - line.period.ms - HOUR_MS)  # a day of the server's may have 25 hours
        found = await self._terminal.bars(line.theirs, line.period, start, quoted_ms + 1)
        since = start if found.knows_zone else max(start, last_change_ms(quoted_ms))
        rows = cleaned(row for row in found.rows if row.time_ms >= since)[0]
        done = over(rows, quoted_ms)
        line.due_ms = rows[-1].end_ms if len(done) < len(rows) else 0
        new = [row for row in done if row.end_ms > line.last_ms]
        if not new:
            return []
        missed_from, line.last_ms = line.last_ms, new[-1].end_ms
        is_wrong = bool(trouble(new[-1]))
        told: list[Bar | FeedGap] = []
        if is_wrong or len(new) > 1:
            until = new[-1].end_ms if is_wrong else new[-1].time_ms
            told.append(FeedGap(line.symbol, missed_from * MS, until * MS, "sequence"))
        return told if is_wrong else [*told, bar_of(line.symbol, new[-1])]


def bar_of(symbol: str, row: BarRow) -> Bar:
    """Return a bar of the house."""
    prices = row.open, row.high, row.low, row.close
    return Bar(symbol, row.time_ms * MS, row.end_ms * MS, *prices, float(row.ticks))
