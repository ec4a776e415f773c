"""Longer live bars from the interface's five-second bars."""

from __future__ import annotations

from dataclasses import dataclass

from tradewright.core.types.bar import Bar
from tradewright.core.types.errors import UsageError
from tradewright.data.timeframe import SECOND, interval_ns

FIVE_SECONDS = 5 * SECOND
_HOUR = 3600 * SECOND


def live_interval(timeframe: str) -> int:
    """Return the length in ns of a live bar.

    Raises
    ------
    UsageError
        If it is not made of five-second bars, or does not divide the hour.
    """
    interval = interval_ns(timeframe)
    if interval == 0 or interval % FIVE_SECONDS or _HOUR % interval:
        what = f"live bars of {timeframe} are not made of the five-second bars of Interactive Brokers"
        fix = "Listen to 5s, 10s, 15s, 30s, 1m, 5m, 15m, 30m or 1h, or to trades and build shorter bars from those."
        raise UsageError(what, where="ibkr timeframe", fix=fix)
    return interval


@dataclass(slots=True)
class BarBuilder:
    """Collects five-second bars into one bar of ``interval`` ns, aligned to the hour of UTC.

    A bar is handed out once, and only if every one of its five-second bars was seen in order; with one missing the
    whole longer bar is left out.
    """

    interval: int
    _parts: list[Bar]

    def __init__(self, interval: int) -> None:
        self.interval = interval
        self._parts = []

    def add(self, part: Bar) -> Bar | None:
        """Take the next five-second bar; return the longer bar that it completes, if it does."""
        begin = part.ts_open // self.interval * self.interval
        expected = self._parts[-1].ts_event if self._parts else begin
        if part.ts_open != expected:
            self._parts = []
            if part.ts_open != begin:
                return None  # joined in the middle: this one can no longer be complete
        self._parts.append(part)
        if part.ts_event != begin + self.interval:
            return None
        parts, self._parts = self._parts, []
        return Bar(
            part.instrument,
            begin,
            part.ts_event,
            parts[0].open,
            max(p.high for p in parts),
            min(p.low for p in parts),
            part.close,
            sum(p.volume for p in parts),
        )
