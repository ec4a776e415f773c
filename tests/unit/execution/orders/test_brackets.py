"""Exits that a venue makes with an entry: the stop protects, the target does not, and neither is in the other's way."""

from __future__ import annotations

import pytest

from tradewright.core.types.order import OrderKind, OrderStatus, Origin, Side
from tradewright.core.types.venue import Idempotency, OrderIntent, VenueFill, VenueOrder
from tradewright.execution.orders.fills import on_filled
from tradewright.execution.orders.inputs import CancelOrder, Filled, Intended, Reported, Source, Submit, Want
from tradewright.execution.orders.machine import make_intent, step
from tradewright.execution.orders.protection import protect
from tradewright.execution.orders.reports import on_reported
from tradewright.execution.orders.state import LiveOrder, OrdersState
from tradewright.execution.venue import Capabilities

X = "AAPL"


def exit_of(origin: Origin, status: OrderStatus = OrderStatus.ACCEPTED) -> VenueOrder:
    name = origin.name
    return VenueOrder(name, f"V-{name}", X, Side.SELL, 5, 0, status, 2, parent="entry", origin=origin)


def entered(*, exits_hold_lots: bool = False) -> OrdersState:
    capabilities = Capabilities(idempotency=Idempotency.HARD, bracket_native=True, exits_hold_lots=exits_hold_lots)
    state = OrdersState("A", capabilities)
    intent = OrderIntent("entry", 1, 1, "s", X, Side.BUY, OrderKind.MARKET, 5, 0, stop_loss=90.0, take_profit=120.0)
    state.orders["entry"] = order = LiveOrder(intent, OrderStatus.ACCEPTED)
    state.index(order)
    return state


def bought(*, exits_hold_lots: bool = False) -> OrdersState:
    state = entered(exits_hold_lots=exits_hold_lots)
    on_filled(state, Filled(VenueFill("e", "entry", "V1", X, Side.BUY, 5, 100.0, 1), Source.STREAM, 1))
    return state


def test_both_exits_of_a_bracket_are_left_to_work() -> None:
    state = bought()
    for origin in (Origin.TAKE_PROFIT, Origin.STOP_LOSS):
        on_reported(state, Reported(exit_of(origin), Source.STREAM, 2))
    target, stop = state.orders["TAKE_PROFIT"].intent, state.orders["STOP_LOSS"].intent
    assert (target.kind, target.limit_price, target.stop_price) == (OrderKind.LIMIT, 120.0, None)
    assert (stop.kind, stop.limit_price, stop.stop_price) == (OrderKind.STOP, None, 90.0)
    assert protect(state, X) == []


def test_a_target_is_no_stop() -> None:
    state = bought()
    on_reported(state, Reported(exit_of(Origin.TAKE_PROFIT), Source.STREAM, 2))
    state.now = state.of(X).naked_since + 1_500_000_000  # the venue's own stop has had its time
    protect(state, X)
    state.now += 1_500_000_000
    (want,) = [e for e in protect(state, X) if isinstance(e, Want)]
    assert want.wish.lots == 5


def test_both_go_when_the_position_is_gone() -> None:
    state = bought()
    for origin in (Origin.TAKE_PROFIT, Origin.STOP_LOSS):
        on_reported(state, Reported(exit_of(origin), Source.STREAM, 2))
    state.of(X).position = 0
    assert {e.client_id for e in protect(state, X) if isinstance(e, CancelOrder)} == {"TAKE_PROFIT", "STOP_LOSS"}


def test_exits_that_the_venue_shows_before_their_entry_has_filled_are_left_alone() -> None:
    state = entered()
    for origin in (Origin.TAKE_PROFIT, Origin.STOP_LOSS):
        on_reported(state, Reported(exit_of(origin), Source.STREAM, 2))
    assert protect(state, X) == []
    state.orders["entry"].status = OrderStatus.CANCELED
    assert len(protect(state, X)) == 2


@pytest.mark.parametrize("exits_hold_lots", [True, False])
def test_a_position_is_closed_past_its_exits_where_they_do_not_hold_it(exits_hold_lots: bool) -> None:
    state = bought(exits_hold_lots=exits_hold_lots)
    for origin in (Origin.TAKE_PROFIT, Origin.STOP_LOSS):
        on_reported(state, Reported(exit_of(origin), Source.STREAM, 2))
    state.of(X).must_exit = state.is_ready = True
    (want,) = [e for e in protect(state, X) if isinstance(e, Want)]
    assert (want.wish.lots, want.wish.kind) == (5, OrderKind.MARKET)
    effects = step(state, Intended(make_intent(state, want.wish, 3), 3))
    for origin in (Origin.STOP_LOSS, Origin.TAKE_PROFIT) if exits_hold_lots else ():
        assert [e.client_id for e in effects if isinstance(e, CancelOrder)] == [origin.name], "one after the other"
        assert not any(isinstance(e, Submit) for e in effects)
        effects = step(state, Reported(exit_of(origin, OrderStatus.CANCELED), Source.STREAM, 4))
    assert not any(isinstance(e, CancelOrder) for e in effects)
    assert [e.intent.lots for e in effects if isinstance(e, Submit)] == [5]
