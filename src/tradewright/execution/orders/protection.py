"""Positions and what closes them: what should work at the venue beside what does, and the orders that mend it.

Declared and not scripted: it looks only at the state, so it says the same after a restart, a lost message, or a hand
that cancelled the stop. A stop is as large as what has filled. One that was refused, or cancelled by somebody else a
second time, is not fought for: the position is closed.
"""

from __future__ import annotations

from tradewright.core.types.order import OrderKind, OrderStatus, Origin, Side
from tradewright.execution.orders.gate import want_cancel
from tradewright.execution.orders.inputs import Alert, Effect, Want, Wish
from tradewright.execution.orders.state import SECOND, InstrumentState, LiveOrder, OrdersState


def protect(state: OrdersState, name: str) -> list[Effect]:
    """Return the orders and cancels that an instrument's position needs now."""
    known = state.of(name)
    guards = [o for o in state.live(name) if o.is_protective and o.is_alive]
    if known.position == 0:
        known.naked_since = known.stops_lost = 0
        known.must_exit = False
        known.stop_price = None if not any(o.intent.stop_loss for o in state.live(name)) else known.stop_price
        idle = [o for o in guards if o.intent.origin is not Origin.RISK and not _waits(state, o)]
        return [e for o in idle for e in want_cancel(o)]
    if known.stop_price is None and not known.must_exit:
        return []
    side = Side.SELL if known.position > 0 else Side.BUY
    effects = [e for o in guards if o.intent.side is not side for e in want_cancel(o)]
    ours = [o for o in guards if o.intent.side is side and not o.is_cancel_wanted]
    exits = sum(o.remaining for o in ours if o.intent.origin is Origin.RISK)
    stops = [o for o in ours if o.intent.origin not in (Origin.RISK, Origin.TAKE_PROFIT)]
    size = abs(known.position)
    if known.must_exit or _is_late(state, known, stops, size - exits):
        if state.capabilities.reserves_exits:  # first what holds the position has to go
            held = [o for o in guards if o.intent.side is side and o.intent.origin is not Origin.RISK]
            effects += [e for o in held for e in want_cancel(o)]
            size -= min(size, _cover(held))
        return effects + _exit(state, name, side, size - exits)
    effects += _trimmed(stops, size)
    missing = size - exits - sum(o.remaining for o in stops)
    half = state.capabilities.t_protect_s * SECOND / 2
    waits = state.capabilities.bracket_native and state.now - known.naked_since < half  # for the venue's own stop
    if missing > 0 and known.stop_price is not None and not waits:
        effects.append(Want(_wish(known, name, side, missing, known.stop_price)))
    return effects


def _cover(held: list[LiveOrder]) -> int:
    """Return how many lots the venue keeps for exits that work; a stop and a target share theirs."""
    works = [o for o in held if o.status in (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)]
    targets = sum(o.remaining for o in works if o.intent.origin is Origin.TAKE_PROFIT)
    return max(targets, sum(o.remaining for o in works) - targets)


def _waits(state: OrdersState, guard: LiveOrder) -> bool:
    """Tell whether the venue made an exit for an entry that may still fill."""
    entry = state.orders.get(guard.intent.protects)
    return entry is not None and entry.remaining > 0


def _is_late(state: OrdersState, known: InstrumentState, stops: list[LiveOrder], size: int) -> bool:
    """Tell whether a position has been without a working stop for too long, or stops are of no use here."""
    if known.stops_lost > 1:
        return True
    works = sum(o.remaining for o in stops if o.status in (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED))
    if works >= size:
        known.naked_since = 0
        return False
    known.naked_since = known.naked_since or state.now
    return state.now - known.naked_since >= state.capabilities.t_protect_s * SECOND


def _exit(state: OrdersState, name: str, side: Side, missing: int) -> list[Effect]:
    """Close at the market, and again after a while if that did not work."""
    known = state.of(name)
    if missing <= 0 or state.now < known.next_exit:
        return []
    text = f"{name}: {known.position} lots have no working stop; closing {missing} at the market"
    return [Alert("emergency exit", text, is_page=True), Want(_wish(known, name, side, missing, None))]


def _trimmed(stops: list[LiveOrder], size: int) -> list[Effect]:
    """Cancel stops that the position has shrunk away from, the newest first."""
    effects: list[Effect] = []
    cover = sum(o.remaining for o in stops)
    for order in reversed(stops):
        if cover - order.remaining >= size:
            cover -= order.remaining
            effects += want_cancel(order)
    return effects


def _wish(known: InstrumentState, name: str, side: Side, lots: int, stop: float | None) -> Wish:
    return Wish(
        strategy=known.strategy,
        instrument=name,
        side=side,
        kind=OrderKind.MARKET if stop is None else OrderKind.STOP,
        lots=lots,
        stop_price=stop,
        is_reduce_only=True,
        origin=Origin.RISK if stop is None else Origin.STOP_LOSS,
    )


def note_lost(state: OrdersState, order: LiveOrder) -> list[Effect]:
    """Count a stop that ended without us: refused once, or cancelled twice, is enough. Delay the next exit."""
    intent = order.intent
    known = state.of(intent.instrument)
    if intent.origin is Origin.RISK and order.filled < intent.lots and known.position * intent.side < 0:
        known.next_exit = state.now + int(state.params.exit_retry_s * SECOND)
    if intent.origin not in (Origin.STOP_LOSS, Origin.TRAILING) or order.is_cancel_wanted or not known.position:
        return []
    if order.status is OrderStatus.REJECTED:
        known.stops_lost += 2
        return [Alert("stop refused", f"{intent.instrument}: {order.reason}", is_page=True)]
    if order.status in (OrderStatus.CANCELED, OrderStatus.EXPIRED):
        known.stops_lost += 1
        text = f"{intent.instrument}: a stop was cancelled by somebody else"
        return [Alert("stop lost", text, is_page=known.stops_lost > 1)]
    return []
