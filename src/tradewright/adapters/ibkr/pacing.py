"""Never more requests for history than Interactive Brokers allows.

Source: TWS API, *Historical Data Limitations*,
https://interactivebrokers.github.io/tws-api/historical_limitations.html: a violation is an identical request within
15 seconds, *six or more* requests for the same contract, exchange and tick type within two seconds, more than 60
requests within ten minutes for bars of 30 seconds or less, and 50 requests open at once at most. A request for
BID_ASK counts twice. Historical ticks are counted like small bars.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PacingLimits:
    """The limits; windows in seconds. ``margin_s`` is added to each window: the venue's clock counts, not ours."""

    identical_s: float = 15.0
    same_window_s: float = 2.0
    same_count: int = 5
    small_window_s: float = 600.0
    small_count: int = 60
    open_count: int = 50
    margin_s: float = 0.1


@dataclass(frozen=True, slots=True)
class PacedRequest:
    """What decides how a request is paced.

    ``identity`` is equal for identical requests, ``group`` for those of one contract, exchange and tick type;
    ``weight`` is 2 for BID_ASK; ``is_small`` for bars of 30 seconds or less and for ticks.
    """

    identity: str
    group: str
    weight: int = 1
    is_small: bool = False


class Pacer:
    """Lets requests pass at the earliest moment that breaks no limit.

    Parameters
    ----------
    limits : PacingLimits
        The limits.
    clock : callable
        Seconds, never going backwards.
    sleep : callable
        Coroutine function that waits for some seconds.
    """

    def __init__(
        self,
        limits: PacingLimits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.limits = limits or PacingLimits()
        self._clock = clock
        self._sleep = sleep
        self._identical: dict[str, float] = {}
        self._same: dict[str, deque[tuple[float, int]]] = {}
        self._small: deque[tuple[float, int]] = deque()
        self._open = 0
        self._released = asyncio.Event()

    @asynccontextmanager
    async def slot(self, request: PacedRequest) -> AsyncIterator[None]:
        """Wait until the request may be sent; it is open until the block ends."""
        while True:
            now = self._clock()
            wait_s = self.earliest(request, now) - now
            if wait_s > 0:
                await self._sleep(wait_s)
            elif self._open >= self.limits.open_count:
                self._released.clear()
                await self._released.wait()
            else:
                break
        self._book(request, now)
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
            self._released.set()

    def earliest(self, request: PacedRequest, now: float) -> float:
        """Return the first moment from ``now`` on at which the request breaks no window."""
        limits = self.limits
        at = now
        if request.identity in self._identical:
            at = max(at, self._identical[request.identity] + limits.identical_s + limits.margin_s)
        same = self._same.get(request.group, deque())
        window = limits.same_window_s + limits.margin_s
        at = max(at, _room(same, window, limits.same_count - request.weight))
        if request.is_small:
            window = limits.small_window_s + limits.margin_s
            at = max(at, _room(self._small, window, limits.small_count - request.weight))
        return at

    def _book(self, request: PacedRequest, now: float) -> None:
        limits = self.limits
        self._identical = {k: t for k, t in self._identical.items() if now - t < limits.identical_s + limits.margin_s}
        self._identical[request.identity] = now
        same = self._same.setdefault(request.group, deque())
        _forget(same, now - limits.same_window_s - limits.margin_s)
        same.append((now, request.weight))
        if request.is_small:
            _forget(self._small, now - limits.small_window_s - limits.margin_s)
            self._small.append((now, request.weight))


def _room(sent: deque[tuple[float, int]], window_s: float, allowed: int) -> float:
    """Return when the weight sent within the window before has fallen to ``allowed``."""
    held = 0
    for at, weight in reversed(sent):
        held += weight
        if held > allowed:
            return at + window_s
    return float("-inf")


def _forget(sent: deque[tuple[float, int]], until: float) -> None:
    while sent and sent[0][0] <= until:
        sent.popleft()
