"""Alpaca's live stream behind the port `data.ports.LiveSource`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from websockets.exceptions import ConnectionClosed

from tradewright.adapters.alpaca.listener import Event, Listener
from tradewright.adapters.alpaca.params import AlpacaParams
from tradewright.adapters.alpaca.request import check_symbol, is_crypto
from tradewright.adapters.websocket import Connect, Reconnected, Sleep, SocketParams, VenueSocket, open_connection
from tradewright.data.ports import Subscription

_LOOK_S = 0.1  # how often the clock is looked at while bars of seconds are open


@dataclass(slots=True)
class _Line:
    """One connection: stocks and crypto pairs have one each."""

    listener: Listener
    socket: VenueSocket
    messages: AsyncIterator[str | Reconnected]


class AlpacaLive:
    """Trades, quotes, minute bars and bars of seconds as they happen.

    Bars of seconds are made from the stream's trades by the step that makes those of history; they are handed over
    once, when complete. Where messages may be missing a `FeedGap` says so for each symbol, and no bar is made of that
    time. Times of receipt are by ``clock_ns``. The plan allows one connection for each market.

    Parameters
    ----------
    params : AlpacaParams
        Address, keys, feed.
    clock_ns : callable
        ns UTC.
    connect : callable
        Opens a connection.
    sleep : callable
        Awaitable pause in seconds, before connecting again.

    Attributes
    ----------
    counts : collections.Counter
        What the stream sent and was not handed over, by reason.
    """

    name = "alpaca"

    def __init__(
        self,
        params: AlpacaParams,
        *,
        clock_ns: Callable[[], int],
        connect: Connect = open_connection,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._params, self._clock_ns, self._connect, self._sleep = params, clock_ns, connect, sleep
        self.counts: Counter[str] = Counter()

    async def stream(self, subscriptions: Sequence[Subscription]) -> AsyncGenerator[Event, None]:
        """Yield nouns as they arrive, reconnecting for ever. Close it with ``contextlib.aclosing``.

        Raises
        ------
        UsageError
            If the stream does not have what is asked for, or the keys are missing.
        SourceError
            If the venue refuses in a way that does not pass: keys, plan, number of connections.
        """
        self._params.check_keys()
        lines = self._lines(subscriptions)
        waiting = {asyncio.ensure_future(_next(line)): line for line in lines}
        look_s = _LOOK_S if any(line.listener.makes_bars for line in lines) else None
        try:
            while waiting:
                done, _ = await asyncio.wait(waiting, timeout=look_s, return_when=asyncio.FIRST_COMPLETED)
                for task in [task for task in waiting if task in done]:
                    line = waiting.pop(task)
                    events = await self._hear(line, task.result())
                    waiting[asyncio.ensure_future(_next(line))] = line
                    for event in events:
                        yield event
                for line in lines:
                    for event in line.listener.closed_bars(self._clock_ns()):
                        yield event
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            for line in lines:
                if isinstance(line.messages, AsyncGenerator):
                    await line.messages.aclose()

    def _lines(self, subscriptions: Sequence[Subscription]) -> list[_Line]:
        stocks = [s for s in subscriptions if not is_crypto(s.symbol)]
        pairs = [s for s in subscriptions if is_crypto(s.symbol)]
        paths = {f"/v2/{self._params.feed}": stocks, f"/v1beta3/crypto/{self._params.crypto_location}": pairs}
        lines: list[_Line] = []
        for path, wanted in paths.items():
            for subscription in wanted:
                check_symbol(subscription.symbol)
            if wanted:
                listener = Listener(wanted, self._params, self.counts)
                socket = VenueSocket(
                    SocketParams(f"{self._params.stream_url}{path}", silence_s=listener.silence_s),
                    name="alpaca",
                    connect=self._connect,
                    clock_ns=self._clock_ns,
                    sleep=self._sleep,
                )
                lines.append(_Line(listener, socket, socket.messages()))
        return lines

    async def _hear(self, line: _Line, item: str | Reconnected) -> list[Event]:
        """Return what an item of a connection means, and answer it."""
        if isinstance(item, Reconnected):
            return line.listener.lose(item)
        events = line.listener.hear(item, self._clock_ns())
        for reply in line.listener.replies():
            with suppress(ConnectionClosed):  # the socket finds that out by itself, and connects again
                await line.socket.send(reply)
        return events


async def _next(line: _Line) -> str | Reconnected:
    return await anext(line.messages)
