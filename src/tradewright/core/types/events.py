"""Market events of several instruments in one stream, in columns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import N_FIELDS


class EventKind(IntEnum):
    """What a market event is; decides the meaning of the ``fields`` rows."""

    BAR = 1  # OPEN, HIGH, LOW, CLOSE, VOLUME
    QUOTE = 2  # BID, ASK, BID_SIZE, ASK_SIZE
    TRADE = 3  # PRICE, SIZE, AGGRESSOR
    FUNDING = 4  # RATE: share of the position's value that longs pay


@dataclass(frozen=True, slots=True)
class MarketEvents:
    """A stream of events ordered by ``ts_event``, ties by instrument number.

    ``fields`` is f8[N_FIELDS, n]; ``ts_open`` (bars: start; else equal to ``ts_event``), ``ts_event``, ``ts_seen`` are
    i8[n], the last never descending. ``kind`` and ``instrument`` are i8[n], or None where all events share
    ``kind_all`` or belong to instrument 0.
    """

    fields: NDArray[np.float64]
    ts_open: NDArray[np.int64]
    ts_event: NDArray[np.int64]
    ts_seen: NDArray[np.int64]
    kind: NDArray[np.int64] | None = None
    kind_all: EventKind = EventKind.BAR
    instrument: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.ts_event)

    @property
    def kinds(self) -> NDArray[np.int64]:
        """Kind of each event, i8[n]; the array itself where there is one."""
        return np.full(len(self), int(self.kind_all)) if self.kind is None else self.kind

    @property
    def instruments(self) -> NDArray[np.int64]:
        """Instrument number of each event, i8[n]; the array itself where there is one."""
        return np.zeros(len(self), np.int64) if self.instrument is None else self.instrument

    @classmethod
    def from_bars(cls, bars: list[Bars]) -> MarketEvents:
        """Merge bars of several instruments; instrument numbers are positions in the list."""
        if len(bars) == 1:
            only = bars[0]
            return cls(only.fields, only.ts_open, only.ts_event, only.ts_event)
        ts_event = np.concatenate([b.ts_event for b in bars])
        number = np.repeat(np.arange(len(bars), dtype=np.int64), [len(b) for b in bars])
        order = np.lexsort((number, ts_event))
        fields = np.empty((N_FIELDS, len(ts_event)))
        np.take(np.concatenate([b.fields for b in bars], axis=1), order, axis=1, out=fields)
        ts_open = np.concatenate([b.ts_open for b in bars])[order]
        ts_event = ts_event[order]
        return cls(fields, ts_open, ts_event, ts_event, instrument=number[order])
