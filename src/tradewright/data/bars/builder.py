"""Time bars as trades or smaller bars arrive: the same bars as `resample` makes afterwards, to the bit."""

from __future__ import annotations

from tradewright.core.types.bar import Bar
from tradewright.core.types.feed import FeedGap
from tradewright.core.types.trade import Trade
from tradewright.data.bars import time_nb
from tradewright.data.bars.grid import TimeGrid
from tradewright.data.bars.resample import TimeFold, room
from tradewright.data.bars.rows import bar_of, put_event


class BarBuilder:
    """Makes the bars of one instrument and size from a live stream.

    A bar is given out once, when it is complete: either an event at or after its end arrives (`update`), or the
    clock says that its end has passed (`advance`). An event that ends one bucket may also fill the next one to its
    end, when it is itself a bar; `advance(event.ts_event)` after `update` gives that bar without waiting.

    Parameters
    ----------
    instrument : str
        Name of the instrument, for the bars.
    grid : TimeGrid
        Where the buckets are.
    complete_from_ns : int, optional
        When the stream began, ns UTC: the bucket under way then lacks its first part and is left out.

    Attributes
    ----------
    late : int
        Events that came after newer ones, or after their bar was given out. They are in no bar: history has them,
        and the bar there is the correction.
    """

    def __init__(self, instrument: str, grid: TimeGrid, complete_from_ns: int | None = None) -> None:
        self.instrument = instrument
        self.late = 0
        self._fold = TimeFold(grid, complete_from_ns)
        self._row = room(1)
        self._out = room(1)

    @property
    def outside(self) -> int:
        """Events outside every session; they are in no bar."""
        return self._fold.outside

    @property
    def incomplete(self) -> int:
        """Events in buckets that began before the stream did, or within a gap of it; they are in no bar."""
        return self._fold.incomplete

    @property
    def pending_end(self) -> int | None:
        """End of the bar under way, ns UTC, for a timer; None where there is none."""
        return self._fold.pending_end

    def update(self, event: Trade | Bar) -> Bar | None:
        """Take one event; return the bar that it shows to be over, if any.

        Raises
        ------
        DataError
            If the event is a bar that crosses the end of its bucket.
        """
        put_event(event, *self._row)
        made = self._fold.push(*self._row, self._out)
        fault = self._fold.fault[0]
        if fault == time_nb.CROSSES:
            error = self._fold.explain(self._row[0])
            self._fold.forgive()
            raise error
        if fault == time_nb.NOT_ASCENDING:
            self._fold.forgive()
            self.late += 1
        return bar_of(self.instrument, *self._out, 0) if made else None

    def advance(self, now_ns: int) -> Bar | None:
        """Say that ``now_ns`` has come and everything before it has arrived; return the bar under way if it is over.

        How long to wait for stragglers is the caller's choice: pass the clock less that time.
        """
        return bar_of(self.instrument, *self._out, 0) if self._fold.close(now_ns, self._out) else None

    def interrupt(self, gap: FeedGap) -> Bar | None:
        """Say that events may be missing; return the bar under way if it was over before.

        Bars that overlap the gap are never given out: history has them.
        """
        bar = self.advance(gap.ts_from)
        self._fold.drop(gap.ts_to + 1)
        return bar
