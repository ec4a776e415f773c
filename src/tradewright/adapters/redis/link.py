"""The connection to Redis: every command has a deadline, failures are counted, and a dead server costs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tradewright.adapters.redis.circuit import Circuit, CircuitState
from tradewright.adapters.redis.params import RedisParams

T = TypeVar("T")


class RedisUnavailableError(Exception):
    """No answer came, or none was asked for because the last ones did not come. The caller goes on without."""


@dataclass(frozen=True, slots=True)
class RedisStatus:
    """How it went so far. ``last_error`` is the kind of the newest failure; it never holds an address or a secret."""

    circuit: CircuitState
    commands: int
    failures: int
    skipped: int
    last_error: str


class RedisLink:
    """One server, for one event loop; connects at the first command.

    Parameters
    ----------
    params : RedisParams
        Address and patience.
    now_ns : callable
        A clock that does not run backwards, ns.
    """

    def __init__(self, params: RedisParams, now_ns: Callable[[], int]) -> None:
        self.params = params
        self._circuit = Circuit(params.failures_to_open, params.open_s, now_ns)
        self._commands = self._failures = self._skipped = 0
        self._last_error = ""
        self._client: Redis = Redis.from_url(
            params.url.get_secret_value(),
            socket_timeout=params.timeout_s,
            socket_connect_timeout=params.timeout_s,
            retry=Retry(NoBackoff(), 0),
            max_connections=32,
        )

    @property
    def status(self) -> RedisStatus:
        """Counts since the start."""
        return RedisStatus(self._circuit.state, self._commands, self._failures, self._skipped, self._last_error)

    async def run(self, work: Callable[[Redis], Awaitable[T]]) -> T:
        """Return what ``work`` returns.

        Raises
        ------
        RedisUnavailableError
            If it fails in any way, takes longer than the deadline, or the server is being left alone.
        """
        if not self._circuit.allows():
            self._skipped += 1
            raise RedisUnavailableError
        self._commands += 1
        try:
            async with asyncio.timeout(self.params.timeout_s):
                answer = await work(self._client)
        except (RedisError, OSError, TimeoutError) as error:
            self._failures += 1
            self._last_error = type(error).__name__
            self._circuit.failed()
            raise RedisUnavailableError from error
        self._circuit.succeeded()
        return answer

    async def close(self) -> None:
        """Release the connections."""
        await self._client.aclose()
