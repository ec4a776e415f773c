"""A sweep gives what single backtests give, whatever the number of workers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tradewright.core.types.errors import StrategyError
from tradewright.core.types.feature import Feature, FeatureSpec, feature
from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.data.synthetic import synthetic_bars
from tradewright.engine.backtest import run_backtest
from tradewright.engine.plan import BacktestPlan, plan_of_bars
from tradewright.engine.sweep import run_sweep
from tradewright.features import ema, lagged
from tradewright.strategies.registry import built_in
from tradewright.strategies.signals import UNITS, market, target
from tradewright.strategies.strategy import Row, StrategyParams

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


def test_a_lagged_feature_changes_no_score() -> None:
    """A sweep reads a lagged feature as a shifted column, a single backtest computes it."""
    crossing = replace(_STRATEGY, name="crossing", features=_crossing_features, decide=_decide_crossing, source_hash="")
    sets = _sets()
    scores = run_sweep(replace(_plan(sets[0]), strategy=crossing), sets, workers=2, with_risk=False)
    for params, score in zip(sets, scores, strict=True):
        result = run_backtest(replace(_plan(params), strategy=crossing))
        assert (score.total_return, score.fills) == (result.score["total_return"], len(result.fills))
    assert sum(score.fills for score in scores) > 0


def _crossing_features(params: Row) -> dict[str, Feature | FeatureSpec]:
    fast, slow = (feature("ema", getattr(params, name)) for name in ("fast", "slow"))
    return {
        "fast": fast,
        "slow": slow,
        "fast_before": lagged(1, ema(params.fast)),
        "slow_before": feature("lagged", 1, slow),
    }


def _decide_crossing(row: Row, _forecast: Row, account: Row, _params: Row, signals: Row) -> None:
    if row.fast > row.slow and row.fast_before <= row.slow_before and account.position == 0.0:
        market(signals, 1.0, UNITS)
    elif row.fast < row.slow and account.position > 0.0:
        target(signals, 0.0, UNITS)


def test_a_strategy_in_plain_python_gets_the_parameters_of_each_set() -> None:
    plain = replace(_STRATEGY, name="plain", is_compiled=False)
    sets = _sets()[:4]
    scores = run_sweep(replace(_plan(sets[0]), strategy=plain), sets)
    assert scores == run_sweep(_plan(sets[0]), sets)
    assert len({score.total_return for score in scores}) == len(sets)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_ends_the_sweep(workers: int) -> None:
    def fail(_row: Row, _forecast: Row, _account: Row, params: Row, _signals: Row) -> None:
        if params.fast == 8:
            raise RuntimeError

    scored: list[int] = []
    failing = replace(_STRATEGY, name="failing", decide=fail, is_compiled=False)
    sets = _sets()[3:] + _sets()
    with pytest.raises(StrategyError, match="RuntimeError"):
        run_sweep(replace(_plan(sets[0]), strategy=failing), sets, workers, scored.append)
    assert len(scored) <= workers


def test_no_sets_no_scores() -> None:
    assert run_sweep(_plan(_sets()[0]), []) == []
