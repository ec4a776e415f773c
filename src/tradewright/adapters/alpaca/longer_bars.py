"""Bars of several minutes from the stream's minute bars: Alpaca streams no others.

A minute without a trade has no bar, so the end of a longer bar cannot be told by counting: it is over with its last
minute, with a minute of the next one, or when time has passed. One that was not heard from its first minute on is left
out; history has it.
"""

from __future__ import annotations

from tradewright.core.types.bar import Bar
from tradewright.core.types.errors import UsageError
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
        self._interval = interval
        self._parts: list[Bar] = []
        self._is_whole = False  # nothing is missing before the next minute
        self._from = 0  # the first start that may still become a bar
        self._behind = 0  # our clock less the end of the newest minute, when it came

    def earliest_open(self) -> int | None:
        """Return the start of the bar that holds minutes and is not closed, ns UTC."""
        return self._start(self._parts[0]) if self._parts else None

    def push(self, minute: Bar, now: int) -> list[Bar]:
        """Take a minute in that has come now (ns UTC, of our clock); return what it closes."""
        start, self._behind = self._start(minute), now - minute.ts_event
        closed = self._close(start)
        if not self._is_whole and minute.ts_open != start:
            self._from = start + self._interval
        self._is_whole = True
        if start < self._from:
            return closed
        self._parts.append(minute)
        return [*closed, *self._close(minute.ts_event)]

    def close_by(self, now: int) -> list[Bar]:
        """Return the bar that is over by our clock, as the venue's was beside it at the newest minute."""
        return self._close(now - self._behind - _LAST_MINUTE)

    def begin(self) -> None:
        """Forget what is open: minutes before the next may be missing."""
        self._parts.clear()
        self._is_whole = False

    def _close(self, ts: int) -> list[Bar]:
        """Close the bar that ends at or before ``ts``, ns UTC."""
        start = self.earliest_open()
        if start is None or start + self._interval > ts:
            return []
        parts, self._parts, self._from = self._parts, [], start + self._interval
        high, low = max(p.high for p in parts), min(p.low for p in parts)
        volume = sum(p.volume for p in parts)
        return [Bar(parts[0].instrument, start, self._from, parts[0].open, high, low, parts[-1].close, volume)]

    def _start(self, minute: Bar) -> int:
        return minute.ts_open // self._interval * self._interval
