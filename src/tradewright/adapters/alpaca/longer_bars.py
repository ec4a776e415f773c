"""Bars of several minutes from the stream's minute bars: Alpaca streams no others.

A minute without a trade has no bar, so the end of a longer bar cannot be told by counting: it is over with its last
minute, with a minute of the next one, or when time has passed. One that was not heard from its first minute on is left
out; history has it.
"""

from __future__ import annotations

from tradewright.core.types.bar import Bar
from tradewright.core.types.errors import UsageError
from tradewright.data.bars.builder import BarBuilder
from tradewright.data.bars.grid import utc_grid
from tradewright.data.timeframe import SECOND, timeframe_name

_HOUR = 3600 * SECOND
#: A minute's bar comes no later than this after its end.
_LAST_MINUTE = 15 * SECOND


class LongerBars:
    """Minute bars of one symbol in, in order of time; longer ones out, aligned to the hour of UTC as history's are.

    Parameters
    ----------
    interval : int
        Length of a bar, ns; divides the hour.

    Raises
    ------
    UsageError
        For another length: what it is aligned to, only history knows.
    """

    def __init__(self, interval: int) -> None:
        if _HOUR % interval:
            what = f"live bars of {timeframe_name(interval)} are not made of Alpaca's minute bars"
            raise UsageError(what, where="alpaca feed", fix="Listen to what divides the hour: 1m, 5m, 15m, 30m, 1h.")
        self._grid = utc_grid(interval)
        self._builder: BarBuilder | None = None  # None: what comes before the next minute is not known
        self._behind = 0  # our clock less the end of the newest minute, when it came

    def earliest_open(self) -> int | None:
        """Return the start of the bar that holds minutes and is not closed, ns UTC."""
        end = None if self._builder is None else self._builder.pending_end
        return None if end is None else end - self._grid.size_ns

    def push(self, minute: Bar, now: int) -> list[Bar]:
        """Take a minute in that has come now (ns UTC, of our clock); return what it closes."""
        self._behind = now - minute.ts_event
        if self._builder is None:
            self._builder = BarBuilder(minute.instrument, self._grid, complete_from_ns=minute.ts_open)
        closed = self._builder.update(minute), self._builder.advance(minute.ts_event)
        return [bar for bar in closed if bar is not None]

    def close_by(self, now: int) -> list[Bar]:
        """Return the bar that is over by our clock, as the venue's was beside it at the newest minute."""
        bar = None if self._builder is None else self._builder.advance(now - self._behind - _LAST_MINUTE)
        return [] if bar is None else [bar]

    def begin(self) -> None:
        """Forget what is open: minutes before the next may be missing."""
        self._builder = None
