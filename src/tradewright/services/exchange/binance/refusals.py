"""Binance's error codes (developers.binance.com: spot errors). A body is ``{"code", "msg"}``."""

from __future__ import annotations

import json

from starlette.responses import Response

from tradewright.execution.exchange.orders import Refusal, RefusedError

_CODES: dict[Refusal, tuple[int, str]] = {
    Refusal.UNKNOWN_SYMBOL: (-1121, "Invalid symbol."),
    Refusal.UNKNOWN_ORDER: (-2013, "Order does not exist."),
    Refusal.DUPLICATE_CLIENT_ID: (-2010, "Duplicate order sent."),
    Refusal.BUYING_POWER: (-2010, "Account has insufficient balance for requested action."),
    Refusal.QUANTITY_HELD: (-2010, "Account has insufficient balance for requested action."),
    Refusal.NOT_SHORTABLE: (-2010, "Account has insufficient balance for requested action."),
    Refusal.NOT_OPEN: (-2011, "Unknown order sent."),
    Refusal.BAD_SIZE: (-1013, "Filter failure: LOT_SIZE"),
    Refusal.BAD_PRICE: (-1013, "Filter failure: PRICE_FILTER"),
    Refusal.NO_QUOTE: (-1013, "Market is closed."),
    Refusal.INJECTED: (-2010, "Account has insufficient balance for requested action."),
}
_WORDS = {
    401: (-2015, "Invalid API-key, IP, or permissions for action."),
    404: (-2011, "Unknown order sent."),
    429: (-1003, "Too many requests."),
    500: (-1000, "An unknown error occurred while processing the request."),
    503: (-1008, "Server is currently overloaded with other requests. Please try again in a few minutes."),
    504: (-1007, "Timeout waiting for response from backend server. Send status unknown; execution status unknown."),
}


class BinanceError(Exception):
    """An answer that is an error: code, words, status."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status

    def response(self) -> Response:
        """Return the answer."""
        body = json.dumps({"code": self.code, "msg": self.message})
        return Response(body, self.status, media_type="application/json")


def of_refusal(error: RefusedError) -> BinanceError:
    """Return a refusal of the exchange in Binance's words."""
    return BinanceError(*_CODES.get(error.reason, (-2010, error.what)))


def status_body(status: int) -> bytes:
    """Return the body of an injected status."""
    code, message = _WORDS.get(status, (-1000, "error"))
    return json.dumps({"code": code, "msg": message}).encode()
