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


@dataclass(frozen=True, slots=True)
class ForecastTable:
    """Forecasts of many rows, of one model, beside the rows they were made from.

    ``values`` f8[n, 4] in the order of `ForecastRow`, NaN where the model had too little to go by; ``symbols``,
    ``instrument`` i8[n], ``ts_event`` and ``ts_seen`` i8[n] ns UTC as in `FeatureRows`.
    """

    values: NDArray[np.float64]
    symbols: tuple[str, ...]
    instrument: NDArray[np.int64]
    ts_event: NDArray[np.int64]
    ts_seen: NDArray[np.int64]
    horizon_ns: int
    model_version: str = ""
    feature_set_hash: str = ""

    def __len__(self) -> int:
        """Return the number of forecasts."""
        return len(self.values)

    def row(self, i: int) -> Forecast:
        """Return one forecast with its origin."""
        p_up, p_down, p_flat, expected = (float(value) for value in self.values[i])
        return Forecast(
            instrument=self.symbols[int(self.instrument[i])],
            p_up=p_up,
            p_down=p_down,
            p_flat=p_flat,
            expected_return=expected,
            horizon_ns=self.horizon_ns,
            ts_event=int(self.ts_event[i]),
            ts_seen=int(self.ts_seen[i]),
            model_version=self.model_version,
            feature_set_hash=self.feature_set_hash,
        )

    def series(self) -> tuple[Forecasts, ...]:
        """Return the forecasts as a backtest reads them, one series an instrument, ascending by ``ts_seen``."""
        found = []
        for number, symbol in enumerate(self.symbols):
            mine = np.flatnonzero((self.instrument == number) & ~np.isnan(self.values[:, 0]))
            mine = mine[np.argsort(self.ts_seen[mine], kind="stable")]
            if len(mine):
                found.append(Forecasts(symbol, self.ts_seen[mine], np.ascontiguousarray(self.values[mine].T)))
        return tuple(found)
