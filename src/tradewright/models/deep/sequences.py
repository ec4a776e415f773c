"""Rows cut into windows: standardised once, then read through a view, never copied window by window."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from tradewright.core.types.rows import FeatureRows

#: Standard deviations from the mean at which a value is cut off: a bad tick must not drown the window it is in.
LIMIT = 10.0
#: Rows standardised at one time, so that temporary arrays stay small.
_BLOCK = 65_536


class Scaling(BaseModel):
    """Mean and standard deviation of each feature over the training rows.

    Parameters
    ----------
    names : tuple of str
        The features in their order.
    center, spread : tuple of float
        One for each feature; the spread of a feature that never changes is 1.
    missing_flags : bool
        Add a column for each feature: 1 where it has no value, else 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    names: tuple[str, ...]
    center: tuple[float, ...]
    spread: tuple[float, ...]
    missing_flags: bool

    @classmethod
    def fit(cls, rows: FeatureRows, *, missing_flags: bool) -> Self:
        """Measure the training rows; every feature has a value in some row."""
        center, spread = [], []
        for column in rows.values.T:
            known = column[np.isfinite(column)]
            mean, deviation = float(known.mean()), float(known.std())
            center.append(mean)
            # Rounding leaves a constant column with a tiny deviation, which would blow its noise up to full size.
            spread.append(deviation if deviation > 1e-12 * abs(mean) else 1.0)
        return cls(names=rows.names, center=tuple(center), spread=tuple(spread), missing_flags=missing_flags)

    @property
    def width(self) -> int:
        """Return how many columns `apply` makes."""
        return len(self.names) * (2 if self.missing_flags else 1)

    @cached_property
    def _arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.array(self.center), np.array(self.spread)

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return f4[n, width]: standardised, cut off at `LIMIT`, 0 (the mean) where a value is missing or infinite."""
        center, spread = self._arrays
        k = len(self.names)
        out = np.empty((len(values), self.width), np.float32)
        for first in range(0, len(values), _BLOCK):
            part = slice(first, first + _BLOCK)
            known = np.isfinite(values[part])
            scaled = np.where(known, values[part], center)
            scaled -= center
            scaled /= spread
            out[part, :k] = np.clip(scaled, -LIMIT, LIMIT)
            if self.missing_flags:
                out[part, k:] = ~known
        return out


@dataclass(frozen=True, slots=True)
class Sequences:
    """All whole windows of some rows; none crosses from one instrument to another.

    Rows that have fewer than ``length - 1`` rows of their instrument before them end no window, and neither do rows
    without a single value. A hole in the rows (a weekend, a fold taken out) is not seen by a window.

    Parameters
    ----------
    table : ndarray of float32, [n, width]
        Standardised rows, instrument after instrument.
    length : int
        Rows in a window.
    starts : ndarray of int64, [m]
        First row of each window in ``table``.
    rows : ndarray of int64, [m]
        Row of the `FeatureRows` that each window ends with.
    """

    table: NDArray[np.float32]
    length: int
    starts: NDArray[np.int64]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.starts)

    @classmethod
    def cut(cls, rows: FeatureRows, scaling: Scaling, length: int) -> Self:
        """Standardise the rows and find the windows."""
        n = len(rows)
        order = np.argsort(rows.instrument, kind="stable")  # rows ascend in time, and so they do by instrument
        instrument = rows.instrument[order]
        first = np.searchsorted(instrument, instrument, side="left")
        is_empty = np.isfinite(rows.values).sum(axis=1)[order] == 0
        ends = np.flatnonzero((np.arange(n) - first >= length - 1) & ~is_empty)
        one_block = n == 0 or instrument[0] == instrument[-1]
        table = scaling.apply(rows.values if one_block else rows.values[order])
        return cls(table, length, ends - (length - 1), order[ends])

    def windows(self, which: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        """Return f4[b, length, width], a copy of these windows only."""
        if not len(self):
            return np.empty((0, self.length, self.table.shape[1]), np.float32)
        shape = (self.length, self.table.shape[1])
        view = np.lib.stride_tricks.sliding_window_view(self.table, shape)[:, 0]
        return view[self.starts[which]]
