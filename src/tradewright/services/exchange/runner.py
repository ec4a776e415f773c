"""Lets the market run: moves the exchange with the clock and tells everyone who listens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tradewright.execution.exchange.account import TradingAccount
from tradewright.execution.exchange.exchange import Exchange
from tradewright.execution.exchange.faults import Fault, FaultScript
from tradewright.execution.exchange.matching import NEVER
from tradewright.execution.exchange.mischief import Mischief
from tradewright.execution.exchange.orders import Update
from tradewright.execution.exchange.scenarios import BOTH_EXITS, SAME_ID, SKEW
from tradewright.execution.exchange.terms import AccountTerms
from tradewright.services.exchange.clock import SimulatedClock

#: So many moments of the market are lived through before others have their turn.
_TURN = 200


@dataclass(frozen=True, slots=True)
class BarAt:
    """Bar ``row`` of a market, complete."""

    market: int
    row: int


class Runner:
    """The exchange, its one account, and time.

    Parameters
    ----------
    exchange : Exchange
        What is run.
    clock : SimulatedClock
        What time it is.
    script : FaultScript
        What goes wrong.
    terms : AccountTerms
        Of the account.
    hold_s : float
        So long the clock stands still at each moment of the market.
    """

    def __init__(
        self, exchange: Exchange, clock: SimulatedClock, script: FaultScript, terms: AccountTerms, hold_s: float = 0.0
    ) -> None:
        self.exchange, self.clock, self.script = exchange, clock, script
        self.on_event: list[Callable[[int], None]] = []
        self.on_bar: list[Callable[[BarAt], None]] = []
        self.on_update: list[Callable[[Update], None]] = []
        self.account: TradingAccount = exchange.open_account(terms, self._updated)
        self._skew_ns = 0
        self.add_faults([])
        self._mischief = Mischief(self.account, script)
        self._hold_s = hold_s
        self.listeners = self.watchers = 0  # connections that get order events, and market data
        exchange.on_event = self._event
        bars = [
            (m.bars.ts_event, np.full(len(m.bars), j)) for j, m in enumerate(exchange.markets) if m.bars is not None
        ]
        ts = np.concatenate([t for t, _ in bars]) if bars else np.empty(0, np.int64)
        markets = np.concatenate([j for _, j in bars]) if bars else np.empty(0, np.int64)
        rows = np.concatenate([np.arange(len(t)) for t, _ in bars]) if bars else np.empty(0, np.int64)
        order = np.lexsort((markets, ts))
        self._bar_ts, self._bar_markets, self._bar_rows = ts[order], markets[order], rows[order]
        self._bar = 0
        self._moved = asyncio.Event()

    @property
    def now_ns(self) -> int:
        """The exchange's time, ns UTC."""
        return self.exchange.now_ns

    @property
    def told_ns(self) -> int:
        """The time as the venue tells it; a fault may have it wrong."""
        return self.exchange.now_ns + self._skew_ns

    def add_faults(self, faults: Sequence[Fault]) -> None:
        """Let more go wrong from now on; those that are a state of the venue begin at once."""
        self.script.add(faults)
        orders = self.account.orders
        if self.script.take("accounts", {SAME_ID}) is not None:
            orders.terms = replace(orders.terms, takes_same_id=True)
        self.account.splits_exits |= self.script.take("accounts", {BOTH_EXITS}) is not None
        skew = self.script.take("clock", {SKEW})
        if skew is not None:
            self._skew_ns = round(skew.seconds * 1e9)

    def sync(self) -> None:
        """Live up to this moment, so that a request meets the present."""
        until = self.clock.now_ns()
        if self._hold_s > 0.0 or self.clock.speed <= 0.0:  # the market moves in `run`, or when it is told to
            until = min(until, self._next_market() - 1)
        self._advance(max(until, self.exchange.now_ns))

    def settle(self) -> None:
        """Let happen what follows from what was just done; call after each command."""
        self._mischief.act(self.exchange.now_ns)

    def advance_to(self, until_ns: int) -> None:
        """Move simulated time on by command."""
        self._advance(until_ns)
        self.clock.move(max(until_ns, self.exchange.now_ns))
        self._moved.set()

    def advance_moments(self, count: int) -> None:
        """Move on to the next moment of the market, so often."""
        for _ in range(count):
            at = self._next_market()
            if at == NEVER:
                break
            self.advance_to(at)

    async def run(self) -> None:
        """Move the market with the clock, for ever."""
        lived = 0
        while True:
            at = min(self._next_market(), self.exchange.next_ns())
            if at > self.clock.now_ns():
                self._moved.clear()
                wait = 3600.0 if at == NEVER else min(3600.0, self.clock.wait_s(at))
                try:
                    async with asyncio.timeout(wait):
                        await self._moved.wait()
                except TimeoutError:
                    pass
                continue
            self._advance(at)
            if self._hold_s > 0.0:
                self.clock.move(at, self._hold_s)
                await asyncio.sleep(self._hold_s)
            lived += 1
            if lived % _TURN == 0:
                await asyncio.sleep(0)

    def _next_market(self) -> int:
        """When the market moves next: an event, or a bar that is complete."""
        exchange = self.exchange
        event = NEVER if exchange.is_over else int(exchange.events.ts_event[exchange.cursor])
        bar = int(self._bar_ts[self._bar]) if self._bar < len(self._bar_ts) else NEVER
        return min(event, bar)

    def _advance(self, until_ns: int) -> None:
        while self._bar < len(self._bar_ts) and int(self._bar_ts[self._bar]) <= until_ns:
            at = BarAt(int(self._bar_markets[self._bar]), int(self._bar_rows[self._bar]))
            self.exchange.advance(int(self._bar_ts[self._bar]))
            self.settle()
            self._bar += 1
            for listener in self.on_bar:
                listener(at)
        self.exchange.advance(until_ns)
        self.settle()

    def _event(self, i: int) -> None:
        for listener in self.on_event:
            listener(i)

    def _updated(self, update: Update) -> None:
        self._mischief.see(update)
        for listener in self.on_update:
            listener(update)
