"""Merge the bars of several instruments block by block, so that memory does not grow with history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import N_FIELDS
from tradewright.core.types.events import MarketEvents

_NO_BARS = Bars("", np.empty(0, np.int64), np.empty(0, np.int64), np.empty((N_FIELDS, 0)))


def merged_blocks(sources: Sequence[Iterable[Bars]]) -> Iterator[MarketEvents]:
    """Yield the merged events of several instruments; each block ends with a complete timestamp.

    Parameters
    ----------
    sources : sequence of iterables of Bars
        For each instrument its bars in order of time, in blocks of any size.

    Yields
    ------
    MarketEvents
        Instrument numbers are places in ``sources``. At most one block of each source is held at a time.
    """
    iterators = [iter(source) for source in sources]
    held = [next(iterator, None) for iterator in iterators]
    while any(bars is not None for bars in held):
        # no source can still bring an event up to here: each has shown one at this time or later, or is at its end
        horizon = min(int(bars.ts_event[-1]) for bars in held if bars is not None)
        ready = [_NO_BARS] * len(held)
        for number, bars in enumerate(held):
            if bars is None:
                continue
            stop = int(np.searchsorted(bars.ts_event, horizon, side="right"))
            ready[number] = _cut(bars, slice(0, stop))
            held[number] = _cut(bars, slice(stop, None)) if stop < len(bars) else next(iterators[number], None)
        yield MarketEvents.from_bars(ready)


def _cut(bars: Bars, part: slice) -> Bars:
    """Return some of an instrument's bars; copied only where the whole is not asked for."""
    if part.start == 0 and part.stop == len(bars):
        return bars
    return Bars(bars.instrument, bars.ts_open[part], bars.ts_event[part], np.ascontiguousarray(bars.fields[:, part]))
