"""The state machine of orders: ``step(state, input)`` changes the state and returns what to do. No I/O, no clock."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from tradewright.core.types.order import OrderStatus
from tradewright.core.types.venue import OrderIntent
from tradewright.execution.orders.client_id import client_id
from tradewright.execution.orders.exits import blockers, needs_room
from tradewright.execution.orders.fills import become_unknown, on_filled
from tradewright.execution.orders.gate import on_killed, on_released, want_cancel
from tradewright.execution.orders.inputs import (
    Absent,
    Alert,
    CancelOrder,
    CancelWanted,
    Claimed,
    Effect,
    Failed,
    Filled,
    Input,
    Intended,
    JournalLost,
    Killed,
    Reconcile,
    Released,
    Reported,
    Sent,
    Started,
    Submit,
    Ticked,
    Viewed,
    Wish,
)
from tradewright.execution.orders.protection import note_lost, protect_all
from tradewright.execution.orders.reconcile import on_viewed
from tradewright.execution.orders.reports import on_failed, on_reported
from tradewright.execution.orders.state import TERMINAL, LiveOrder, OrdersState
from tradewright.execution.orders.unknown import due, on_absent

_WISHED = tuple(f.name for f in dataclasses.fields(Wish))


def make_intent(state: OrdersState, wish: Wish, ts: int) -> OrderIntent:
    """Return the next intent; a pure function of state and wish, so that asking again gives the same id."""
    fields = {name: getattr(wish, name) for name in _WISHED}
    max_len = state.capabilities.id_max_len
    name = client_id(state.account, wish.strategy, state.epoch, state.next_sequence, max_len)
    return OrderIntent(client_id=name, sequence=state.next_sequence, epoch=state.epoch, ts_event=ts, **fields)


def step(state: OrdersState, told: Input) -> list[Effect]:
    """Take one input in and return the effects, in order."""
    state.now = max(state.now, told.ts)  # the decision clock never goes back
    if type(told) is not Ticked:
        state.heard = max(state.heard, told.ts)
    before = {k: o.status for k, o in state.open.items() if o.is_protective and o.is_alive}
    effects = list(_TAKERS[type(told)](state, told))
    for name, was in before.items():
        order = state.orders[name]
        if order.status is not was and order.status in TERMINAL:
            effects += note_lost(state, order)
    if not state.is_ready:
        return effects  # the venue is asked before anything is sent, protection included
    return effects + protect_all(state)


def _intended(state: OrdersState, told: Intended) -> list[Effect]:
    intent = told.intent
    state.orders[intent.client_id] = order = LiveOrder(intent, ts_changed=state.now)
    state.index(order)
    state.next_sequence = max(state.next_sequence, intent.sequence + 1)
    state.of(intent.instrument)
    order.is_held = bool(needs_room(state, order) and blockers(state, intent.instrument))
    return [] if order.is_held else [Submit(intent)]


def _sent(state: OrdersState, told: Sent) -> list[Effect]:
    order = state.orders[told.client_id]
    order.ts_sent, order.is_held = state.now, False
    if order.status is OrderStatus.PENDING:
        order.status, order.ts_changed = OrderStatus.SUBMITTED, state.now
    return []


def _ticked(state: OrdersState, _: Ticked) -> list[Effect]:
    effects = due(state)
    if state.now >= state.next_reconcile or (state.verify_by and state.now >= state.verify_by):
        state.next_reconcile = state.now + state.params.reconcile_ns
        effects.append(Reconcile("time"))
    if not state.is_blind and state.last_view and state.now - state.last_view > 2 * state.params.reconcile_ns:
        state.is_blind = True
        effects.append(Alert("venue not seen", "two reconciliations in a row have failed", is_page=True))
    return effects


def _cancel_wanted(state: OrdersState, told: CancelWanted) -> list[Effect]:
    """Cancel an order of ours by its client id, or one that was claimed by its venue id."""
    name = told.client_id
    order = state.orders.get(name)
    if order is not None:
        return want_cancel(order) if order.is_alive else []
    claimed = state.external.get(name)
    return [CancelOrder(claimed.client_id, name)] if claimed is not None and name in state.claims else []


def _claimed(state: OrdersState, told: Claimed) -> list[Effect]:
    if told.venue_id not in state.external:
        return [Alert("claim refused", f"there is no external order {told.venue_id}")]
    state.claims[told.venue_id] = told.by
    return []


def _started(state: OrdersState, told: Started) -> list[Effect]:
    """Begin an epoch: nothing that was under way is known, and nothing is sent before the venue was asked."""
    state.epoch, state.next_sequence = told.epoch, 1
    state.is_ready = state.is_journal_lost = False
    state.watermark = state.watermark or told.ts
    state.last_view = told.ts
    for order in list(state.open.values()):
        order.is_canceling = order.is_held = False
        if order.status in (OrderStatus.PENDING, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN):
            become_unknown(state, order)
    return [Reconcile("start")]


def _journal_lost(state: OrdersState, _: JournalLost) -> list[Effect]:
    state.is_journal_lost = True
    return [Alert("journal lost", "nothing new is sent until a restart; cancels are", is_page=True)]


_TAKERS: dict[type[Input], Callable[[OrdersState, Any], list[Effect]]] = {
    Absent: on_absent,
    CancelWanted: _cancel_wanted,
    Claimed: _claimed,
    Failed: on_failed,
    Filled: on_filled,
    Intended: _intended,
    JournalLost: _journal_lost,
    Killed: on_killed,
    Released: on_released,
    Reported: on_reported,
    Sent: _sent,
    Started: _started,
    Ticked: _ticked,
    Viewed: on_viewed,
}
