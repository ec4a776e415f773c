"""An execution that the venue corrects: the old one is taken back, another stands in its place."""

from __future__ import annotations

from tradewright.core.types.order import OrderKind, OrderStatus, Side
from tradewright.core.types.venue import Idempotency, OrderIntent, VenueFill
from tradewright.execution.orders.fills import on_filled
from tradewright.execution.orders.inputs import Filled, Source
from tradewright.execution.orders.state import LiveOrder, OrdersState
from tradewright.execution.venue import Capabilities

X = "EURUSD"


def told(state: OrdersState, trade_id: str, lots: int, price: float, busts: str = "") -> None:
    fill = VenueFill(trade_id, "id", "V1", X, Side.BUY, lots, price, 1, busts=busts)
    on_filled(state, Filled(fill, Source.STREAM, 1))


def bought(lots: int) -> tuple[OrdersState, LiveOrder]:
    state = OrdersState("A", Capabilities(idempotency=Idempotency.TAG))
    intent = OrderIntent("id", 1, 1, "s", X, Side.BUY, OrderKind.MARKET, lots, 0)
    state.orders["id"] = order = LiveOrder(intent, OrderStatus.ACCEPTED)
    return state, order


def test_a_corrected_price_leaves_one_execution_and_no_alarm() -> None:
    state, order = bought(5)
    told(state, "e.01", 5, 100.0)
    told(state, "e.01/corrected", 5, 100.0, busts="e.01")
    assert state.of(X).position == 0
    told(state, "e.02", 5, 99.0)
    for _ in range(2):  # told again by every question
        told(state, "e.01", 5, 100.0)
        told(state, "e.01/corrected", 5, 100.0, busts="e.01")
        told(state, "e.02", 5, 99.0)
    assert (state.of(X).position, order.filled, order.status) == (5, 5, OrderStatus.FILLED)
    assert order.value == 5 * 99.0
    assert (state.quarantine, state.of(X).halted) == ([], "")


def test_what_is_more_than_was_taken_back_is_set_aside() -> None:
    state, order = bought(5)
    told(state, "e.01", 5, 100.0)
    told(state, "e.01/corrected", 5, 100.0, busts="e.01")
    told(state, "e.02", 5, 99.0)
    told(state, "f.01", 1, 99.0)
    assert (state.of(X).position, order.filled, len(state.quarantine)) == (5, 5, 1)
    assert state.of(X).halted
