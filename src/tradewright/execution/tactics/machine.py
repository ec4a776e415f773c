"""The state machine of tactics: ``step(state, input)`` changes the state and returns what to do. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tradewright.core.types.order import OrderKind, OrderStatus
from tradewright.execution.orders.inputs import Wish
from tradewright.execution.orders.state import PROTECTIVE, SECOND
from tradewright.execution.tactics.messages import (
    ChildRefused,
    ChildSent,
    ChildTold,
    Effect,
    Input,
    ParentAccepted,
    ParentCancelWanted,
    ParentEnded,
    ParentFilled,
    ParentWanted,
    Passed,
    Quote,
    Quoted,
)
from tradewright.execution.tactics.params import Tactic
from tradewright.execution.tactics.routing import is_watched
from tradewright.execution.tactics.state import Child, Parent, TacticsState
from tradewright.execution.tactics.working import advance

#: An order that has ended is remembered for so long: executions may come late.
_REMEMBERED_NS = 3600 * SECOND
_WITHDRAWN = (OrderStatus.CANCELED, OrderStatus.EXPIRED)
#: How an exit at a watched limit ends that is tried again: it took what there was, its stop did not make room in time,
#: or nobody ever saw it.
_TRIED = (*_WITHDRAWN, OrderStatus.DENIED, OrderStatus.ABANDONED)
_AT_VENUE = (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED)


def step(state: TacticsState, told: Input) -> list[Effect]:
    """Take one input in and return the effects, in order."""
    state.now = max(state.now, told.ts)  # the decision clock never goes back
    return _TAKERS[type(told)](state, told)


def _wanted(state: TacticsState, told: ParentWanted) -> list[Effect]:
    _forget_old(state)
    known = state.parents.get(told.order_id)
    if known is not None:
        if not known.is_ended:
            return []
        state.forget(told.order_id)  # its successor: another price under the same number
    wish = told.wish
    if wish.instrument not in state.instruments:
        return [ParentEnded(told.order_id, OrderStatus.DENIED, f"{wish.instrument} is not traded here", state.now)]
    turns = not wish.is_reduce_only and told.position * wish.side < 0 and wish.lots > abs(told.position)
    parent = Parent(
        order_id=told.order_id,
        wish=wish,
        tactic=_tactic(state, wish),
        ts=state.now,
        closing=abs(told.position) if turns and not state.capabilities.turns_positions else 0,
        is_watched=is_watched(state.capabilities, wish, is_guarded=told.is_guarded),
        held=abs(told.position),
    )
    state.parents[told.order_id] = parent
    return advance(state, parent)


def _tactic(state: TacticsState, wish: Wish) -> Tactic:
    """Return how an order is worked: what protects, and what is no market order, is sent as it is."""
    if wish.kind is not OrderKind.MARKET or wish.origin in PROTECTIVE:
        return Tactic.AS_IS
    return state.params.market_exit if wish.is_reduce_only else state.params.market


def _cancel_wanted(state: TacticsState, told: ParentCancelWanted) -> list[Effect]:
    parent = state.parents.get(told.order_id)
    if parent is None or parent.is_ended:
        return []
    _end(state, parent, OrderStatus.CANCELED, "cancelled")
    return advance(state, parent)


def _quoted(state: TacticsState, told: Quoted) -> list[Effect]:
    quote = Quote.of(told.bid, told.ask)
    if quote is None:
        return []
    state.quotes[told.instrument] = quote
    for parent in _open(state):
        if parent.is_watched and parent.wish.instrument == told.instrument and told.position is not None:
            parent.held = max(-told.position * parent.wish.side, 0)
            if not parent.held:
                _end(state, parent, OrderStatus.CANCELED, "there is nothing left to close")
    return [e for p in _open(state) if p.wish.instrument == told.instrument for e in advance(state, p)]


def _passed(state: TacticsState, _: Passed) -> list[Effect]:
    _forget_old(state)
    return [e for p in _open(state) for e in advance(state, p)]


def _open(state: TacticsState) -> list[Parent]:
    return [state.parents[k] for k in sorted(state.parents.keys() - state.ended.keys())]


def _forget_old(state: TacticsState) -> None:
    while state.ended:
        order_id, when = next(iter(state.ended.items()))
        if state.now - when < _REMEMBERED_NS:
            return
        state.forget(order_id)


def _sent(state: TacticsState, told: ChildSent) -> list[Effect]:
    parent, child = state.children[told.child]
    child.client_id = told.client_id
    state.by_client_id[told.client_id] = (parent, child)
    return advance(state, parent)


def _refused(state: TacticsState, told: ChildRefused) -> list[Effect]:
    parent, child = state.children[told.child]
    child.status = OrderStatus.DENIED
    _end(state, parent, OrderStatus.CANCELED if parent.filled else OrderStatus.DENIED, told.reason)
    return advance(state, parent)


def _told(state: TacticsState, told: ChildTold) -> list[Effect]:
    found = state.by_client_id.get(told.event.client_id)
    if found is None:
        return []
    parent, child = found
    event, effects = told.event, list[Effect]()
    child.status, child.unseen = event.status, event.unseen
    child.filled = max(child.filled, event.filled)
    if not parent.is_accepted and event.status in _AT_VENUE:
        parent.is_accepted = True
        effects.append(ParentAccepted(parent.order_id, state.now))
    if event.fill_lots:
        effects.append(_filled(state, parent, child, told))
    is_ours = event.status in _TRIED if parent.is_watched else child.is_canceling and event.status in _WITHDRAWN
    if not child.is_alive and event.status is not OrderStatus.FILLED and not is_ours:
        _end(state, parent, event.status, event.reason)  # somebody else's word is not fought
    return effects + advance(state, parent)


def _filled(state: TacticsState, parent: Parent, child: Child, told: ChildTold) -> ParentFilled:
    return ParentFilled(
        order_id=parent.order_id,
        lots=told.event.fill_lots,
        price=told.event.fill_price,
        client_id=child.client_id,
        ts=state.now,
    )


def _end(state: TacticsState, parent: Parent, status: OrderStatus, reason: str) -> None:
    if parent.ending is None:
        parent.ending, parent.ts_ending = (status, reason), state.now


_TAKERS: dict[type[Input], Callable[[TacticsState, Any], list[Effect]]] = {
    ChildRefused: _refused,
    ChildSent: _sent,
    ChildTold: _told,
    ParentCancelWanted: _cancel_wanted,
    ParentWanted: _wanted,
    Passed: _passed,
    Quoted: _quoted,
}
