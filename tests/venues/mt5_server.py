"""A MetaTrader 5 trade server over an account of the local exchange: requests in, orders, deals and positions out.

Numbers as in MQL5. One symbol; a hundredth of a MetaTrader lot is one lot of the exchange. Market orders take what is
there and the rest is cancelled; pending orders wait. Comments and magic numbers are kept with orders and deals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from tests.venues.faults import Fault, FaultScript
from tests.venues.local_account import LocalAccount

from tradewright.core.types.dtypes import BID
from tradewright.core.types.events import EventKind
from tradewright.core.types.order import OrderKind, Side
from tradewright.execution.exchange.orders import (
    Execution,
    Force,
    Life,
    Refusal,
    RefusedError,
    Update,
    Wish,
    WorkOrder,
)

CONTRACT_SIZE, STEP = 100.0, 0.01
_KINDS = (OrderKind.MARKET, OrderKind.LIMIT, OrderKind.STOP, OrderKind.STOP_LIMIT)
_STATES = {
    Life.ACCEPTED: 1,
    Life.NEW: 1,
    Life.PARTIALLY_FILLED: 3,
    Life.FILLED: 4,
    Life.CANCELED: 2,
    Life.EXPIRED: 6,
    Life.REJECTED: 5,
    Life.PENDING_CANCEL: 9,
}
_CODES = {Refusal.BAD_PRICE: 10015, Refusal.BAD_SIZE: 10014, Refusal.BUYING_POWER: 10019}
#: Answers that a script can give: taken, and no answer (timeout) or none that is known; refused; not sent.
FAULTS = {"timeout": 10012, "error": 10011, "requote": 10004, "closed": 10018, "offline": 10031, "locked": 10028}
_TAKEN = ("timeout", "error", "silent", "wiped")


@dataclass(eq=False)
class Ticket:
    """One order."""

    number: int
    type: int
    magic: int
    comment: str
    work: WorkOrder
    reason: int = 3
    closes: int = 0  # the position that a deal names

    @property
    def volume(self) -> float:
        return round(self.work.wish.lots * STEP, 8)

    @property
    def left(self) -> float:
        return round(self.work.left * STEP, 8)

    @property
    def state(self) -> int:
        return _STATES[self.work.life]


@dataclass
class Held:
    """A position of a hedging account."""

    number: int
    lots: int
    price: float
    magic: int
    comment: str


@dataclass
class Mt5Server:
    """The server. ``faults``: what happens to the next requests; words of `FAULTS`, ``silent`` and ``wiped``.

    ``wiped``: the broker writes its own comment over ours. ``login``, ``trade_mode`` (2 is real money) and
    ``margin_mode`` (2 is hedging) are the account's.
    """

    local: LocalAccount
    faults: Sequence[Fault] = ()
    login: int = 5001
    trade_mode: int = 0
    margin_mode: int = 0
    tickets: list[Ticket] = field(default_factory=list)
    deals: list[tuple[int, Execution]] = field(default_factory=list)
    requests: int = 0
    pairs: list[tuple[int, int, int]] = field(
        default_factory=list
    )  # deals before it, position, position that closes it

    def __post_init__(self) -> None:
        self.script = FaultScript(self.faults)
        self.local.runner.on_update.append(self._updated)

    def _updated(self, update: Update) -> None:
        if update.execution is not None:
            self.deals.append((7_000_001 + len(self.deals), update.execution))

    def send(self, fields: dict[str, float], comment: str) -> tuple[int, int, float, bool]:
        """Carry a request out; return code, ticket, volume, and whether the answer arrives."""
        with self.local.lock:
            self.requests += 1
            fault = self.script.take(f"send {int(fields['action'])}", {*FAULTS, "silent", "wiped"})
            kind = fault.kind if fault is not None else ""
            if kind and kind not in _TAKEN:
                return FAULTS[kind], 0, 0.0, True
            code, ticket, volume = self._carried_out(fields, "broker" if kind == "wiped" else comment)
            if kind in FAULTS:
                return FAULTS[kind], 0, 0.0, True
            return code, ticket, volume, kind != "silent"

    def _carried_out(self, fields: dict[str, float], comment: str) -> tuple[int, int, float]:
        now = self.local.now_ns
        if fields["action"] == 10:
            held = {p.number: p.lots for p in self.positions()}
            one, other = int(fields["position"]), int(fields["position_by"])
            if held.get(one, 0) * held.get(other, 0) >= 0:
                return 10013, 0, 0.0
            self.pairs.append((len(self.deals), one, other))
            return 10009, 0, 0.0
        closes = int(fields.get("position", 0))
        if closes:
            lots = next((p.lots for p in self.positions() if p.number == closes), 0)
            if lots * (1 if int(fields["type"]) == 1 else -1) < round(fields["volume"] / STEP):
                return 10036 if not lots else 10038, 0, 0.0
        if fields["action"] == 8:
            found = [t for t in self.tickets if t.number == fields["order"] and not t.work.is_over]
            if not found:
                return 10035, 0, 0.0
            self.local.account.cancel(found[0].work, now)
            self.local.runner.settle()
            return 10009, found[0].number, 0.0
        type_ = int(fields["type"])
        kind = _KINDS[type_ // 2]
        stop_limit = fields.get("stoplimit")
        wish = Wish(
            symbol=self.local.symbol,
            side=Side.SELL if type_ % 2 else Side.BUY,
            lots=round(fields["volume"] / STEP),
            kind=kind,
            force=Force.IOC if kind is OrderKind.MARKET else Force.GTC,
            limit={OrderKind.LIMIT: fields["price"], OrderKind.STOP_LIMIT: stop_limit}.get(kind),
            stop=fields["price"] if kind in (OrderKind.STOP, OrderKind.STOP_LIMIT) else None,
        )
        try:
            work = self.local.account.submit(wish, now)
        except RefusedError as refused:
            return _CODES.get(refused.reason, 10006), 0, 0.0
        self.local.runner.settle()
        ticket = Ticket(9_000_001 + len(self.tickets), type_, int(fields["magic"]), comment, work, closes=closes)
        self.tickets.append(ticket)
        return 10009, ticket.number, round(work.filled * STEP, 8)

    def open(self) -> list[Ticket]:
        return [t for t in self.tickets if not t.work.is_over]

    def ended(self) -> list[Ticket]:
        return [t for t in self.tickets if t.work.is_over]

    def ticket_of(self, execution: Execution) -> Ticket:
        return next(t for t in self.tickets if t.work is execution.order)

    def positions(self) -> list[Held]:
        """Return the positions of a hedging account, from all deals and pairs in order; else the one there is."""
        if self.margin_mode != 2:
            return [Held(1, lots, price, 0, "") for lots, price in self.held()]
        found: dict[int, Held] = {}
        for n in range(len(self.deals) + 1):
            for at, one, other in self.pairs:
                if at == n:
                    lots = min(abs(found[one].lots), abs(found[other].lots))
                    for each in (found[one], found[other]):
                        each.lots -= lots if each.lots > 0 else -lots
            if n < len(self.deals):
                execution = self.deals[n][1]
                ticket = self.ticket_of(execution)
                new = Held(ticket.number, 0, execution.price, ticket.magic, ticket.comment)
                found.setdefault(ticket.closes or ticket.number, new).lots += execution.lots * execution.order.wish.side
        return [p for p in found.values() if p.lots]

    def held(self) -> list[tuple[int, float]]:
        """Return lots and price of what is held."""
        return [(h.lots, h.entry) for h in self.local.account.book.holdings.values()]

    def bars(self, length_s: int, ahead_s: int = 0) -> list[tuple[int, float, float, float, float, int]]:
        """Return bars of all bids up to now, the running one too: begin by the server's clock (s), prices, ticks."""
        events = self.local.runner.exchange.events
        with self.local.lock:
            quotes = np.flatnonzero((events.ts_event <= self.local.now_ns) & (events.kinds == int(EventKind.QUOTE)))
            bids, times = events.fields[BID, quotes], events.ts_event[quotes] // 10**9 + ahead_s
        begins, first = np.unique(times // length_s * length_s, return_index=True)
        parts = zip(begins, np.split(bids, first[1:]), strict=True)
        return [(int(at), float(b[0]), float(b.max()), float(b.min()), float(b[-1]), len(b)) for at, b in parts]

    def money(self) -> tuple[float, float]:
        """Return balance and equity: MetaTrader books results, not purchases."""
        worth = self.local.account.means.worth()
        open_result = sum(lots * self.local.account.means.mark(0) - lots * entry for lots, entry in self.held())
        return worth.equity / 1e6 - open_result, worth.equity / 1e6
