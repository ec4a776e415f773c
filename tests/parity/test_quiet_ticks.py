"""Passing quiet ticks changes nothing: loop and session agree to the bit, whatever is kept of a run."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from tests.parity.random_scripts import SCRIPT, Params, assert_same, random_plan

from tradewright.core.kernel import quiet_ticks_nb
from tradewright.core.kernel.codes import FROM_LIQUIDATION, FROM_RISK
from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.account import Account
from tradewright.core.types.dtypes import ASK, ASK_SIZE, BID, BID_SIZE, HIGH, LOW, OPEN, PRICE, RATE
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.data.synthetic import START, WalkParams, synthetic_ticks
from tradewright.engine.backtest import run_backtest
from tradewright.engine.plan import BacktestPlan, plan_of_events
from tradewright.risk.limits import Limits
from tradewright.strategies.signals import WEIGHT, Signals, market
from tradewright.strategies.strategy import Strategy

SEEDS = range(120)
N_EVENTS = 1_500


@lru_cache(maxsize=8)
def _sticky_market(number: int) -> MarketEvents:
    """Quotes that mostly repeat their prices, and trades; now and then funding, a bar, a crossed or empty quote."""
    rng = np.random.default_rng(number)
    walk = WalkParams("AAA", START, 90_000_000_000, 100.0, (0.0005, 0.02)[number % 2], 100)
    ticks = synthetic_ticks(N_EVENTS, number, walk)
    assert ticks.kind is not None
    fields, kind = ticks.fields.copy(), ticks.kind.copy()
    is_quote = kind == int(EventKind.QUOTE)
    fresh = np.flatnonzero(is_quote & (rng.random(N_EVENTS) < 0.06))
    shown = np.concatenate([[0], fresh])[np.searchsorted(fresh, np.arange(N_EVENTS), side="right")]
    for row in (BID, ASK):
        fields[row, is_quote] = ticks.fields[row, shown][is_quote]
    at_bid = rng.random(N_EVENTS) < 0.5
    fields[PRICE, ~is_quote] = np.where(at_bid, ticks.fields[BID, shown], ticks.fields[ASK, shown])[~is_quote]
    odd = np.flatnonzero(rng.random(N_EVENTS) < 0.03)
    for i, what in zip(odd[odd > 0], rng.integers(4, size=len(odd)), strict=False):
        price = fields[BID, i]
        if what == 0:
            kind[i] = int(EventKind.FUNDING)
            fields[RATE, i] = rng.normal(0.0, 0.05)
        elif what == 1:
            kind[i] = int(EventKind.BAR)
            fields[[OPEN, HIGH, LOW], i] = [price, price + 0.05, price - 0.05]
            fields[3, i] = price + 0.01
        elif is_quote[i] and what == 2:
            fields[ASK, i] = price - 0.02
        elif is_quote[i]:
            fields[[BID_SIZE, ASK_SIZE], i] = 0.0
    delay = rng.choice(np.array([0, 0, 0, 3_000_000]), N_EVENTS)
    ts_seen = np.maximum.accumulate(ticks.ts_event + delay)
    return MarketEvents(fields, ticks.ts_open, ticks.ts_event, ts_seen, kind=kind)


def _plan(seed: int) -> BacktestPlan:
    """A random script, rarely wishing for anything, alone in a sticky market under a random account and venue."""
    rng = np.random.default_rng(seed)
    drawn = random_plan(seed, "ticks")
    margin = float(rng.choice([1.0, 0.3, 0.25]))
    instrument = Instrument(
        "AAA",
        margin_initial=margin,
        margin_maintenance=0.98 * margin,
        participation=float(rng.choice([0.0, 0.2])),
        fees=FeeModel(maker_bps=0.5, taker_bps=2.0, borrow_bps_year=300.0),
    )
    params = Params(seed=seed, haste=float(rng.choice([0.02, 0.05, 0.2])))
    limits = Limits(max_leverage=4.0, intraday_loss=drawn.limits.intraday_loss, max_drawdown=drawn.limits.max_drawdown)
    plan = plan_of_events((instrument,), _sticky_market(seed % 8), SCRIPT, params)
    return replace(plan, account=drawn.account, limits=limits, venue=drawn.venue)


@pytest.mark.parametrize("seed", SEEDS)
def test_loop_and_session_agree_whatever_is_kept(seed: int) -> None:
    plan = _plan(seed)
    whole = run_backtest(plan)
    assert_same(whole, run_backtest(plan, "session"), f"seed {seed}")
    scored = run_backtest(replace(plan, keeps_equity=False, keeps_score=True))
    bare = run_backtest(replace(plan, keeps_equity=False))
    for name, other in (("scored", scored), ("bare", bare)):
        for log in ("fills", "orders", "ledger"):
            assert getattr(whole, log).tobytes() == getattr(other, log).tobytes(), f"seed {seed}, {name}: {log}"
        assert other.final_equity == whole.final_equity
        assert other.counters == whole.counters
    assert scored.score["max_drawdown"] == whole.score["max_drawdown"]
    assert scored.score == run_backtest(replace(plan, keeps_equity=False, keeps_score=True), "session").score


def test_the_random_runs_trade() -> None:
    runs = [run_backtest(_plan(seed)) for seed in SEEDS]
    assert sum(len(run.fills) > 0 for run in runs) > 0.7 * len(SEEDS)
    assert sum((run.orders["origin"] == FROM_RISK).any() for run in runs) > 5, "no loss limit was broken"
    assert sum(int((run.fills["is_maker"] == 1).sum()) for run in runs) > 50


def decide_once(row: object, forecast: object, account: Account, params: object, signals: Signals) -> None:  # noqa: ARG001
    """Buy three times what the account holds, once."""
    if account.position == 0.0 and account.working == 0.0:
        market(signals, 3.0, WEIGHT)


def test_a_margin_that_funding_broke_is_called_at_the_next_quote_though_it_repeats_the_price() -> None:
    events = synthetic_ticks(40, 1, trade_share=0.0)
    assert events.kind is not None
    events.fields[[BID, ASK]] = [[99.99], [100.01]]
    events.fields[RATE, 20], events.kind[20] = 0.02, int(EventKind.FUNDING)
    instrument = Instrument("AAA", margin_initial=0.33, margin_maintenance=0.32)
    once = Strategy("once", Params, lambda _params: {}, decide_once, source_hash=__file__)
    plan = replace(plan_of_events((instrument,), events, once, Params()), limits=Limits(max_leverage=4.0))
    loop = run_backtest(plan)
    assert_same(loop, run_backtest(plan, "session"), "funding")
    assert loop.counters["liquidations"] > 0
    called = loop.orders["ts_created"][loop.orders["origin"] == FROM_LIQUIDATION]
    assert called[0] == events.ts_event[21]


def test_quiet_ticks_are_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quiet way that keeps no curve leaves holes in it, one for each tick that it passed."""
    plan = _plan(29)
    whole = run_backtest(plan)
    monkeypatch.setattr(quiet_ticks_nb, "keep_nb", inlined(_keep_nothing))
    holed = run_backtest(replace(plan, strategy=replace(SCRIPT, name="holed", source_hash="")))
    assert len(whole.fills) > 20
    assert len(whole.equity) - len(holed.equity) > 0.3 * N_EVENTS
    assert holed.fills.tobytes() == whole.fills.tobytes()


def _keep_nothing(_session: int, _ts: int) -> None:
    """Stand in for what keeps the curve."""
