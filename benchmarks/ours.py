"""tradewright on every workload, under its own or a peer's fill rules."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks import spec
from benchmarks.ours_strategies import BarCross, CrossParams, PythonCross, Requote, RequoteParams, SweepCross
from benchmarks.spec import BarData, BarRules, BarRun, Engine, Job, QuoteRun, SweepRun, TickData
from tradewright.analytics.round_trips import round_trips
from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.engine.backtest import BacktestResult, run_backtest
from tradewright.engine.plan import AccountParams, BacktestPlan, plan_of_bars, plan_of_events
from tradewright.engine.sweep import Score, run_sweep
from tradewright.execution.sim_venue import LatencyParams, SimVenueParams
from tradewright.strategies.strategy import Strategy

MINUTE_NS = 60_000_000_000
BPS = 1e4


def bar_plan(data: BarData, rules: BarRules, strategy: Strategy) -> BacktestPlan:
    """One unit, costs as the workload says, fill rules as ``rules`` says."""
    if not rules.market_exit_first:
        raise NotImplementedError("an exit due at the open never waits for what the bar does later")
    if not rules.exit_slippage:
        raise NotImplementedError("slippage is charged on every market fill, exits included")
    fields = blank_fields(data.ts + MINUTE_NS)
    fields[:5] = [data.open, data.high, data.low, data.close, data.volume]
    bars = Bars("X", data.ts, data.ts + MINUTE_NS, fields)
    fees = FeeModel(maker_bps=spec.COMMISSION * BPS, taker_bps=spec.COMMISSION * BPS, slippage_bps=spec.SLIPPAGE * BPS)
    # peers put stops at unrounded prices: a grid finer than any price difference does the same
    instrument = Instrument("X", tick_size="0.000000000001", lot_size="1", fees=fees)
    plan = plan_of_bars([instrument], [bars], strategy, strategy.params())
    venue = SimVenueParams(
        limit_gap="open" if rules.target_gap == "open" else "limit",
        touch_fills=True,
        target="market",
        protect_from="same_bar" if rules.first_check == "entry_bar" else "next_bar",
    )
    return replace(plan, account=AccountParams(initial_cash=spec.CASH), venue=venue)


def collect_bars(answer: tuple[BacktestResult, Any, float]) -> BarRun:
    """Closed trades by bar number; the drawdown was computed inside the clock."""
    result, trips, drawdown = answer
    closed = trips[trips["is_open"] == 0]
    bar = {int(ts): n for n, ts in enumerate(result.stamps)}
    return BarRun(
        np.array([bar[int(ts)] for ts in closed["entry_ts"]], dtype=np.int64),
        np.array([bar[int(ts)] for ts in closed["exit_ts"]], dtype=np.int64),
        closed["entry_price"].copy(),
        closed["exit_price"].copy(),
        result.equity,
        drawdown,
    )


def _run_bars(plan: BacktestPlan) -> tuple[BacktestResult, Any, float]:
    """Run, list the trades, find the drawdown."""
    result = run_backtest(plan)
    trips = round_trips(result.fills, np.ones(1), result.marks, result.fx)
    return result, trips, result.score["max_drawdown"]


def prepare_w1(data: BarData, rules: BarRules) -> Job:
    """The compiled loop with everything kept: orders, fills, ledger, equity."""
    plan = bar_plan(data, rules, BarCross)
    return Job(lambda: _run_bars(plan), collect_bars)


def prepare_w4(data: BarData, rules: BarRules) -> Job:
    """The same with `decide` in plain Python."""
    plan = bar_plan(data, rules, PythonCross)
    return Job(lambda: _run_bars(plan), collect_bars)


def prepare_w2(data: BarData, rules: BarRules, *, with_risk: bool = True) -> Job:
    """A sweep on all cores; its score has return, drawdown, Sharpe and trades."""
    plan = bar_plan(data, rules, SweepCross)
    sets = [CrossParams(fast=f, slow=s) for f in spec.SWEEP_FAST for s in spec.SWEEP_SLOW]

    def collect(scores: list[Score]) -> SweepRun:
        return SweepRun(
            np.array([s.total_return for s in scores]),
            np.array([s.max_drawdown for s in scores]),
            np.array([s.sharpe_per_event * math.sqrt(365 * 24 * 60) for s in scores]),
            np.array([s.round_trips for s in scores], dtype=np.int64),
        )

    return Job(lambda: run_sweep(plan, sets, workers=os.cpu_count() or 1, with_risk=with_risk), collect)


def prepare_w2s(data: BarData, rules: BarRules) -> Job:
    """The same sweep, total return and trades only."""
    return prepare_w2(data, rules, with_risk=False)


def tick_plan(data: TickData) -> BacktestPlan:
    """Quotes and trades in ticks and lots, 1 ms each way, queue model."""
    is_quote = data.kind == 0
    fields = blank_fields(data.ts)
    fields[0] = np.where(is_quote, data.bid / 10.0, data.trade_tick / 10.0)
    fields[1] = np.where(is_quote, data.ask / 10.0, data.trade_lots * spec.LOT)
    fields[2] = np.where(is_quote, data.bid_lots * spec.LOT, data.trade_side)
    fields[3] = np.where(is_quote, data.ask_lots * spec.LOT, 0.0)
    kind = np.where(is_quote, int(EventKind.QUOTE), int(EventKind.TRADE)).astype(np.int64)
    events = MarketEvents(fields, data.ts, data.ts, data.ts, kind=kind)
    fees = FeeModel(maker_bps=spec.MAKER_FEE * BPS, taker_bps=spec.TAKER_FEE * BPS)
    instrument = Instrument("X", tick_size=str(spec.TICK), lot_size=str(spec.LOT), fees=fees)
    plan = plan_of_events((instrument,), events, Requote, RequoteParams(last=int(data.ts[-1]) - 10_000_000))
    latency = LatencyParams(request_ms=spec.ENTRY_LATENCY_NS / 1e6, answer_ms=spec.RESPONSE_LATENCY_NS / 1e6)
    return replace(
        plan,
        account=AccountParams(initial_cash=spec.CASH),
        venue=SimVenueParams(touch_fills=True, queue="displayed", latency=latency, slots=8),
    )


def prepare_w3(data: TickData, _rules: BarRules) -> Job:
    """The loop over quotes and trades; position, cash and fees are kept, and for the check every fill."""
    logged = replace(tick_plan(data), keeps_equity=False)
    timed = replace(logged, keeps_logs=False)

    def collect(result: BacktestResult) -> QuoteRun:
        fills = result.fills
        order = np.lexsort((np.rint(fills["price"] * 10), fills["side"], fills["ts_event"]))
        fills = fills[order]
        return QuoteRun(
            fills["ts_event"].copy(),
            fills["side"].copy(),
            np.rint(fills["price"] * 10).astype(np.int64),
            fills["lots"].copy(),
            int(result.open_lots[0]),
            float(fills["cash_micro"].sum()) / 1e6,
            float(fills["fee_micro"].sum()) / 1e6,
        )

    return Job(lambda: run_backtest(timed), collect, lambda: run_backtest(logged))


ENGINE = Engine(
    "ours",
    "tradewright",
    {"W1": prepare_w1, "W2": prepare_w2, "W2S": prepare_w2s, "W3": prepare_w3, "W4": prepare_w4},
    {},
)
