"""What a parent needs now: one child at a time, and no new one before the venue has said how the last one ended.

Declared and not scripted: it looks only at the state, so a late fill, a lost answer or an order that came back to life
are no cases of their own. Lots that may still fill count in full, unknown ones too; what is sent is what is left.
"""

from __future__ import annotations

from dataclasses import replace

from tradewright.core.types.order import OrderKind, OrderStatus, TimeInForce
from tradewright.execution.orders.inputs import Alert, Wish
from tradewright.execution.orders.state import SECOND
from tradewright.execution.tactics.messages import CancelChild, Effect, ParentEnded, QuotesFilled, SendChild
from tradewright.execution.tactics.params import Tactic
from tradewright.execution.tactics.prices import crossing_price, passive_price
from tradewright.execution.tactics.state import Child, Parent, TacticsState

_RESTING = (OrderKind.LIMIT, OrderKind.STOP_LIMIT)


def advance(state: TacticsState, parent: Parent) -> list[Effect]:
    """Return the cancels and the order that a parent needs now, and its end."""
    live, lots = parent.live, parent.wish.lots
    if live and (parent.is_ended or parent.filled + sum(c.remaining for c in live) > lots):
        return _cancels(live)  # one that had ended came back to life: whatever else works makes room
    if parent.is_ended:
        return []
    if parent.filled >= lots:
        return [*_overfilled(parent), *_ended(state, parent, OrderStatus.FILLED, "")]
    due = parent.ending or _out_of_time(state, parent)
    if due is not None and parent.ending is None:
        parent.ending, parent.ts_ending = due, state.now
    if parent.ending is not None:
        return [*_cancels(live), *_stuck(state, parent)] if live else _ended(state, parent, *parent.ending)
    if live:
        return _cancels(live) if _gives_way(state, parent, live[-1]) else []
    if parent.is_watched and not _is_reached(state, parent):
        return []
    wish, is_crossing = _next_wish(state, parent)
    child = Child(state.next_child, wish, state.now, state.quotes.get(wish.instrument), is_crossing)
    state.next_child += 1
    parent.children.append(child)
    state.children[child.number] = (parent, child)
    return [SendChild(child.number, wish)]


def _cancels(live: list[Child]) -> list[Effect]:
    """Cancel, once; the desk repeats it. One that has no name yet is cancelled when it has."""
    effects: list[Effect] = []
    for child in live:
        if child.is_alive and not child.is_canceling and child.client_id:
            child.is_canceling = True
            effects.append(CancelChild(child.client_id))
    return effects


def _ended(state: TacticsState, parent: Parent, status: OrderStatus, reason: str) -> list[Effect]:
    parent.is_ended = True
    ended = ParentEnded(parent.order_id, status, reason, state.now)
    if any(c.client_id for c in parent.children):
        state.ended[parent.order_id] = state.now
    else:  # nothing was sent: nothing comes late
        state.forget(parent.order_id)
    if any(not c.is_crossing for c in parent.children) and status in (OrderStatus.FILLED, OrderStatus.EXPIRED):
        share = sum(c.filled for c in parent.children if not c.is_crossing) / parent.wish.lots
        state.adapt(parent.wish.instrument, share)
        return [QuotesFilled(parent.wish.instrument, share, state.now), ended]
    return [ended]


def _overfilled(parent: Parent) -> list[Effect]:
    """Tell a person that the venue filled what it had said to be over; nothing is traded to undo it."""
    more = parent.filled - parent.wish.lots
    text = f"order {parent.order_id}: {more} lots more than wanted were filled after their cancel was confirmed"
    return [Alert("order overfilled", text, is_page=True)] if more else []


def _out_of_time(state: TacticsState, parent: Parent) -> tuple[OrderStatus, str] | None:
    if parent.is_watched and 0 < parent.wish.ts_expire <= state.now:
        return OrderStatus.EXPIRED, "its time is over"
    rests = parent.wish.kind in _RESTING and not parent.is_protective
    limit_s = state.params.give_up_s if parent.tactic is Tactic.QUOTED else state.params.stale_s if rests else None
    if limit_s is None or state.now - parent.ts < limit_s * SECOND:
        return None
    return OrderStatus.EXPIRED, f"not filled within {limit_s:g} s"


def _stuck(state: TacticsState, parent: Parent) -> list[Effect]:
    if parent.is_stuck or state.now - parent.ts_ending < state.params.stuck_s * SECOND:
        return []
    parent.is_stuck = True
    waits = ", ".join(f"{c.client_id} {c.status.name}" for c in parent.live)
    return [Alert("order does not end", f"order {parent.order_id} waits for {waits}", is_page=True)]


def _is_quoted(state: TacticsState, parent: Parent) -> bool:
    """Tell whether the next child is a quote. An exit for which a stop has to make room does not wait for a price."""
    wish = parent.wish
    exits = wish.is_reduce_only or parent.filled < parent.closing
    is_held = exits and state.capabilities.exits_hold_lots
    return parent.tactic is Tactic.QUOTED and not is_held and wish.instrument in state.quotes


def _is_reached(state: TacticsState, parent: Parent) -> bool:
    """Tell whether somebody would trade at a watched limit now; not again at once after that was tried."""
    wish, quote = parent.wish, state.quotes.get(parent.wish.instrument)
    if quote is None or wish.limit_price is None or not parent.held:
        return False
    if parent.children and state.now - parent.children[-1].ts_sent < state.params.min_requote_s * SECOND:
        return False
    return quote.ask <= wish.limit_price if wish.side > 0 else quote.bid >= wish.limit_price


def _next_wish(state: TacticsState, parent: Parent) -> tuple[Wish, bool]:
    """Return the next child, and whether it crosses the spread."""
    wish = replace(parent.wish, lots=parent.wish.lots - parent.filled)
    if parent.filled < parent.closing:  # first flat, then the other way
        lots = parent.closing - parent.filled
        wish = replace(wish, lots=lots, is_reduce_only=True, stop_loss=None, take_profit=None)
    if parent.is_watched:
        return replace(wish, lots=min(wish.lots, parent.held), time_in_force=TimeInForce.IOC), True
    if not _is_quoted(state, parent):
        return wish, True
    quote, tick = state.quotes[wish.instrument], state.instruments[wish.instrument].tick
    is_crossing = state.now - parent.ts >= state.params.patience_s * SECOND
    price = (
        crossing_price(quote, wish.side, state.params.cross_bps, tick)
        if is_crossing
        else passive_price(quote, wish.side, state.buffer_bps(wish.instrument), tick)
    )
    force = TimeInForce.GTC if wish.time_in_force is TimeInForce.IOC else wish.time_in_force
    return replace(wish, kind=OrderKind.LIMIT, limit_price=price, time_in_force=force), is_crossing


def _gives_way(state: TacticsState, parent: Parent, child: Child) -> bool:
    """Tell whether a child's price is to be replaced by a new one."""
    if child.wish.kind is not OrderKind.LIMIT or child.quote is None or not _is_quoted(state, parent):
        return False
    wish, is_crossing = _next_wish(state, parent)
    if is_crossing and not child.is_crossing:
        return True
    age = state.now - child.ts_sent
    if wish.limit_price == child.wish.limit_price or age < state.params.min_requote_s * SECOND:
        return False  # the same price keeps its place in the queue
    moved = abs(state.quotes[wish.instrument].mid / child.quote.mid - 1.0) * 1e4
    return moved > state.params.requote_bps or age >= state.params.requote_s * SECOND
