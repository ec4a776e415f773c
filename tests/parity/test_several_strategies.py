"""Several strategies on one account: each trades as it would alone, on every path, and a kill finds its own."""

# ruff: noqa: ARG001 -- the names of the arguments of `decide` are the convention

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.live_world import World
from tests.parity.live_sessions import trade
from tests.parity.random_scripts import HOUR, assert_same

from tradewright.core.types.account import Account
from tradewright.core.types.bar import Bars
from tradewright.core.types.feature import FeatureSpec, feature
from tradewright.core.types.forecast import ForecastRow, Forecasts
from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.core.types.order import KillLevel
from tradewright.data.synthetic import START, WalkParams, synthetic_bars
from tradewright.engine.backtest import BacktestResult, run_backtest
from tradewright.engine.live.runtime import Runtime
from tradewright.engine.plan import BacktestPlan, plan_of_bars
from tradewright.forensics.explain import explain
from tradewright.risk.limits import Limits
from tradewright.services.report.contribution import contributions
from tradewright.services.report.numbers import numbers_of
from tradewright.strategies.combination import Part, combined
from tradewright.strategies.registry import built_in
from tradewright.strategies.signals import UNITS, Signals, bracket, limit, on_instrument, target
from tradewright.strategies.strategy import Row, Strategy, StrategyParams

FEES = FeeModel(taker_bps=2.0, maker_bps=1.0, minimum=0.5, half_spread_bps=1.0, slippage_bps=0.5)
SYMBOLS = ("AAA", "BBB", "CCC", "DDD")


class Lots(StrategyParams):
    """Fixed lots, so that one account or two size alike."""

    lots: float = 10.0
    stop_loss: float = 0.01


def _averages(_params: Lots) -> dict[str, FeatureSpec]:
    return {"fast": feature("ema", 3), "slow": feature("ema", 9)}


def _follow(row: Row, forecast: ForecastRow, account: Account, params: Lots, signals: Signals) -> None:
    wanted = params.lots if row.fast > row.slow else -params.lots
    if wanted * account.position <= 0.0:
        bracket(signals, target(signals, wanted, UNITS), params.stop_loss)


def _fade(row: Row, forecast: ForecastRow, account: Account, params: Lots, signals: Signals) -> None:
    if account.position == 0.0 and account.working == 0.0:
        wanted = params.lots if row.momentum < 0.0 else -params.lots
        bracket(
            signals, limit(signals, wanted, account.price * (1.0 - 0.001 * wanted / params.lots), UNITS), 0.01, 0.01
        )


def _hear(row: Row, forecast: ForecastRow, account: Account, params: Lots, signals: Signals) -> None:
    if forecast.p_up > 0.6 and account.position == 0.0:
        target(signals, params.lots, UNITS)
    elif forecast.p_up < 0.4 and account.position != 0.0:
        target(signals, 0.0, UNITS)


FOLLOW = Strategy("follow", Lots, _averages, _follow)
FADE = Strategy("fade", Lots, lambda _: {"momentum": feature("rate_of_change", 5)}, _fade)
HEAR = Strategy("hear", Lots, lambda _: {}, _hear, uses_forecast=True, confirm_scans=2)
#: Who trades how many instruments; the one in the middle has no features.
PARTS = (Part(FOLLOW, Lots(lots=20.0), 1), Part(HEAR, Lots(), 1), Part(FADE, Lots(lots=5.0), 2))


def _market() -> tuple[list[Instrument], list[Bars], tuple[Forecasts, ...]]:
    instruments = [Instrument(s, fees=FEES, margin_initial=0.25, margin_maintenance=0.1) for s in SYMBOLS]
    bars = [synthetic_bars(500, k, WalkParams(s, START, HOUR, 100.0, 0.006, 100)) for k, s in enumerate(SYMBOLS)]
    rng = np.random.default_rng(1)
    up = rng.random(500)
    values = np.ascontiguousarray(np.vstack([up, 1.0 - up, np.zeros(500), np.zeros(500)]))
    return instruments, bars, (Forecasts("BBB", bars[1].ts_event, values),)


def _plan(parts: tuple[Part, ...], own: slice = slice(None)) -> BacktestPlan:
    instruments, bars, forecasts = _market()
    plan = plan_of_bars(instruments[own], bars[own], *combined(parts))
    named = {i.symbol for i in instruments[own]}
    return replace(plan, forecasts=tuple(f for f in forecasts if f.instrument in named))


def _own(result: BacktestResult, own: slice) -> list[tuple[Any, ...]]:
    numbers = range(len(SYMBOLS))[own]
    names = ("ts_event", "side", "origin", "lots", "price", "fee_micro", "cash_micro")
    rows = result.fills[np.isin(result.fills["instrument"], numbers)]
    return [(*(row[n] for n in names), int(row["instrument"]) - numbers[0]) for row in rows]


def test_each_fills_as_it_would_alone() -> None:
    together = run_backtest(_plan(PARTS))
    for part, own in zip(PARTS, (slice(0, 1), slice(1, 2), slice(2, 4)), strict=True):
        alone = run_backtest(_plan((part,), own))
        assert len(alone.fills) > 20, part.strategy.name
        assert _own(together, own) == _own(alone, slice(None)), part.strategy.name


@pytest.mark.parametrize("limits", [Limits(), Limits(max_leverage=0.02, intraday_loss=0.0005)], ids=["free", "bound"])
def test_both_paths_and_both_bindings_agree(limits: Limits) -> None:
    plan = replace(_plan(PARTS), limits=limits)
    loop = run_backtest(plan)
    assert (loop.counters["denials"] > 0) == limits.is_limited, "an account's limits bind all of its strategies"
    assert_same(loop, run_backtest(plan, "session"), "session")
    plain = replace(plan, strategy=replace(plan.strategy, is_compiled=False))
    assert_same(loop, run_backtest(plain), "interpreted")
    assert_same(loop, run_backtest(plain, "session"), "interpreted in the session")


def test_built_in_strategies_combine_and_are_kept() -> None:
    parts = [
        Part(replace(built_in(name), name=label), built_in(name).params(), 2)
        for name, label in (("ema_cross", "slow.one"), ("ema_cross", "slow.two"))
    ]
    instruments, bars, _ = _market()
    plan = plan_of_bars(instruments, bars, *combined(parts))
    assert plan.strategy.source_hash
    loop = run_backtest(plan)
    assert len(loop.fills) > 10
    assert_same(loop, run_backtest(plan, "session"), "session")


@pytest.mark.parametrize("is_compiled", [True, False])
def test_a_member_counts_its_own_instruments_and_reaches_no_others(is_compiled: bool) -> None:
    def ask(row: Row, forecast: ForecastRow, account: Account, params: Lots, signals: Signals) -> None:
        if account.working == 0.0 and account.position == 0.0:
            on_instrument(signals, target(signals, params.lots, UNITS), 1)
            on_instrument(signals, target(signals, params.lots, UNITS), 2)

    asker = Strategy("ask", Lots, lambda _: {}, ask, is_compiled=is_compiled)
    result = run_backtest(
        _plan((Part(replace(asker, name="other"), Lots(lots=0.0), 1), Part(asker, Lots(), 2)), slice(3))
    )
    assert set(result.fills["instrument"].tolist()) == {2}
    assert result.counters["denials"] > 0


def test_what_each_contributes_adds_up_to_the_account() -> None:
    result = run_backtest(replace(_plan(PARTS), limits=Limits(max_leverage=0.02)))
    trips = numbers_of(result, _market()[1], fx=result.fx).trips
    owners = [{"name": "first", "symbols": ["AAA", "BBB"]}, {"name": "second", "symbols": ["CCC", "DDD"]}]
    parts = contributions(result, trips, result.fx, owners)
    assert sum(p.result for p in parts) == pytest.approx(result.final_equity - result.initial_cash, abs=1e-4)
    assert sum(p.denied for p in parts) == result.counters["denials"] > 0
    assert sum(p.trades for p in parts) == result.counters["round_trips"]
    assert min(p.commission for p in parts) > 0.0
    assert result.open_lots.any(), "a position is open at the end, so marks are counted too"


def _two() -> BacktestPlan:
    return replace(_plan((PARTS[0], PARTS[2]), slice(0, 3)), forecasts=())


def test_a_session_books_as_its_backtest_and_its_journal_tells_it_again(tmp_path: Path) -> None:
    world = World(_two(), tmp_path)
    found = world.run()
    assert found is not None
    expected = run_backtest(world.plan)
    assert len(expected.fills) > 40
    for name in ("fills", "ledger", "stamps", "equity", "open_lots"):
        assert getattr(found, name).tobytes() == getattr(expected, name).tobytes(), name
    tale = world.retold()
    assert tale.differences == []
    orders = tale.state.orders.values()
    assert {(o.intent.strategy, o.intent.instrument) for o in orders} == {
        ("follow", "AAA"),
        ("fade", "BBB"),
        ("fade", "CCC"),
    }


@pytest.mark.parametrize("level", [KillLevel.BLOCK_NEW, KillLevel.FLATTEN])
def test_a_kill_of_one_strategy_leaves_the_others_alone(level: KillLevel) -> None:
    plan, after = _two(), 600

    def kill(runtime: Runtime, i: int) -> None:
        if i == after:
            assert runtime.conductor.run.memory.arrays["positions"]["lots"][0] != 0
            runtime.kill(level, "strategy:follow", "somebody", "a test")

    free, killed = trade(plan), trade(plan, meddle=kill)
    others = slice(1, 3)
    assert _own(killed.result, others) == _own(free.result, others)
    ts = killed.rows[after].ts_event
    late = [row for row in _own(killed.result, slice(0, 1)) if row[0] > ts]
    assert len(late) <= 1, "what protects may still close, and a flattening does; nothing is opened"
    if level is KillLevel.FLATTEN:
        assert killed.result.open_lots[0] == 0
        assert len(late) == 1
    assert len([row for row in _own(free.result, slice(0, 1)) if row[0] > ts]) > 20


def test_a_decision_is_explained_as_its_own_strategy_saw_it() -> None:
    session = trade(_two())
    placed = next(r for r in session.records() if r.kind == "acted" and "'fade'" in str(r.payload["acts"]))
    told = explain(session.records(), session.program(), placed.sequence)
    assert [(s.instrument in ("BBB", "CCC"), set(s.features)) for s in told.seen] == [(True, {"momentum"})]
    assert all("instrument" not in s for s in told.signals), "it names none but its own"
    assert told.is_same
