"""May this order be sent? Asked before an intent is made, and again by the last instruction before the first byte."""

from __future__ import annotations

import math

from tradewright.core.types.order import OrderKind, OrderStatus
from tradewright.core.types.venue import OrderIntent
from tradewright.execution.orders.inputs import (
    Alert,
    CancelOrder,
    Effect,
    Killed,
    KillLevel,
    Reconcile,
    Released,
    Wish,
    Withdraw,
)
from tradewright.execution.orders.state import ALL, PROTECTIVE, SECOND, LiveOrder, OrdersState

_NEEDS_LIMIT = {OrderKind.LIMIT, OrderKind.STOP_LIMIT}
_NEEDS_STOP = {OrderKind.STOP, OrderKind.STOP_LIMIT}


def refusal(state: OrdersState, order: Wish | OrderIntent) -> str:
    """Return why an order must not be sent, or "". What protects is refused only for what makes it no order."""
    said = _malformed(order)
    if said:
        return said
    if state.is_journal_lost:  # the caller may flatten by hand; a cancel needs no journal
        return "the journal cannot be written"
    if order.origin in PROTECTIVE:
        return ""
    return _closed(state, order) or (
        _not_reducing(state, order) if order.is_reduce_only else _no_new_risk(state, order)
    )


def _closed(state: OrdersState, order: Wish | OrderIntent) -> str:
    """Return what refuses every order of a strategy."""
    level = state.kill_level(order.strategy, order.instrument)
    if level >= KillLevel.BLOCK_NEW:
        return f"killed: {level.name}"
    if order.strategy in state.paused:
        return f"the strategy is paused: {state.paused[order.strategy]}"
    if not state.is_ready:
        return "not reconciled with the venue yet"
    if state.now - state.last_view > 3 * state.params.reconcile_ns:
        return "the venue has not been seen for three reconciliations"
    return ""


def _no_new_risk(state: OrdersState, order: Wish | OrderIntent) -> str:
    if state.kill_level(order.strategy, order.instrument) is KillLevel.REDUCE_ONLY:
        return "killed: REDUCE_ONLY"
    known = state.of(order.instrument)
    if known.halted:
        return f"{order.instrument} is halted: {known.halted}"
    if known.mismatches:
        return f"{order.instrument} differs from the venue by {known.mismatch} lots"
    if any(o.intent.client_id != _name(order) for o in state.unknown(order.instrument)):
        return f"an order in {order.instrument} is UNKNOWN"
    return ""


def _name(order: Wish | OrderIntent) -> str:
    return order.client_id if isinstance(order, OrderIntent) else ""


def _malformed(order: Wish | OrderIntent) -> str:
    prices = (order.limit_price, order.stop_price, order.stop_loss, order.take_profit)
    if any(p is not None and not (math.isfinite(p) and p > 0) for p in prices):
        return "a price is not a positive number"
    if order.kind in _NEEDS_LIMIT and order.limit_price is None:
        return "a limit order needs a limit price"
    if order.kind in _NEEDS_STOP and order.stop_price is None:
        return "a stop order needs a stop price"
    return "" if order.lots > 0 else "an order is for at least one lot"


def _not_reducing(state: OrdersState, order: Wish | OrderIntent) -> str:
    """Refuse an exit that could turn a position: all exits of strategies together close at most all of it."""
    position = state.of(order.instrument).position
    if state.capabilities.caps_exits:
        return ""
    others = sum(
        o.remaining
        for o in state.live(order.instrument)
        if o.intent.is_reduce_only and not o.is_protective and o.intent.client_id != _name(order)
    )
    if position * order.side < 0 and order.lots + others <= abs(position):
        return ""
    return f"it would not only reduce the position of {position} lots"


def on_killed(state: OrdersState, kill: Killed) -> list[Effect]:
    """Raise a level; cancel what works and is no protection, flatten if asked."""
    level = max(kill.level, state.kills.get(kill.scope, KillLevel.NONE))
    state.kills[kill.scope] = level
    effects: list[Effect] = [Alert("killed", f"{level.name} of {kill.scope} by {kill.by}: {kill.reason}", is_page=True)]
    if level >= KillLevel.CANCEL:
        effects += [e for o in state.open.values() if _is_reached(o, kill.scope) for e in want_cancel(o)]
        if kill.scope == ALL:
            claimed = [state.external[k] for k in state.claims if k in state.external]
            effects += [CancelOrder(o.client_id, o.venue_id) for o in claimed]
        state.verify_by = state.now + int(state.params.kill_verify_s * SECOND)
        effects.append(Reconcile("kill"))
    if level is KillLevel.FLATTEN:
        for name, known in sorted(state.instruments.items()):
            if kill.scope in (ALL, f"symbol:{name}", f"strategy:{known.strategy}"):
                known.must_exit = known.position != 0
    return effects


def _is_reached(order: LiveOrder, scope: str) -> bool:
    intent = order.intent
    mine = scope in (ALL, f"symbol:{intent.instrument}", f"strategy:{intent.strategy}")
    return mine and order.is_alive and not order.is_protective


def want_cancel(order: LiveOrder) -> list[Effect]:
    """Cancel an order that works; one that is unknown is cancelled as soon as the venue shows it."""
    if order.is_held:
        return [Withdraw(order.intent.client_id, "cancelled")]
    order.is_cancel_wanted = True
    if order.status in (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED) and not order.is_canceling:
        order.is_canceling = True
        return [CancelOrder(order.intent.client_id, order.venue_id)]
    return []


def on_released(state: OrdersState, release: Released) -> list[Effect]:
    """Lower a scope to none: two people, a reason, and a state that agrees with the venue."""
    if not release.confirmed_by or release.confirmed_by == release.by or not release.reason.strip():
        return [Alert("release refused", f"{release.scope}: two people and a reason are needed", is_page=True)]
    name = release.scope.removeprefix("symbol:") if release.scope.startswith("symbol:") else ""
    differs = not name and any(k.mismatches for k in state.instruments.values())
    if not state.is_ready or state.unknown(name) or differs:
        return [Alert("release refused", f"{release.scope}: not reconciled with the venue", is_page=True)]
    state.kills.pop(release.scope, None)
    if release.scope.startswith("strategy:"):
        state.paused.pop(release.scope.removeprefix("strategy:"), None)
    if name:  # these two accept a difference that stayed: it is not ours
        known = state.of(name)
        known.external += known.mismatch
        known.halted, known.mismatch, known.mismatches = "", 0, 0
    return [Alert("released", f"{release.scope} by {release.by} and {release.confirmed_by}: {release.reason}")]
