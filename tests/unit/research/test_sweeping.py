from __future__ import annotations

import pytest

from tradewright.core.types.errors import ConfigError
from tradewright.engine.plan import plan_of_bars
from tradewright.engine.sweep import run_sweep
from tradewright.research.executor import Executor, Processes, Serial
from tradewright.research.money import trader_of
from tradewright.research.sweeping import SweepMarket, sweep
from tradewright.research.synthetic_markets import SyntheticMarket

SETS = [{"fast": fast, "slow": slow} for fast in (3, 5, 8) for slow in (20, 40, 80)]


@pytest.mark.parametrize("executor", [Serial(), Processes(2)], ids=["serial", "processes"])
def test_scores_are_those_of_one_sweep_in_the_order_of_the_sets(executor: Executor, market: SyntheticMarket) -> None:
    place = SweepMarket("ema_cross", (market.instrument,), (market.bars,))
    with executor as pool:
        found = sweep(place, SETS, pool)
    traders = [trader_of("ema_cross", one) for one in SETS]
    plan = plan_of_bars((market.instrument,), [market.bars], traders[0].strategy, traders[0].params)
    assert found == run_sweep(plan, [t.params for t in traders])
    assert len({score.total_return for score in found}) > 5


def test_a_wrong_parameter_is_told_before_anything_runs(market: SyntheticMarket) -> None:
    place = SweepMarket("ema_cross", (market.instrument,), (market.bars,))
    with pytest.raises(ConfigError, match=r"strategy\.params\.speed"):
        sweep(place, [*SETS, {"speed": 3}], Serial())
