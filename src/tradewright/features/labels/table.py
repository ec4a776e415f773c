"""Labels of one instrument in columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars


@dataclass(frozen=True, slots=True)
class Labels:
    """One row a label, ascending by ``start``; all arrays have the same length m.

    Parameters
    ----------
    start, end : ndarray of int64
        Numbers of the bar at whose close the label begins, and of the bar that decided it: the last that it looks at.
    ts_start, ts_end : ndarray of int64
        When those two bars ended, ns UTC. A training row is known at ``ts_start``, its label only at ``ts_end``.
    value : ndarray of float64
        The label: -1, 0 or 1; of a meta-label 0 or 1.
    growth : ndarray of float64
        Relative change of the price from the close at ``start`` to the label's exit; for a side, in its favour.
    touched : ndarray of int64
        What ended it: 1 the barrier of profit, -1 that of loss, 0 the time.
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    ts_start: NDArray[np.int64]
    ts_end: NDArray[np.int64]
    value: NDArray[np.float64]
    growth: NDArray[np.float64]
    touched: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of labels."""
        return len(self.start)


def starts_of(bars: Bars, starts: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Return the bars at which labels begin: all, if not given.

    Raises
    ------
    ValueError
        If they are not ascending numbers of bars.
    """
    if starts is None:
        return np.arange(len(bars), dtype=np.int64)
    chosen = np.asarray(starts, np.int64)
    if chosen.ndim != 1 or (chosen < 0).any() or (chosen >= len(bars)).any() or (np.diff(chosen) <= 0).any():
        msg = f"starts must be ascending numbers of the {len(bars)} bars, each once"
        raise ValueError(msg)
    return chosen
