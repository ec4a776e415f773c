"""Binance's live streams: complete bars, aggregated trades and the best bid and ask."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from tradewright.adapters.binance.messages import Noun, read_message
from tradewright.adapters.binance.params import BinanceParams
from tradewright.adapters.binance.request import check_symbol, check_timeframe
from tradewright.adapters.websocket import Connect, Reconnected, SocketParams, VenueSocket, open_connection
from tradewright.core.types.errors import SourceError, UsageError
from tradewright.core.types.feed import FeedGap
from tradewright.data.kinds import Kind
from tradewright.data.ports import Subscription
from tradewright.data.timeframe import interval_ns

#: So many numbers in a row below the last one are no repetition: the venue has begun to count anew.
_RECOUNT_AFTER = 50
#: Messages that may wait between a connection and the reader; then the connection itself waits.
_QUEUE = 10_000


@dataclass(slots=True)
class _Stream:
    """One subscription, and how far it has come; ``step`` is the distance of two numbers, 0 where it varies."""

    name: str
    symbol: str
    interval: str
    step: int
    last: int = -1
    seen_ns: int = 0
    stale: int = 0
    is_fresh: bool = True  # what is missing before the next message has been said already


class BinanceLive:
    """Live market data of spot or USD-M futures.

    Trades are the venue's aggregated trades, as in `BinanceHistory`. The venue closes each connection after 24 hours;
    that is a `FeedGap` like any other. Nothing that was missed is fetched afterwards; the gap is said, once for each
    instrument of the lost connection.

    Parameters
    ----------
    params : BinanceParams
        Which market, where.
    clock_ns : callable
        ns UTC.
    sleep : callable
        Awaitable pause in seconds, before connecting again.
    connect : callable
        Opens a connection.
    """

    def __init__(
        self,
        params: BinanceParams | None = None,
        *,
        clock_ns: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        connect: Connect = open_connection,
    ) -> None:
        self._params = params or BinanceParams()
        self._clock_ns, self._sleep, self._connect = clock_ns, sleep, connect

    @property
    def name(self) -> str:
        """Name of the vendor."""
        return "binance"

    async def stream(self, subscriptions: Sequence[Subscription]) -> AsyncGenerator[Noun | FeedGap]:
        """Yield nouns as they arrive, reconnecting for ever; close it with ``contextlib.aclosing``.

        Times: ``ts_event`` by the venue (quotes of spot have none: by receipt), ``ts_seen`` by our clock; gaps by our
        clock. A message that cannot be understood is a gap with reason ``sequence``.

        Raises
        ------
        UsageError
            If the market does not have a subscription.
        SourceError
            If the venue refuses the first connection.
        """
        connections = self._connections(subscriptions)
        queue: asyncio.Queue[Noun | FeedGap | Exception] = asyncio.Queue(_QUEUE)
        tasks = [asyncio.create_task(self._pump(url, streams, queue)) for url, streams in connections]
        try:
            while True:
                item = await queue.get()
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _connections(self, subscriptions: Sequence[Subscription]) -> list[tuple[str, dict[str, _Stream]]]:
        """Return the addresses to connect to and the streams of each."""
        if not subscriptions:
            what = "nothing to listen to"
            raise UsageError(what, fix="Name at least one instrument.")
        rules = self._params.rules
        by_path: dict[str, dict[str, _Stream]] = {}
        for subscription in subscriptions:
            stream = _stream_of(self._params, subscription)
            path = rules.book_path if subscription.kind is Kind.QUOTES else rules.market_path
            by_path.setdefault(path, {})[stream.name] = stream
        unit = "&timeUnit=MICROSECOND" if rules.has_microseconds else ""
        most = self._params.streams_per_connection
        found = []
        for path, streams in by_path.items():
            names = list(streams)
            for i in range(0, len(names), most):
                some = {name: streams[name] for name in names[i : i + most]}
                found.append((f"{self._params.ws_address}{path}?streams={'/'.join(some)}{unit}", some))
        return found

    async def _pump(
        self, url: str, streams: dict[str, _Stream], queue: asyncio.Queue[Noun | FeedGap | Exception]
    ) -> None:
        """Hand over what one connection brings, and the error that ends it."""
        settings = SocketParams(url, silence_s=self._params.silence_s)
        socket = VenueSocket(
            settings, name="binance", connect=self._connect, clock_ns=self._clock_ns, sleep=self._sleep
        )
        try:
            async with aclosing(socket.messages()) as messages:
                async for message in messages:
                    for item in self._read(message, streams):
                        await queue.put(item)
        except Exception as error:  # noqa: BLE001 - raised again where the stream is read
            await queue.put(error)

    def _read(self, message: str | Reconnected, streams: dict[str, _Stream]) -> Iterator[Noun | FeedGap]:
        """Yield what a message of a connection says."""
        if isinstance(message, Reconnected):
            for one in streams.values():
                one.is_fresh = True
            yield from _gaps(streams, message.ts_from, message.ts_to, message.reason)
            return
        now = self._clock_ns()
        try:
            envelope = json.loads(message)
            known = streams.get(str(envelope.get("stream", "")))
        except (ValueError, AttributeError):
            yield from _gaps(streams, 0, now, "sequence")
            return
        if "error" in envelope:
            raise SourceError(f"the venue refuses the streams: {str(envelope['error'])[:200]}", where="binance stream")
        if known is None:  # answers to commands, news of the server itself
            return
        try:
            read = read_message(envelope["data"], known.symbol, known.interval, now)
        except (KeyError, TypeError, ValueError):
            known.is_fresh = True
            yield FeedGap(known.symbol, known.seen_ns or now, now, "sequence")
            return
        if read is not None:
            yield from _in_sequence(known, read.number, read.noun, now)


def _in_sequence(stream: _Stream, number: int, noun: Noun, now: int) -> Iterator[Noun | FeedGap]:
    """Yield a noun unless it is a repetition, after a gap where numbers are missing before it."""
    if number <= stream.last:
        stream.stale += 1
        if stream.stale < _RECOUNT_AFTER:
            return
    is_hole = stream.step > 0 and number != stream.last + stream.step
    is_recount = number <= stream.last
    if stream.last >= 0 and (is_recount or (is_hole and not stream.is_fresh)):
        yield FeedGap(stream.symbol, stream.seen_ns, now, "sequence")
    stream.last, stream.seen_ns, stream.stale, stream.is_fresh = number, now, 0, False
    yield noun


def _gaps(streams: dict[str, _Stream], ts_from: int, ts_to: int, reason: str) -> Iterator[FeedGap]:
    """Yield a gap for each instrument; one without a beginning begins with what was last seen of it."""
    seen: dict[str, int] = {}
    for stream in streams.values():
        seen[stream.symbol] = min(seen.get(stream.symbol, ts_to), stream.seen_ns or ts_to)
    for symbol, last in seen.items():
        yield FeedGap(symbol, ts_from or last, ts_to, reason)


def _stream_of(params: BinanceParams, subscription: Subscription) -> _Stream:
    """Return the stream of a subscription."""
    symbol, kind, timeframe = subscription.symbol, subscription.kind, subscription.timeframe
    check_symbol(symbol)
    check_timeframe(params, kind, timeframe)
    if kind is Kind.BARS:
        return _Stream(f"{symbol.lower()}@kline_{timeframe}", symbol, timeframe, interval_ns(timeframe))
    if kind is Kind.TRADES:
        return _Stream(f"{symbol.lower()}@aggTrade", symbol, "", 1)
    return _Stream(f"{symbol.lower()}@bookTicker", symbol, "", 0)
