"""A model's forecasts one at a time are the columns of a backtest, each instrument confirmed by its own scans."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

import numpy as np
import pytest

from tradewright.core.types.bar import Bars
from tradewright.core.types.errors import ModelError
from tradewright.core.types.events import MarketEvents
from tradewright.core.types.feature import feature
from tradewright.core.types.forecast import ForecastTable
from tradewright.core.types.rows import FeatureRows
from tradewright.data.synthetic import WalkParams, synthetic_bars
from tradewright.engine.feature_rows import rows_of_bars
from tradewright.engine.live.forecasting import ModelForecasts, Served
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
        told[row.instrument].append(asyncio.run(live.forecast(row))[0].tobytes())
    series = _predict(rows_of_bars(bars, FEATURES)).series()
    for j, scans in enumerate((1, 3)):
        stored = confirmed(series[j], scans)
        known = [np.ascontiguousarray(values).tobytes() for values in stored.values.T]
        assert told[j][-len(known) :] == known
        assert len(known) > 40


LOOKBACK = 4


def _mean_of_four(rows: FeatureRows) -> ForecastTable:
    """Forecast from the last four rows of an instrument, as networks do: NaN until there are as many."""
    values = np.full((len(rows), 4), np.nan)
    for j in range(len(rows.symbols)):
        mine = np.flatnonzero(rows.instrument == j)
        slopes = rows.values[mine, 0] / rows.values[mine, 1] - 1.0
        for k in range(LOOKBACK - 1, len(mine)):
            lean = 0.5 + 0.4 * np.tanh(50.0 * np.sum(slopes[k - LOOKBACK + 1 : k + 1]))
            values[mine[k]] = lean, 1.0 - lean, 0.0, lean - 0.5
    return ForecastTable(values, rows.symbols, rows.instrument, rows.ts_event, rows.ts_seen, 1)


def _bars() -> list[Bars]:
    return [synthetic_bars(60, k, WalkParams(symbol)) for k, symbol in enumerate(("AAA", "BBB"))]


def _made(predict: Callable[[FeatureRows], ForecastTable | Awaitable[ForecastTable]]) -> ModelForecasts:
    return ModelForecasts(FEATURES, predict, ("AAA", "BBB"), (1, 3), LOOKBACK)


def _expected() -> list[list[bytes]]:
    """Return the forecasts of a backtest, by instrument."""
    series = _mean_of_four(rows_of_bars(_bars(), FEATURES)).series()
    stored = [confirmed(series[j], scans) for j, scans in enumerate((1, 3))]
    return [[np.ascontiguousarray(values).tobytes() for values in one.values.T] for one in stored]


def test_a_model_that_looks_back_reads_the_rows_before() -> None:
    live, told = _made(_mean_of_four), [[], []]  # type: ignore[var-annotated]
    for row in rows_of(MarketEvents.from_bars(_bars())):
        told[row.instrument].append(asyncio.run(live.forecast(row))[0].tobytes())
    for j, expected in enumerate(_expected()):
        assert told[j][-len(expected) :] == expected
        assert len(told[j]) - len(expected) == live.warmup


@pytest.mark.parametrize("asked_from", [30, 31, 60, 117])
def test_rows_that_are_only_followed_count_as_if_they_had_been_asked_for(asked_from: int) -> None:
    live, told = _made(_mean_of_four), [[], []]  # type: ignore[var-annotated]
    for k, row in enumerate(rows_of(MarketEvents.from_bars(_bars()))):
        if k < asked_from:
            live.follow(row)
        else:
            told[row.instrument].append(asyncio.run(live.forecast(row))[0].tobytes())
    for j, expected in enumerate(_expected()):
        known = min(len(expected), len(told[j]))
        assert told[j][-known:] == expected[-known:]


def test_what_a_journal_tells_is_the_newest_forecast_and_reset_forgets_it() -> None:
    live = _made(lambda rows: _mean_of_four(rows.take(slice(0, 1))))  # too little to go by
    row = rows_of(MarketEvents.from_bars(_bars()))[0]
    live.follow(row._replace(forecast=np.array([0.7, 0.2, 0.1, 0.0]), forecast_ts=5))
    values, ts = asyncio.run(live.forecast(row._replace(ts_event=row.ts_event + 1)))
    assert (values.tolist(), ts) == ([0.7, 0.2, 0.1, 0.0], 5)
    live.reset()
    values, _ = asyncio.run(live.forecast(row))
    assert np.isnan(values).all()


def test_rows_of_which_a_model_failed_to_speak_are_asked_for_again() -> None:
    fails: list[bool] = []

    def moody(rows: FeatureRows) -> ForecastTable:
        if fails and fails.pop():
            raise ModelError("out to lunch")
        return _mean_of_four(rows)

    live, told = _made(moody), [[], []]  # type: ignore[var-annotated]
    for k, row in enumerate(rows_of(MarketEvents.from_bars(_bars()))):
        if 80 <= k < 84:
            fails.append(True)
            with pytest.raises(ModelError, match="out to lunch"):
                asyncio.run(live.forecast(row))
        else:
            told[row.instrument].append(asyncio.run(live.forecast(row))[0].tobytes())
    for j, expected in enumerate(_expected()):
        assert told[j][-16:] == expected[-16:]


def test_a_silent_model_holds_nothing_up_and_is_not_asked_again_at_once() -> None:
    may_answer, asked = threading.Event(), []
    one = rows_of_bars(_bars()[:1], FEATURES)

    def slow(rows: FeatureRows) -> ForecastTable:
        asked.append(len(rows))
        may_answer.wait(10)
        return _mean_of_four(rows)

    async def play() -> None:
        served = Served(slow, within_s=0.05, again_s=0.2)
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.005)

        beside = asyncio.create_task(others())
        for _ in range(3):
            with pytest.raises(ModelError, match=r"no forecast within 0\.05 s"):
                await served(one)
        beside.cancel()
        assert len(asked) == 1
        assert turns > 1
        may_answer.set()
        table = None
        while table is None:  # as soon as it may be asked again
            with suppress(ModelError):
                table = await served(one)
            await asyncio.sleep(0.02)
        assert table.values.tobytes() == _mean_of_four(one).values.tobytes()
        assert len(asked) == 2

    asyncio.run(play())
