"""What the venue says an order is, and requests that ended without its word."""

from __future__ import annotations

from dataclasses import replace

from tradewright.core.types.order import OrderKind, OrderStatus, Origin
from tradewright.core.types.venue import OrderIntent, VenueOrder
from tradewright.execution.orders.fills import become_unknown
from tradewright.execution.orders.forgetting import was_ours
from tradewright.execution.orders.gate import want_cancel
from tradewright.execution.orders.inputs import (
    Alert,
    Ask,
    CancelOrder,
    Effect,
    Failed,
    KillLevel,
    OrderEvent,
    Outcome,
    Reconcile,
    Reported,
    Source,
)
from tradewright.execution.orders.state import ALL, SECOND, TERMINAL, LiveOrder, OrdersState

_MINUTE = 60 * SECOND
#: What the stream repeats or brings late; a question that was asked now is newer than anything it said.
_ASKED = frozenset({Source.ORDER, Source.OPEN_ORDERS, Source.HISTORY})


def find(state: OrdersState, told: VenueOrder) -> LiveOrder | None:
    """Return our order that a report is about, taking over what the venue made for one of our brackets."""
    order = state.orders.get(told.client_id) or state.orders.get(state.by_venue_id.get(told.venue_id, ""))
    parent = state.orders.get(told.parent)
    if order is not None or parent is None:
        return order
    is_target, price = told.origin is Origin.TAKE_PROFIT, told.price
    if price is None and not parent.intent.are_fractions:
        price = parent.intent.take_profit if is_target else parent.intent.stop_loss
    intent = OrderIntent(
        client_id=told.client_id or told.venue_id,
        sequence=0,
        epoch=parent.intent.epoch,
        strategy=parent.intent.strategy,
        instrument=told.instrument,
        side=told.side,
        kind=OrderKind.LIMIT if is_target else OrderKind.STOP,
        lots=told.lots,
        ts_event=told.ts_event,
        limit_price=price if is_target else None,
        stop_price=None if is_target else price,
        is_reduce_only=True,
        origin=told.origin,
        protects=told.parent,
    )
    order = LiveOrder(intent, OrderStatus.SUBMITTED)
    state.orders[intent.client_id] = order
    state.index(order)
    for key in [k for k in state.others if state.fills[k].venue_id == told.venue_id]:
        del state.others[key]
        fill = state.fills.pop(key)  # it was quicker than this report; asked for again, it is ours
        state.of(told.instrument).unbooked -= fill.side * fill.lots
    return order


def on_reported(state: OrdersState, report: Reported) -> list[Effect]:
    """Believe a report as far as it is newer than what we know; executions move positions, reports never do."""
    told = report.order
    order = find(state, told)
    if order is None:
        was_one = any(was_ours(state, name, told.venue_id) for name in (told.client_id, told.parent))
        return _came_back(state, report) if was_one else _external(state, told)
    if not order.venue_id:
        order.venue_id = told.venue_id
        state.by_venue_id[told.venue_id] = order.intent.client_id
    effects: list[Effect] = []
    if order.status in TERMINAL and told.filled > order.reported:
        state.corrections += 1
        text = f"{order.intent.client_id} was {order.status.name} and has filled"
        effects.append(Alert("corrected", text, is_page=True))
    was, was_unseen = order.status, order.unseen
    order.reported = max(order.reported, told.filled)
    if order.reported > order.filled:  # the position follows executions; these have not come yet
        effects.append(Reconcile("executions are missing"))
    if _is_newer(order, report):
        order.ts_report = told.ts_event
        effects += _moved(state, order, told)
    has_grown = bool(order.intent.protects) and told.lots > order.intent.lots  # an exit follows its entry's fills
    if has_grown:
        order.intent = replace(order.intent, lots=told.lots)
    if order.status is not was or has_grown:
        order.ts_changed = state.now
    if order.status is not was or (order.status in TERMINAL and order.unseen > was_unseen):
        said = OrderEvent(order.intent.client_id, order.status, order.filled, reason=told.reason, unseen=order.unseen)
        effects.append(said)
    if order.is_alive and order.is_cancel_wanted:
        effects += want_cancel(order)
    state.index(order)
    return effects


def _is_newer(order: LiveOrder, report: Reported) -> bool:
    told = report.order
    if order.status in (OrderStatus.UNKNOWN, OrderStatus.ABANDONED):
        return True  # any word of the venue is news
    if order.status in TERMINAL:  # only a question asked now, or a later event, brings it back
        return told.status is not order.status and report.source in _ASKED and told.ts_event > order.ts_report
    if told.is_open and report.source is Source.STREAM:
        return told.ts_event >= order.ts_report
    return True


def _moved(state: OrdersState, order: LiveOrder, told: VenueOrder) -> list[Effect]:
    """Take over the state that the venue reports."""
    status = told.status
    if status is OrderStatus.FILLED or (status in TERMINAL and order.filled == order.intent.lots):
        # FILLED is what executions make it; until they are here the rest stays in the exposure
        if order.status is OrderStatus.UNKNOWN:
            order.status = OrderStatus.PARTIALLY_FILLED if order.filled else OrderStatus.ACCEPTED
        order.status = OrderStatus.FILLED if order.filled == order.intent.lots else order.status
        return []
    if status in TERMINAL and order.status in TERMINAL and order.status is not OrderStatus.ABANDONED:
        return []
    effects: list[Effect] = []
    if order.status in TERMINAL:
        if order.filled == order.intent.lots:
            return []
        state.corrections += 1
        effects.append(
            Alert("corrected", f"{order.intent.client_id} was {order.status.name}, the venue has it", is_page=True)
        )
        if not order.is_protective:  # we had already told the strategy that it is gone
            order.is_cancel_wanted = True
        order.is_canceling = False
    if status in TERMINAL:
        order.status = status
        order.reason = told.reason
        if status is OrderStatus.REJECTED:
            effects += count_reject(state, order.intent, told.reason)
        return effects
    order.status = OrderStatus.PARTIALLY_FILLED if max(order.filled, told.filled) else OrderStatus.ACCEPTED
    order.negatives.clear()
    order.silences.clear()
    return effects


def _external(state: OrdersState, told: VenueOrder) -> list[Effect]:
    """Remember an order that no intent of ours explains; it is never touched unless somebody claims it."""
    known = state.external.get(told.venue_id)
    state.external[told.venue_id] = told
    if known is None and told.is_open:
        return [Alert("external order", f"{told.instrument}: {told.venue_id} of {told.lots} lots is not ours")]
    return []


def _came_back(state: OrdersState, report: Reported) -> list[Effect]:
    """Have an order cancelled that works although it ended so long ago that it is forgotten; let nobody trade on.

    What else is told of one is told again: a report moves no position. Our books hold what should be there without it.
    """
    told = report.order
    if not told.is_open:
        return []
    if report.source not in _ASKED:
        return [Reconcile("an order that ended long ago")]  # a stream may repeat what it said then
    known, effects = state.of(told.instrument), list[Effect]()
    why = f"order {told.client_id or told.venue_id} had ended long ago, and the venue shows it open"
    if known.halted != why:
        known.halted = why
        effects.append(Alert("order came back", f"{told.instrument}: {why}; it is cancelled", is_page=True))
    return [*effects, CancelOrder(told.client_id, told.venue_id)]


def on_failed(state: OrdersState, failed: Failed) -> list[Effect]:
    """Take in that a request did not end well. A time-out is no answer."""
    order = state.orders.get(failed.client_id)
    if order is None:
        return []
    if failed.outcome is Outcome.AUTH:
        state.kills[ALL] = max(state.kills.get(ALL, KillLevel.NONE), KillLevel.BLOCK_NEW)
        lost = Alert("key refused", f"the venue does not take the key: {failed.text}", is_page=True)
        return [lost, *(_not_there(state, order, OrderStatus.DENIED, failed.text) if failed.verb == "submit" else [])]
    if failed.verb == "cancel":
        return _cancel_failed(state, order, failed)
    if order.status not in (OrderStatus.PENDING, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN):
        return []  # the stream was quicker
    if failed.outcome is Outcome.NOT_SENT and order.status is not OrderStatus.UNKNOWN:
        return _not_there(state, order, OrderStatus.DENIED, failed.text)
    if failed.outcome is Outcome.REFUSED and order.status is not OrderStatus.UNKNOWN:
        effects = _not_there(state, order, OrderStatus.REJECTED, failed.text)
        return [*effects, *count_reject(state, order.intent, failed.text)]
    if order.status is not OrderStatus.UNKNOWN:
        become_unknown(state, order)
    return [OrderEvent(failed.client_id, OrderStatus.UNKNOWN, order.filled, reason=failed.text)]


def _not_there(state: OrdersState, order: LiveOrder, status: OrderStatus, text: str) -> list[Effect]:
    if order.filled:  # it was there
        become_unknown(state, order)
    else:
        order.status, order.reason, order.ts_changed = status, text, state.now
        state.index(order)
    return [OrderEvent(order.intent.client_id, order.status, order.filled, reason=text)]


def _cancel_failed(state: OrdersState, order: LiveOrder, failed: Failed) -> list[Effect]:
    """Ask what the order is: a cancel that was refused says nothing of how it ended."""
    order.is_canceling = False
    if not order.is_alive:
        return []
    if failed.outcome is Outcome.NOT_SENT:
        order.next_ask = state.now + SECOND  # asked again by the clock
        return []
    become_unknown(state, order)
    return [Ask(failed.client_id)]


def count_reject(state: OrdersState, intent: OrderIntent, reason: str) -> list[Effect]:
    """Pause a strategy whose orders keep being rejected for one reason: no storm of retries."""
    if intent.origin is not Origin.STRATEGY:
        return []
    key = f"{intent.strategy}/{reason}"
    recent = [ts for ts in state.rejects.get(key, []) if state.now - ts < _MINUTE] + [state.now]
    state.rejects = {k: times for k, times in state.rejects.items() if state.now - times[-1] < _MINUTE}
    state.rejects[key] = recent
    if len(recent) < state.params.rejects_per_minute or intent.strategy in state.paused:
        return []
    state.paused[intent.strategy] = f"rejected {len(recent)} times in a minute: {reason}"
    return [Alert("strategy paused", f"{intent.strategy}: {state.paused[intent.strategy]}", is_page=True)]
