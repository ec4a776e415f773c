"""A strategy with sizes by rule takes the loop and the session, compiled and in plain Python, to the same bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.parity.random_scripts import HOUR, assert_same

from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.data.synthetic import START, WalkParams, synthetic_bars
from tradewright.engine.backtest import run_backtest
from tradewright.engine.plan import plan_of_bars
from tradewright.strategies.registry import built_in
from tradewright.strategies.sizing import SizeRule, Sizing, sized

CASES: dict[str, tuple[dict[str, Any], Sizing]] = {
    "donchian_breakout": ({"allow_short": True}, Sizing(SizeRule.RISK, 0.005)),
    "momentum_rotation": (
        {"top": 1, "window": 5, "hold_bars": 5, "minimum_return": -1},
        Sizing(SizeRule.VOLATILITY, 0.004, window=30),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_all_paths_agree(name: str) -> None:
    values, sizing = CASES[name]
    fees = FeeModel(taker_bps=2.0, half_spread_bps=1.0, slippage_bps=0.5)
    instruments = [Instrument(symbol, lot_size="0.01", fees=fees) for symbol in ("A", "B")]
    bars = [
        synthetic_bars(700, k, WalkParams(i.symbol, START, HOUR, 100.0, 0.01, 100)) for k, i in enumerate(instruments)
    ]
    results = []
    for is_compiled in (True, False):
        strategy = replace(built_in(name), is_compiled=is_compiled)
        plan = plan_of_bars(instruments, bars, *sized(strategy, strategy.params.model_validate(values), sizing))
        results += [run_backtest(plan), run_backtest(plan, "session")]
    assert len(results[0].fills) > 20
    for other in results[1:]:
        assert_same(results[0], other, name)
