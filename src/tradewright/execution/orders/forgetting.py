"""What ended long ago is forgotten, so that a session of weeks is no larger than one of a day.

It happens when the venue was viewed and by the times of the journal alone, so that a restart forgets the same. What is
remembered reaches further back than anything is asked again; whatever comes about the time before is not booked.
"""

from __future__ import annotations

from tradewright.core.types.venue import VenueFill
from tradewright.execution.orders.client_id import told_by
from tradewright.execution.orders.state import OrdersState


def forget(state: OrdersState) -> None:
    """Forget orders that have ended, and executions, of which nothing was heard for long.

    Kept are orders that another one protects, and executions that the venue may be asked for again: in a quiet market
    the newest is old.
    """
    protected = {order.intent.protects for order in state.open.values()}
    for name in _due(state, state.ended):
        order = state.orders[name]
        if name in protected or any(_is_asked_again(state, key) for key in order.executions):
            state.ended[name] = state.heard
            continue
        for key in order.executions:
            _forget_execution(state, key)
        state.by_venue_id.pop(order.venue_id, None)
        del state.orders[name]
    for key in _due(state, state.others):
        if _is_asked_again(state, key):
            state.others[key] = state.heard
        else:
            _forget_execution(state, key)


def _due(state: OrdersState, queue: dict[str, int]) -> list[str]:
    """Take out of a queue what is old."""
    due: list[str] = []
    for name, heard in queue.items():
        if state.heard - heard < state.params.forget_after_ns:
            break
        due.append(name)
    for name in due:
        del queue[name]
    return due


def _is_asked_again(state: OrdersState, key: str) -> bool:
    return 2 * (state.watermark - state.fills[key].ts_event) < state.params.forget_after_ns


def _forget_execution(state: OrdersState, key: str) -> None:
    state.horizon = max(state.horizon, state.fills.pop(key).ts_event)
    state.busted.pop(key, None)


def was_ours(state: OrdersState, client_id: str, venue_id: str) -> bool:
    """Tell whether we gave an id to an order that we do not know: it has then ended long ago.

    One that was somebody else's when we had not come that far is theirs: an earlier life of the account's. So is one
    of epoch 0, in which no session works: the watchdog's. An exit of an entry that we know is yet to be reported.
    """
    told = told_by(client_id)
    is_issued = told is not None and (1, 0) <= told < (state.epoch, state.next_sequence)
    return is_issued and venue_id not in state.external and client_id.partition(".")[0] not in state.orders


def is_past(state: OrdersState, fill: VenueFill) -> bool:
    """Tell whether an execution of no order that we know may be one that was forgotten: it must not be booked again.

    Its client id may say so. Where the venue told none, all up to the horizon may be ours.
    """
    return was_ours(state, fill.client_id, fill.venue_id) or fill.ts_event <= state.horizon
