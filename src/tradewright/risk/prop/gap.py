"""What a gap between two bars may cost: the allowance to keep free above a floor, measured from history."""

from __future__ import annotations

import math

import numpy as np

from tradewright.core.types.bar import Bars
from tradewright.core.types.errors import DataError

_FEWEST = 250


def gap_share(bars: Bars, quantile: float = 1.0) -> float:
    """Return a quantile of the jumps from a close to the next open, up or down, as a share of the close.

    Parameters
    ----------
    bars : Bars
        The instrument's history; its own timeframe decides what is a gap.
    quantile : float
        Of the absolute jumps, rounded to the larger one; 1: the largest ever seen.

    Raises
    ------
    DataError
        If there are fewer than 250 jumps to measure from.
    """
    jumps = np.sort(np.abs(bars.open[1:] / bars.close[:-1] - 1.0))
    if len(jumps) < _FEWEST:
        what = f"{len(jumps)} jumps from bar to bar are too few to measure a gap allowance"
        raise DataError(what, where=bars.instrument, fix=f"Give at least {_FEWEST + 1} bars.")
    return float(jumps[max(math.ceil(quantile * len(jumps)) - 1, 0)])
