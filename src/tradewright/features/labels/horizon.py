"""Labels after a fixed number of bars."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.features.labels.table import Labels, starts_of
from tradewright.features.parameters import number_within, whole_number


def fixed_horizon(bars: Bars, horizon: int, threshold: float = 0.0, starts: NDArray[np.int64] | None = None) -> Labels:
    """Label bars by the change of the close over the next ``horizon`` bars.

    Parameters
    ----------
    bars : Bars
        The market.
    horizon : int
        Bars ahead, at least 1.
    threshold : float
        Changes up to this share, either way, count as 0; larger ones as 1 or -1.
    starts : ndarray of int64, optional
        Bars to label; all if not given. Those whose horizon lies beyond the data have no label.

    Raises
    ------
    ValueError
        If a number makes no sense.
    """
    ahead = whole_number("horizon", horizon, 1)
    least = number_within("threshold", threshold, 0.0)
    start = starts_of(bars, starts)
    start = start[start + ahead < len(bars)]
    end = start + ahead
    growth = bars.close[end] / bars.close[start] - 1.0
    value = np.where(np.abs(growth) > least, np.sign(growth), 0.0)
    touched = np.zeros(len(start), np.int64)
    return Labels(start, end, bars.ts_event[start], bars.ts_event[end], value, growth, touched)
