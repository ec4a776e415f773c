"""When a target is taken, and what a turned position keeps of the old one."""

from __future__ import annotations

import pytest

from tradewright.core.types.order import OrderKind, Origin, Side
from tradewright.core.types.venue import Idempotency, OrderIntent, VenueFill
from tradewright.execution.orders.exits import at_target
from tradewright.execution.orders.fills import on_filled
from tradewright.execution.orders.inputs import Filled, Source
from tradewright.execution.orders.state import InstrumentState, LiveOrder, OrdersState
from tradewright.execution.venue import Capabilities


def state(position: int, target: float | None, *, is_native: bool = False) -> OrdersState:
    made = OrdersState("A", Capabilities(idempotency=Idempotency.HARD, bracket_native=is_native))
    made.is_ready = True
    made.instruments["X"] = InstrumentState(position=position, target_price=target, strategy="s")
    return made


@pytest.mark.parametrize(
    ("position", "target", "bid", "ask", "is_taken"),
    [
        (10, 110.0, 110.0, 111.0, True),
        (10, 110.0, 109.0, 110.0, False),  # a sale is paid the bid
        (-10, 90.0, 89.0, 90.0, True),
        (-10, 90.0, 90.0, 91.0, False),
        (10, None, 200.0, 200.0, False),
        (0, 110.0, 200.0, 200.0, False),
        (10, 110.0, float("nan"), float("nan"), False),
        (-10, 90.0, 0.0, 0.0, False),  # no market
    ],
)
def test_a_target(position: int, target: float | None, bid: float, ask: float, is_taken: bool) -> None:
    wish = at_target(state(position, target), "X", bid, ask)
    assert (wish is not None) is is_taken
    if wish is not None:
        assert (wish.side, wish.lots) == (Side.SELL if position > 0 else Side.BUY, abs(position))
        assert (wish.origin, wish.is_reduce_only) == (Origin.TAKE_PROFIT, True)


@pytest.mark.parametrize(
    "change", [{"is_ready": False}, {"is_journal_lost": True}], ids=["before the venue was seen", "without a journal"]
)
def test_not_now(change: dict[str, bool]) -> None:
    made = state(10, 110.0)
    for name, value in change.items():
        setattr(made, name, value)
    assert at_target(made, "X", 120.0, 120.0) is None


def test_the_venue_watches_its_own_brackets() -> None:
    assert at_target(state(10, 110.0, is_native=True), "X", 120.0, 120.0) is None


def test_what_is_on_its_way_is_not_closed_again() -> None:
    made = state(10, 110.0)
    intent = OrderIntent("e", 1, 1, "s", "X", Side.SELL, OrderKind.MARKET, 4, 0, is_reduce_only=True)
    made.orders["e"] = LiveOrder(intent)
    made.index(made.orders["e"])
    wish = at_target(made, "X", 120.0, 120.0)
    assert wish is not None
    assert wish.lots == 6


def test_a_turned_position_has_no_stop_of_the_old_one() -> None:
    made = state(10, 110.0)
    made.of("X").stop_price = 95.0
    made.orders["o"] = LiveOrder(OrderIntent("o", 1, 1, "s", "X", Side.SELL, OrderKind.MARKET, 30, 0))
    fill = VenueFill("t", "o", "v", "X", Side.SELL, 30, 100.0, 1)
    on_filled(made, Filled(fill, Source.STREAM, 1))
    known = made.of("X")
    assert (known.position, known.stop_price, known.target_price) == (-20, None, None)
