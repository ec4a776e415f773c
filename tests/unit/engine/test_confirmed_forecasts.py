"""A strategy that asks for confirmed forecasts gets them on every path through the engine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tradewright.core.types.forecast import Forecasts
from tradewright.core.types.instrument import Instrument
from tradewright.data.synthetic import WalkParams, synthetic_bars
from tradewright.engine.backtest import run_backtest
from tradewright.engine.plan import BacktestPlan, plan_of_bars
from tradewright.engine.sweep import run_sweep
from tradewright.strategies.confirmation import confirmed
from tradewright.strategies.registry import built_in


def _plan(scans: int) -> BacktestPlan:
    bars = synthetic_bars(300, 1, WalkParams(symbol="AAA"))
    up = np.random.default_rng(2).random(300)
    series = Forecasts("AAA", bars.ts_event, np.stack([up, 1.0 - up, 0.0 * up, up - 0.5]))
    strategy = replace(built_in("forecast_threshold"), confirm_scans=scans)
    plan = plan_of_bars([Instrument("AAA")], [bars], strategy, strategy.params())
    return replace(plan, forecasts=(series,))


def test_confirming_in_the_plan_is_confirming_beforehand() -> None:
    once, twice = _plan(1), _plan(2)
    by_hand = replace(once, forecasts=tuple(confirmed(series, 2) for series in once.forecasts))
    expected = run_backtest(by_hand)
    for path in ("loop", "session"):
        found = run_backtest(twice, path)
        assert found.fills.tobytes() == expected.fills.tobytes()
    assert 0 < len(expected.fills) < len(run_backtest(once).fills)


def test_a_sweep_sees_the_same() -> None:
    plan = _plan(2)
    sets = [plan.params, plan.params.model_copy(update={"enter_above": 0.7})]
    for params, score in zip(sets, run_sweep(plan, sets), strict=True):
        alone = run_backtest(replace(plan, params=params))
        assert score.fills == len(alone.fills) > 0
        assert score.total_return == pytest.approx(alone.final_equity / 100_000.0 - 1.0, abs=1e-12)
