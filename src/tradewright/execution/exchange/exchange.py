"""The exchange: one market that moves through recorded or synthetic events, and the accounts that trade on it.

It has no clock of its own: whoever runs it says what time it is. Accounts do not meet each other; each has the market
for itself, as at the paper accounts of brokers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from tradewright.core.kernel.records import instrument_records
from tradewright.core.types.dtypes import ASK, BID, CLOSE, PRICE
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.execution.exchange.account import TradingAccount
from tradewright.execution.exchange.market import Market
from tradewright.execution.exchange.matching import NEVER, Matcher
from tradewright.execution.exchange.orders import Update
from tradewright.execution.exchange.terms import AccountTerms, Place
from tradewright.execution.sim_venue import LatencyParams, SimVenueParams

_DAY_NS = 86_400_000_000_000
_SLOTS = 512


class ExchangeParams(BaseModel):
    """How the exchange works.

    ``currency``: of every account. ``displayed``: an order fills no more than the quote shows; without it, as the
    instrument's definition says. ``latency``: of requests and answers, in simulated time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    currency: str = "USD"
    displayed: bool = True
    latency: LatencyParams = LatencyParams()
    venue: SimVenueParams = SimVenueParams(slots=_SLOTS)
    seed: int = 0


class Exchange:
    """Markets and accounts at one moment of simulated time.

    Parameters
    ----------
    markets : tuple of Market
        Event ``instrument`` numbers are places in it.
    events : MarketEvents
        All that happens, in order.
    params : ExchangeParams
        How it works.
    on_event : callable, optional
        Is told the number of each event after the accounts have seen it.
    """

    def __init__(
        self,
        markets: tuple[Market, ...],
        events: MarketEvents,
        params: ExchangeParams | None = None,
        on_event: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.params = params or ExchangeParams()
        self.markets, self.events, self.on_event = markets, events, on_event
        self.accounts: dict[str, TradingAccount] = {}
        self.cursor = 0
        self.now_ns = int(events.ts_open[0]) if len(events) else 0
        self.marks = [float("nan")] * len(markets)
        self._tops = [(float("nan"), float("nan"))] * len(markets)
        self._kinds, self._numbers = events.kinds, events.instruments
        self._carries_exits = bool(len(events)) and bool((self._kinds == int(EventKind.BAR)).all())
        instruments = [m.instrument for m in markets]
        if self.params.displayed and not self._carries_exits:
            instruments = [replace(i, participation=i.participation or 1.0) for i in instruments]
        self._records = instrument_records(instruments, self.params.currency)

    @property
    def is_over(self) -> bool:
        """Whether the recording has ended."""
        return self.cursor >= len(self.events)

    def open_account(self, terms: AccountTerms, on_update: Callable[[Update], None]) -> TradingAccount:
        """Open an account; before the market moves, or it misses what came before."""
        place = Place(self.markets, self.marks, self.top, self._carries_exits, self.params.seed)
        venue = self.params.venue.model_copy(update={"latency": self.params.latency})
        account = TradingAccount(terms, place, Matcher(venue, self._records, self.events), on_update)
        self.accounts[terms.name] = account
        return account

    def top(self, instrument: int) -> tuple[float, float]:
        """Return the newest bid and ask, NaN before the first."""
        return self._tops[instrument]

    def next_ns(self) -> int:
        """When something happens next, ns UTC; `NEVER` if nothing does."""
        due = min((account.next_due() for account in self.accounts.values()), default=NEVER)
        return due if self.is_over else min(due, int(self.events.ts_event[self.cursor]))

    def advance(self, until_ns: int) -> None:
        """Let everything happen up to a time, that moment included; of one moment, the market moves first."""
        while True:
            at = self.next_ns()
            if at > until_ns:
                break
            is_event = not self.is_over and int(self.events.ts_event[self.cursor]) <= at
            self.now_ns = max(self.now_ns, at)
            if is_event:
                self._step()
            else:
                for account in self.accounts.values():
                    account.receive(self.now_ns)
                    account.expire(self.now_ns)
        self.now_ns = max(self.now_ns, until_ns)

    def step(self) -> None:
        """Let all happen that happens at the next moment of the market."""
        if not self.is_over:
            self.advance(int(self.events.ts_event[self.cursor]))

    def _step(self) -> None:
        i, self.cursor = self.cursor, self.cursor + 1
        j, kind, fields = int(self._numbers[i]), int(self._kinds[i]), self.events.fields
        if i and int(self.events.ts_event[i - 1]) // _DAY_NS != self.now_ns // _DAY_NS:
            for account in self.accounts.values():
                account.last_equity = account.means.worth().equity
        if kind == EventKind.QUOTE:
            self._tops[j] = (float(fields[BID, i]), float(fields[ASK, i]))
            self.marks[j] = (self._tops[j][0] + self._tops[j][1]) / 2.0
        elif kind in {EventKind.TRADE, EventKind.BAR}:
            self.marks[j] = float(fields[PRICE if kind == EventKind.TRADE else CLOSE, i])
        for account in self.accounts.values():
            account.on_event(i, j, self.now_ns)
        self.on_event(i)
