"""Forecasts: what a model says about the future of one instrument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class ForecastRow(NamedTuple):
    """What `decide` sees of the newest forecast; all NaN while none is known. Probabilities sum to 1."""

    p_up: float
    p_down: float
    p_flat: float
    expected_return: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """One forecast with its origin. ``horizon_ns`` is how far it looks; ``ts_seen`` when it could be known."""

    instrument: str
    p_up: float
    p_down: float
    p_flat: float
    expected_return: float
    horizon_ns: int
    ts_event: int
    ts_seen: int
    model_version: str = ""
    feature_set_hash: str = ""


@dataclass(frozen=True, slots=True)
class Forecasts:
    """Forecasts of one instrument in columns.

    ``ts_seen`` i8[n], ascending: when each was known; ``values`` f8[4, n] in the order of `ForecastRow`.
    """

    instrument: str
    ts_seen: NDArray[np.int64]
    values: NDArray[np.float64]
