"""Our orders and positions beside the venue's: every difference gets a name, and none is traded away."""

from __future__ import annotations

from tradewright.core.types.order import OrderStatus
from tradewright.execution.orders.fills import become_unknown
from tradewright.execution.orders.forgetting import forget
from tradewright.execution.orders.inputs import Alert, Ask, Effect, Reported, Source, Viewed
from tradewright.execution.orders.reports import find, on_reported
from tradewright.execution.orders.state import SECOND, InstrumentState, OrdersState

_WORKING = (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)


def on_viewed(state: OrdersState, view: Viewed) -> list[Effect]:
    """Compare; executions since the watermark have gone in before."""
    effects: list[Effect] = []
    for told in view.open_orders:
        effects += on_reported(state, Reported(told, Source.OPEN_ORDERS, view.ts))
    effects += _missing(state, view)
    for venue_id in sorted(set(state.external) - {o.venue_id for o in view.open_orders}):
        del state.external[venue_id]
    held = {p.instrument: p.lots for p in view.positions}
    for name in sorted({*held, *state.instruments}):
        effects += _position(state, name, held.get(name, 0), view)
    forget(state)
    state.last_view, state.is_blind = state.now, False
    state.is_ready = True  # an instrument that differs is refused by itself
    state.next_reconcile = state.now + state.params.reconcile_ns
    return effects + _kill_verified(state, view)


def _missing(state: OrdersState, view: Viewed) -> list[Effect]:
    """Ask about orders that should be open and were not shown."""
    shown = {id(found) for told in view.open_orders if (found := find(state, told)) is not None}
    effects: list[Effect] = []
    for order in list(state.open.values()):
        if order.status in _WORKING and id(order) not in shown and order.ts_changed < view.ts_asked:
            if view.ts_asked - order.ts_changed > state.capabilities.settle_s * SECOND:
                become_unknown(state, order)
            effects.append(Ask(order.intent.client_id))  # a list may be older than the venue's own word
    return effects


def _position(state: OrdersState, name: str, held: int, view: Viewed) -> list[Effect]:
    known = state.of(name)
    difference = held - known.position - known.external
    if not state.is_ready and known.mismatches == 0 and not state.live(name) and difference:
        # before our first order of this session it can only be somebody else's
        known.external += difference
        known.unbooked = 0
        text = f"{name}: {known.external} of the venue's {held} lots are not ours"
        return [Alert("external position", text, is_page=True)]
    if difference and difference == known.unbooked:
        return _booked(name, known)
    if difference == 0:
        known.mismatch = known.mismatches = known.unbooked = 0
        return []
    if any(o.ts_changed >= view.ts_asked for o in state.live(name)):
        return []  # something moved while we asked
    known.mismatches = known.mismatches + 1 if known.mismatch else 1
    known.mismatch = difference
    text = f"{name}: the venue holds {held} lots, we explain {known.position + known.external}"
    if known.mismatches <= 2:
        return [Alert("position differs", text)]
    known.halted = known.halted or f"the position differs from the venue's by {difference} lots"
    return [Alert("symbol halted", text, is_page=True)] if known.mismatches == 3 else []


def _booked(name: str, known: InstrumentState) -> list[Effect]:
    """Somebody else traded: what closes our position is ours to lose, the rest is theirs."""
    theirs = known.unbooked
    known.unbooked = known.mismatch = known.mismatches = 0
    ours = 0
    if known.position * theirs < 0:
        ours = theirs if abs(theirs) <= abs(known.position) else -known.position
    known.position += ours
    known.external += theirs - ours
    if not ours:
        return [Alert("external trade", f"{name}: somebody traded {theirs} lots on this account", is_page=True)]
    known.halted = "somebody else closed our position"
    return [
        Alert("closed by somebody else", f"{name}: {ours} lots; nothing new is opened until released", is_page=True)
    ]


def _kill_verified(state: OrdersState, view: Viewed) -> list[Effect]:
    """Say whether a kill that cancels has been carried out: by what the venue shows, never by assumption."""
    if not state.verify_by:
        return []
    left = [o for o in state.open.values() if o.is_alive and o.is_cancel_wanted]
    if not left:
        state.verify_by = 0
        return [Alert("kill VERIFIED", f"no order that was to be cancelled is open, asked at {view.ts_asked}")]
    if state.now < state.verify_by:
        return []
    state.verify_by = 0
    return [Alert("kill UNVERIFIED", f"{len(left)} orders may still work", is_page=True)]
