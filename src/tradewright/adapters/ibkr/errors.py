"""What the interface's numbered messages mean for us, and what to tell people.

Source: TWS API, *Message Codes*, https://interactivebrokers.github.io/tws-api/message_codes.html.
"""

from __future__ import annotations

from enum import Enum

from tradewright.adapters.ibkr.params import IbkrParams
from tradewright.core.types.errors import SourceError


class Verdict(Enum):
    """What to do about a message."""

    RETRY = "ask again"
    PACING = "wait, then ask again"
    NO_DATA = "there is nothing in this span"
    REFUSED = "give up"
    INFORMATION = "nothing"


#: No connection from the gateway to Interactive Brokers, and its return with (1101) and without (1102) loss.
LINK_LOST = frozenset({1100, 2110})
LINK_BACK_EMPTY = 1101
LINK_BACK_FULL = 1102
CLIENT_ID_IN_USE = 326
BUST = 10225

_RETRY = frozenset({100, 366, 504, 1300, *LINK_LOST})
_FIXES = {
    200: "Check the symbol, exchange and currency; in TWS the contract's Description shows how it is spelled.",
    321: "The request was found invalid; check the symbol, the exchange and what_to_show.",
    354: "Subscribe to this market data in Client Portal, Settings > Market Data Subscriptions.",
    420: "Subscribe to this market data in Client Portal, or listen to fewer instruments at once.",
    10089: "Subscribe to this market data in Client Portal, Settings > Market Data Subscriptions.",
    10168: "Subscribe to this market data in Client Portal, Settings > Market Data Subscriptions.",
    10186: "Subscribe to this market data in Client Portal, Settings > Market Data Subscriptions.",
    10189: "This tick-by-tick feed is not subscribed or not offered for this contract; subscribe to bars instead.",
    10190: "Too many tick-by-tick subscriptions at once; listen to fewer, or to bars.",
    10197: "Another session of this user takes the live data; log that one out.",
    10339: "A continuous future takes no end date; name the month, for example ES@202612.",
}


def verdict(code: int, message: str) -> Verdict:
    """Return what to do when an open request is answered by this message."""
    text = message.lower()
    if code in (162, 420) and "pacing violation" in text:
        return Verdict.PACING
    if code == 162 and "no data" in text:
        return Verdict.NO_DATA
    if code in _RETRY or (code == 162 and "query cancelled" in text):
        return Verdict.RETRY
    if 2100 <= code < 2200 or code in (10167, 399, 165):  # notices, among them "market data farm connection is OK"
        return Verdict.INFORMATION
    return Verdict.REFUSED


def refusal(code: int, message: str, where: str) -> SourceError:
    """Return the error for a request that was refused for good."""
    fix = _FIXES.get(code, f"See message code {code} in the TWS API documentation.")
    if code == 162 and "permission" in message.lower():
        fix = _FIXES[354]
    what = f"Interactive Brokers refused: {message.strip().rstrip('.')} (code {code})"
    return SourceError(what, where=where, fix=fix)


def not_running(params: IbkrParams, why: str) -> SourceError:
    """Return the error for a gateway that cannot be reached."""
    fix = (
        "Start TWS or IB Gateway, log in, and enable the API (Configure > API > Settings); give the port shown there, "
        "and its machine, as the settings port and host of ibkr (4002 gateway paper, 4001 gateway live, 7497 and 7496 "
        "TWS)."
    )
    return SourceError(f"no TWS or IB Gateway answers ({why})", where=f"ibkr {params.address}", fix=fix)


def id_in_use(params: IbkrParams) -> SourceError:
    """Return the error for a client id that another program holds."""
    what = f"client id {params.client_id} is already in use by another program"
    return SourceError(what, where=f"ibkr {params.address}", fix="Give another client_id, or end that program.")
