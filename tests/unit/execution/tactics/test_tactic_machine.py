"""One order through its life, step by step."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, OrderStatus, Origin, Side, TimeInForce
from tradewright.core.types.venue import Idempotency
from tradewright.execution.orders.inputs import Alert, OrderEvent, Wish
from tradewright.execution.orders.state import SECOND
from tradewright.execution.tactics.machine import step
from tradewright.execution.tactics.messages import (
    CancelChild,
    ChildRefused,
    ChildSent,
    ChildTold,
    Effect,
    ParentAccepted,
    ParentCancelWanted,
    ParentEnded,
    ParentFilled,
    ParentWanted,
    Passed,
    Quoted,
    QuotesFilled,
    SendChild,
)
from tradewright.execution.tactics.params import Tactic, TacticParams
from tradewright.execution.tactics.state import TacticsState
from tradewright.execution.venue import Capabilities

QUOTED = TacticParams(market=Tactic.QUOTED, market_exit=Tactic.QUOTED, buffer_bps=5.0, requote_bps=10.0, stale_s=100.0)


class Order:
    """One order of 100 lots and its machine."""

    def __init__(self, params: TacticParams = QUOTED, position: int = 0, quoted: bool = True, **more: Any) -> None:  # noqa: ANN401 - fields of a wish
        capabilities = {"turns_positions": True, "exits_hold_lots": False, **more.pop("venue", {})}
        self.state = TacticsState(
            {"X": Instrument("X")}, Capabilities(idempotency=Idempotency.HARD, **capabilities), params
        )
        self.now = 0
        if quoted:
            self.quote(100.0)
        fields = {"strategy": "s", "instrument": "X", "side": Side.BUY, "kind": OrderKind.MARKET, "lots": 100, **more}
        guarded = bool(fields.pop("guarded", False))
        self.first = step(self.state, ParentWanted(7, Wish(**fields), 0, position, guarded))

    def sent(self) -> Wish:
        """The newest child."""
        return self.state.parents[7].children[-1].wish

    def quote(self, mid: float, position: int | None = None) -> list[Effect]:
        return step(self.state, Quoted("X", mid - 0.01, mid + 0.01, self.now, position))

    def passes(self, seconds: float) -> list[Effect]:
        self.now += int(seconds * SECOND)
        return step(self.state, Passed(self.now))

    def named(self) -> str:
        child = self.state.parents[7].children[-1]
        assert step(self.state, ChildSent(child.number, f"c{child.number}", self.now)) == []
        return f"c{child.number}"

    def told(self, name: str, status: OrderStatus, filled: int = 0, lots: int = 0, unseen: int = 0) -> list[Effect]:
        return step(self.state, ChildTold(OrderEvent(name, status, filled, lots, 99.95, unseen=unseen), self.now))


def test_as_it_is() -> None:
    order = Order(TacticParams())
    assert order.first == [SendChild(1, order.sent())]
    assert order.sent().kind is OrderKind.MARKET
    name = order.named()
    assert order.told(name, OrderStatus.ACCEPTED) == [ParentAccepted(7, 0)]
    (filled,) = order.told(name, OrderStatus.PARTIALLY_FILLED, 40, 40)
    assert isinstance(filled, ParentFilled)
    assert (filled.lots, filled.price) == (40, 99.95)
    assert order.passes(3600) == []
    assert order.told(name, OrderStatus.FILLED, 100, 60)[1:] == [ParentEnded(7, OrderStatus.FILLED, "", order.now)]


def test_a_quote_its_successor_and_the_crossing() -> None:
    order = Order()
    assert (order.sent().kind, order.sent().limit_price) == (OrderKind.LIMIT, 99.95)
    name = order.named()
    order.told(name, OrderStatus.ACCEPTED)
    order.quote(100.05)
    assert order.passes(1.0) == [], "a small move"
    order.quote(100.0)
    assert order.quote(100.2) == [CancelChild(name)]
    assert order.quote(100.3) == [], "sent before the cancel was answered"
    (filled,) = order.told(name, OrderStatus.PARTIALLY_FILLED, 30, 30)
    assert isinstance(filled, ParentFilled)
    assert filled.lots == 30
    (again,) = order.told(name, OrderStatus.CANCELED, 30)
    assert isinstance(again, SendChild)
    assert (again.wish.lots, again.wish.limit_price) == (70, 100.24)
    second = order.named()
    assert order.passes(29.0) == [CancelChild(second)], "patience is over"
    (crossing,) = order.told(second, OrderStatus.CANCELED)
    assert isinstance(crossing, SendChild)
    assert crossing.wish.limit_price == 100.37  # 100.31 and 5 bps, rounded up
    third = order.named()
    assert order.passes(30.0) == [CancelChild(third)]
    ended = order.told(third, OrderStatus.CANCELED)
    assert ended == [
        QuotesFilled("X", 0.3, order.now),
        ParentEnded(7, OrderStatus.EXPIRED, "not filled within 60 s", order.now),
    ]


def test_a_quote_is_left_alone_for_a_while() -> None:
    order = Order()
    name = order.named()
    assert order.quote(100.2) == []
    assert order.passes(0.9) == []
    assert order.passes(0.1) == [CancelChild(name)]


def test_the_same_price_keeps_its_place() -> None:
    order = Order()
    order.named()
    assert order.passes(20.0) == []


def test_nothing_is_sent_while_an_order_is_unknown() -> None:
    order = Order()
    name = order.named()
    order.told(name, OrderStatus.UNKNOWN)
    order.passes(2.0)
    assert order.quote(102.0) == [CancelChild(name)]
    assert order.passes(100.0) == []
    (alert,) = order.passes(61.0)
    assert isinstance(alert, Alert)
    assert alert.is_page
    assert order.passes(61.0) == []
    assert order.told(name, OrderStatus.CANCELED)[-1] == ParentEnded(
        7, OrderStatus.EXPIRED, "not filled within 60 s", order.now
    )


def test_executions_that_have_not_come_count() -> None:
    order = Order()
    name = order.named()
    order.passes(1.0)
    order.quote(101.0)
    assert order.told(name, OrderStatus.CANCELED, 0, unseen=60) == []
    (_, again) = order.told(name, OrderStatus.CANCELED, 60, 60)
    assert isinstance(again, SendChild)
    assert again.wish.lots == 40


def test_a_late_execution_takes_the_place_of_what_works() -> None:
    order = Order()
    first = order.named()
    order.passes(1.0)
    order.quote(101.0)
    order.told(first, OrderStatus.CANCELED)
    second = order.named()
    told = order.told(first, OrderStatus.CANCELED, 25, 25)
    assert told[1:] == [CancelChild(second)]
    (again,) = order.told(second, OrderStatus.CANCELED)
    assert isinstance(again, SendChild)
    assert again.wish.lots == 75


def test_a_person_is_told_of_more_than_was_wanted() -> None:
    order = Order()
    first = order.named()
    order.passes(1.0)
    order.quote(101.0)
    order.told(first, OrderStatus.CANCELED)
    second = order.named()
    order.told(first, OrderStatus.CANCELED, 25, 25)
    told = order.told(second, OrderStatus.FILLED, 100, 100)
    assert [type(e) for e in told] == [ParentAccepted, ParentFilled, Alert, QuotesFilled, ParentEnded]
    assert order.state.parents[7].filled == 125


@pytest.mark.parametrize("status", [OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED])
def test_somebody_elses_end_is_not_fought(status: OrderStatus) -> None:
    order = Order()
    assert order.told(order.named(), status)[-1] == ParentEnded(7, status, "", 0)


def test_a_refusal_of_the_desk_ends_it() -> None:
    order = Order()
    assert step(order.state, ChildRefused(1, "killed", 0)) == [ParentEnded(7, OrderStatus.DENIED, "killed", 0)]


def test_a_cancel_before_the_order_has_a_name() -> None:
    order = Order()
    assert step(order.state, ParentCancelWanted(7, 0)) == []
    assert step(order.state, ChildSent(1, "c1", 0)) == [CancelChild("c1")]
    assert order.told("c1", OrderStatus.CANCELED) == [ParentEnded(7, OrderStatus.CANCELED, "cancelled", 0)]


@pytest.mark.parametrize("origin", [Origin.STOP_LOSS, Origin.LIQUIDATION, Origin.RISK])
def test_what_protects_is_not_delayed(origin: Origin) -> None:
    order = Order(origin=origin, is_reduce_only=True, side=Side.SELL)
    assert order.sent().kind is OrderKind.MARKET


def test_without_a_quote_it_is_sent_as_it_is() -> None:
    assert Order(quoted=False).sent().kind is OrderKind.MARKET


def test_an_exit_that_a_stop_makes_room_for_does_not_wait_for_a_price() -> None:
    held = Order(is_reduce_only=True, side=Side.SELL, position=100, venue={"exits_hold_lots": True})
    assert held.sent().kind is OrderKind.MARKET
    assert Order(is_reduce_only=True, side=Side.SELL, position=100).sent().kind is OrderKind.LIMIT


def test_a_resting_limit_order_is_killed_when_it_is_stale() -> None:
    order = Order(kind=OrderKind.LIMIT, limit_price=90.0)
    name = order.named()
    assert order.passes(99.0) == []
    assert order.passes(1.0) == [CancelChild(name)]
    (ended,) = order.told(name, OrderStatus.CANCELED)
    assert ended == ParentEnded(7, OrderStatus.EXPIRED, "not filled within 100 s", order.now)


def test_a_position_is_turned_in_two_orders_where_one_is_refused() -> None:
    assert Order(TacticParams(), -30, stop_loss=90.0).sent().lots == 100
    order = Order(TacticParams(), -30, stop_loss=90.0, venue={"turns_positions": False})
    closing = order.sent()
    assert (closing.lots, closing.is_reduce_only, closing.stop_loss) == (30, True, None)
    (_, _, opening) = order.told(order.named(), OrderStatus.FILLED, 30, 30)
    assert isinstance(opening, SendChild)
    assert (opening.wish.lots, opening.wish.is_reduce_only, opening.wish.stop_loss) == (70, False, 90.0)


def test_the_buffer_follows_what_quotes_fill() -> None:
    easy, hard = Order(), Order()
    easy.told(easy.named(), OrderStatus.FILLED, 100, 100)
    assert easy.state.buffer_bps("X") == pytest.approx(5.06)  # all of it against 70 per cent, by 0.2 bps
    name = hard.named()
    hard.passes(60.0)
    hard.told(name, OrderStatus.CANCELED)
    assert hard.state.buffer_bps("X") == pytest.approx(4.86)


def test_what_has_ended_is_forgotten_after_an_hour() -> None:
    order = Order()
    order.told(order.named(), OrderStatus.FILLED, 100, 100)
    order.passes(3599.0)
    assert order.state.parents
    order.passes(1.0)
    assert (order.state.parents, order.state.children, order.state.by_client_id) == ({}, {}, {})
    assert order.state.ended == {}


@pytest.mark.parametrize(
    "wrong", [{"buffer_bps": 11.0}, {"patience_s": 60.0}, {"requote_s": 0.5}, {"fill_target": 1.0}, {"cross_bps": -1}]
)
def test_parameters_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        TacticParams(**wrong)


EXIT: dict[str, Any] = {
    "side": Side.SELL,
    "kind": OrderKind.LIMIT,
    "limit_price": 105.0,
    "is_reduce_only": True,
    "position": 100,
    "guarded": True,
    "venue": {"exits_hold_lots": True},
}


def test_a_limit_exit_beside_a_stop_waits_here_and_takes_what_there_is_at_its_price() -> None:
    order = Order(TacticParams(), **EXIT)
    assert order.first == order.quote(104.0, 100) == []
    sent = order.quote(105.02, 60)  # the stop has closed 40
    assert [type(effect) for effect in sent] == [SendChild]
    wish = order.sent()
    assert (wish.kind, wish.limit_price, wish.lots, wish.time_in_force) == (OrderKind.LIMIT, 105.0, 60, TimeInForce.IOC)
    name = order.named()
    order.told(name, OrderStatus.PARTIALLY_FILLED, 20, 20)
    assert order.told(name, OrderStatus.EXPIRED, 20) == [], "the rest is watched on"
    order.now += SECOND // 2
    assert order.quote(105.02, 40) == [], "not at once: each attempt takes the stop away"
    order.now += SECOND
    order.quote(105.02, 40)
    assert order.sent().lots == 40
    order.told(order.named(), OrderStatus.REJECTED)
    ended = order.state.parents[7].ending
    assert ended is not None
    assert ended[0] is OrderStatus.REJECTED, "a definite no is not fought"


@pytest.mark.parametrize("status", [OrderStatus.DENIED, OrderStatus.ABANDONED, OrderStatus.CANCELED])
def test_an_attempt_that_came_to_nothing_is_made_again(status: OrderStatus) -> None:
    order = Order(TacticParams(), **EXIT)
    order.quote(105.02, 100)
    assert order.told(order.named(), status) == []
    order.now += 2 * SECOND
    assert [type(effect) for effect in order.quote(105.02, 100)] == [SendChild]


def test_a_limit_exit_ends_with_its_position_and_with_its_time() -> None:
    order = Order(TacticParams(), **EXIT)
    (ended,) = order.quote(104.0, 0)
    assert isinstance(ended, ParentEnded)
    assert (ended.status, ended.reason) == (OrderStatus.CANCELED, "there is nothing left to close")
    order = Order(TacticParams(), **EXIT, ts_expire=5 * SECOND)
    assert order.passes(4.0) == []
    (ended,) = order.passes(1.0)
    assert isinstance(ended, ParentEnded)
    assert ended.status is OrderStatus.EXPIRED


@pytest.mark.parametrize("changes", [{"guarded": False}, {"venue": {"exits_hold_lots": False}}])
def test_where_nothing_stands_in_its_way_a_limit_exit_rests_at_the_venue(changes: dict[str, Any]) -> None:
    order = Order(TacticParams(), **(EXIT | changes))
    assert order.sent().time_in_force is TimeInForce.GTC


def test_another_price_under_the_same_number_is_worked_again() -> None:
    order = Order(TacticParams(), **EXIT)
    assert isinstance(step(order.state, ParentCancelWanted(7, order.now))[0], ParentEnded)
    wish = Wish("s", "X", Side.SELL, OrderKind.LIMIT, 100, limit_price=102.0, is_reduce_only=True)
    assert step(order.state, ParentWanted(7, wish, order.now, 100, is_guarded=True)) == []
    assert [type(effect) for effect in order.quote(102.02, 100)] == [SendChild]
