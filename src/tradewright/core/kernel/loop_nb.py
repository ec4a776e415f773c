"""The compiled loop: simulated venue and our side, event by event, over a block of the market.

Both loops are templates around the composite verbs of `market_nb`. They stop early, between two events, where a log
could overflow; the caller makes room and calls again, so memory follows the outputs and not the input.
"""

from __future__ import annotations

from tradewright.core.kernel.compiled import compiled, inlined
from tradewright.core.kernel.match_nb import enqueue_nb, match_in_turn_nb
from tradewright.core.kernel.memory_nb import (
    call_nb,
    copy_nb,
    int_at_nb,
    ints_nb,
    market_nb,
    message_at_nb,
    order_at_nb,
    session_nb,
    venue_nb,
    verbs_nb,
)


def on_event(session: int, i: int) -> None:
    """Stand where the strategy's composite for one market event is bound."""


def on_stamp(session: int) -> None:
    """Stand where the strategy's composite for a complete timestamp is bound."""


def pass_quiet(session: int, venue: int, start: int, stop: int) -> int:
    """Stand where the strategy's way past quiet bars, or quiet ticks, is bound."""
    raise NotImplementedError


def pass_none(session: int, venue: int, start: int, stop: int) -> int:  # noqa: ARG001  # the others' arguments
    """Pass nothing, where several strategies share the account: quiet ways are those of one market."""
    return start


@inlined
def has_room_nb(session: int, venue: int) -> bool:
    """Tell whether every log and ring has room for whatever one event can bring; who writes to one keeps watch."""
    return bool(session_nb(session)[0].needs_room == 0 and venue_nb(venue)[0].needs_room == 0)


@inlined
def pass_through_nb(session: int, venue: int, i: int) -> None:
    """Bring event ``i`` to the venue and its due answers to us."""
    match_in_turn_nb(venue, i)
    v = venue_nb(venue)[0]
    seen = int_at_nb(market_nb(v.market)[0].ts_seen, i)
    if v.answers_head != v.answers_tail and message_at_nb(v.answers, v.answers_head & v.mask).ts_due <= seen:
        call_nb(verbs_nb(v.verbs)[0].deliver, session, venue, seen)


def send_all_nb(session: int, venue: int, _unused: int) -> int:
    """Hand the outbox over to the venue's line; what finds no place there waits until room is made."""
    s = session_nb(session)[0]
    v = venue_nb(venue)[0]
    sent = min(s.n_outbox, v.mask - (v.inbox_tail - v.inbox_head))
    for n in range(sent):
        enqueue_nb(venue, message_at_nb(s.outbox, n), order_at_nb(s.outbox_orders, n))
    left = s.n_outbox - sent
    for n in range(left):
        copy_nb(message_at_nb(s.outbox, n), message_at_nb(s.outbox, sent + n))
        copy_nb(order_at_nb(s.outbox_orders, n), order_at_nb(s.outbox_orders, sent + n))
    s.n_outbox = left
    if left > 0:
        v.needs_room = 1
    return 0


@inlined
def send_nb(session: int, venue: int) -> None:
    """Send what the event made us want, if anything."""
    s = session_nb(session)[0]
    if s.n_outbox > 0:
        call_nb(verbs_nb(s.verbs)[0].send, session, venue, 0)


@inlined
def is_ready_nb(session: int, venue: int) -> bool:
    """Tell whether the next event can come: every log and ring has room, and nothing waits to be sent."""
    if not has_room_nb(session, venue):
        return False
    if session_nb(session)[0].n_outbox == 0:
        return True
    send_nb(session, venue)  # what waited for room, or what a composite that is not compiled wanted
    return has_room_nb(session, venue)


def run_events(session: int, venue: int, start: int, stop: int) -> int:
    """Process events ``start`` to ``stop`` of the block; return the first one not processed (template)."""
    i = start
    while True:
        i = pass_quiet(session, venue, i, stop)
        if i == stop or not is_ready_nb(session, venue):
            return i
        pass_through_nb(session, venue, i)
        on_event(session, i)
        send_nb(session, venue)
        i += 1


def run_stamps(session: int, venue: int, start: int, stop: int) -> int:
    """Do the same for a cross-section strategy; the block ends with a complete timestamp (template)."""
    m = market_nb(session_nb(session)[0].market)[0]
    ts = ints_nb(m.ts_event, m.n)
    for i in range(start, stop):
        if not is_ready_nb(session, venue):
            return i
        pass_through_nb(session, venue, i)
        on_event(session, i)
        if i + 1 == stop or ts[i + 1] != ts[i]:
            on_stamp(session)
        send_nb(session, venue)
    return stop


@compiled
def surround_nb(session: int, venue: int, i: int) -> bool:
    """Do what surrounds the composite for one event, for loops whose composite is not compiled.

    Sends what the event before made us want, then passes event ``i`` through; False where a log needs room first.
    """
    if not is_ready_nb(session, venue):
        return False
    pass_through_nb(session, venue, i)
    return True


@compiled
def send_alone_nb(session: int, venue: int) -> None:
    """Send, called from Python."""
    send_nb(session, venue)
