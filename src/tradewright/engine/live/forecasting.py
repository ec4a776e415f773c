"""Forecasts as a session needs them: one at a time, the same numbers as a backtest reads in columns."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.errors import ModelError
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


class ForecastPort(Protocol):
    """Where a session's forecasts come from."""

    @property
    def warmup(self) -> int:
        """Return how many rows of an instrument come before its first forecast."""

    def follow(self, row: MarketRow) -> None:
        """Take in a row on which nothing is decided."""

    async def forecast(self, row: MarketRow) -> News | None:
        """Take in a row; return f8[4] and when it was known (ns UTC) where there is news for its instrument.

        Raises
        ------
        ModelError
            If there is no forecast to be had; the row counts as taken in.
        """


class StoredForecasts:
    """Forecasts that were made beforehand: the newest one known at each row.

    Parameters
    ----------
    series : sequence of Forecasts
        By symbol, already confirmed.
    symbols : sequence of str
        Of the instruments, in the order of their numbers.
    """

    warmup = 0

    def __init__(self, series: Sequence[Forecasts], symbols: Sequence[str]) -> None:
        known = {one.instrument: one for one in series}
        self._series = [known.get(symbol) for symbol in symbols]

    def follow(self, row: MarketRow) -> None:
        """Do nothing: what is stored depends on no row."""

    async def forecast(self, row: MarketRow) -> News:
        """Return the newest forecast known when the row was seen."""
        series = self._series[row.instrument]
        place = -1 if series is None else int(np.searchsorted(series.ts_seen, row.ts_seen, side="right")) - 1
        if series is None or place < 0:
            return _nothing_known()
        return np.ascontiguousarray(series.values[:, place]), int(series.ts_seen[place])


class Served:
    """A model that may be silent: it is asked beside the event loop, and after a failure not at once again.

    Parameters
    ----------
    predict : callable
        From rows of features to their forecasts; blocks, and raises ModelError.
    within_s : float
        Longest wait for an answer.
    again_s : float
        So long after a failure nobody asks: what it said then is said again.
    """

    def __init__(
        self, predict: Callable[[FeatureRows], ForecastTable], within_s: float = 2.0, again_s: float = 10.0
    ) -> None:
        self._predict, self._within_s, self._again_s = predict, within_s, again_s
        self._failure: tuple[float, ModelError] | None = None  # until when it counts, by the loop's clock

    async def __call__(self, rows: FeatureRows) -> ForecastTable:
        """Return the forecasts of the rows; raises ModelError where there is no answer."""
        clock = asyncio.get_running_loop().time
        if self._failure is not None and clock() < self._failure[0]:
            raise self._failure[1]
        try:
            async with asyncio.timeout(self._within_s):
                table = await asyncio.to_thread(self._predict, rows)
        except TimeoutError:
            error = ModelError(f"no forecast within {self._within_s:g} s", where="forecasts")
        except ModelError as failure:
            error = failure
        else:
            self._failure = None
            return table
        self._failure = clock() + self._again_s, error
        raise error


class ModelForecasts:
    """Forecasts of a model, made when a row comes in on which something is decided.

    Parameters
    ----------
    features : mapping of str to Feature
        What the model reads; their memory is this object's own.
    predict : callable
        From rows of features to their forecasts, at once or awaited.
    symbols : sequence of str
        Of the instruments.
    scans : sequence of int
        So many forecasts in a row have to agree, by instrument; see `strategies.confirmation`. Empty: one.
    lookback : int
        Rows of an instrument that a forecast reads, the newest included.
    """

    def __init__(
        self,
        features: Mapping[str, Feature],
        predict: Callable[[FeatureRows], ForecastTable | Awaitable[ForecastTable]],
        symbols: Sequence[str],
        scans: Sequence[int] = (),
        lookback: int = 1,
    ) -> None:
        self._features, self._predict, self._symbols = FeatureSet(features), predict, tuple(symbols)
        self._names, self._identity = tuple(features), set_identity(features)
        self._scans, self._lookback = tuple(scans) or (1,) * len(symbols), lookback
        self.reset()

    @property
    def warmup(self) -> int:
        """Return how many rows of an instrument come before its first forecast."""
        return self._features.warmup + self._lookback - 1

    def reset(self) -> None:
        """Forget everything seen."""
        self._features.reset()
        self._states = [confirmation_state(n) for n in self._scans]
        self._rows = [deque[tuple[Floats, int]](maxlen=self._lookback + n - 1) for n in self._scans]
        self._unasked = [0] * len(self._scans)  # newest rows of which the confirmation does not know
        self._newest: list[News] = [_nothing_known() for _ in self._scans]

    def follow(self, row: MarketRow) -> None:
        """Take in a row on which nothing is decided, or of which a journal tells with the forecast that it had."""
        j = row.instrument
        values = self._features.update(np.ascontiguousarray(row.fields.reshape(-1, 1)), 0, j, row.kind)
        self._rows[j].append((values, row.ts_event))
        self._unasked[j] = min(self._unasked[j] + 1, self._scans[j])
        if row.forecast is not None and row.forecast_ts is not None:
            self._newest[j] = row.forecast, row.forecast_ts

    async def forecast(self, row: MarketRow) -> News:
        """Return the forecast after a row; the one before where the model has too little to go by."""
        self.follow(row)
        j = row.instrument
        newest, self._newest[j] = self._newest[j], _nothing_known()  # where the model fails, it stays so
        for back in range(self._unasked[j] - 1, -1, -1):  # those before the newest are asked for their votes alone
            table = self._predict(self._window(j, back))
            told = np.array((table if isinstance(table, ForecastTable) else await table).values[-1])
            self._unasked[j] = back
            if np.isnan(told[0]):
                continue
            if self._states[j].shape[1] > 0:
                up, down = confirm_step_nb(self._states[j], told[0], told[1])
                told[:3] = up, down, 1.0 - up - down
            if back == 0:
                newest = told, row.ts_event
        self._newest[j] = newest
        return newest

    def _window(self, j: int, back: int) -> FeatureRows:
        """Return the rows that the forecast of an instrument reads, so many rows before its newest one."""
        if self._lookback == 1 and back == 0:
            values, ts = self._rows[j][-1]
            one = np.array([ts])
            return FeatureRows(
                self._names, values.reshape(1, -1), self._symbols, np.array([j]), one, one, self._identity
            )
        stop = len(self._rows[j]) - back
        known = list(self._rows[j])[max(stop - self._lookback, 0) : stop]
        times, numbers = np.array([ts for _, ts in known]), np.full(len(known), j)
        values = np.stack([row for row, _ in known])
        return FeatureRows(self._names, values, self._symbols, numbers, times, times, self._identity)
