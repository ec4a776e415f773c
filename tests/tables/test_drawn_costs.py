"""Fills that draw their costs: what each kind of order pays, from tables whose draws are known by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from tests.tables.script import PLAIN, START, Setting, check

from tradewright.core.types.execution_costs import ExecutionCosts, cost_table
from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.data.synthetic import WalkParams, synthetic_bars
from tradewright.engine.backtest import BacktestResult, run_backtest
from tradewright.engine.plan import plan_of_bars
from tradewright.execution.costs.sampling import expected_costs, instrument_seed
from tradewright.execution.sim_venue import SimVenueParams
from tradewright.strategies.registry import built_in
from tradewright.strategies.signals import Signals, bracket_at, limit, market, reduce_only, stop

HOUR = 3_600_000_000_000
FLAT = "100 101 99 100"


def costs(
    half: float = 100.0, slip: float = 50.0, *, late: float = 0.0, impact: float = 0.0, filled: float = 1.0
) -> ExecutionCosts:
    """Return costs that are the same at every draw, in basis points; an entry that is late pays 100 on top.

    Entries fill to the share ``filled``.
    """
    flat = np.ones((4, 17))
    table = cost_table(flat * half, flat * slip, np.full(4, late), np.full(4, 100.0), flat * filled)
    return ExecutionCosts(table, np.zeros(0, np.int64), np.zeros(0, np.int64), 1, impact, draws_fills=filled < 1.0)


def given(**changes: float) -> Setting:
    return Setting(replace(PLAIN, costs=costs(**changes)))


def test_a_market_order_pays_half_the_spread_and_slippage() -> None:
    # 100 + 1.0 + 0.5; the fixed terms are not paid on top
    instrument = replace(PLAIN, costs=costs(), fees=FeeModel(half_spread_bps=700, slippage_bps=700))
    check(
        f"{FLAT} | {FLAT}",
        {0: lambda s: market(s, 10)},
        fills="1 buy 10 @ 101.5 strategy",
        setting=Setting(instrument),
    )


def test_a_sale_pays_it_too() -> None:
    check(f"{FLAT} | {FLAT}", {0: lambda s: market(s, -10)}, fills="1 sell 10 @ 98.5 strategy", setting=given())


def test_a_stop_fills_at_its_price_and_costs() -> None:
    check(
        f"{FLAT} | 100 103 99 102",
        {0: lambda s: stop(s, 10, 102.0)},
        fills="1 buy 10 @ 103.53 strategy",
        setting=given(),
    )


def test_a_resting_limit_pays_nothing() -> None:
    check(
        f"{FLAT} | 100 101 97 100",
        {0: lambda s: limit(s, 10, 98.0)},
        fills="1 buy 10 @ 98 strategy",
        setting=given(),
    )


def test_a_limit_beyond_the_market_never_pays_more_than_its_price() -> None:
    # half the spread and no slippage: 101, but at most 100.5
    for price, paid in ((105.0, "101"), (100.5, "100.5")):
        check(
            f"{FLAT} | {FLAT}",
            {0: partial(limit, size=10, price=price)},
            fills=f"1 buy 10 @ {paid} strategy",
            setting=given(),
        )


def test_a_late_entry_pays_on_top_and_a_late_exit_does_not() -> None:
    def leave(signals: Signals) -> None:
        reduce_only(signals, market(signals, -10))

    check(
        f"{FLAT} | {FLAT} | {FLAT}",
        {0: lambda s: market(s, 10), 1: leave},
        fills="""
            1 buy  10 @ 102.5 strategy
            2 sell 10 @ 98.5  strategy
        """,
        setting=given(late=1.0),
    )


def test_impact_grows_with_the_root_of_the_order() -> None:
    # 25 lots: 5 x 20 bps = 1.0 beside 1.5
    check(
        f"{FLAT} | {FLAT}",
        {0: lambda s: market(s, 25)},
        fills="1 buy 25 @ 102.5 strategy",
        setting=given(impact=20.0),
    )


def test_a_quote_has_the_spread_in_it_already() -> None:
    # the ask is 101: slippage only
    check(
        script={0: lambda s: market(s, 2)},
        fills="1 buy 2 @ 101.505 strategy",
        setting=replace(given(), feed="0 quote 99 101 5 5\n1 quote 99 101 5 5"),
    )


def test_an_entry_fills_as_far_as_drawn_and_an_exit_whole() -> None:
    def leave(signals: Signals) -> None:
        market(signals, -7)

    check(
        f"{FLAT} | {FLAT} | {FLAT}",
        {0: lambda s: market(s, 11), 1: leave},
        fills="""
            1 buy  7 @ 101.5 strategy
            2 sell 7 @ 98.5  strategy
        """,
        setting=given(filled=0.7),
    )


def test_what_an_entry_filled_is_protected_and_the_rest_is_cancelled() -> None:
    def enter(signals: Signals) -> None:
        bracket_at(signals, market(signals, 10), 95.0)

    check(
        f"{FLAT} | {FLAT} | 100 100 90 92",
        {0: enter},
        fills="""
            1 buy  6 @ 101.5  strategy
            2 sell 6 @ 93.575 stop_loss
        """,
        setting=given(filled=0.65),
    )


def test_an_entry_of_which_nothing_fills_ends() -> None:
    check(f"{FLAT} | {FLAT}", {0: lambda s: market(s, 1)}, fills="", setting=given(filled=0.9))


def test_a_resting_limit_and_a_quote_are_filled_to_their_share_too() -> None:
    check(
        f"{FLAT} | 100 101 97 100",
        {0: lambda s: limit(s, 10, 98.0)},
        fills="1 buy 5 @ 98 strategy",
        setting=given(filled=0.5),
    )
    check(
        script={0: lambda s: market(s, 2)},
        fills="1 buy 1 @ 101.505 strategy",
        setting=replace(given(filled=0.5), feed="0 quote 99 101 5 5\n1 quote 99 101 5 5"),
    )


def random_costs(seed: int = 11) -> ExecutionCosts:
    rng = np.random.default_rng(3)
    half, slip = (np.sort(rng.gamma(1.5, 4.0, (4, 17)), axis=1) - shift for shift in (0.0, 5.0))
    starts = np.arange(START, START + 2000 * HOUR, 5 * HOUR)
    labels = np.arange(len(starts)) % 4
    filled = np.sort(rng.uniform(0.3, 1.0, (4, 17)), axis=1)
    table = cost_table(half, slip, np.array([0.0, 0.2, 0.5, 1.0]), np.array([1.0, 2.0, 3.0, 4.0]), filled)
    return ExecutionCosts(table, starts, labels, instrument_seed(seed, "X"), 0.7, draws_fills=True)


def run(path: str, drawn: ExecutionCosts) -> tuple[BacktestResult, dict[int, float]]:
    """Run a strategy of market orders; return also the opening price by the time its bar ends."""
    strategy = built_in("ema_cross")
    bars = synthetic_bars(800, 4, WalkParams("X", START, HOUR, 100.0, 0.01, 100))
    plan = plan_of_bars(
        [Instrument("X", costs=drawn)], [bars], strategy, strategy.params.model_validate({"fast": 3, "slow": 9})
    )
    plan = replace(plan, venue=SimVenueParams())
    opens = dict(zip(bars.ts_event.tolist(), bars.open.tolist(), strict=True))
    return run_backtest(plan, "session" if path == "session" else "loop"), opens


def test_every_fill_is_the_draw_that_plain_python_makes() -> None:
    drawn = random_costs()
    result, opens = run("loop", drawn)
    orders = {int(o["id"]): o for o in result.orders}
    checked = partly = 0
    for fill in result.fills:
        order = orders[int(fill["order"])]
        told = expected_costs(drawn, int(fill["order"]), int(fill["ts_event"]) - HOUR, int(order["lots"]))
        bps = told.half_spread_bps + told.slippage_bps + (0.0 if order["is_reduce_only"] else told.late_bps)
        assert fill["price"] == pytest.approx(opens[int(fill["ts_event"])] * (1 + fill["side"] * bps * 1e-4), rel=1e-12)
        if not order["is_reduce_only"] and abs(fill["position_lots"]) == fill["lots"]:  # opened from flat
            assert order["filled"] == math.floor(order["lots"] * told.fill_ratio + 1e-9)
            partly += order["filled"] < order["lots"]
        checked += 1
    assert checked > 40
    assert partly > 20


def test_the_session_draws_the_same_and_another_seed_does_not() -> None:
    one, _ = run("loop", random_costs())
    other, _ = run("session", random_costs())
    assert one.fills.tobytes() == other.fills.tobytes()
    assert one.equity.tobytes() == other.equity.tobytes()
    assert run("loop", random_costs(12))[0].fills.tobytes() != one.fills.tobytes()
