"""Whatever is told again of orders that ended, however late: nothing moves, and little is remembered."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.core.types.order import OrderKind, OrderStatus, Side
from tradewright.core.types.venue import Idempotency, VenueFill, VenueOrder, VenuePosition
from tradewright.execution.orders.inputs import (
    Filled,
    Input,
    Intended,
    Reported,
    Sent,
    Source,
    Started,
    Ticked,
    Viewed,
    Wish,
)
from tradewright.execution.orders.machine import make_intent, step
from tradewright.execution.orders.recovery import truth
from tradewright.execution.orders.state import SECOND, OrdersState
from tradewright.execution.venue import Capabilities

_HOUR = 3600 * SECOND
_START = 1_700_000_000 * SECOND
_TRADE = st.tuples(st.just("trade"), st.integers(1, 9), st.sampled_from(Side))
_AGAIN = st.tuples(st.just("again"), st.integers(0, 50), st.booleans())
_REPORT = st.tuples(st.just("report"), st.integers(0, 50), st.sampled_from([Source.STREAM, Source.ORDER]))
_WAIT = st.tuples(st.just("wait"), st.integers(1, 14), st.booleans())


class Account:
    """A state, its journal, and the truth beside it."""

    def __init__(self) -> None:
        self.state, self.journal = _fresh(), list[Input]()
        self.now, self.position = _START, 0
        self.fills, self.orders = list[VenueFill](), list[VenueOrder]()
        self.take(Started(1, self.now))
        self.view()

    def take(self, told: Input) -> None:
        self.journal.append(told)
        step(self.state, told)

    def view(self) -> None:
        held = (VenuePosition("X", self.position),) if self.position else ()
        self.take(Viewed((), held, self.now, self.now))

    def trade(self, lots: int, side: Side) -> None:
        intent = make_intent(self.state, Wish("s", "X", side, OrderKind.MARKET, lots), self.now)
        self.take(Intended(intent, self.now))
        self.take(Sent(intent.client_id, self.now))
        name, number = intent.client_id, len(self.fills)
        order = VenueOrder(name, f"V{number}", "X", side, lots, 0, OrderStatus.ACCEPTED, self.now)
        fill = VenueFill(f"T{number}", name, order.venue_id, "X", side, lots, 100.0, self.now)
        self.take(Reported(order, Source.SUBMIT, self.now))
        self.take(Filled(fill, Source.STREAM, self.now))
        self.position += side * lots
        self.fills.append(fill)
        self.orders.append(replace(order, status=OrderStatus.FILLED, filled=lots))

    def act(self, what: str, number: int, how: object) -> None:
        self.now += SECOND
        step(self.state, Ticked(self.now + 60 * SECOND))  # no journal has it
        if what == "trade":
            self.trade(number, Side(how))  # type: ignore[arg-type]
        elif what == "wait":
            self.now += number * _HOUR
            self.view()
        elif what == "again" and self.fills:
            fill = self.fills[number % len(self.fills)]
            self.take(Filled(fill if how else replace(fill, client_id=""), Source.FILLS, self.now))
        elif what == "report" and self.orders:
            self.take(Reported(self.orders[number % len(self.orders)], Source(str(how)), self.now))


def _fresh() -> OrdersState:
    return OrdersState("A", Capabilities(idempotency=Idempotency.HARD))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(_TRADE, _AGAIN, _REPORT, _WAIT), max_size=40))
def test_what_is_told_again_moves_nothing_and_a_restart_remembers_as_much(day: list[tuple[str, int, object]]) -> None:
    account = Account()
    for what, number, how in day:
        account.act(what, number, how)
        assert account.state.position("X") == account.position
        assert not account.state.external
    again = _fresh()
    for told in account.journal:
        step(again, told)
    assert truth(again) == truth(account.state)
    for _ in range(2):
        account.act("trade", 1, Side.BUY)
        account.act("wait", 13, True)
    assert len(account.state.orders) == len(account.state.fills) == len(account.state.by_venue_id) == 1
    assert account.state.position("X") == account.position
