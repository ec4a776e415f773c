"""Passing quiet bars in registers changes nothing: what is kept of a run does not decide what happens in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.parity.random_scripts import assert_same

from tradewright.core.kernel.codes import FROM_RISK
from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.data.synthetic import WalkParams, synthetic_bars
from tradewright.engine.backtest import BacktestResult, run_backtest
from tradewright.engine.plan import AccountParams, BacktestPlan, plan_of_bars
from tradewright.risk.limits import Limits
from tradewright.strategies.registry import built_in

SEEDS = range(60)
CASH = 100_000.0


def _plan(seed: int) -> BacktestPlan:
    """A cross strategy under random leverage, limits, borrow and exits, on a random market of hourly bars."""
    rng = np.random.default_rng(seed)
    walk = WalkParams(volatility=float(rng.choice([0.004, 0.01, 0.03])))
    bars = synthetic_bars(1_500, seed, walk)
    is_reckless = seed % 3 == 0
    margin = 0.05 if is_reckless else float(rng.choice([1.0, 0.5, 0.1]))
    instrument = Instrument(
        bars.instrument,
        fees=FeeModel(taker_bps=2.0, slippage_bps=1.0, borrow_bps_year=float(rng.choice([0.0, 300.0]))),
        lot_size=str(rng.choice(["1", "0.01"])),
        margin_initial=margin,
        margin_maintenance=margin * float(rng.choice([0.5, 0.9])),
    )
    strategy = built_in("ema_cross")
    fast = int(rng.integers(2, 12))
    params = strategy.params.model_validate(
        {
            "fast": fast,
            "slow": fast + int(rng.integers(3, 60)),
            "weight": 10.0 if is_reckless else float(rng.uniform(0.2, min(0.95 / margin, 10.0))),
            "stop_loss": 0.0 if is_reckless else float(rng.choice([0.0, 0.01, 0.05])),
            "take_profit": float(rng.choice([0.0, 0.02])),
            "allow_short": bool(rng.integers(2)),
        }
    )
    limits = Limits(
        intraday_loss=None if is_reckless else (None, 0.02, 0.06)[rng.integers(3)],
        max_drawdown=None if is_reckless else (None, 0.1, 0.3)[rng.integers(3)],
    )
    plan = plan_of_bars([instrument], [bars], strategy, params)
    return replace(plan, account=AccountParams(CASH), limits=limits)


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_is_kept_the_same_happens(seed: int) -> None:
    plan = _plan(seed)
    whole = run_backtest(plan)
    assert len(whole.fills) > 0, "nothing was traded, so nothing was compared"
    assert_same(whole, run_backtest(plan, "session"), f"seed {seed}")
    plain = replace(plan, strategy=replace(plan.strategy, is_compiled=False))
    assert_same(whole, run_backtest(plain), f"seed {seed}, plain Python")
    scored = run_backtest(replace(plan, keeps_equity=False, keeps_score=True))
    bare = run_backtest(replace(plan, keeps_equity=False))
    for name, other in (("scored", scored), ("bare", bare)):
        for log in ("fills", "orders", "ledger"):
            assert getattr(whole, log).tobytes() == getattr(other, log).tobytes(), f"seed {seed}, {name}: {log}"
        assert other.final_equity == whole.final_equity
        assert other.counters == whole.counters
    assert scored.score["max_drawdown"] == whole.score["max_drawdown"]
    assert np.isnan(bare.score["max_drawdown"]), "nobody marked every bar, so nobody knows"
    _assert_returns(scored, whole)


def _assert_returns(scored: BacktestResult, whole: BacktestResult) -> None:
    """The running sums are those of the curve."""
    curve = np.concatenate([[CASH], whole.equity])
    returns = curve[1:] / curve[:-1] - 1.0
    assert scored.score["mean_return"] == pytest.approx(returns.mean(), rel=1e-6, abs=1e-12)
    assert scored.score["std_return"] == pytest.approx(returns.std(), rel=1e-6)


def test_the_random_runs_meet_what_they_are_for() -> None:
    runs = [run_backtest(_plan(seed)) for seed in SEEDS]
    assert sum(run.counters["liquidations"] for run in runs) > 5
    assert sum((run.orders["origin"] == FROM_RISK).any() for run in runs) > 5, "no loss limit was broken"
    assert sum((run.fills["position_lots"] < 0).any() for run in runs) > 5, "nobody was short"
