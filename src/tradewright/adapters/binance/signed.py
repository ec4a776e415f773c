"""Signed requests to Binance, and what its refusals mean (developers.binance.com: request security, errors)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from tradewright.adapters.binance.trading_params import BinanceTradingParams
from tradewright.adapters.binance.trading_rows import MS, unreadable
from tradewright.adapters.commands import Answer, Command, VenueCommands
from tradewright.adapters.http import RateLimit
from tradewright.execution.venue import (
    DuplicateIdError,
    Gate,
    VenueAuthError,
    VenueRejectedError,
    VenueTimeoutError,
    VenueUnavailableError,
)

NO_SUCH_ORDER, REFUSED, NOT_CANCELLED, WRONG_TIME = -2013, -2010, -2011, -1021
_BAD_KEYS = {-2014, -2015, -1022, -1002}
_UNKNOWN_FATE = {-1000, -1001, -1006, -1007}
_PAGE = 1_000

Parameters = dict[str, str]


def _open() -> None:
    """Let a question through: only orders need a gate."""


class SignedRequests:
    """Requests of one pair of keys.

    How far the venue's clock is from ours is measured before the first request, and again when the venue complains.
    """

    def __init__(self, params: BinanceTradingParams, clock_ns: Callable[[], int]) -> None:
        self._params, self._clock_ns = params, clock_ns
        burst = max(100.0, params.weight_per_minute / 10.0)
        self.http = VenueCommands(
            params.rest_url,
            RateLimit((params.weight_per_minute - burst) / 60.0, burst),
            name=params.name,
            headers={"X-MBX-APIKEY": params.keys.key.get_secret_value()},
            timeout_s=params.timeout_s,
        )
        self._ahead_ms: int | None = None  # of the venue's clock before ours

    async def server_time_ns(self) -> int:
        """Return the venue's clock, ns UTC."""
        body = (await self.public("/api/v3/time", {})).body
        try:
            return int(body["serverTime"]) * MS
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable(f"the clock cannot be read: {error}") from error

    async def pages(self, path: str, symbol: str, start_ms: int, from_name: str, id_name: str) -> list[Any]:
        """Return all rows since a time: the first page by time, the following ones by number."""
        rows: list[Any] = []
        query = {"symbol": symbol, "startTime": str(start_ms), "limit": str(_PAGE)}
        while True:
            page = list_of(await self.ask(path, query, weight=20))
            rows += page
            if len(page) < _PAGE:
                return rows
            query = {"symbol": symbol, from_name: str(int(page[-1][id_name]) + 1), "limit": str(_PAGE)}

    async def public(self, path: str, params: Parameters, weight: float = 1.0) -> Answer:
        """Ask without a signature."""
        return self.checked(await self.http.send(Command("GET", path, urlencode(params), weight=weight)), path)

    async def ask(self, path: str, params: Parameters | None = None, weight: float = 1.0) -> Any:  # noqa: ANN401
        """Return the body of a signed question."""
        return (await self.signed("GET", path, params or {}, weight)).body

    async def signed(
        self, method: str, path: str, params: Parameters, weight: float = 1.0, gate: Gate = _open
    ) -> Answer:
        """Send a signed request; raise what a refusal means."""
        return self.checked(await self.answer(method, path, params, weight, gate), f"{method} {path}")

    async def answer(
        self, method: str, path: str, params: Parameters, weight: float = 1.0, gate: Gate = _open
    ) -> Answer:
        """Send a signed request and return the answer, a refusal too."""
        if self._ahead_ms is None:
            self._ahead_ms = (await self.server_time_ns() - self._clock_ns()) // MS
        now = self._clock_ns() // MS + self._ahead_ms
        text = urlencode(params | {"recvWindow": str(self._params.recv_window_ms), "timestamp": str(now)})
        secret = self._params.keys.secret.get_secret_value().encode()
        signature = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
        return await self.http.send(Command(method, path, f"{text}&signature={signature}", weight=weight), gate)

    def checked(self, answer: Answer, what: str) -> Answer:
        """Return a success; raise what a refusal means."""
        if answer.is_success:
            return answer
        code, where = code_of(answer), f"{self._params.name} {what}"
        message = self.http.clean(str(answer.body.get("msg", ""))) if isinstance(answer.body, dict) else ""
        told = f"{answer.status} {message} (code {code})"
        if code == WRONG_TIME:
            self._ahead_ms = None  # measured anew before the next request; this one did nothing
            raise VenueUnavailableError(told, where=where, fix="The clocks are compared again.")
        if code in _UNKNOWN_FATE:
            raise VenueTimeoutError(told, where=where)
        if code in _BAD_KEYS or answer.status == 401:
            raise VenueAuthError(told, where=where, fix="Check the keys, and that they belong to this address.")
        if code == REFUSED and "duplicate" in message.lower():
            raise DuplicateIdError(told, where=where)
        raise VenueRejectedError(told, where=where)


def code_of(answer: Answer) -> int:
    """Return the code of a refusal; 0 for anything else."""
    code = answer.body.get("code") if isinstance(answer.body, dict) else None
    return code if isinstance(code, int) and not answer.is_success else 0


def list_of(value: object) -> list[Any]:
    """Return a list; raises VenueTimeoutError where the answer is none."""
    if not isinstance(value, list):
        raise unreadable("the answer is not a list")
    return value
