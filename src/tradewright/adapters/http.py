"""One HTTP client for every venue: rate limit, retries, and errors that a person can act on."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, TypeVar

import httpx
import numpy as np

from tradewright.core.types.errors import SourceError

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]
Query = Mapping[str, str | int]

_TOO_MANY = {418, 429}  # 418: Binance's word for "told you so, now you are banned for a while"
_MENDS_ITSELF = {408}  # besides every 5xx
_LONGEST_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class HttpParams:
    """How to talk to one address.

    Parameters
    ----------
    base_url : str
        Scheme, host and, if any, the path that all requests begin with.
    timeout_s : float
        Longest wait for a connection, and for the next bytes of an answer.
    max_attempts : int
        How often one request is sent before it counts as failed.
    backoff_s, backoff_max_s : float
        Pause after the first failure, doubled with each further one, and its bound. A random quarter to whole of it
        is taken, so that many clients do not come back at once.
    patience_s : float
        The longest Retry-After that is waited for; a longer one (a ban) is an error.
    usage_header, usage_limit : str, float
        Response header in which the venue counts the weight used in its window, and the weight allowed there. Where
        its count runs ahead of ours, ours is corrected.
    """

    base_url: str
    timeout_s: float = 20.0
    max_attempts: int = 8
    backoff_s: float = 0.5
    backoff_max_s: float = 30.0
    patience_s: float = 900.0
    usage_header: str = ""
    usage_limit: float = 0.0


class RateLimit:
    """A token bucket: at most ``burst`` at once and ``per_second`` on average.

    Within any window of w seconds at most ``burst + w * per_second`` are let through. First come, first served.

    Parameters
    ----------
    per_second, burst : float
        Weight that grows back each second, and the most that is ever saved up.
    clock : callable
        Monotonic seconds.
    sleep : callable
        Awaitable pause in seconds.
    """

    def __init__(
        self,
        per_second: float,
        burst: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        if not (per_second > 0 and burst > 0):
            msg = f"a rate limit needs numbers above zero, not {per_second} and {burst}"
            raise ValueError(msg)
        self._per_second, self._burst = per_second, burst
        self._clock, self._sleep = clock, sleep
        self._tokens, self._at = burst, clock()

    async def take(self, weight: float = 1.0) -> None:
        """Wait until ``weight`` may be used. The place in the queue is taken at the call."""
        self._refill()
        self._tokens -= weight
        if self._tokens < 0:
            await self._sleep(-self._tokens / self._per_second)

    def correct(self, available: float) -> None:
        """Learn from the venue that only ``available`` weight is left; more than we think is ignored."""
        self._refill()
        self._tokens = min(self._tokens, available)

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._per_second)
        self._at = now


class _TryAgainError(Exception):
    """An attempt that failed in a way that may pass; ``wait_s`` is what the venue asked for, if it did."""

    def __init__(self, what: str, wait_s: float | None = None) -> None:
        super().__init__(what)
        self.what, self.wait_s = what, wait_s


class VenueHttp:
    """GET requests to one venue.

    Connection errors, time-outs, truncated or undecodable bodies, 408, 5xx, 429 and 418 are tried again; Retry-After
    is honoured by all requests of this client, not only by the one that was told. Every other status is an error at
    once. Redirects are not followed and proxy settings of the environment are not read. Headers, which may hold keys,
    appear in no error.

    Parameters
    ----------
    params : HttpParams
        Address and patience.
    limit : RateLimit
        Of the venue; share one between clients that the venue counts together.
    name : str
        The venue, for errors.
    headers : mapping, optional
        Sent with every request.
    sleep : callable
        Awaitable pause in seconds, for back-off and Retry-After.
    seed : int
        Of the random part of pauses.
    transport : httpx.AsyncBaseTransport, optional
        In place of the network.
    """

    def __init__(
        self,
        params: HttpParams,
        limit: RateLimit,
        *,
        name: str,
        headers: Mapping[str, str] | None = None,
        sleep: Sleep = asyncio.sleep,
        seed: int = 0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._params, self._limit, self._name, self._sleep = params, limit, name, sleep
        self._secrets = tuple(value for value in (headers or {}).values() if value)
        self._random = np.random.default_rng(seed)
        self._is_open = asyncio.Event()  # closed while a Retry-After runs
        self._is_open.set()
        self._client = httpx.AsyncClient(
            base_url=params.base_url,
            headers=dict(headers or {}),
            timeout=params.timeout_s,
            transport=transport,
            verify=trusted_roots(),
            trust_env=False,
        )

    async def get_json(self, path: str, query: Query | None = None, *, weight: float = 1.0) -> Any:  # noqa: ANN401
        """Return the decoded body.

        Raises
        ------
        SourceError
            If the venue refuses, or keeps failing.
        """
        return await self._get(path, query, weight, _decoded)

    async def get_bytes(self, path: str, query: Query | None = None, *, weight: float = 1.0) -> bytes:
        """Return the body.

        Raises
        ------
        SourceError
            If the venue refuses, or keeps failing.
        """
        return await self._get(path, query, weight, lambda response: response.content)

    async def get_bytes_or_none(self, path: str, query: Query | None = None, *, weight: float = 1.0) -> bytes | None:
        """Return the body, or None where the venue has no such thing (404).

        Raises
        ------
        SourceError
            If the venue refuses, or keeps failing.
        """

        def read(response: httpx.Response) -> bytes | None:
            return None if response.status_code == 404 else response.content

        return await self._get(path, query, weight, read, may_be_missing=True)

    async def close(self) -> None:
        """Release connections."""
        await self._client.aclose()

    async def _get(
        self,
        path: str,
        query: Query | None,
        weight: float,
        read: Callable[[httpx.Response], T],
        *,
        may_be_missing: bool = False,
    ) -> T:
        attempt = 0
        while True:
            attempt += 1
            await self._is_open.wait()
            await self._limit.take(weight)
            try:
                response = await self._send(path, query)
                if not (may_be_missing and response.status_code == 404):
                    self._check_status(path, response)
                return read(response)
            except _TryAgainError as error:
                if attempt >= self._params.max_attempts:
                    fix = "Try again later; what was fetched so far is kept."
                    what = f"still failing after {attempt} attempts: {error.what}"
                    raise SourceError(what, where=f"{self._name} {path}", fix=fix) from error
                await self._pause(path, attempt, error)

    async def _send(self, path: str, query: Query | None) -> httpx.Response:
        """Send once and read the whole body."""
        try:
            response = await self._client.get(path, params=dict(query) if query else None)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError) as error:
            fix = "Correct the address in the settings."
            raise SourceError(self._clean(str(error)), where=f"{self._name} {path}", fix=fix) from None
        except httpx.RequestError as error:  # connection, time-out, truncated or undecodable body
            raise _TryAgainError(self._clean(str(error) or type(error).__name__)) from None
        used = response.headers.get(self._params.usage_header) if self._params.usage_header else None
        if used is not None and used.isdecimal():
            self._limit.correct(self._params.usage_limit - int(used))
        return response

    def _check_status(self, path: str, response: httpx.Response) -> None:
        """Raise unless the answer is a success."""
        status = response.status_code
        if response.is_success:
            return
        message = self._clean(_message(response))
        if status in _TOO_MANY or status in _MENDS_ITSELF or status >= 500:
            raise _TryAgainError(f"{status} {message}", _retry_after_s(response.headers))
        where = f"{self._name} {path}"
        if status in {401, 403}:
            raise SourceError(f"{status} {message}", where=where, fix="Check the keys and what they may read.")
        raise SourceError(f"{status} {message}", where=where)

    async def _pause(self, path: str, attempt: int, error: _TryAgainError) -> None:
        """Wait before the next attempt; all wait with us where the venue asked for it."""
        if error.wait_s is None:
            longest = min(self._params.backoff_s * 2.0 ** (attempt - 1), self._params.backoff_max_s)
            await self._sleep(longest * float(self._random.uniform(0.25, 1.0)))
        elif error.wait_s > self._params.patience_s:
            what = f"the venue asks to wait {error.wait_s:.0f} s: {error.what}"
            raise SourceError(what, where=f"{self._name} {path}", fix="Come back later, and ask less often.") from error
        elif not self._is_open.is_set():
            await self._is_open.wait()
        else:
            self._is_open.clear()
            try:
                await self._sleep(error.wait_s)
            finally:
                self._is_open.set()

    def _clean(self, text: str) -> str:
        """Return a text that may be shown: what we sent as headers is struck out of it."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return " ".join(text.split())[:_LONGEST_MESSAGE]


@cache
def trusted_roots() -> ssl.SSLContext:
    """Return the roots that venues are verified by; reading them takes tens of milliseconds, so once."""
    return httpx.create_ssl_context(trust_env=False)


def _decoded(response: httpx.Response) -> Any:  # noqa: ANN401
    """Return a JSON body."""
    try:
        return json.loads(response.content)
    except ValueError as error:  # also bytes that are no text
        what = f"the answer is not JSON: {error}"
        raise _TryAgainError(what) from error


def _message(response: httpx.Response) -> str:
    """Return what the venue says about an error, as it words it."""
    try:
        body = json.loads(response.content)
    except ValueError:
        return response.text
    if isinstance(body, dict):
        text = next((body[key] for key in ("msg", "message", "error") if isinstance(body.get(key), str)), "")
        code = body.get("code")
        if text:
            return f"{text} (code {code})" if code is not None else text
    return response.text


def _retry_after_s(headers: httpx.Headers) -> float | None:
    """Return the pause of a Retry-After header in seconds; its form with a date is measured from the answer's Date."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.isdecimal():
        return float(value)
    try:
        pause = parsedate_to_datetime(value) - parsedate_to_datetime(headers["Date"])
        return max(0.0, pause.total_seconds())
    except (KeyError, TypeError, ValueError):
        return None
