"""1,000 random order scripts take the compiled loop and the session to the same bits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Literal

import numpy as np
import pytest
from tests.parity.random_scripts import Market, assert_same, random_plan

from tradewright.core.types.events import MarketEvents
from tradewright.core.types.ledger import LedgerKind
from tradewright.core.types.order import OrderKind, OrderStatus, Origin, Reason, TimeInForce
from tradewright.engine import backtest, memory
from tradewright.engine.backtest import run_backtest
from tradewright.engine.plan import BacktestPlan, spans

CASES: tuple[tuple[Market, bool, range], ...] = (
    ("bars", False, range(450)),
    ("ticks", False, range(450, 850)),
    ("bars", True, range(850, 925)),
    ("ticks", True, range(925, 1000)),
)


def test_the_scripts_are_a_thousand() -> None:
    assert sorted(seed for _, _, seeds in CASES for seed in seeds) == list(range(1000))


@cache
def agreed(kind: Market, is_cross_section: bool, seeds: range) -> dict[str, Counter[int]]:
    """Play scripts through both paths; how often they met each kind, end, reason, origin and movement of cash."""
    met: dict[str, Counter[int]] = {
        name: Counter() for name in ("kind", "tif", "status", "reason", "origin", "ledger", "maker")
    }
    for seed in seeds:
        plan = random_plan(seed, kind, is_cross_section=is_cross_section)
        result = run_backtest(plan)
        assert_same(result, run_backtest(plan, "session"), (kind, is_cross_section, seed))
        was_filled = result.orders["filled"] > 0
        for name in ("kind", "tif"):  # of orders that filled
            met[name].update(result.orders[name][was_filled].tolist())
        for name in ("status", "reason", "origin"):
            met[name].update(result.orders[name].tolist())
        met["ledger"].update(result.ledger["kind"].tolist())
        met["maker"].update(result.fills["is_maker"].tolist())
    return met


@pytest.mark.parametrize("case", CASES, ids=str)
def test_loop_and_session_agree_to_the_bit(case: tuple[Market, bool, range]) -> None:
    assert agreed(*case)["kind"]


@pytest.fixture(scope="module")
def everything_met() -> dict[str, Counter[int]]:
    """What all scripts together met."""
    return {name: sum((agreed(*case)[name] for case in CASES), Counter()) for name in agreed(*CASES[0])}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("kind", set(OrderKind)),
        ("tif", set(TimeInForce)),
        ("origin", set(Origin)),
        ("ledger", set(LedgerKind)),
        ("maker", {0, 1}),
        # the states left out have no meaning in a simulation: nothing waits unsent, no answer is lost
        (
            "status",
            set(OrderStatus) - {OrderStatus.PENDING, OrderStatus.UNKNOWN, OrderStatus.REJECTED, OrderStatus.ABANDONED},
        ),
        # what the guard refuses is met in `test_guard`
        ("reason", {reason for reason in Reason if reason < Reason.TRADING_REDUCING} - {Reason.REPLACED}),
    ],
)
def test_the_scripts_meet_everything(everything_met: dict[str, Counter[int]], name: str, wanted: set[int]) -> None:
    missing = {value for value in wanted if everything_met[name][int(value)] < 5}
    assert not missing, f"the scripts no longer meet {missing}: they test less than they claim"


@pytest.mark.parametrize("seed", range(0, 40, 2))
def test_a_run_repeats_itself(seed: int) -> None:
    kind: Market = "bars" if seed % 4 == 0 else "ticks"
    assert_same(run_backtest(random_plan(seed, kind)), run_backtest(random_plan(seed, kind)), seed)
    first, second = (run_backtest(random_plan(seed, kind), "session") for _ in range(2))
    assert_same(first, second, seed)


def _cut(events: MarketEvents, size: int) -> Iterable[MarketEvents]:
    """Cut a block into smaller ones, each ending with a complete timestamp."""
    assert events.kind is not None
    assert events.instrument is not None
    for start, stop in spans(events, size):
        yield MarketEvents(
            np.ascontiguousarray(events.fields[:, start:stop]),
            np.ascontiguousarray(events.ts_open[start:stop]),
            np.ascontiguousarray(events.ts_event[start:stop]),
            np.ascontiguousarray(events.ts_seen[start:stop]),
            kind=np.ascontiguousarray(events.kind[start:stop]),
            instrument=np.ascontiguousarray(events.instrument[start:stop]),
        )


def _in_blocks(plan: BacktestPlan, size: int) -> BacktestPlan:
    (whole,) = plan.blocks()
    return replace(plan, blocks=lambda: tuple(_cut(whole, size)))


@pytest.mark.parametrize("size", [1, 3, 7, 64])
@pytest.mark.parametrize("kind", ["bars", "ticks"])
@pytest.mark.parametrize("is_cross_section", [False, True])
def test_results_do_not_depend_on_spans_or_blocks(
    monkeypatch: pytest.MonkeyPatch, size: int, kind: Market, is_cross_section: bool
) -> None:
    for seed in range(1000, 1015):
        plan = random_plan(seed, kind, is_cross_section=is_cross_section)
        whole = run_backtest(plan)
        assert_same(whole, run_backtest(_in_blocks(plan, size)), ("blocks", size, seed))
        if seed % 5 == 0:
            assert_same(whole, run_backtest(_in_blocks(plan, size), "session"), ("blocks, session", size, seed))
        with monkeypatch.context() as patch:
            patch.setattr(backtest, "SPAN", size)
            assert_same(whole, run_backtest(plan), ("spans", size, seed))
            assert_same(whole, run_backtest(_in_blocks(plan, 2 * size + 1)), ("spans in blocks", size, seed))


@pytest.mark.parametrize("path", ["loop", "session"])
def test_results_do_not_depend_on_how_often_logs_grow(
    monkeypatch: pytest.MonkeyPatch, path: Literal["loop", "session"]
) -> None:
    grown = 0
    for seed in range(1100, 1140):
        plan = random_plan(seed, "ticks" if seed % 2 else "bars")
        roomy = run_backtest(plan, path)
        with monkeypatch.context() as patch:
            patch.setattr(memory, "_FIRST_ROWS", 1)
            assert_same(roomy, run_backtest(plan, path), (path, seed))
        grown += len(roomy.orders) > 2 * (4 * (2 * plan.venue.slots + 8) + 64)
    assert grown >= 5, "the logs hardly ever grew"
