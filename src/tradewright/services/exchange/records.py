"""What was recorded, as far as simulated time has come: the rows behind market-data requests."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN, TRADES, VOLUME
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.execution.exchange.market import Market

_DAY_NS = 86_400_000_000_000


@dataclass(frozen=True)
class Recorded:
    """One market's rows; ``number`` is its place among the exchange's markets."""

    market: Market
    number: int
    events: MarketEvents

    @cached_property
    def quotes(self) -> NDArray[np.int64]:
        """Event numbers of its quotes."""
        return self._of(EventKind.QUOTE)

    @cached_property
    def trades(self) -> NDArray[np.int64]:
        """Event numbers of its trades."""
        return self._of(EventKind.TRADE)

    def _of(self, kind: EventKind) -> NDArray[np.int64]:
        events = self.events
        return np.flatnonzero((events.kinds == int(kind)) & (events.instruments == self.number))

    def within(self, rows: NDArray[np.int64], start: int, end: int) -> NDArray[np.int64]:
        """Return the event numbers whose times lie in ``[start, end]``."""
        ts = self.events.ts_event[rows]
        return rows[np.searchsorted(ts, start, side="left") : np.searchsorted(ts, end, side="right")]

    def bars(self, size_ns: int, now_ns: int) -> Bars | None:
        """Return bars of a length as far as the recorded ones in them are complete; None where it has no such bars."""
        base = self.market.bars
        if base is None or size_ns < self.market.timeframe_ns or size_ns % self.market.timeframe_ns:
            return None
        count = int(np.searchsorted(base.ts_event, now_ns, side="right"))
        ts_open, ts_event, fields = base.ts_open[:count], base.ts_event[:count], base.fields[:, :count]
        if size_ns == self.market.timeframe_ns or not count:
            return Bars(base.instrument, ts_open, ts_event, np.ascontiguousarray(fields))
        starts = ts_open // size_ns * size_ns
        ends = starts + size_ns
        if size_ns == _DAY_NS:
            days = self.market.instrument.calendar.day_starts(int(ts_open[0]), int(ts_open[-1]))
            place = np.searchsorted(days, ts_open, side="right") - 1
            starts, ends = days[place], days[place + 1]
        first = np.flatnonzero(np.concatenate([[True], starts[1:] != starts[:-1]]))
        last = np.append(first[1:], count) - 1
        made = blank_fields(ends[first])
        made[OPEN], made[CLOSE] = fields[OPEN, first], fields[CLOSE, last]
        made[HIGH], made[LOW] = np.maximum.reduceat(fields[HIGH], first), np.minimum.reduceat(fields[LOW], first)
        for row in (VOLUME, TRADES):
            made[row] = np.add.reduceat(fields[row], first)
        return Bars(base.instrument, starts[first], ends[first], made)
