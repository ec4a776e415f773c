"""Forecasts as a session needs them: one at a time, the same numbers as a backtest reads in columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.feature import Feature
from tradewright.core.types.forecast import ForecastRow, Forecasts, ForecastTable
from tradewright.core.types.rows import FeatureRows
from tradewright.engine.live.rows import MarketRow
from tradewright.engine.plan import LONG_AGO
from tradewright.features.feature_set import FeatureSet
from tradewright.features.set_identity import set_identity
from tradewright.strategies.confirmation import confirm_step_nb, confirmation_state

Floats = NDArray[np.float64]
News = tuple[Floats, int]


def _nothing_known() -> News:
    """Return what stands for no forecast: the session keeps the newest one it was given, of whatever instrument."""
    return np.full(len(ForecastRow._fields), np.nan), LONG_AGO


class StoredForecasts:
    """Forecasts that were made beforehand: the newest one known at each row.

    Parameters
    ----------
    series : sequence of Forecasts
        By symbol, already confirmed.
    symbols : sequence of str
        Of the instruments, in the order of their numbers.
    """

    def __init__(self, series: Sequence[Forecasts], symbols: Sequence[str]) -> None:
        known = {one.instrument: one for one in series}
        self._series = [known.get(symbol) for symbol in symbols]

    def forecast(self, row: MarketRow) -> News:
        """Return the newest forecast known when the row was seen."""
        series = self._series[row.instrument]
        place = -1 if series is None else int(np.searchsorted(series.ts_seen, row.ts_seen, side="right")) - 1
        if series is None or place < 0:
            return _nothing_known()
        return np.ascontiguousarray(series.values[:, place]), int(series.ts_seen[place])


class ModelForecasts:
    """Forecasts of a model, made when a row comes in.

    Parameters
    ----------
    features : mapping of str to Feature
        What the model reads; their memory is this object's own.
    predict : callable
        From one row of features to its forecast.
    symbols : sequence of str
        Of the instruments.
    scans : sequence of int
        So many forecasts in a row have to agree, by instrument; see `strategies.confirmation`. Empty: one.
    """

    def __init__(
        self,
        features: Mapping[str, Feature],
        predict: Callable[[FeatureRows], ForecastTable],
        symbols: Sequence[str],
        scans: Sequence[int] = (),
    ) -> None:
        self._features, self._predict, self._symbols = FeatureSet(features), predict, tuple(symbols)
        self._names, self._identity = tuple(features), set_identity(features)
        self._states = [confirmation_state(n) for n in scans or [1] * len(symbols)]
        self._newest: list[News] = [_nothing_known() for _ in symbols]

    def forecast(self, row: MarketRow) -> News:
        """Return the forecast after a row; the one before where the model has too little to go by."""
        j = row.instrument
        values = self._features.update(np.ascontiguousarray(row.fields.reshape(-1, 1)), 0, j, row.kind)
        one = np.array([row.ts_event])
        table = self._predict(
            FeatureRows(self._names, values.reshape(1, -1), self._symbols, np.array([j]), one, one, self._identity)
        )
        told = np.array(table.values[0])
        if not np.isnan(told[0]):
            if self._states[j].shape[1] > 0:
                up, down = confirm_step_nb(self._states[j], told[0], told[1])
                told[:3] = up, down, 1.0 - up - down
            self._newest[j] = (told, row.ts_event)
        return self._newest[j]
