"""The outbox holds whatever one decision can ask for; started in a process of its own, as an overflow kills it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.tables.script import Outcome, Setting, play

from tradewright.core.types.order import OrderStatus, Reason
from tradewright.execution.sim_venue import SimVenueParams
from tradewright.strategies.signals import Signals, cancel, limit, replace, tagged

ROOT = Path(__file__).parents[3]
BARS = " | ".join(["100 101 99 100"] * 4)
N_ORDERS, N_WISHES = 13, 20  # most orders of one instrument without exits, wishes that one decision may hold


def enter(s: Signals) -> None:
    """Thirteen limits far below, all with one tag."""
    for _ in range(N_ORDERS):
        tagged(s, limit(s, 1, 50), 1)


def _storm(slots: int, price: float, setting: Setting | None = None) -> Outcome:
    """Move every order twenty times in one decision, the last time to ``price``; both paths must agree."""

    def move(s: Signals) -> None:
        for n in range(N_WISHES):
            replace(s, 1, price - (N_WISHES - 1 - n) * 0.01)

    return play(BARS, {0: enter, 1: move}, setting or Setting(venue=SimVenueParams(slots=slots)))


def every_order_is_moved() -> None:
    """All thirteen stand where the last wish put them."""
    orders = _storm(16, 60.0).result.orders
    assert len(orders) == N_ORDERS
    assert set(orders["status"].tolist()) == {OrderStatus.ACCEPTED}
    assert set(orders["limit"].tolist()) == {60.0}


def every_move_can_be_denied() -> None:
    """A wish for a price below zero is denied once for each order and logged each time."""
    orders = _storm(16, -60.0).result.orders
    denied = orders[orders["status"] == OrderStatus.DENIED]
    assert len(orders) == N_ORDERS + N_ORDERS * N_WISHES
    assert set(denied["reason"].tolist()) == {Reason.BAD_PRICE}
    assert set(orders["limit"][orders["status"] == OrderStatus.ACCEPTED].tolist()) == {50.0}


def every_order_is_cancelled_once() -> None:
    """Twenty cancels of one tag end each order once."""

    def wish(s: Signals) -> None:
        for _ in range(N_WISHES):
            cancel(s, 1)

    orders = play(BARS, {0: enter, 1: wish}).result.orders
    assert len(orders) == N_ORDERS
    assert set(orders["status"].tolist()) == {OrderStatus.CANCELED}


CASES = {case.__name__: case for case in (every_order_is_moved, every_move_can_be_denied, every_order_is_cancelled_once)}


@pytest.mark.parametrize("case", CASES)
def test_a_decision_full_of_wishes_about_many_orders(case: str) -> None:
    code = f"import runpy, sys; runpy.run_path({str(Path(__file__))!r})[{case!r}]()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
