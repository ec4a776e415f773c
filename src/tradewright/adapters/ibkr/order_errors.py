"""What the interface's numbered messages mean for an order.

Source: TWS API, *Message Codes*, https://interactivebrokers.github.io/tws-api/message_codes.html.
"""

from __future__ import annotations

from tradewright.core.types.errors import VenueError
from tradewright.execution.venue import VenueRejectedError, VenueTimeoutError, VenueUnavailableError

DUPLICATE_ORDER_ID = 103
ORDER_CANCELLED = 202
CLIENT_ID_IN_USE = 326
#: No connection from the gateway to Interactive Brokers, and its return, with (1101) and without (1102) loss.
LINK_LOST, LINK_BACK = frozenset({1100, 2110}), frozenset({1101, 1102})
#: Notices about an order that works, or will: a hold until the opening, a preset, shares being located.
_NOTICES = frozenset({165, 399, 404, 2109, 10167, 10349})
#: The gateway could not read a message or drops the connection: whether an order passed is not said.
_UNCLEAR = frozenset({100, 320, 322, 326})
_FIXES = {
    103: "Another program uses this client_id; give each its own.",
    110: "Round prices to the instrument's tick.",
    200: "Check the symbol, exchange and currency.",
    201: "The broker's reason stands in the message.",
    321: "If the message says Read-Only, allow orders: Configure > API > Settings in TWS or IB Gateway.",
}


def is_notice(code: int) -> bool:
    """Return whether a message changes nothing; 2100 to 2199 are about data farms and the like."""
    return code in _NOTICES or (2100 <= code < 2200 and code not in LINK_LOST)


def order_error(code: int, message: str, where: str) -> VenueError:
    """Return what a message about an order that nobody has acknowledged says of it.

    Codes below 500 and from 10000 on are answers to what was asked; all others are about the connection.
    """
    what = f"{message.strip().rstrip('.')} (code {code})"
    fix = _FIXES.get(code, f"See message code {code} in the TWS API documentation.")
    if code == DUPLICATE_ORDER_ID:  # this order was not taken; the number was another's
        return VenueUnavailableError(what, where=where, fix=fix)
    if code not in _UNCLEAR and (101 <= code < 500 or 10_000 <= code < 11_000):
        return VenueRejectedError(what, where=where, fix=fix)
    return VenueTimeoutError(what, where=where, fix="Treated as no answer; the venue is asked.")
