"""One WebSocket client for every venue: it stays connected, and says where messages may be missing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.uri import parse_uri

from tradewright.core.types.errors import SourceError

Sleep = Callable[[float], Awaitable[None]]
Send = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class SocketParams:
    """How to talk to one address.

    Parameters
    ----------
    url : str
        ``ws://`` or ``wss://``.
    silence_s : float
        A connection without any message for so long counts as lost. A market that may rest longer needs more.
    open_timeout_s : float
        Longest wait for a connection, the ``on_open`` step included.
    backoff_s, backoff_max_s : float
        Pause before connecting again, doubled with each further failure, and its bound. A random quarter to whole of
        it is taken.
    max_bytes : int
        The longest message that is accepted.
    """

    url: str
    silence_s: float = 30.0
    open_timeout_s: float = 10.0
    backoff_s: float = 0.5
    backoff_max_s: float = 30.0
    max_bytes: int = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Reconnected:
    """The connection was lost and is there again; messages of ``(ts_from, ts_to]`` may be missing, ns UTC.

    ``reason``: ``disconnected`` or ``silent``, as in `core.types.feed.FeedGap`.
    """

    ts_from: int
    ts_to: int
    reason: str


class Connection(Protocol):
    """What is needed of an open WebSocket."""

    async def recv(self, decode: bool | None = None) -> str | bytes:
        """Return the next message."""

    async def send(self, message: str) -> None:
        """Send a message."""


Connect = Callable[[SocketParams], AbstractAsyncContextManager[Connection]]


def open_connection(params: SocketParams) -> AbstractAsyncContextManager[Connection]:
    """Open a real WebSocket. Keep-alive pings are answered and sent; proxies of the environment are not used."""
    return open_websocket(
        params.url,
        open_timeout=params.open_timeout_s,
        close_timeout=1.0,
        max_size=params.max_bytes,
        proxy=None,
    )


class VenueSocket:
    """A stream of messages that survives lost connections.

    Parameters
    ----------
    params : SocketParams
        Address and patience.
    name : str
        The venue, for errors.
    on_open : callable, optional
        Coroutine that gets ``send`` and runs after each connect: authenticate, subscribe.
    connect : callable
        Opens a connection.
    clock_ns : callable
        ns UTC.
    sleep : callable
        Awaitable pause in seconds.
    seed : int
        Of the random part of pauses.
    """

    def __init__(
        self,
        params: SocketParams,
        *,
        name: str = "venue",
        on_open: Callable[[Send], Awaitable[None]] | None = None,
        connect: Connect = open_connection,
        clock_ns: Callable[[], int] = time.time_ns,
        sleep: Sleep = asyncio.sleep,
        seed: int = 0,
    ) -> None:
        self._params, self._name, self._on_open = params, name, on_open
        self._connect, self._clock_ns, self._sleep = connect, clock_ns, sleep
        self._random = np.random.default_rng(seed)
        self._connection: Connection | None = None
        self._failures = 0  # in a row
        self._seen_ns = 0  # when the last message came, or the connection was ready
        self._reason = ""  # why the last connection ended

    async def send(self, message: str) -> None:
        """Send on the connection that is open now; without one the message is dropped, since `on_open` runs anew."""
        if self._connection is not None:
            await self._connection.send(message)

    async def messages(self) -> AsyncGenerator[str | Reconnected]:
        """Yield messages for ever, and a `Reconnected` as soon as a lost connection is there again.

        Close it with ``contextlib.aclosing``: the connection is closed with it. Cancelling works too.

        Raises
        ------
        SourceError
            If the address is wrong, or the very first connection is refused by the venue (a 4xx other than 429).
        """
        try:
            parse_uri(self._params.url)
        except (InvalidURI, ValueError) as error:
            fix = "Correct the address in the settings."
            raise SourceError(str(error), where=f"{self._name} stream", fix=fix) from error
        while True:
            wait_s = 0.0
            try:
                async with self._connect(self._params) as connection:
                    if self._on_open is not None:
                        async with asyncio.timeout(self._params.open_timeout_s):
                            await self._on_open(connection.send)
                    self._connection = connection
                    now = self._clock_ns()
                    lost_from, self._seen_ns = self._seen_ns, now
                    if lost_from:
                        yield Reconnected(lost_from, now, self._reason)
                    while True:
                        message = await self._receive(connection)
                        if message is None:
                            break
                        yield message
            except InvalidStatus as error:
                wait_s = self._asked_wait_s(error)
            except (OSError, TimeoutError, ConnectionClosed, InvalidHandshake, UnicodeDecodeError):
                self._reason = "disconnected" if self._connection is not None else self._reason
            finally:
                self._connection = None
            await self._back_off(wait_s)

    async def _receive(self, connection: Connection) -> str | None:
        """Return the next message, or None after too long a silence."""
        try:
            async with asyncio.timeout(self._params.silence_s):
                message = await connection.recv(decode=True)
        except TimeoutError:
            self._reason = "silent"
            return None
        self._seen_ns = self._clock_ns()
        self._failures = 0
        return message if isinstance(message, str) else message.decode()

    async def _back_off(self, wait_s: float) -> None:
        """Pause before the next connection; longer with each failure since the last message."""
        longest = min(self._params.backoff_s * 2.0 ** min(self._failures, 30), self._params.backoff_max_s)
        self._failures += 1
        await self._sleep(max(wait_s, longest * float(self._random.uniform(0.25, 1.0))))

    def _asked_wait_s(self, error: InvalidStatus) -> float:
        """Return the Retry-After of a refused handshake; raise if the venue will never have us."""
        status = error.response.status_code
        if 400 <= status < 500 and status not in {408, 418, 429} and not self._seen_ns:
            body = (error.response.body or b"").decode(errors="replace")
            what = f"the venue refused the connection: {status} {' '.join(body.split())[:300]}".rstrip()
            raise SourceError(what, where=f"{self._name} stream", fix="Check the address and the names.") from error
        value = error.response.headers.get("Retry-After", "")
        return float(value) if value.isdecimal() else 0.0
