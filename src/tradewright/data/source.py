"""The port through which a run gets its bars."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import BUY_VOLUME, REFERENCE, SESSION, TRADES
from tradewright.core.types.errors import UsageError
from tradewright.core.types.instrument import Instrument
from tradewright.data.catalogue import Dataset
from tradewright.data.store import MarketStore


class BarSource(Protocol):
    """Bars of one instrument."""

    @property
    def instrument(self) -> Instrument:
        """What the bars are of."""

    @property
    def fingerprint(self) -> str:
        """Hash of the content: equal bars, equal hash."""

    def bars(self) -> Bars:
        """Return all bars."""


@dataclass(frozen=True, slots=True)
class StoreSource:
    """Bars of a store within ``[start, end]``, ns UTC; None is open-ended. ``version``: the newest if None."""

    store: MarketStore
    symbol: str
    timeframe: str
    start: int | None = None
    end: int | None = None
    version: int | None = None

    @property
    def dataset(self) -> Dataset:
        """The catalogue entry of the version."""
        return self.store.describe(self.symbol, self.timeframe, version=self.version)

    @property
    def instrument(self) -> Instrument:
        """The definition in the catalogue."""
        return self.dataset.instrument.instrument()

    @property
    def fingerprint(self) -> str:
        """Hash of the stored data set and the range asked for."""
        whole = self.dataset.digest
        if self.start is None and self.end is None:
            return whole
        return hashlib.blake2b(f"{whole} {self.start} {self.end}".encode(), digest_size=16).hexdigest()

    def bars(self) -> Bars:
        """Return the bars of the range.

        Raises
        ------
        UsageError
            If the store has no such data, or none in the range.
        """
        bars = self.store.load(self.symbol, self.timeframe, self.start, self.end, version=self.version)
        if len(bars) == 0:
            known = self.dataset
            span = " to ".join(str(np.datetime64(ns, "ns"))[:19] for ns in (known.first_open, known.last_event))
            what = f"no {self.timeframe} bars of {self.symbol} in the range asked for"
            raise UsageError(what, where=self.store.place, fix=f"The store has {span} UTC.")
        return bars

    def blocks(self, rows: int) -> Iterator[Bars]:
        """Yield the same bars in blocks, one partition in memory at a time."""
        return self.store.blocks(self.symbol, self.timeframe, self.start, self.end, rows, version=self.version)


@dataclass(frozen=True, slots=True)
class ArraySource:
    """Bars that are in memory already."""

    instrument: Instrument
    array: Bars

    @property
    def fingerprint(self) -> str:
        """Hash of symbol, times and fields; what is unknown throughout or follows from the times does not count."""
        digest = hashlib.blake2b(self.array.instrument.encode(), digest_size=16)
        for part in (
            self.array.ts_open,
            self.array.ts_event,
            *(self.array.fields[r] for r in _rows_of(self.array.fields)),
        ):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    def bars(self) -> Bars:
        """Return the bars."""
        return self.array


def _rows_of(fields: NDArray[np.float64]) -> list[int]:
    """Return the rows that make a difference."""
    extras = {TRADES: fields[TRADES] != 0.0, BUY_VOLUME: ~np.isnan(fields[BUY_VOLUME])}
    extras[REFERENCE] = ~np.isnan(fields[REFERENCE])
    return [*range(SESSION + 1), *(row for row, known in extras.items() if known.any())]
