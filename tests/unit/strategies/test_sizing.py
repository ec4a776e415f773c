"""A strategy with sizes by rule: what each rule makes of a wish."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tradewright.core.kernel.codes import WEIGHT
from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import signal_dtype
from tradewright.core.types.forecast import Forecasts
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderStatus, Origin, Reason
from tradewright.data.synthetic import START, WalkParams, synthetic_bars
from tradewright.engine.backtest import BacktestResult, run_backtest
from tradewright.engine.plan import plan_of_bars
from tradewright.strategies.registry import built_in
from tradewright.strategies.signals import Signals, bracket, bracket_at, limit, market, reduce_only, stop, target
from tradewright.strategies.sizing import SizeRule, Sizing, size_all_nb, sized

HOUR = 3_600_000_000_000
RISK, FRACTION, VOLATILITY = (float(r) for r in (SizeRule.RISK, SizeRule.FRACTION, SizeRule.VOLATILITY))


def sized_by(signals: Signals, rule: list[float], *, position: float = 0.0, volatility: float = 0.01) -> Signals:
    """Size wishes at a price of 100."""
    size_all_nb(signals, (position, 100.0), volatility, np.array(rule))
    return signals


def wishes() -> Signals:
    return np.zeros(4, signal_dtype)


@pytest.mark.parametrize(
    ("rule", "weight"),
    [
        ([FRACTION, 0.3, 1.0, 1.0, np.nan, 0.0], 0.3),
        ([FRACTION, 0.3, 0.5, 1.0, np.nan, 0.0], 0.15),  # scaled for correlation
        ([FRACTION, 0.9, 1.0, 0.5, np.nan, 0.0], 0.5),  # capped
        ([RISK, 0.01, 1.0, 1.0, np.nan, 0.0], 0.5),  # 1 % lost over a stop 2 % away
        ([VOLATILITY, 0.005, 1.0, 1.0, np.nan, 0.0], 0.5),  # 0.5 % wanted of 1 % a bar
        ([RISK, 0.0, 1.0, 1.0, np.nan, 0.0], 0.0),  # no edge, no trade
    ],
)
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_each_rule(rule: list[float], weight: float, side: float) -> None:
    signals = wishes()
    bracket(signals, market(signals, side * 7.0), 0.02)
    found = sized_by(signals, rule)[0]
    assert found["size"] == pytest.approx(side * weight)
    assert found["size_unit"] == WEIGHT


def test_the_distance_of_a_stop_in_price_and_from_the_orders_own_entry() -> None:
    signals = wishes()
    bracket_at(signals, market(signals, 1.0), 96.0)  # 4 away from 100
    bracket_at(signals, limit(signals, 1.0, 98.0), 96.0)  # 2 away from 98
    bracket_at(signals, stop(signals, -1.0, 97.0), 102.0)  # 5 away from 97
    sized_by(signals, [RISK, 0.01, 1.0, 1.0, np.nan, 0.0])
    assert signals["size"][:3].tolist() == pytest.approx([0.25, 0.5, -0.2])


def test_a_trailing_stop_is_a_stop() -> None:
    signals = wishes()
    bracket(signals, market(signals, 1.0), trailing=0.05)
    bracket_at(signals, market(signals, 1.0), trailing=4.0)
    sized_by(signals, [RISK, 0.01, 1.0, 1.0, np.nan, 0.0])
    assert signals["size"][:2].tolist() == pytest.approx([0.2, 0.25])


def test_without_a_stop_the_mean_loss_stands_in_or_nothing_does() -> None:
    signals = wishes()
    market(signals, 1.0)
    assert np.isnan(sized_by(signals, [RISK, 0.01, 1.0, 1.0, np.nan, 0.0])[0]["size"])
    signals = wishes()
    market(signals, 1.0)
    assert sized_by(signals, [RISK, 0.01, 1.0, 1.0, 0.04, 0.0])[0]["size"] == pytest.approx(0.25)


def test_unknown_volatility_sizes_nothing() -> None:
    for volatility in (np.nan, 0.0):
        signals = wishes()
        market(signals, 1.0)
        assert np.isnan(sized_by(signals, [VOLATILITY, 0.01, 1.0, 1.0, np.nan, 0.0], volatility=volatility)[0]["size"])


def test_what_closes_or_reduces_keeps_its_size() -> None:
    signals = wishes()
    target(signals, 0.0)
    reduce_only(signals, market(signals, -3.0))
    market(signals, -2.0)
    sized_by(signals, [FRACTION, 0.3, 1.0, 1.0, np.nan, 0.0], position=5.0)
    assert signals["size"][:3].tolist() == [0.0, -3.0, -2.0]


def bars(symbol: str = "X", seed: int = 5, n: int = 1500) -> Bars:
    return synthetic_bars(n, seed, WalkParams(symbol, START, HOUR, 100.0, 0.01, 100))


def run(sizing: Sizing) -> BacktestResult:
    strategy = replace(built_in("donchian_breakout"), is_compiled=False)
    strategy, params = sized(strategy, strategy.params.model_validate({"allow_short": True}), sizing)
    return run_backtest(plan_of_bars([Instrument("X", lot_size="0.01")], [bars()], strategy, params))


def test_every_entry_risks_at_most_what_it_should() -> None:
    # between the decision and the fill the market moves, so the risk is that of the decision's price and equity
    result = run(Sizing(SizeRule.RISK, 0.005))
    orders, stamps, equity = result.orders, result.stamps, result.equity
    entries = orders[(orders["origin"] == int(Origin.STRATEGY)) & ~np.isnan(orders["stop_loss"])]
    assert len(entries) > 20
    closes = bars()
    for order in entries:
        known = equity[np.searchsorted(stamps, order["ts_created"])]
        price = closes.close[np.searchsorted(closes.ts_event, order["ts_created"])]
        risked = order["lots"] * 0.01 * price * order["stop_loss"]
        assert risked <= 0.005 * known * (1.0 + 1e-9)
        assert order["lots"] * 0.01 * price <= known * (1.0 + 1e-9)


def test_no_edge_means_no_trade_and_no_reversed_one() -> None:
    result = run(Sizing(SizeRule.RISK, 0.0))
    assert len(result.fills) == 0


def test_a_wish_without_a_stop_is_denied_in_the_log() -> None:
    strategy = replace(built_in("buy_and_hold"), is_compiled=False)
    strategy, params = sized(strategy, strategy.params(), Sizing(SizeRule.RISK, 0.01))
    orders = run_backtest(plan_of_bars([Instrument("X")], [bars(n=5)], strategy, params)).orders
    assert len(orders) > 0
    assert set(orders["status"]) == {int(OrderStatus.DENIED)}
    assert set(orders["reason"]) == {int(Reason.NOT_FINITE)}


def test_a_cross_section_sizes_each_instrument_by_its_own_volatility() -> None:
    strategy = replace(built_in("momentum_rotation"), is_compiled=False)
    params = strategy.params.model_validate({"top": 2, "window": 5, "hold_bars": 5, "minimum_return": -1})
    strategy, params = sized(strategy, params, Sizing(SizeRule.VOLATILITY, 0.002, window=30))
    calm = synthetic_bars(200, 1, WalkParams("A", START, HOUR, 100.0, 0.005, 100))
    wild = synthetic_bars(200, 2, WalkParams("B", START, HOUR, 100.0, 0.02, 100))
    instruments = [Instrument(name, lot_size="0.01") for name in ("A", "B")]
    plan = plan_of_bars(instruments, [calm, wild], strategy, params)
    fills = run_backtest(plan).fills
    value = [np.abs(fills["cash_micro"][fills["instrument"] == j]).mean() for j in (0, 1)]
    assert value[0] > 2 * value[1] > 0


def tiers(rule: Sizing | None, share: dict[str, float] | None = None) -> tuple[BacktestResult, BacktestResult]:
    """Run `confidence` over forecasts that are unsure, then sure, then unsure again; compiled, and by the session."""
    strategy = built_in("confidence")
    params = strategy.params.model_validate({"stop_loss": 0.05, "weight": 0.9, **(share or {})})
    confirm_scans = strategy.confirm_scans
    if rule is not None:
        strategy, params = sized(strategy, params, rule)
    assert strategy.confirm_scans == confirm_scans
    flat = synthetic_bars(90, 5, WalkParams("X", START, HOUR, 100.0, 0.0005, 100))
    up = np.repeat([0.56, 0.8, 0.62], 30)
    values = np.vstack([up, 1.0 - up, np.zeros(90), np.zeros(90)])
    plan = plan_of_bars([Instrument("X", lot_size="0.01")], [flat], strategy, params)
    plan = replace(plan, forecasts=(Forecasts("X", flat.ts_event, np.ascontiguousarray(values)),))
    return run_backtest(plan), run_backtest(plan, "session")


@pytest.mark.parametrize(
    ("rule", "whole"),
    [
        (Sizing(SizeRule.FRACTION, 0.5), 0.5),
        (Sizing(SizeRule.RISK, 0.02), 0.4),  # 2 % lost over a stop 5 % away
        (Sizing(SizeRule.RISK, 0.02, scale=0.5), 0.2),
        (Sizing(SizeRule.FRACTION, 0.8, max_weight=0.6), 0.6),
    ],
)
def test_a_strategy_of_tiers_holds_its_share_of_what_the_rule_says(rule: Sizing, whole: float) -> None:
    result, session = tiers(rule)
    held = result.exposure / result.equity
    for event, share in ((20, 0.3), (50, 1.0), (80, 0.6)):
        assert held[event] == pytest.approx(share * whole, rel=0.02)
    own, _ = tiers(None)
    # the rule changes sizes alone: trades at the same bars, and none to keep a weight the strategy never asked for
    assert result.fills["event"].tolist() == own.fills["event"].tolist()
    assert result.fills.tobytes() == session.fills.tobytes()


def test_tiers_by_volatility_and_where_nothing_is_known() -> None:
    result, _ = tiers(Sizing(SizeRule.VOLATILITY, 0.0001, window=10))
    held = result.exposure / result.equity
    assert 0.0 < held[20] < held[50] > held[80] > held[20]
    unknown, _ = tiers(Sizing(SizeRule.RISK, 0.02), {"stop_loss": 0.0})
    assert len(unknown.fills) == 0
