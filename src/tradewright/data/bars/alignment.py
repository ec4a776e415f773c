"""Which higher bar may be seen at a lower one: only one that is complete."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.errors import DataError


def align(lower: Bars, higher: Bars) -> NDArray[np.int64]:
    """Return for each lower bar the newest higher bar that is complete at its close, i8[n]; -1 where there is none.

    Complete means ``higher.ts_event <= lower.ts_event``: at 10:05 the 5-minute bar that ends at 10:05 may be seen,
    at 10:04 it may not, although it began at 10:00.

    Raises
    ------
    DataError
        If the higher bars do not end in order of time.
    """
    return align_times(lower.ts_event, higher.ts_event)


def align_times(lower_event: NDArray[np.int64], higher_event: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `align` from the ends of the bars, or from the times at which they were seen; i8[n] each, ns UTC."""
    if np.any(np.diff(higher_event) < 0):
        at = int(np.flatnonzero(np.diff(higher_event) < 0)[0]) + 1
        what = f"bar {at} of the higher timeframe ends before the one before it"
        raise DataError(what, where="align", fix="Put the bars in order of time.")
    newest: NDArray[np.int64] = np.searchsorted(higher_event, lower_event, side="right").astype(np.int64) - 1
    return newest
