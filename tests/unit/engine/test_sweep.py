"""A sweep gives what single backtests give, whatever the number of workers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.data.synthetic import synthetic_bars
from tradewright.engine.backtest import run_backtest
from tradewright.engine.plan import BacktestPlan, plan_of_bars
from tradewright.engine.sweep import run_sweep
from tradewright.strategies.registry import built_in
from tradewright.strategies.strategy import StrategyParams

_STRATEGY = built_in("ema_cross")


def _plan(params: StrategyParams) -> BacktestPlan:
    bars = synthetic_bars(3_000, 7)
    fees = FeeModel(taker_bps=2.0, slippage_bps=1.0)
    return plan_of_bars([Instrument(bars.instrument, fees=fees)], [bars], _STRATEGY, params)


def _sets() -> list[StrategyParams]:
    return [_STRATEGY.params.model_validate({"fast": f, "slow": s}) for f in (3, 8) for s in (15, 40, 90)]


@pytest.mark.parametrize("workers", [1, 2])
def test_each_score_is_that_of_a_single_backtest(workers: int) -> None:
    sets = _sets()
    scores = run_sweep(_plan(sets[0]), sets, workers=workers)
    for params, score in zip(sets, scores, strict=True):
        result = run_backtest(_plan(params))
        curve = np.concatenate([[result.initial_cash], result.equity])
        returns = curve[1:] / curve[:-1] - 1.0
        assert score.total_return == result.score["total_return"]
        assert score.max_drawdown == result.score["max_drawdown"]
        assert score.round_trips == result.counters["round_trips"] > 0
        assert score.fills == len(result.fills)
        assert math.isclose(score.sharpe_per_event, returns.mean() / returns.std(), rel_tol=1e-6, abs_tol=1e-9)


def test_the_drawdown_is_that_of_the_curve() -> None:
    result = run_backtest(_plan(_sets()[0]))
    curve = np.concatenate([[result.initial_cash], result.equity])
    peak = np.maximum.accumulate(curve)
    assert math.isclose(result.score["max_drawdown"], float(np.max(1.0 - curve / peak)), rel_tol=1e-9)


def test_no_sets_no_scores() -> None:
    assert run_sweep(_plan(_sets()[0]), []) == []
