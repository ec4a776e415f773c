"""Live bars of a MetaTrader 5 terminal, which has no stream: it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

from tradewright.adapters.http import Sleep
from tradewright.adapters.mt5.bars import MS, cleaned, over, period_of, trouble
from tradewright.adapters.mt5.server_zone import HOUR_MS, last_change_ms
from tradewright.adapters.mt5.terminal import BarRow, Period, Terminal
from tradewright.core.types.bar import Bar
from tradewright.core.types.errors import SourceError, UsageError, VenueError
from tradewright.core.types.feed import FeedGap
from tradewright.data.ports import Subscription
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
    out after a `FeedGap`; those before it are history, and nobody trades on them as if they were new.

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

    async def stream(self, subscriptions: Sequence[Subscription]) -> AsyncGenerator[Bar | FeedGap, None]:
        """Yield bars as they complete, for ever; a terminal that does not answer is a gap after some looks.

        Raises
        ------
        UsageError
            If a subscription is not offered.
        SourceError
            If the terminal refuses at the beginning.
        """
        asked = dict.fromkeys(subscriptions)
        lines = [_Line(s.symbol, self._theirs(s.symbol), period_of(s.kind, s.timeframe)) for s in asked]
        if not lines:
            raise UsageError("nothing to listen to", where="mt5", fix="Name at least one instrument.")
        is_begun, lost, heard = False, 0, self._now_ns()
        while True:
            try:
                if not is_begun:
                    await self._check(lines)
                quoted_ms = await self._quoted(lines)
                for line in lines:
                    if quoted_ms >= line.due_ms:
                        for noun in await self._news(line, quoted_ms):
                            yield noun
                is_begun, lost, heard = True, 0, self._now_ns()
            except VenueError as error:
                if not is_begun and isinstance(error, VenueAuthError | VenueRejectedError):
                    raise SourceError(error.what, where="mt5 feed", fix=error.fix) from error
                lost += 1
                if lost == _LOOKS_LOST:
                    for symbol in dict.fromkeys(line.symbol for line in lines):
                        yield FeedGap(symbol, heard, self._now_ns(), f"disconnected: {error.what}")
            await self._sleep(min(_POLL_S * 2.0 ** min(lost, 16), _LONGEST_WAIT_S))

    async def _check(self, lines: Sequence[_Line]) -> None:
        """Have all symbols in the Market Watch."""
        for line in lines:
            if await self._terminal.symbol(line.theirs) is None:
                what, fix = f"the broker has no symbol {line.theirs}", "Write it as the terminal's Market Watch does."
                raise SourceError(what, where="mt5 feed", fix=fix)

    async def _quoted(self, lines: Sequence[_Line]) -> int:
        """Return the time of the newest quote; what is over by then, when listening begins, is history."""
        names = dict.fromkeys(line.theirs for line in lines)
        newest = max([0, *[(await self._terminal.tick(name)).time_ms for name in names]])  # 0: no quote yet
        for line in lines:
            line.last_ms = line.last_ms or newest
        return newest

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
