"""What the trade server's answers mean.

Source: mql5.com/en/docs/constants/errorswarnings/enum_trade_return_codes.
"""

from __future__ import annotations

from tradewright.adapters.mt5.terminal import Result
from tradewright.core.types.errors import VenueError
from tradewright.execution.venue import VenueRejectedError, VenueTimeoutError, VenueUnavailableError

PLACED, DONE, DONE_PARTIAL = 10_008, 10_009, 10_010
_DONE = frozenset({PLACED, DONE, DONE_PARTIAL})
#: Nothing was done, and the same may be asked again: too many requests, no connection to the trade server.
_NOT_SENT = {10_024: "too many requests", 10_031: "the terminal has no connection to the trade server"}
_REFUSED = {
    10_004: "requote",
    10_006: "rejected",
    10_007: "cancelled by the trader",
    10_013: "invalid request",
    10_014: "invalid volume",
    10_015: "invalid price",
    10_016: "invalid stops",
    10_017: "trading is disabled",
    10_018: "the market is closed",
    10_019: "not enough money",
    10_020: "the price has changed",
    10_021: "no price to trade at",
    10_022: "invalid expiration",
    10_023: "the order has changed",
    10_025: "nothing would change",
    10_026: "the server disables automated trading",
    10_027: "the terminal disables automated trading",
    10_029: "the order or position is frozen",
    10_030: "this way of filling is not offered",
    10_032: "only real accounts may",
    10_033: "too many pending orders",
    10_034: "too much volume in this symbol",
    10_035: "invalid or prohibited order type, or no such order",
    10_036: "the position is closed already",
    10_038: "more than the position",
    10_039: "a close order is under way",
    10_040: "too many positions",
    10_041: "the pending order was refused at its activation",
    10_042: "only long positions are allowed",
    10_043: "only short positions are allowed",
    10_044: "only closing is allowed",
    10_045: "positions close in the order of their opening only",
    10_046: "opposite positions are not allowed",
}
_FIXES = {
    10_018: "Orders are taken when the symbol's session is open.",
    10_027: "Switch Algo Trading on in the terminal.",
    10_030: "The broker's symbol settings name the ways of filling that it offers.",
}


def error_of(result: Result, where: str) -> VenueError | None:
    """Return what an answer means that is no success; None for a success.

    All that is not certainly done or certainly refused is not known: a time-out (10012), an error while it was
    processed (10011), a lock (10028), and codes that this table does not have.
    """
    code = result.code
    told = f"{_REFUSED.get(code) or _NOT_SENT.get(code) or 'not known what became of it'} (code {code})"
    told = f"{told}: {result.comment}" if result.comment else told
    if code in _DONE:
        return None
    if code in _NOT_SENT:
        return VenueUnavailableError(told, where=where, fix="Nothing was done; it may be sent again.")
    if code in _REFUSED:
        fix = _FIXES.get(code, "See the return codes of the trade server in the MQL5 reference.")
        return VenueRejectedError(told, where=where, fix=fix)
    return VenueTimeoutError(told, where=where, fix="Treated as no answer; the venue is asked.")
