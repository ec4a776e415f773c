"""Live bars, trades and quotes from Interactive Brokers."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ib_async import Contract

from tradewright.adapters.ibkr.errors import BUST, LINK_BACK_EMPTY, LINK_BACK_FULL, LINK_LOST, Verdict, refusal, verdict
from tradewright.adapters.ibkr.five_seconds import FIVE_SECONDS, BarBuilder, live_interval
from tradewright.adapters.ibkr.gateway import Fields, Gateway, Sleep, Wire
from tradewright.adapters.ibkr.pacing import Pacer
from tradewright.adapters.ibkr.params import IbkrParams
from tradewright.adapters.ibkr.symbols import ContractSpec, parse_symbol
from tradewright.core.types.bar import Bar
from tradewright.core.types.errors import SourceError, UsageError
from tradewright.core.types.feed import FeedGap
from tradewright.core.types.quote import Quote
from tradewright.core.types.trade import Trade
from tradewright.data.kinds import Kind
from tradewright.data.ports import Subscription
from tradewright.data.timeframe import SECOND, TICK

Noun = Bar | Quote | Trade | FeedGap
_LIVE_BARS = ("TRADES", "MIDPOINT", "BID", "ASK")
_LONGEST_SILENCE = 32  # times silence_s, between two attempts to wake a silent subscription


@dataclass(slots=True)
class _Line:
    """One subscription on the wire: all bars of an instrument share one, whatever their timeframes."""

    instrument: str
    spec: ContractSpec
    kind: Kind
    builders: list[BarBuilder]
    contract: Contract | None = None
    req_id: int = -1
    last_ns: int = 0  # when we last heard of it
    last_close: int = 0  # of the newest five-second bar
    patience: int = 1  # times silence_s
    is_fresh: bool = True  # nothing came since it was made; what is missing before was reported then

    def heard(self, now: int) -> None:
        self.last_ns, self.patience = now, 1


class IbkrLive:
    """The port `LiveSource` over TWS or IB Gateway; `stream` may be consumed once for each object.

    Bars are built from five-second bars and handed out when complete; one with a five-second bar missing is left
    out, and the `FeedGap` before it says so. ``ts_event`` of trades and quotes is the venue's time, whole seconds.

    Parameters
    ----------
    params : IbkrParams
        Where the gateway is, and when silence is too long.
    now_ns : callable
        Our clock, ns UTC: ``ts_seen`` of what arrives.
    sleep : callable
        Coroutine function that waits for some seconds, between attempts to connect.
    """

    def __init__(self, params: IbkrParams, *, now_ns: Callable[[], int], sleep: Sleep = asyncio.sleep) -> None:
        self._params = params
        self._now_ns = now_ns
        self._sleep = sleep
        self._gateway = Gateway(params, Pacer(sleep=sleep), sleep=sleep, listener=self)
        self._lines: list[_Line] = []
        self._by_request: dict[int, _Line] = {}
        self._queue: deque[Noun] = deque()
        self._lost: dict[str, FeedGap] = {}  # what overflowed, by instrument
        self._ready = asyncio.Event()
        self._error: SourceError | None = None
        self._is_down = False
        self._to_renew: set[int] = set()  # numbers of subscriptions to make again

    @property
    def name(self) -> str:
        """Name of the vendor."""
        return "ibkr"

    async def stream(self, subscriptions: Sequence[Subscription]) -> AsyncGenerator[Noun, None]:
        """Yield nouns as they arrive, reconnecting for ever.

        Raises
        ------
        UsageError
            If a subscription is not offered.
        SourceError
            If the gateway is not there at the beginning, or a subscription is refused.
        """
        self._lines = self._plan(subscriptions)
        try:
            try:
                await self._subscribe_all()
            except ConnectionError:  # it was there and broke at once
                self._is_down = True
            while True:
                while self._queue:
                    yield self._queue.popleft()
                for gap in [self._lost.pop(name) for name in sorted(self._lost)]:
                    yield gap
                if self._error is not None:
                    raise self._error
                if self._is_down:
                    await self._reconnect()
                await self._renew()
                self._ready.clear()
                with suppress(TimeoutError):  # not `wait_for`, which loses a cancellation that comes with the event
                    async with asyncio.timeout(self._params.silence_s / 4):
                        await self._ready.wait()
                self._find_silence()
        finally:
            await self._gateway.close()

    def _plan(self, subscriptions: Sequence[Subscription]) -> list[_Line]:
        lines: dict[tuple[str, Kind], _Line] = {}
        for wanted in subscriptions:
            spec = parse_symbol(wanted.symbol, self._params)
            self._check(wanted, spec)
            key = (wanted.symbol, wanted.kind)
            line = lines.setdefault(key, _Line(wanted.symbol, spec, wanted.kind, []))
            if wanted.kind is Kind.BARS:
                interval = live_interval(wanted.timeframe)
                if all(b.interval != interval for b in line.builders):
                    line.builders.append(BarBuilder(interval))
        if not lines:
            raise UsageError("nothing to listen to", where="ibkr", fix="Name at least one instrument.")
        return list(lines.values())

    def _check(self, wanted: Subscription, spec: ContractSpec) -> None:
        where = f"ibkr {spec.label}"
        if spec.sec_type == "CONTFUT":
            what = "a continuous future has no live data"
            raise UsageError(what, where=where, fix=f"Name the month, for example {spec.symbol}@202612.")
        if wanted.kind is Kind.BARS:
            what_to_show = self._what(spec)
            if what_to_show not in _LIVE_BARS:
                what = f"live bars of {what_to_show} do not exist"
                raise UsageError(what, where=where, fix=f"Set what_to_show to one of {', '.join(_LIVE_BARS)}.")
        elif wanted.timeframe != TICK:
            raise UsageError(f"{wanted.kind.value} have no timeframe", where=where, fix="Give tick.")
        elif wanted.kind is Kind.TRADES and spec.sec_type == "CASH":
            what = "currencies have no trades at Interactive Brokers, only quotes"
            raise UsageError(what, where=where, fix="Listen to quotes, or to bars of MIDPOINT.")

    def _what(self, spec: ContractSpec) -> str:
        what = spec.what_to_show(self._params)
        return "TRADES" if what == "AGGTRADES" else what

    # ------------------------------------------------------------------------------------------------- subscriptions
    async def _subscribe_all(self) -> None:
        self._by_request.clear()
        self._to_renew.clear()
        self._is_down = False
        for line in self._lines:
            line.contract = (await self._gateway.contract(line.spec)).contract
            line.last_ns = self._now_ns()
            self._subscribe(await self._gateway.wire(), line)

    def _subscribe(self, wire: Wire, line: _Line) -> None:
        assert line.contract is not None  # noqa: S101  # `_subscribe_all` put it there
        line.req_id = wire.getReqId()
        line.is_fresh = True
        self._by_request[line.req_id] = line
        if line.kind is Kind.BARS:
            wire.reqRealTimeBars(line.req_id, line.contract, 5, self._what(line.spec), self._params.use_rth, [])
        else:
            kind = "Last" if line.kind is Kind.TRADES else "BidAsk"
            wire.reqTickByTickData(line.req_id, line.contract, kind, 0, False)

    async def _renew(self) -> None:
        """Make the subscriptions again that fell silent or were ended by the venue."""
        while self._to_renew:
            req_id = min(self._to_renew)
            self._to_renew.discard(req_id)
            line = self._by_request.pop(req_id, None)
            if line is None:
                continue
            try:
                wire = await self._gateway.wire()
                if line.kind is Kind.BARS:
                    wire.cancelRealTimeBars(line.req_id)
                else:
                    wire.cancelTickByTickData(line.req_id)
                self._subscribe(wire, line)
            except (ConnectionError, SourceError):
                self._is_down = True
                return

    async def _reconnect(self) -> None:
        """Connect and subscribe again, for ever."""
        before = [(line, line.last_ns) for line in self._lines]
        attempt = 0
        while True:
            attempt += 1
            await self._sleep(self._params.backoff(min(attempt, 32)))
            with suppress(ConnectionError, SourceError):
                await self._gateway.restart()
                await self._subscribe_all()
                for line, last_ns in before:
                    self._gap(line, last_ns, "disconnected")
                return

    def _find_silence(self) -> None:
        now, silence = self._now_ns(), int(self._params.silence_s * SECOND)
        for line in self._lines:
            if not self._is_down and now - line.last_ns >= silence * line.patience:
                self._gap(line, line.last_ns, "silent", now)
                line.last_ns, line.patience = now, min(2 * line.patience, _LONGEST_SILENCE)
                self._to_renew.add(line.req_id)

    # ------------------------------------------------------------------------------------------------------ messages
    def on_lost(self) -> None:
        """Take note that the connection is gone."""
        self._is_down = True
        self._ready.set()

    def on_message(self, req_id: int, code: int, message: str) -> None:
        """Take a numbered message."""
        line = self._by_request.get(req_id)
        if code in (LINK_BACK_EMPTY, LINK_BACK_FULL):
            for each in self._lines:
                self._gap(each, each.last_ns, "disconnected")
                if code == LINK_BACK_EMPTY:  # the gateway has forgotten the subscriptions
                    self._to_renew.add(each.req_id)
        elif line is not None and code == BUST:
            self._to_renew.add(req_id)
        elif line is not None and code not in LINK_LOST:
            kind = verdict(code, message)
            if kind is Verdict.REFUSED:
                self._error = refusal(code, message, f"ibkr {line.spec.label}")
            # what may be asked again is silent until then, and silence renews it
        self._ready.set()

    def on_fields(self, req_id: int, fields: Fields) -> None:
        """Take one message of live data."""
        line = self._by_request.get(req_id)
        if line is None:
            return  # of a subscription that was given up
        now = self._now_ns()
        try:
            if line.kind is Kind.BARS:
                self._take_bar(line, fields[3:])
            else:
                self._take_tick(line, fields[3:], now)
        except (ValueError, IndexError):
            self._gap(line, line.last_ns, "sequence")  # a message that cannot be read is a message lost
        line.heard(now)

    def _take_bar(self, line: _Line, fields: Fields) -> None:
        at = int(fields[0]) * SECOND
        opened, high, low, close = (_positive(f) for f in fields[1:5])
        if not low <= min(opened, close) <= max(opened, close) <= high:
            raise ValueError(fields)
        if at < line.last_close:
            return  # repeated, or come too late to be in order; its place was reported as a gap
        if line.last_close and at > line.last_close and not line.is_fresh:
            self._push(FeedGap(line.instrument, line.last_close, at, "sequence"))
        line.is_fresh = False
        line.last_close = at + FIVE_SECONDS
        volume = max(float(fields[5]), 0.0)  # -1: none
        part = Bar(line.instrument, at, at + FIVE_SECONDS, opened, high, low, close, volume)
        for builder in line.builders:
            bar = builder.add(part)
            if bar is not None:
                self._push(bar)

    def _take_tick(self, line: _Line, fields: Fields, now: int) -> None:
        at = int(fields[0]) * SECOND
        if line.kind is Kind.TRADES:
            self._push(Trade(line.instrument, at, now, _positive(fields[1]), _amount(fields[2]), 0))
        else:
            bid, ask = _positive(fields[1]), _positive(fields[2])
            self._push(Quote(line.instrument, at, now, bid, ask, _amount(fields[3]), _amount(fields[4])))

    def _gap(self, line: _Line, ts_from: int, reason: str, ts_to: int = 0) -> None:
        self._push(FeedGap(line.instrument, ts_from, ts_to or self._now_ns(), reason))

    def _push(self, noun: Noun) -> None:
        if len(self._queue) < self._params.queue_size:
            gap = self._lost.pop(noun.instrument, None)
            if gap is not None:
                self._queue.append(gap)  # before what comes after it
            self._queue.append(noun)
        else:
            now = self._now_ns()
            first = self._lost.get(noun.instrument)
            self._lost[noun.instrument] = FeedGap(noun.instrument, first.ts_from if first else now, now, "overflow")
        self._ready.set()


def _positive(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise ValueError(text)
    return value


def _amount(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(text)
    return value
