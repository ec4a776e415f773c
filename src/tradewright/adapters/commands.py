"""One attempt at a request that may change something: what became of it is told apart, and nothing is sent twice.

`adapters.http.VenueHttp` asks for data and asks again; an order must never be. A request that failed before its first
byte was sent has done nothing (`VenueUnavailableError`); one that failed later may have been carried out
(`VenueTimeoutError`). The moment is known from the transport, which tells when it begins to write.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tradewright.adapters.http import RateLimit, trusted_roots
from tradewright.execution.venue import VenueTimeoutError, VenueUnavailableError

_LONGEST_MESSAGE = 300
_FIRST_BYTE = ".send_request_headers.started"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the venue answered; ``body`` is decoded JSON, None where there is none."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def is_success(self) -> bool:
        """Whether the request was carried out."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Command:
    """One request. ``query`` is sent as it stands; ``body`` as JSON. ``weight`` is what it takes of the rate limit."""

    method: str
    path: str
    query: str = ""
    body: Mapping[str, Any] | None = None
    weight: float = 1.0


def _always_open() -> None:
    """Let everything through."""


class VenueCommands:
    """Sends commands to one venue, each once.

    Parameters
    ----------
    base_url : str
        Scheme and host.
    limit : RateLimit
        Of the venue.
    name : str
        The venue, for errors.
    headers : mapping
        Sent with every request; they may hold keys and appear in no error.
    timeout_s : float
        Longest wait for a whole answer.
    """

    def __init__(
        self, base_url: str, limit: RateLimit, *, name: str, headers: Mapping[str, str], timeout_s: float = 10.0
    ) -> None:
        self._limit, self._name, self._timeout_s = limit, name, timeout_s
        self._secrets = tuple(value for value in headers.values() if value)
        self._client = httpx.AsyncClient(
            base_url=base_url, headers=dict(headers), timeout=timeout_s, verify=trusted_roots(), trust_env=False
        )

    async def send(self, command: Command, gate: Callable[[], None] = _always_open) -> Answer:
        """Send a command and return the answer, whatever its status below 500.

        ``gate`` is called by the last instruction before the first byte; what it raises comes out of here.

        Raises
        ------
        VenueUnavailableError
            Nothing was sent, or the venue says that it did nothing (429).
        VenueTimeoutError
            It was sent, and what became of it is not known: no answer, half an answer, or a server error.
        """
        await self._limit.take(command.weight)
        is_sent = False

        async def trace(event: str, _info: Mapping[str, Any]) -> None:
            nonlocal is_sent
            if event.endswith(_FIRST_BYTE):
                gate()
                is_sent = True

        where = f"{self._name} {command.method} {command.path}"
        target = f"{command.path}?{command.query}" if command.query else command.path
        request = self._client.build_request(
            command.method, target, json=command.body, extensions={"trace": trace, **self._timeouts()}
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.send(request)
        except (httpx.RequestError, TimeoutError) as error:
            what = self.clean(str(error) or type(error).__name__)
            if is_sent:
                raise VenueTimeoutError(f"no whole answer: {what}", where=where) from None
            raise VenueUnavailableError(f"nothing was sent: {what}", where=where) from None
        return self._read(response, where)

    async def close(self) -> None:
        """Release connections."""
        await self._client.aclose()

    def clean(self, text: str) -> str:
        """Return a text that may be shown: what we sent as headers is struck out of it."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return " ".join(text.split())[:_LONGEST_MESSAGE]

    def _timeouts(self) -> dict[str, Any]:
        return {"timeout": httpx.Timeout(self._timeout_s).as_dict()}

    def _read(self, response: httpx.Response, where: str) -> Answer:
        status = response.status_code
        if status in {418, 429}:
            wait = response.headers.get("Retry-After", "")
            fix = f"The venue asks to wait {wait} s." if wait else "Ask less often."
            raise VenueUnavailableError(f"{status} too many requests", where=where, fix=fix)
        try:
            body = json.loads(response.content) if response.content else None
        except ValueError as error:
            if status < 300 or status >= 500:
                raise VenueTimeoutError(f"{status}, and the answer is not JSON", where=where) from error
            body = None
        if status >= 500:
            raise VenueTimeoutError(f"{status} {self.clean(response.text)}", where=where)
        return Answer(status, body, response.headers)
