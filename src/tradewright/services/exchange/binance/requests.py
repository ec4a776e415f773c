"""Signed requests: parameters, key, signature, time (developers.binance.com: request security)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request

from tradewright.services.exchange.binance.refusals import BinanceError
from tradewright.services.exchange.keys import Keys

_USUAL_WINDOW, _LONGEST_WINDOW, AHEAD_MS = 5_000, 60_000, 1_000


@dataclass(frozen=True, slots=True)
class Params:
    """Parameters of a request, from its address and its body."""

    given: dict[str, str]

    def need(self, name: str) -> str:
        """Return a parameter; raises BinanceError where it is missing."""
        value = self.given.get(name, "")
        if not value:
            raise BinanceError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        return value

    def whole(self, name: str, otherwise: int) -> int:
        """Return a whole number; raises BinanceError where it is none."""
        text = self.given.get(name, "")
        if not text:
            return otherwise
        if not text.lstrip("-").isdecimal():
            raise BinanceError(-1100, f"Illegal characters found in parameter '{name}'.")
        return int(text)


async def params_of(request: Request) -> tuple[Params, str]:
    """Return the parameters, and the text that a signature covers."""
    query, body = request.url.query, (await request.body()).decode("utf-8", "replace")
    total = query + body
    return Params(dict(parse_qsl(query) + parse_qsl(body))), total


class Signatures:
    """Checks keys and signatures.

    Parameters
    ----------
    keys : Keys
        The pair that opens the exchange.
    is_timely : callable
        Whether a request may have been made at a time, within a window, both in ms: by the recording's clock or by this
        machine's. A client that knows nothing of simulated time is thus not refused.
    """

    def __init__(self, keys: Keys, is_timely: Callable[[int, int], bool]) -> None:
        self._keys, self._is_timely = keys, is_timely

    def check_key(self, request: Request) -> None:
        """Raise BinanceError unless the key is there and known."""
        key = request.headers.get("x-mbx-apikey", "")
        if not key:
            raise BinanceError(-2014, "API-key format invalid.", 401)
        if not hmac.compare_digest(key.encode(), self._keys.pair.key.encode()):
            raise BinanceError(-2015, "Invalid API-key, IP, or permissions for action.", 401)

    def check(self, request: Request, params: Params, total: str) -> None:
        """Raise BinanceError unless a request is signed, and was made just now."""
        self.check_key(request)
        head, mark, signature = total.rpartition("signature=")
        if not mark:
            raise BinanceError(-1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed.")
        secret = self._keys.pair.secret.get_secret_value().encode()
        right = hmac.new(secret, head.removesuffix("&").encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(right.encode(), signature.encode()):
            raise BinanceError(-1022, "Signature for this request is not valid.")
        made, window = int(params.need("timestamp")), params.whole("recvWindow", _USUAL_WINDOW)
        if window > _LONGEST_WINDOW:
            raise BinanceError(-1131, f"recvWindow must be less than {_LONGEST_WINDOW}.")
        if not self._is_timely(made, window):
            raise BinanceError(-1021, "Timestamp for this request is outside of the recvWindow.")
