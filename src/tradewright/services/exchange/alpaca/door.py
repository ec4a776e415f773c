"""Before every trading address: keys, quota, the present moment, and errors in Alpaca's words."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from tradewright.execution.exchange.market import Market
from tradewright.execution.exchange.orders import Refusal, RefusedError
from tradewright.services.exchange.alpaca.refusals import AlpacaError, of_refusal, unreadable
from tradewright.services.exchange.alpaca.words import made_id
from tradewright.services.exchange.keys import Keys
from tradewright.services.exchange.quota import Quota
from tradewright.services.exchange.runner import Runner

Handler = Callable[[Request], Awaitable[Any]]


class Door:
    """Stands before handlers.

    Parameters
    ----------
    runner : Runner
        Is moved to the present before each request.
    keys, quota : Keys, Quota
        Who may ask, and how often.
    """

    def __init__(self, runner: Runner, keys: Keys, quota: Quota) -> None:
        self._runner, self._keys, self._quota = runner, keys, quota

    def guarded(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Check keys and quota, live up to now, and turn what is raised into Alpaca's errors."""

        async def answer(request: Request) -> Response:
            try:
                if not self._keys.fit_alpaca(request):
                    raise AlpacaError(401, 40110000, "request is not authorized")
                if not self._quota.take():
                    raise AlpacaError(429, 42910000, "too many requests.")
                self._runner.sync()
                response = as_response(await handler(request))
            except RefusedError as error:
                response = of_refusal(error).response()
            except AlpacaError as error:
                response = error.response()
            self._runner.settle()
            response.headers["X-RateLimit-Limit"] = str(self._quota.limit)
            response.headers["X-RateLimit-Remaining"] = str(self._quota.left)
            response.headers["X-RateLimit-Reset"] = str(round(self._runner.told_ns / 1e9 + self._quota.reset_s))
            return response

        return answer


def number_of(symbol: str, markets: tuple[Market, ...], reason: Refusal = Refusal.UNKNOWN_SYMBOL) -> int:
    """Return the number of an instrument by any of its names; raises RefusedError."""
    for j, market in enumerate(markets):
        if symbol in names_of(market.instrument.symbol):
            return j
    what = f'asset "{symbol}" not found' if reason is Refusal.UNKNOWN_SYMBOL else "position does not exist"
    raise RefusedError(reason, what)


def names_of(symbol: str) -> set[str]:
    """Return what a symbol may be called by: itself, a pair without its slash, the id of its asset."""
    return {symbol, symbol.replace("/", ""), made_id("asset", symbol)}


async def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object in a body; raises AlpacaError where it is none."""
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise AlpacaError(400, 40010000, "request body format is invalid") from error
    if not isinstance(body, dict):
        raise AlpacaError(400, 40010000, "request body format is invalid")
    return body


def as_response(value: object) -> Response:
    """Return what a handler gave as an answer."""
    if isinstance(value, Response):
        return value
    return Response(json.dumps(value, separators=(",", ":")), media_type="application/json")


def multi(value: object) -> Response:
    """Return what became of several requests in one."""
    return Response(json.dumps(value, separators=(",", ":")), 207, media_type="application/json")


def whole(text: str, name: str) -> int:
    """Return a whole number above zero; raises AlpacaError where it is none."""
    if not text.isdecimal() or int(text) < 1:
        raise unreadable(f"{name} must be a whole number above zero")
    return int(text)
