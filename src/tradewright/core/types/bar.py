"""Bars: what happened between an opening and a closing time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.dtypes import BUY_VOLUME, CLOSE, HIGH, LOW, N_FIELDS, OPEN, REFERENCE, TIME, VOLUME

_SECOND_NS = 1e9


def blank_fields(ts_event: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return f8[N_FIELDS, n] for events at these times (ns UTC): TIME filled in, NaN where that is unknown, else 0."""
    fields = np.zeros((N_FIELDS, len(ts_event)))
    fields[TIME] = ts_event / _SECOND_NS
    fields[[BUY_VOLUME, REFERENCE]] = np.nan
    return fields


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. ``ts_event`` is its close: the first moment at which it may be seen.

    ``trades``: their number, 0 where it is not known; ``buy_volume``: what takers bought, NaN where that is not.
    """

    instrument: str
    ts_open: int
    ts_event: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: float = 0.0
    buy_volume: float = math.nan


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of one instrument in columns.

    ``ts_open`` and ``ts_event``: i8[n], ns UTC, ascending. ``fields``: f8[N_FIELDS, n] C-contiguous; its rows are
    listed in `core.types.dtypes`, and `blank_fields` makes an empty table.
    """

    instrument: str
    ts_open: NDArray[np.int64]
    ts_event: NDArray[np.int64]
    fields: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.fields.shape != (N_FIELDS, len(self.ts_event)) or len(self.ts_open) != len(self.ts_event):
            msg = f"fields {self.fields.shape} do not fit {len(self.ts_event)} bars"
            raise ValueError(msg)

    def __len__(self) -> int:
        """Return the number of bars."""
        return len(self.ts_event)

    @property
    def open(self) -> NDArray[np.float64]:
        """Opening prices, f8[n]."""
        row: NDArray[np.float64] = self.fields[OPEN]
        return row

    @property
    def high(self) -> NDArray[np.float64]:
        """Highest prices, f8[n]."""
        row: NDArray[np.float64] = self.fields[HIGH]
        return row

    @property
    def low(self) -> NDArray[np.float64]:
        """Lowest prices, f8[n]."""
        row: NDArray[np.float64] = self.fields[LOW]
        return row

    @property
    def close(self) -> NDArray[np.float64]:
        """Closing prices, f8[n]."""
        row: NDArray[np.float64] = self.fields[CLOSE]
        return row

    @property
    def volume(self) -> NDArray[np.float64]:
        """Traded units, f8[n]; 0 where the source has none."""
        row: NDArray[np.float64] = self.fields[VOLUME]
        return row
