"""The port through which a run gets its bars."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import N_FIELDS
from tradewright.core.types.errors import UsageError
from tradewright.core.types.instrument import Instrument
from tradewright.data.store import BarStore


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
    """Bars of a store within ``[start, end]``, ns UTC; None is open-ended."""

    store: BarStore
    symbol: str
    timeframe: str
    start: int | None = None
    end: int | None = None

    @property
    def instrument(self) -> Instrument:
        """The definition in the catalogue."""
        return self.store.describe(self.symbol, self.timeframe).instrument.instrument()

    @property
    def fingerprint(self) -> str:
        """Hash of the stored data set and the range asked for."""
        whole = self.store.fingerprint(self.symbol, self.timeframe)
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
        bars = self.store.load(self.symbol, self.timeframe, self.start, self.end)
        if len(bars) == 0:
            known = self.store.describe(self.symbol, self.timeframe)
            span = " to ".join(str(np.datetime64(ns, "ns"))[:19] for ns in (known.first_open, known.last_event))
            what = f"no {self.timeframe} bars of {self.symbol} in the range asked for"
            raise UsageError(what, where=str(self.store.root), fix=f"The store has {span} UTC.")
        return bars

    def blocks(self, rows: int) -> Iterator[Bars]:
        """Yield the same bars in blocks, one partition in memory at a time."""
        return self.store.blocks(self.symbol, self.timeframe, self.start, self.end, rows)


@dataclass(frozen=True, slots=True)
class ArraySource:
    """Bars that are in memory already."""

    instrument: Instrument
    array: Bars

    @property
    def fingerprint(self) -> str:
        """Hash of symbol, times and fields."""
        digest = hashlib.blake2b(self.array.instrument.encode(), digest_size=16)
        for part in (
            self.array.ts_open,
            self.array.ts_event,
            *(self.array.fields[r] for r in range(N_FIELDS)),
        ):
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    def bars(self) -> Bars:
        """Return the bars."""
        return self.array
