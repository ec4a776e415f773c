"""Whatever one decision can ask for finds room; played in a process of its own, as an overflow would kill it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from tests.tables.script import Key, Setting, Wish, play

from tradewright.core.types.account import Account
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderStatus, Reason
from tradewright.data.synthetic import synthetic_bars
from tradewright.engine.backtest import run_backtest
from tradewright.engine.plan import plan_of_bars
from tradewright.execution.sim_venue import SimVenueParams
from tradewright.strategies.signals import Signals, cancel, limit, replace, tagged
from tradewright.strategies.strategy import Strategy, StrategyParams

ROOT = Path(__file__).parents[3]
BARS = " | ".join(["100 101 99 100"] * 6)
N_ORDERS = 13
FIRST_BAR = float(synthetic_bars(1, 1).ts_event[0])
N_WISHES = 20  # as many as one decision about one instrument may hold


def enter(s: Signals) -> None:
    """Thirteen limits far below, all with one tag."""
    for _ in range(N_ORDERS):
        tagged(s, limit(s, 1, 50), 1)


def move(s: Signals) -> None:
    """Twenty new prices for all of them, 60 the last."""
    for n in range(N_WISHES):
        replace(s, 1, 60 - (N_WISHES - 1 - n) * 0.5)


def every_order_is_moved() -> None:
    """All thirteen stand where the last wish put them, from the next bar on."""
    outcome = play(BARS, {0: enter, 1: move})
    orders = outcome.result.orders
    assert len(orders) == N_ORDERS
    assert set(orders["status"].tolist()) == {OrderStatus.ACCEPTED}
    assert set(orders["limit"].tolist()) == {60.0}
    assert [outcome.accounts["X", bar].buy_limit for bar in (1, 2, 3)] == [50.0, 60.0, 60.0]


def more_orders_than_a_ring_holds_are_moved() -> None:
    """Sixty orders moved twenty times are 1,200 messages, all of which arrive before the next bar."""
    script: dict[Key, Wish] = dict.fromkeys((0, 1, 2), lambda s: [tagged(s, limit(s, 1, 50), 1) for _ in range(20)])
    script[3] = move
    outcome = play(BARS, script, Setting(venue=SimVenueParams(slots=64)))
    orders = outcome.result.orders
    assert len(orders) == 60
    assert set(orders["limit"].tolist()) == {60.0}
    assert [outcome.accounts["X", bar].buy_limit for bar in (3, 4, 5)] == [50.0, 60.0, 60.0]


def every_move_is_denied() -> None:
    """A price below zero is denied once for each wish and order, and each denial is logged."""
    script: dict[Key, Wish] = {0: enter, 1: lambda s: [replace(s, 1, -60) for _ in range(N_WISHES)]}
    orders = play(BARS, script).result.orders
    is_denied = orders["status"] == OrderStatus.DENIED
    assert is_denied.tolist().count(True) == N_ORDERS * N_WISHES
    assert set(orders["reason"][is_denied].tolist()) == {Reason.BAD_PRICE}
    assert orders["limit"][~is_denied].tolist() == [50.0] * N_ORDERS


def every_order_is_cancelled_once() -> None:
    """Twenty cancels of one tag end each order once."""
    script: dict[Key, Wish] = {0: enter, 1: lambda s: [cancel(s, 1) for _ in range(N_WISHES)]}
    orders = play(BARS, script).result.orders
    assert orders["status"].tolist() == [OrderStatus.CANCELED] * N_ORDERS


def decide(row: object, forecast: object, account: Account, params: object, signals: Signals) -> None:  # noqa: ARG001
    """Enter sixty orders, then move them all with every wish there is room for; nothing at the first bar."""
    if account.now <= FIRST_BAR:
        return
    for n in range(len(signals)):
        if account.working >= 60.0:
            # a move that comes late shows in the next price
            replace(signals, 1, 40.0 + (account.buy_limit + 3.0 + n * 0.5) % 20.0)
        elif n + account.working < 60.0:
            tagged(signals, limit(signals, 1.0, 50.0, 1), 1)


def _play_storm(n_instruments: int, *, is_compiled: bool) -> None:
    """More instruments leave room for more wishes: 16 and four for each. Only the first acts."""
    strategy = Strategy("storm", StrategyParams, lambda _params: {}, decide, is_compiled=is_compiled)
    instruments = [Instrument(f"X{j}") for j in range(n_instruments)]
    bars = [synthetic_bars(9 if j == 0 else 1, 1) for j in range(n_instruments)]
    plan = plan_of_bars(instruments, bars, strategy, StrategyParams())
    plan = dataclasses.replace(plan, venue=SimVenueParams(slots=64))
    loop, session = run_backtest(plan, "loop"), run_backtest(plan, "session")
    assert len(loop.orders) >= 60
    assert loop.orders["limit"].tolist() == session.orders["limit"].tolist()
    for name in ("orders", "fills", "ledger", "equity"):
        assert getattr(loop, name).tobytes() == getattr(session, name).tobytes(), name


def a_compiled_strategy_moves_as_many() -> None:
    """1,200 messages from one decision of a compiled strategy."""
    _play_storm(1, is_compiled=True)


def a_compiled_strategy_moves_several_rings_full() -> None:
    """48 wishes about 60 orders are 2,880 messages: more than a ring holds that was made larger once."""
    _play_storm(8, is_compiled=True)


def a_plain_strategy_moves_several_rings_full() -> None:
    """The same from a strategy that is not compiled."""
    _play_storm(8, is_compiled=False)


CASES = (
    every_order_is_moved,
    more_orders_than_a_ring_holds_are_moved,
    every_move_is_denied,
    every_order_is_cancelled_once,
    a_compiled_strategy_moves_as_many,
    a_compiled_strategy_moves_several_rings_full,
    a_plain_strategy_moves_several_rings_full,
)


@pytest.mark.parametrize("case", [case.__name__ for case in CASES])
def test_a_decision_full_of_wishes(case: str) -> None:
    code = f"from tests.unit.core.test_outbox import {case}; {case}()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
