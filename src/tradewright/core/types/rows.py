"""What models learn from and predict: rows of features, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FeatureRows:
    """Rows of features of one or several instruments, ascending by ``ts_event``, then by ``instrument``.

    Parameters
    ----------
    names : tuple of str
        The features, in the order of the columns.
    values : ndarray of float64, [n, k]
        C-contiguous; NaN where a feature has no value.
    symbols : tuple of str
        The instruments.
    instrument : ndarray of int64, [n]
        Of each row: its place in ``symbols``.
    ts_event, ts_seen : ndarray of int64, [n]
        When the row was true and when it was known, ns UTC.
    feature_set_hash : str
        Identity of the set of features (`features.set_identity`).
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]
    symbols: tuple[str, ...]
    instrument: NDArray[np.int64]
    ts_event: NDArray[np.int64]
    ts_seen: NDArray[np.int64]
    feature_set_hash: str = ""

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values)

    def take(self, rows: NDArray[np.int64] | slice) -> FeatureRows:
        """Return some of the rows; ascending row numbers keep the order that is promised."""
        return replace(
            self,
            values=np.ascontiguousarray(self.values[rows]),
            instrument=self.instrument[rows],
            ts_event=self.ts_event[rows],
            ts_seen=self.ts_seen[rows],
        )


@dataclass(frozen=True, slots=True)
class Targets:
    """What became of each row, for a forecaster to learn; all arrays [n], row by row beside `FeatureRows`.

    Parameters
    ----------
    direction : ndarray of int64
        -1 down, 0 flat, 1 up.
    growth : ndarray of float64
        Relative change of the price from the row to the end of its label.
    ts_end : ndarray of int64
        When the label was known, ns UTC: no row learned from may have one after the first row that is judged.
    weight : ndarray of float64
        Weight in training, mean 1: average uniqueness of overlapping labels.
    horizon_ns : int
        How far the labels look at most, ns.
    """

    direction: NDArray[np.int64]
    growth: NDArray[np.float64]
    ts_end: NDArray[np.int64]
    weight: NDArray[np.float64]
    horizon_ns: int

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.direction)

    def take(self, rows: NDArray[np.int64] | slice) -> Targets:
        """Return some of the rows."""
        return replace(
            self,
            direction=self.direction[rows],
            growth=self.growth[rows],
            ts_end=self.ts_end[rows],
            weight=self.weight[rows],
        )
