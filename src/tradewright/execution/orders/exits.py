"""Exits at the market that stops stand in the way of, and targets that are watched here.

Two exits that both work could both fill. Where an exit must not meet a stop (at a target, and at venues where a working
stop holds the lots), the stop is cancelled first, and the exit is sent when the venue says that it is gone. T_protect
bounds how long that may take: a planned exit is withdrawn in time for the stop to be placed again; one that ends a
danger goes out.
"""

from __future__ import annotations

from tradewright.core.types.order import OrderKind, OrderStatus, Origin, Side
from tradewright.execution.orders.gate import want_cancel
from tradewright.execution.orders.inputs import Ask, Effect, Submit, Wish, Withdraw
from tradewright.execution.orders.state import LiveOrder, OrdersState

_WORKING = (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)


def needs_room(state: OrdersState, order: LiveOrder) -> bool:
    """Tell whether stops are to be gone before an exit is sent."""
    return order.is_market_exit and (state.capabilities.exits_hold_lots or order.intent.origin is Origin.TAKE_PROFIT)


def blockers(state: OrdersState, name: str) -> list[LiveOrder]:
    """Return the stops that may still work; where there is none, targets of the venue's own brackets."""
    resting = [o for o in state.live(name) if o.is_protective and o.is_alive and not o.is_market_exit]
    return [o for o in resting if o.intent.origin is not Origin.TAKE_PROFIT] or resting


def covers(state: OrdersState, order: LiveOrder) -> bool:
    """Tell whether a position may rely on an exit that is under way; not for long, and not on one nobody knows of."""
    if order.intent.origin is Origin.RISK:
        return True
    is_young = state.now - order.intent.ts_event < 0.75 * state.protect_ns
    return order.is_held or (order.status is not OrderStatus.UNKNOWN and is_young)


def is_lost(state: OrdersState, order: LiveOrder) -> bool:
    """Tell whether nobody has known of an exit for all of T_protect: it does not stand in the way of another one.

    An emergency exit of this epoch does: it is sent again under its own id where that is safe.
    """
    if order.status is not OrderStatus.UNKNOWN or state.now - order.intent.ts_event < state.protect_ns:
        return False
    return order.intent.origin is not Origin.RISK or order.intent.epoch != state.epoch


def make_room(state: OrdersState, name: str, exits: list[LiveOrder], *, is_bare: bool) -> list[Effect]:
    """Cancel stops for the exits that are held; send those whose way is free, withdraw those that come too late."""
    held = [o for o in exits if o.is_held]
    if not held:
        return []
    known = state.of(name)
    size = abs(known.position)
    room = size - sum(o.remaining for o in exits if o.is_held or covers(state, o))
    if room < 0:
        return [Withdraw(o.intent.client_id, "there is less to close than it would close") for o in held]
    standing = blockers(state, name)
    effects = _cleared(state, standing, room)
    if effects:
        known.naked_since = known.naked_since or state.now  # from the asking on, not from the answer
    is_filling = any(o.unseen for o in state.live(name) if o.is_protective)  # its executions are on their way
    is_free = not is_filling and sum(o.remaining for o in standing) <= room
    half = state.protect_ns / 2
    for order in held:
        is_over = state.now - order.intent.ts_event >= half
        is_danger = order.intent.origin is Origin.RISK
        if is_free or (is_danger and (is_over or is_bare or not any(o.status in _WORKING for o in standing))):
            order.is_held = False
            effects.append(Submit(order.intent))
        elif not is_danger and (is_over or is_bare or known.must_exit):
            effects.append(Withdraw(order.intent.client_id, "the venue did not say in time that the stop is gone"))
    return effects


def _cleared(state: OrdersState, standing: list[LiveOrder], room: int) -> list[Effect]:
    """Cancel what is too much, the newest first, and ask about what was cancelled: a stream may be silent."""
    effects: list[Effect] = []
    wait = state.protect_ns // 8
    cover = sum(o.remaining for o in standing if not o.is_cancel_wanted)
    for order in reversed(standing):
        if cover > room and not order.is_cancel_wanted:
            cover -= order.remaining
            order.next_ask = state.now + wait
            effects += want_cancel(order)
        elif order.is_canceling and state.now >= order.next_ask:
            order.next_ask = state.now + wait
            effects.append(Ask(order.intent.client_id))
    return effects


def at_target(state: OrdersState, name: str, bid: float, ask: float) -> Wish | None:
    """Return the exit of a position that can be closed at its target now; None where the venue watches it, or none is.

    A target that was touched is a market order, as for the simulated venue.
    """
    known = state.instruments.get(name)
    if known is None or known.target_price is None or not known.position or state.capabilities.bracket_native:
        return None
    is_long = known.position > 0
    if not (bid >= known.target_price if is_long else 0.0 < ask <= known.target_price):
        return None
    if not state.is_ready or state.is_journal_lost or known.must_exit or state.now < known.next_target:
        return None
    missing = abs(known.position) - sum(o.remaining for o in state.live(name) if o.is_market_exit)
    if missing <= 0:
        return None
    return Wish(
        strategy=known.strategy,
        instrument=name,
        side=Side.SELL if is_long else Side.BUY,
        kind=OrderKind.MARKET,
        lots=missing,
        is_reduce_only=True,
        origin=Origin.TAKE_PROFIT,
    )
