"""How far an instrument's price jumps before anything can be done about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.dtypes import CLOSE, HIGH, LOW
from tradewright.core.types.errors import DataError

_LEAST = 100


@dataclass(frozen=True, slots=True)
class GapFigures:
    """Moves against a position within two bars, as shares of the price: a quantile, the largest, and of how many."""

    quantile: float
    at: float
    largest: float
    moves: int


def measured_gaps(fields: NDArray[np.float64], at: float = 0.999) -> GapFigures:
    """Measure the worst moves from a close to the extremes of the next two bars, on either side.

    Two bars lie between a verdict and the fill of what it led to: the one that shows the loss, and the one whose open
    fills the exit.

    Parameters
    ----------
    fields : ndarray of float64, [N_FIELDS, n]
        Bars, up to the moment at which the figure is to be used and no further.
    at : float
        Quantile, 0 to 1.

    Raises
    ------
    DataError
        With fewer bars than a quantile needs.
    """
    close, high, low = fields[CLOSE], fields[HIGH], fields[LOW]
    if len(close) < _LEAST:
        fix = "Give a longer history."
        raise DataError(f"{len(close)} bars are too few to measure gaps from", where="gaps", fix=fix)
    down = 1.0 - np.minimum(low[1:-1], low[2:]) / close[:-2]
    up = np.maximum(high[1:-1], high[2:]) / close[:-2] - 1.0
    worst = np.maximum(down, up)
    return GapFigures(float(np.quantile(worst, at)), at, float(worst.max()), len(worst))
