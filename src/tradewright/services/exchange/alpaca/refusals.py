"""Alpaca's error codes (docs.alpaca.markets: Trading API errors). A body is ``{"code", "message", ...}``."""

from __future__ import annotations

import json

from starlette.responses import Response

from tradewright.execution.exchange.orders import Refusal, RefusedError

_CODES: dict[Refusal, tuple[int, int]] = {
    Refusal.UNKNOWN_SYMBOL: (422, 42210000),
    Refusal.UNKNOWN_ORDER: (404, 40410000),
    Refusal.NO_POSITION: (404, 40410000),
    Refusal.DUPLICATE_CLIENT_ID: (422, 40010001),
    Refusal.BUYING_POWER: (403, 40310000),
    Refusal.QUANTITY_HELD: (403, 40310000),
    Refusal.NOT_SHORTABLE: (403, 40310000),
    Refusal.NOT_OPEN: (422, 42210000),
    Refusal.BAD_SIZE: (422, 42210000),
    Refusal.BAD_PRICE: (422, 42210000),
    Refusal.BAD_EXITS: (422, 42210000),
    Refusal.NO_QUOTE: (422, 42210000),
    Refusal.INJECTED: (403, 40310000),
}
_WORDS = {
    401: (40110000, "request is not authorized"),
    403: (40310000, "forbidden."),
    404: (40410000, "order not found"),
    429: (42910000, "too many requests."),
    500: (50010000, "internal server error occurred"),
    503: (50310000, "service unavailable"),
    504: (50410000, "gateway timeout"),
}


class AlpacaError(Exception):
    """An answer that is an error.

    Parameters
    ----------
    status : int
        HTTP status.
    code : int
        Alpaca's.
    message : str
        In its words.
    facts : dict of str to str, optional
        Further fields.
    """

    def __init__(self, status: int, code: int, message: str, facts: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.body = status, {"code": code, "message": message, **(facts or {})}

    def response(self) -> Response:
        """Return the answer."""
        return Response(json.dumps(self.body), self.status, media_type="application/json")


def of_refusal(error: RefusedError) -> AlpacaError:
    """Return a refusal of the exchange in Alpaca's words."""
    status, code = _CODES[error.reason]
    return AlpacaError(status, code, error.what, error.facts)


def unreadable(what: str) -> AlpacaError:
    """Return the answer to a request that cannot be understood."""
    return AlpacaError(422, 40010001, what)


def status_body(status: int) -> bytes:
    """Return the body of an injected status."""
    code, message = _WORDS.get(status, (status * 100_000, "error"))
    return json.dumps({"code": code, "message": message}).encode()
