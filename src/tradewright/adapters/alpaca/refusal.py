"""What Alpaca's refusals mean, and what to do about each."""

from __future__ import annotations

from tradewright.adapters.alpaca.params import KEY_VARIABLES
from tradewright.core.types.errors import SourceError

_KEYS = f"Check the environment variables {KEY_VARIABLES}."
_PLAN = "Use feed='iex', which the free plan has, ask for data older than 15 minutes, or change the plan."
_ADVICE = {
    "400": "Check the symbol, the timeframe and the times.",
    "401": _KEYS,
    "403": _KEYS,
    "404": "Check data_url and the crypto market in the settings.",
    "422": "Check the symbol, the timeframe and the times.",
}

#: Codes of the live stream after which it is of no use to connect again, with what to do.
#: Source: docs.alpaca.markets/docs/streaming-market-data, "Errors".
STREAM_ADVICE = {
    400: "This is a fault of this program; please report it.",
    401: _KEYS,
    402: _KEYS,
    403: "This is a fault of this program; please report it.",
    405: "The plan allows fewer symbols (30 in the free one): subscribe to fewer.",
    408: "The account has no access to this stream.",
    409: "The plan does not include this feed: use feed='iex', or change the plan.",
    410: "This feed does not have what was subscribed to.",
}
#: Codes that may pass: the login took too long, another connection is open, we were too slow, the venue failed.
STREAM_PASSING = {
    404: "Check the connection and try again.",
    406: "Another program uses these keys: the plan allows one connection. Stop it, then start again.",
    407: "The stream is faster than it is read: subscribe to less.",
    500: "Try again later.",
}


def explained(error: SourceError) -> SourceError:
    """Return the error of a request with advice that fits Alpaca; others are returned as they are.

    The client writes a refusal as its status and the venue's words.
    """
    status = error.what[:3]
    if status == "403" and "subscription" in error.what.lower():
        return SourceError(error.what, where=error.where, fix=_PLAN)
    if status in _ADVICE:
        return SourceError(error.what, where=error.where, fix=_ADVICE[status])
    return error
