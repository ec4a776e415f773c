"""When silence is an answer: never at a venue that cannot be asked about an order by our id."""

from __future__ import annotations

import pytest

from tradewright.core.types.order import OrderKind, OrderStatus, Side
from tradewright.core.types.venue import Idempotency, OrderIntent
from tradewright.execution.orders.fills import become_unknown
from tradewright.execution.orders.inputs import Absent, Source
from tradewright.execution.orders.state import SECOND, LiveOrder, OrdersState
from tradewright.execution.orders.unknown import on_absent
from tradewright.execution.venue import Capabilities


@pytest.mark.parametrize("idempotency", Idempotency)
def test_silence_of_all_sources(idempotency: Idempotency) -> None:
    state = OrdersState("A", Capabilities(idempotency=idempotency))
    intent = OrderIntent("id", 1, 1, "s", "EURUSD", Side.BUY, OrderKind.MARKET, 1, 0)
    order = state.orders["id"] = LiveOrder(intent)
    become_unknown(state, order)
    for minute in range(1, 10):
        state.now = 60 * minute * SECOND
        for source in Source:
            on_absent(state, Absent("id", source, state.now, state.now))
    is_askable = idempotency is not Idempotency.NONE
    assert order.status is (OrderStatus.ABANDONED if is_askable else OrderStatus.UNKNOWN)
