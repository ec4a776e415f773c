"""Every strategy that comes with the program takes both paths, compiled and interpreted, to the same bits."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.parity.random_scripts import HOUR, assert_same

from tradewright.core.types.bar import Bars
from tradewright.core.types.forecast import Forecasts
from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.data.synthetic import START, WalkParams, synthetic_bars
from tradewright.engine.backtest import run_backtest
from tradewright.engine.plan import AccountParams, BacktestPlan, plan_of_bars
from tradewright.risk.limits import Limits
from tradewright.strategies.loader import load_file
from tradewright.strategies.registry import built_in, names
from tradewright.strategies.strategy import Strategy

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "strategies").glob("*.py"))

#: Settings under which a strategy trades often on the little market here.
LIVELY: dict[str, dict[str, Any]] = {
    "ema_cross": {"fast": 3, "slow": 9, "stop_loss": 0.01, "take_profit": 0.02},
    "target_weights": {"band": 0.01, "leverage": 10.0},
}


def _instruments() -> tuple[Instrument, ...]:
    fees = FeeModel(taker_bps=2.0, maker_bps=1.0, minimum=0.5, half_spread_bps=1.0, slippage_bps=0.5)
    return (
        Instrument("AAA", fees=fees, margin_initial=0.25, margin_maintenance=0.1),
        Instrument("EURUSD", tick_size="0.00001", lot_size="1000", margin_initial=0.05, margin_maintenance=0.02),
        Instrument("SIE", tick_size="0.05", currency="EUR", fees=fees, participation=0.05, margin_initial=0.25),
    )


@lru_cache(maxsize=1)
def _bars() -> tuple[Bars, ...]:
    """Three markets of different timeframes, 1,400 bars in all."""
    shapes = (("AAA", 1, 0.006, 100.0, 100), ("EURUSD", 2, 0.002, 1.1, 100_000), ("SIE", 4, 0.006, 80.0, 20))
    return tuple(
        synthetic_bars(800 // hours, 7, WalkParams(symbol, START, hours * HOUR, price, volatility, per_unit))
        for symbol, hours, volatility, price, per_unit in shapes
    )


def _forecasts() -> tuple[Forecasts, ...]:
    """Forecasts at irregular times, some of them between two bars."""
    series = []
    for j, bars in enumerate(_bars()):
        rng = np.random.default_rng(j)
        seen = np.sort(rng.choice(bars.ts_event, len(bars) // 3, replace=False) + rng.integers(0, 3) * 1_000_000)
        up = rng.random(len(seen))
        values = np.vstack([up, 1.0 - up, np.zeros(len(seen)), 0.01 * (up - 0.5)])
        series.append(Forecasts(bars.instrument, seen, np.ascontiguousarray(values)))
    return tuple(series)


def _plan(strategy: Strategy) -> BacktestPlan:
    params = strategy.params(**LIVELY.get(strategy.name, {}))
    plan = plan_of_bars(_instruments(), list(_bars()), strategy, params)
    return replace(
        plan,
        account=AccountParams(250_000.0),
        limits=Limits(max_leverage=3.0, intraday_loss=0.05),
        forecasts=_forecasts() if strategy.uses_forecast else (),
    )


def _strategies() -> list[Strategy]:
    return [*(built_in(name) for name in names()), *(load_file(path) for path in EXAMPLES)]


@pytest.mark.parametrize("strategy", _strategies(), ids=lambda strategy: strategy.name)
def test_both_paths_and_both_bindings_agree(strategy: Strategy) -> None:
    plan = _plan(strategy)
    loop = run_backtest(plan)
    assert len(loop.fills) > 0, "nothing was traded, so nothing was compared"
    assert_same(loop, run_backtest(plan, "session"), strategy.name)
    if strategy.is_compiled:
        interpreted = replace(plan, strategy=replace(strategy, is_compiled=False))
        assert_same(loop, run_backtest(interpreted), f"{strategy.name}, interpreted")
        assert_same(loop, run_backtest(interpreted, "session"), f"{strategy.name}, interpreted in the session")


def test_the_examples_are_found() -> None:
    assert EXAMPLES
