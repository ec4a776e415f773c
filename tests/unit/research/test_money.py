from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.research.conftest import TRADES

from tradewright.core.types.errors import ConfigError, ModelError
from tradewright.core.types.forecast import Forecasts
from tradewright.core.types.instrument import FeeModel
from tradewright.data.synthetic import WalkParams, synthetic_bars
from tradewright.research.money import MoneyParams, Stage, late_slippage_bps, net_returns, scaled, trade, trader_of
from tradewright.research.synthetic_markets import SyntheticMarket


@pytest.fixture(scope="module")
def stage(market: SyntheticMarket) -> Stage:
    bars = market.bars
    return Stage((market.instrument,), (bars,), int(bars.ts_event[100]), int(bars.ts_event[700]))


def said(stage: Stage, up: np.ndarray) -> tuple[Forecasts, ...]:
    bars = stage.bars[0]
    values = np.vstack([up, 1.0 - up, np.zeros(len(up)), np.zeros(len(up))])
    return (Forecasts(bars.instrument, bars.ts_event, values),)


def test_every_part_of_the_costs_is_scaled() -> None:
    fees = FeeModel("x", 1.0, 2.0, 0.5, 3.0, 4.0, 5.0, 6.0)
    assert scaled(fees, 2.0) == FeeModel("x x2", 2.0, 4.0, 1.0, 6.0, 8.0, 10.0, 12.0)
    assert scaled(fees, 1.0) is fees
    assert scaled(fees, 1.0, 7.0).slippage_bps == 12.0


def test_whoever_knows_the_next_return_earns_it_less_the_costs(stage: Stage) -> None:
    bars = stage.bars[0]
    ahead = np.append(np.diff(bars.close), 0.0) > 0.0
    trader = trader_of("probability", TRADES)
    totals = [
        net_returns(trade(stage, trader, said(stage, np.where(ahead, 0.9, 0.1)), c)).value for c in (0.0, 1.0, 3.0)
    ]
    grown = [float(np.prod(1.0 + values)) for values in totals]
    assert grown[0] > grown[1] > grown[2] > 1.0
    assert len(totals[0]) == 601


def test_only_the_time_that_counts_is_traded(stage: Stage) -> None:
    result = trade(stage, trader_of("probability", TRADES), said(stage, np.full(len(stage.bars[0]), 0.9)))
    assert stage.first_ns <= result.stamps[0] <= result.stamps[-1] <= stage.last_ns


def test_a_stage_without_bars_is_refused(stage: Stage) -> None:
    with pytest.raises(ModelError, match="no bars"):
        trade(replace(stage, first_ns=1, last_ns=2), trader_of("buy_and_hold", {}), ())


def test_short_intraday_records_are_kept_bar_by_bar_unless_days_are_asked_for(market: SyntheticMarket) -> None:
    bars = synthetic_bars(2_000, 3, WalkParams())
    stage = Stage(
        (market.instrument,), (replace(bars, instrument="SYN"),), int(bars.ts_event[0]), int(bars.ts_event[-1])
    )
    result = trade(stage, trader_of("buy_and_hold", {}), ())
    fine, daily = net_returns(result), net_returns(result, is_daily=True)
    assert len(fine.value) == 2_000
    assert fine.periods_per_year == pytest.approx(365 * 24 * 60, rel=1e-9)
    assert len(daily.value) == 2
    assert np.prod(1.0 + fine.value) == pytest.approx(np.prod(1.0 + daily.value))


def test_a_late_decision_pays_what_the_price_may_do_meanwhile(stage: Stage) -> None:
    assert late_slippage_bps(stage, MoneyParams(late_slippage_bps=3.0)) == 3.0
    half, whole = (late_slippage_bps(stage, MoneyParams(budget_ms=ms)) for ms in (500.0, 2_000.0))
    assert whole == pytest.approx(2.0 * half)
    (bars,) = stage.cut()
    reach = 0.5 * (bars.high - bars.low) / bars.close
    assert whole == pytest.approx(np.quantile(reach, 0.9) * (2.0 / 86_400.0) ** 0.5 * 1e4)


def test_a_parameter_that_is_none_is_named() -> None:
    with pytest.raises(ConfigError, match=r"strategy\.params\.speed"):
        trader_of("probability", {"speed": 3})
