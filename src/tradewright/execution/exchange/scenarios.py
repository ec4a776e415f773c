"""Faults by name: what a venue does to its clients in each. Whoever runs the exchange picks them, with a seed.

A fault's ``path`` is matched against the place where it may strike: method and path of a request (``POST /v2/orders``),
``event NAME`` for an order event on its way to a stream, ``data NAME`` for a market-data message, ``order`` for what
happens to orders themselves.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from tradewright.core.types.errors import UsageError
from tradewright.execution.exchange.faults import Fault

#: What may happen to a request. Three digits are a status that is answered in place of the request's handling.
LOST_REQUEST, LOST_ANSWER, FAILED_ANSWER, LATE_ANSWER = "lost request", "lost answer", "failed answer", "late answer"
#: To an order event or a market-data message; ``cut`` ends the connection, ``mute`` leaves it open without a word.
DUPLICATE, SWAP, LOST, CUT, MUTE = "duplicate", "swap", "lost", "cut", "mute"
FROZEN, CROSSED = "frozen", "crossed"
#: To orders and accounts.
REJECT, IGNORED_CANCEL, FORGOTTEN, SAME_ID = "reject", "ignored cancel", "forgotten", "same id"
BOTH_EXITS, EXIT_REJECTED, BUST = "both exits", "exit rejected", "bust"
OUTSIDE_CANCEL, OUTSIDE_CLOSE = "outside cancel", "outside close"
#: To the venue's clock; ``seconds`` is by how much it is ahead.
SKEW = "skew"

REQUEST_FAULTS = (LOST_REQUEST, LOST_ANSWER, FAILED_ANSWER, LATE_ANSWER, "401", "404", "429", "500", "503")
MESSAGE_FAULTS = (DUPLICATE, SWAP, LOST, CUT, MUTE, FROZEN, CROSSED)
ORDER_FAULTS = (REJECT, IGNORED_CANCEL, FORGOTTEN, BOTH_EXITS, EXIT_REJECTED, BUST, OUTSIDE_CANCEL, OUTSIDE_CLOSE)

_NEW_ORDER = ("POST /v2/orders", "POST /api/v3/order")


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way in which a venue misbehaves; ``number`` is that of the project's list of faults, where it has one."""

    name: str
    number: str
    what: str
    faults: tuple[Fault, ...]


def _to_orders(kind: str) -> tuple[Fault, ...]:
    """Return a fault of the first new order, wherever the venue takes them."""
    return tuple(Fault(kind, path) for path in _NEW_ORDER)


SCENARIOS: tuple[Scenario, ...] = (
    Scenario("accept_then_timeout", "F01", "an order is taken, its answer never comes", _to_orders(LOST_ANSWER)),
    Scenario("timeout_not_accepted", "F02", "a request for an order is lost", _to_orders(LOST_REQUEST)),
    Scenario("error_after_accept", "F04", "an order is taken, the answer is 504", _to_orders(FAILED_ANSWER)),
    Scenario("client_id_is_a_tag", "F06", "the same client id is taken twice", (Fault(SAME_ID, times=None),)),
    Scenario("rejected", "F12", "an order is refused for want of funds", (Fault(REJECT, "order"),)),
    Scenario("duplicate_fill", "F13", "each fill is told twice", (Fault(DUPLICATE, "fill", times=None),)),
    Scenario("fill_before_ack", "F15", "the acknowledgement comes after what follows it", (Fault(SWAP, "event new"),)),
    Scenario("fill_after_cancel", "F16", "a partial fill is told after the end", (Fault(SWAP, "event partial_fill"),)),
    Scenario("cancel_races_fill", "F17", "a cancel is answered with 'unknown order'", (Fault("404", "DELETE /"),)),
    Scenario(
        "partial_then_silence",
        "F18",
        "after a partial fill the stream is cut and requests go unanswered",
        (Fault(CUT, "event partial_fill"), Fault(LOST_REQUEST, "GET /", times=3)),
    ),
    Scenario("trade_bust", "F20", "a fill is taken back", (Fault(BUST, "order"),)),
    Scenario("both_exits_fill", "F23", "exits do not cancel each other", (Fault(BOTH_EXITS, times=None),)),
    Scenario("exit_rejected", "F24", "an entry fills, its stop is rejected", (Fault(EXIT_REJECTED, "order"),)),
    Scenario("stop_cancelled_outside", "F26", "somebody cancels the stop by hand", (Fault(OUTSIDE_CANCEL, "order"),)),
    Scenario("closed_outside", "F27", "somebody closes the position by hand", (Fault(OUTSIDE_CLOSE, "order"),)),
    Scenario(
        "out_of_order", "F29", "order events change places", (Fault(SWAP, "event ", times=None, probability=0.4),)
    ),
    Scenario("silent_stream", "F30", "the order stream stays open and says nothing", (Fault(MUTE, "event "),)),
    Scenario("stream_expires", "F31", "the order stream ends after a few events", (Fault(CUT, "event ", skip=3),)),
    Scenario("cut_during_fills", "F32", "the order stream is cut at a fill", (Fault(CUT, "fill"),)),
    Scenario("data_gap", "F33", "market data is missing for a while", (Fault(LOST, "data ", skip=50, times=100),)),
    Scenario("frozen_feed", "F34", "the feed repeats its last prices", (Fault(FROZEN, "data ", skip=50, times=None),)),
    Scenario("crossed_quotes", "F36", "bid above ask", (Fault(CROSSED, "data q", times=None, probability=0.05),)),
    Scenario("reconnect_storm", "F37", "connections end at once, fifty times", (Fault(CUT, "connect ", times=50),)),
    Scenario("clock_back", "F39", "the venue's clock is five seconds behind", (Fault(SKEW, seconds=-5.0, times=None),)),
    Scenario("clock_ahead", "F40", "the venue's clock is ahead by 0.6 s", (Fault(SKEW, seconds=0.6, times=None),)),
    Scenario("maintenance", "F43", "503 for a while", (Fault("503", " /", times=20, seconds=1.0),)),
    Scenario("order_forgotten", "F62", "an old order is not found", (Fault(FORGOTTEN, "order", times=None),)),
    Scenario("key_revoked", "F68", "the key stops working", (Fault("401", " /", skip=5, times=None),)),
    Scenario("lost_cancel", "", "a cancel is acknowledged and forgotten", (Fault(IGNORED_CANCEL, "order"),)),
    Scenario("slow_answers", "", "answers come late by 0.2 s", (Fault(LATE_ANSWER, " /", times=None, seconds=0.2),)),
    Scenario(
        "too_many_requests", "", "429 now and then", (Fault("429", " /", times=None, probability=0.2, seconds=1.0),)
    ),
)
_BY_NAME = {key.lower(): s for s in SCENARIOS for key in (s.name, s.number) if key}


def faults_of(names: Iterable[str]) -> list[Fault]:
    """Return the faults of some scenarios, given by name or by number.

    Raises
    ------
    UsageError
        For a name that is not known; suggests near ones.
    """
    found: list[Fault] = []
    for name in names:
        scenario = _BY_NAME.get(name.lower())
        if scenario is None:
            near = difflib.get_close_matches(name.lower(), _BY_NAME, n=3)
            fix = f"Did you mean {' or '.join(near)}?" if near else "`tradewright exchange --list-faults` names them."
            raise UsageError(f"'{name}' is no fault that the exchange knows", where="--fault", fix=fix)
        found += scenario.faults
    return found
