"""A model's forecasts one at a time are the columns of a backtest, each instrument confirmed by its own scans."""

from __future__ import annotations

import numpy as np

from tradewright.core.types.events import MarketEvents
from tradewright.core.types.feature import feature
from tradewright.core.types.forecast import ForecastTable
from tradewright.core.types.rows import FeatureRows
from tradewright.data.synthetic import WalkParams, synthetic_bars
from tradewright.engine.feature_rows import rows_of_bars
from tradewright.engine.live.forecasting import ModelForecasts
from tradewright.engine.live.rows import rows_of
from tradewright.features import build_feature
from tradewright.strategies.confirmation import confirmed

FEATURES = {"fast": build_feature(feature("ema", 5)), "slow": build_feature(feature("ema", 20))}


def _predict(rows: FeatureRows) -> ForecastTable:
    lean = 0.5 + 0.4 * np.tanh(50.0 * (rows.values[:, 0] / rows.values[:, 1] - 1.0))
    values = np.column_stack([lean, 1.0 - lean, np.zeros(len(lean)), lean - 0.5])
    return ForecastTable(values, rows.symbols, rows.instrument, rows.ts_event, rows.ts_seen, 1)


def test_each_instrument_is_confirmed_by_its_own_scans() -> None:
    bars = [synthetic_bars(60, k, WalkParams(symbol)) for k, symbol in enumerate(("AAA", "BBB"))]
    live = ModelForecasts(FEATURES, _predict, ("AAA", "BBB"), (1, 3))
    told: dict[int, list[bytes]] = {0: [], 1: []}
    for row in rows_of(MarketEvents.from_bars(bars)):
        told[row.instrument].append(live.forecast(row)[0].tobytes())
    series = _predict(rows_of_bars(bars, FEATURES)).series()
    for j, scans in enumerate((1, 3)):
        stored = confirmed(series[j], scans)
        known = [np.ascontiguousarray(values).tobytes() for values in stored.values.T]
        assert told[j][-len(known) :] == known
        assert len(known) > 40
