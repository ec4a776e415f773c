"""Positions and what closes them: what should work at the venue beside what does, and the orders that mend it.

Declared and not scripted: it looks only at the state, so it says the same after a restart, a lost message, or a hand
that cancelled the stop. A stop is as large as what has filled. One that was refused, or cancelled by somebody else a
second time, is not fought for: the position is closed.
"""

from __future__ import annotations

from tradewright.core.types.order import OrderKind, OrderStatus, Origin, Side
from tradewright.execution.orders.exits import covers, is_lost, make_room, needs_room
from tradewright.execution.orders.gate import want_cancel
from tradewright.execution.orders.inputs import Alert, Effect, Want, Wish, Withdraw
from tradewright.execution.orders.state import SECOND, InstrumentState, LiveOrder, OrdersState

_STOPS = (Origin.STOP_LOSS, Origin.TRAILING)  # a target protects nothing


def protect_all(state: OrdersState) -> list[Effect]:
    """Return the orders and cancels that positions need now, instrument by instrument."""
    touched = {order.intent.instrument for order in state.open.values()} & state.instruments.keys()
    for name, i in state.instruments.items():  # asked after every input, and nearly always there is nothing
        if i.must_exit or i.naked_since or i.stops_lost or i.stop_price is not None or i.target_price is not None:
            touched.add(name)
    return [effect for name in sorted(touched) for effect in protect(state, name)]


def protect(state: OrdersState, name: str) -> list[Effect]:
    """Return the orders and cancels that an instrument's position needs now."""
    known, live = state.of(name), state.live(name)
    if known.position == 0:
        return _flat(state, known, live)
    if not live and known.stop_price is None and not known.must_exit:
        return []
    side = Side.SELL if known.position > 0 else Side.BUY
    alive = [o for o in live if o.is_alive]
    wrong = [o for o in alive if (o.is_protective or o.is_held) and o.intent.side is not side]
    effects = [e for o in wrong for e in want_cancel(o)]
    ours = [o for o in alive if o.intent.side is side and not o.is_cancel_wanted]
    exits = [o for o in ours if (o.intent.origin is Origin.RISK or needs_room(state, o)) and not is_lost(state, o)]
    stops = [o for o in ours if o.intent.origin in _STOPS]
    size = abs(known.position)
    risk = sum(o.remaining for o in exits if o.intent.origin is Origin.RISK and not o.is_held)
    is_bare = known.stop_price is not None and _is_late(state, known, stops, size - risk)
    effects += make_room(state, name, exits, is_bare=is_bare)
    missing = size - sum(o.remaining for o in exits if not o.is_held or o.intent.origin is Origin.RISK)
    if known.must_exit or (is_bare and (missing > 0 or risk or known.stops_lost > 1)):
        return effects + _exit(state, name, side, missing)
    return effects if known.stop_price is None else effects + _stop(state, name, side, exits)


def _flat(state: OrdersState, known: InstrumentState, live: list[LiveOrder]) -> list[Effect]:
    """Forget what protected a position that is gone, and end everything that would only have closed it."""
    known.naked_since = known.stops_lost = 0
    known.must_exit = False
    if not live:
        known.stop_price = known.target_price = None
        return []
    known.stop_price = known.stop_price if any(o.intent.stop_loss for o in live) else None
    known.target_price = known.target_price if any(o.intent.take_profit for o in live) else None
    effects: list[Effect] = [Withdraw(o.intent.client_id, "there is nothing left to close") for o in live if o.is_held]
    idle = [o for o in live if o.is_alive and not o.is_market_exit and not _waits(state, o)]
    closing = [o for o in idle if o.is_protective or o.intent.is_reduce_only]
    return effects + [e for o in closing for e in want_cancel(o)]


def _waits(state: OrdersState, guard: LiveOrder) -> bool:
    """Tell whether the venue made an exit for an entry that may still fill."""
    entry = state.orders.get(guard.intent.protects)
    return entry is not None and entry.remaining > 0


def _stop(state: OrdersState, name: str, side: Side, exits: list[LiveOrder]) -> list[Effect]:
    """Have stops for what no exit under way closes."""
    known = state.of(name)
    size = abs(known.position)
    stops = [o for o in state.live(name) if o.is_alive and o.intent.origin in _STOPS and o.intent.side is side]
    ours = [o for o in stops if not o.is_cancel_wanted]
    effects = _trimmed(ours, size)
    cover = sum(o.remaining for o in ours if not o.is_cancel_wanted)
    missing = size - cover - sum(o.remaining for o in exits if covers(state, o))
    half = state.protect_ns / 2
    waits = state.capabilities.bracket_native and state.now - known.naked_since < half  # for the venue's own stop
    is_held = state.capabilities.exits_hold_lots and len(ours) < len(stops)  # by one that is being cancelled
    if missing > 0 and known.stop_price is not None and not waits and not is_held:
        effects.append(Want(_wish(known, name, side, missing, known.stop_price)))
    return effects


def _is_late(state: OrdersState, known: InstrumentState, stops: list[LiveOrder], size: int) -> bool:
    """Tell whether a position has been without a working stop for too long, or stops are of no use here."""
    if known.stops_lost > 1:
        return True
    works = sum(o.remaining for o in stops if o.status in (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED))
    if works >= size:
        known.naked_since = 0
        return False
    known.naked_since = known.naked_since or state.now
    return state.now - known.naked_since >= state.protect_ns


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
    if order.is_market_exit and order.filled < intent.lots and known.position * intent.side < 0:
        again = state.now + int(state.params.exit_retry_s * SECOND)
        if intent.origin is Origin.RISK:
            known.next_exit = again
        else:
            known.next_target = again
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
