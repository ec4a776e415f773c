"""Orders that nobody knows about: when to ask, when two sources' silence is an answer, and whether to send again."""

from __future__ import annotations

from enum import StrEnum

from tradewright.core.types.order import OrderStatus
from tradewright.core.types.venue import Idempotency
from tradewright.execution.orders.inputs import Absent, Alert, Ask, CancelOrder, Effect, OrderEvent, Source, Submit
from tradewright.execution.orders.state import SECOND, LiveOrder, OrdersState
from tradewright.execution.venue import Capabilities

#: Two families of sources that do not fail together: lists of orders, and what trading left behind.
_ORDERS = {Source.ORDER, Source.HISTORY}  # open orders alone do not show one that has ended
_TRADES = {Source.FILLS, Source.POSITIONS}
#: Where the order's time is forgotten: it is not open, has left no execution, and the position is what it was.
_WITHOUT_HISTORY = {Source.OPEN_ORDERS, *_TRADES}
_LONG = 8
#: Questions with which protection is sent again; later ones let it settle.
_SENDS = (2, 3)


class Resubmission(StrEnum):
    """Whether the same intent may be sent once more under the same id."""

    AT_ONCE = "at once"  # the venue itself refuses a second one
    NEVER = "never"  # a second one could be bought


def resubmission(capabilities: Capabilities, age_s: float) -> Resubmission:
    """Return what the venue's idempotency permits for an intent first sent ``age_s`` ago.

    OPEN_ONLY refuses a second one only while the first is open: a stop that has filled meanwhile would be sent twice.
    """
    if capabilities.idempotency is Idempotency.HARD:
        return Resubmission.AT_ONCE
    if capabilities.idempotency is Idempotency.WINDOW and age_s < capabilities.id_window_s / 2:
        return Resubmission.AT_ONCE
    return Resubmission.NEVER


def due(state: OrdersState) -> list[Effect]:
    """Return the questions whose time has come, cancels to repeat, and protection that may be sent again."""
    effects: list[Effect] = []
    for order in state.open.values():
        if not order.is_alive or state.now < order.next_ask:
            continue
        if order.status is OrderStatus.UNKNOWN:
            effects += _ask(state, order)
        elif order.is_cancel_wanted and not order.is_canceling and order.venue_id:
            order.is_canceling = True
            effects.append(CancelOrder(order.intent.client_id, order.venue_id))
    return effects


def _ask(state: OrdersState, order: LiveOrder) -> list[Effect]:
    order.asks += 1
    steps = state.params.ask_after_s
    after = steps[order.asks] if order.asks < len(steps) else None
    wait = state.params.ask_every_s if after is None else after - (state.now - order.ts_unknown) / SECOND
    order.next_ask = state.now + int(max(wait, 0.5) * SECOND)
    age_s = (state.now - order.intent.ts_event) / SECOND
    effects: list[Effect] = [Ask(order.intent.client_id)]
    if order.asks == _LONG:
        effects.append(Alert("still unknown", f"{order.intent.client_id}: nobody can say what it is", is_page=True))
    waits = order.is_protective and not order.is_cancel_wanted and order.intent.epoch == state.epoch
    # a position waits for protection; entries are never sent again: their price is stale
    may_send = resubmission(state.capabilities, age_s) is Resubmission.AT_ONCE
    if waits and may_send and order.asks in _SENDS and order.filled == 0:
        effects.append(Submit(order.intent))
    return effects


def on_absent(state: OrdersState, told: Absent) -> list[Effect]:
    """Count a source's silence; conclude that the order never arrived when enough of them agree late enough."""
    order = state.orders.get(told.client_id)
    if order is None or order.status is not OrderStatus.UNKNOWN:
        return []
    if told.source in _ORDERS and told.ts_asked - order.intent.ts_event > state.capabilities.retention_s * SECOND:
        return []  # the venue has forgotten that time: its silence says nothing
    order.silences[told.source] = order.silences.get(told.source, 0) + 1
    order.negatives[told.source] = max(told.ts_asked, order.negatives.get(told.source, 0))
    settled = max(order.ts_unknown, order.ts_sent) + int(state.capabilities.settle_s * SECOND)
    silent = {source for source, asked in order.negatives.items() if asked >= settled}
    if max(order.silences.values()) < state.params.min_silences:
        return []
    if order.filled or order.reported or order.venue_id:
        return _forgotten(state, order) if silent >= _WITHOUT_HISTORY else []
    if state.capabilities.idempotency is Idempotency.NONE:
        return []  # nothing there is listed under our id: it stays unknown until a person looks
    if not ((silent & _ORDERS and silent & _TRADES) or silent >= _WITHOUT_HISTORY):
        return []
    order.status, order.ts_changed = OrderStatus.ABANDONED, state.now
    state.index(order)
    order.reason = "the venue does not have it: " + ", ".join(sorted(silent))
    return [OrderEvent(told.client_id, OrderStatus.ABANDONED, 0, reason=order.reason)]


def _forgotten(state: OrdersState, order: LiveOrder) -> list[Effect]:
    """Leave an order that the venue once had and now does not show: it has ended, but how only executions can tell."""
    if order.reported > order.filled:
        return []
    order.status, order.ts_changed = OrderStatus.CANCELED, state.now
    state.index(order)
    order.reason = "no longer open at the venue; executions and position agree on what was filled"
    text = f"{order.intent.client_id}: the venue's history has lost it; {order.filled} lots had filled"
    return [
        Alert("order history lost", text, is_page=True),
        OrderEvent(order.intent.client_id, order.status, order.filled, reason=order.reason),
    ]
