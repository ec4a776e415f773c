"""Orders at the local TWS: the order half of the wire protocol over an account of the local exchange.

Spoken, server version 176: 3 place, 4 cancel, 5 and 16 open orders, 7 executions, 8 next number, 49 time, 58 cancel
all, 61 and 64 positions, 62 and 63 account summary, 99 completed orders. As at the real one, an order belongs to the
client id that made it; orders with ``transmit`` 0 are held until one that belongs to them transmits; a number that was
used is refused (103); reports carry no time; commissions come in messages of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from tests.venues.local_account import LocalAccount

from tradewright.core.types.order import OrderKind, Side
from tradewright.execution.exchange.orders import (
    Execution,
    Force,
    Group,
    Life,
    Refusal,
    RefusedError,
    Update,
    Wish,
    WorkOrder,
)

CON_ID = 265598
#: Faults of a placed order. drop: taken, and the connection breaks; lost: breaks before; silent: taken, no word;
#: pending: only the gateway speaks of it; reject: refused by the broker; cut: the gateway is offline; garbled: the
#: report cannot be read.
ORDER_FAULTS = ("drop", "lost", "silent", "pending", "reject", "cut", "garbled")
_STATUS = {
    Life.ACCEPTED: "PreSubmitted",
    Life.NEW: "Submitted",
    Life.HELD: "PreSubmitted",
    Life.PARTIALLY_FILLED: "Submitted",
    Life.FILLED: "Filled",
    Life.CANCELED: "Cancelled",
    Life.EXPIRED: "Cancelled",
    Life.REPLACED: "Cancelled",
    Life.REJECTED: "Inactive",
    Life.PENDING_CANCEL: "PendingCancel",
    Life.PENDING_REPLACE: "Submitted",
}
_KINDS = {"MKT": OrderKind.MARKET, "LMT": OrderKind.LIMIT, "STP": OrderKind.STOP, "STP LMT": OrderKind.STOP_LIMIT}
_FORCES = {"GTC": Force.GTC, "DAY": Force.DAY, "IOC": Force.IOC}
_CODES = {Refusal.BAD_PRICE: 110, Refusal.BAD_SIZE: 434, Refusal.UNKNOWN_SYMBOL: 200}


class Session(Protocol):
    """One connection."""

    client_id: int

    def send(self, *fields: object) -> None: ...

    def error(self, req_id: object, code: int, message: str) -> None: ...


@dataclass(eq=False)
class Placed:
    """One order as TWS keeps it; ``fields`` are those of the message that placed it."""

    client_id: int
    number: int
    perm_id: int
    fields: list[str]
    work: WorkOrder | None = None
    is_silent: bool = False
    is_pending: bool = False
    children: list[Placed] = field(default_factory=list)

    @property
    def status(self) -> str:
        if self.work is None or self.is_pending:
            return "PendingSubmit"
        return _STATUS[self.work.life]

    @property
    def is_open(self) -> bool:
        return self.work is not None and not self.work.is_over


class TwsOrders:
    """Orders of every client id on one account.

    Parameters
    ----------
    local : LocalAccount
        Where they are matched.
    accounts : str
        What the gateway says it is logged in to; orders go to the first.

    ``id_kept_s`` is how long a client id stays taken after its connection ended.
    """

    def __init__(self, local: LocalAccount, accounts: str = "DU0000001") -> None:
        self.local, self.accounts = local, accounts
        self.account = accounts.partition(",")[0]
        self.sessions: list[Session] = []
        self.placed: dict[tuple[int, int], Placed] = {}
        self.corrections: dict[int, tuple[int, float]] = {}  # execution number -> version, price
        self.executions: list[Execution] = []  # kept by TWS even where the venue takes one back
        self.next_number = 1
        self.id_kept_s = 0.0
        local.runner.on_update.append(self._updated)

    # ------------------------------------------------------------------------------------------------------ requests
    def answer(self, session: Session, fields: list[str], fault: str) -> None:
        """Answer a request."""
        with self.local.lock:
            match int(fields[0]):
                case 3:
                    self._place(session, fields, fault)
                case 4:
                    self._cancel(session, int(fields[2]))
                case 5 | 16:
                    self._open_orders(session, only_own=fields[0] == "5")
                case 7:
                    self._executions(session, fields[2])
                case 8:
                    session.send(9, 1, self.next_number)
                case 49:
                    session.send(49, 1, self.local.now_ns // 10**9)
                case 58:
                    for placed in [p for p in self.placed.values() if p.is_open and p.work is not None]:
                        self._end(placed)
                case 61:
                    self._positions(session)
                case 62:
                    self._summary(session, fields[2], fields[4])
                case 99:
                    for placed in self.placed.values():
                        if placed.work is not None and placed.work.is_over:
                            session.send(*_completed_order(placed, self.account))
                    session.send(102)

    def _place(self, session: Session, fields: list[str], fault: str) -> None:
        number = int(fields[1])
        if number < self.next_number:
            session.error(number, 103, "Duplicate order id")
            return
        if fault == "reject":
            session.error(number, 201, "Order rejected - reason:insufficient margin")
            return
        if fault == "cut":
            session.error(-1, 1100, "Connectivity between IBKR and Trader Workstation has been lost.")
            return
        self.next_number = number + 1
        placed = Placed(session.client_id, number, 900_000 + number, fields)
        placed.is_silent, placed.is_pending = fault in ("silent", "drop", "garbled"), fault == "pending"
        self.placed[session.client_id, number] = placed
        parent = self.placed.get((session.client_id, int(fields[28] or 0)))
        if parent is not None:
            parent.children.append(placed)
        if fields[27] == "1":
            self._transmit(session, parent or placed)
        if fault == "garbled":
            session.send(5, number, "not a number", "AAPL")

    def _transmit(self, session: Session, placed: Placed) -> None:
        """Send an order and what belongs to it to the venue."""
        number = placed.number
        try:
            wish = self._wish(placed)
            placed.work = self.local.account.submit(wish, self.local.now_ns)
        except RefusedError as refused:
            code = _CODES.get(refused.reason, 201)
            text = refused.what if code != 201 else f"Order rejected - reason:{refused.what}"
            session.error(number, code, text)
            return
        for child in placed.children:
            kind = _KINDS[child.fields[18]]
            child.work = next(leg for leg in placed.work.legs if leg.wish.kind is kind)
        self.local.runner.settle()
        for each in (placed, *placed.children):
            self._tell(each)
        for execution in self.local.account.executions:
            if execution.order is placed.work:  # it filled before TWS knew which order it was
                self._execution(placed, execution)

    def _wish(self, placed: Placed) -> Wish:
        fields = placed.fields
        symbol, lots = fields[3], float(fields[17])
        target = next((float(c.fields[19]) for c in placed.children if c.fields[18] == "LMT"), None)
        stop = next((float(c.fields[20]) for c in placed.children if c.fields[18] == "STP"), None)
        group = (Group.SIMPLE, Group.OTO, Group.BRACKET)[len(placed.children)]
        limit, aux = (float(fields[k]) if fields[k] else None for k in (19, 20))
        return Wish(
            symbol=symbol,
            side=Side[fields[16]],
            lots=round(lots),
            kind=_KINDS[fields[18]],
            force=_FORCES[fields[21]],
            limit=limit,
            stop=aux,
            group=group,
            take_profit=target,
            stop_loss=stop,
        )

    def _cancel(self, session: Session, number: int) -> None:
        placed = self.placed.get((session.client_id, number))
        if placed is None:
            session.error(number, 10147, f"OrderId {number} that needs to be cancelled is not found.")
        elif not placed.is_open:
            session.error(number, 10148, f"OrderId {number} that needs to be cancelled cannot be cancelled.")
        else:
            self._end(placed)
            session.error(number, 202, "Order Canceled - reason:")

    def _end(self, placed: Placed) -> None:
        placed.is_silent = placed.is_pending = False
        if placed.work is not None:
            self.local.account.cancel(placed.work, self.local.now_ns)
            self.local.runner.settle()

    def _open_orders(self, session: Session, *, only_own: bool) -> None:
        for placed in self.placed.values():
            if placed.is_open and (not only_own or placed.client_id == session.client_id):
                session.send(*_open_order(placed, self.account))
                session.send(*_order_status(placed))
        session.send(53, 1)

    def _executions(self, session: Session, req_id: str) -> None:
        for execution in self.executions:
            placed = self._of(execution.order)
            if placed is not None:
                session.send(*self._exec_details(placed, execution, req_id, 1, execution.price))
                if execution.number in self.corrections:
                    version, price = self.corrections[execution.number]
                    session.send(*self._exec_details(placed, execution, req_id, version, price))
        session.send(55, 1, req_id)

    def _positions(self, session: Session) -> None:
        for j, holding in self.local.account.book.holdings.items():
            name = self.local.runner.exchange.markets[j].instrument.symbol
            contract = (CON_ID, name, "STK", "", "0", "", "", "SMART", "USD", name, name)
            session.send(61, 3, self.account, *contract, holding.lots, holding.entry)
        session.send(62, 1)

    def _summary(self, session: Session, req_id: str, tags: str) -> None:
        worth = self.local.account.means.worth()
        values = {"NetLiquidation": worth.equity / 1e6, "TotalCashValue": worth.cash / 1e6}
        for tag in tags.split(","):
            session.send(63, 1, req_id, self.account, tag, values[tag], "USD")
        session.send(64, 1, req_id)

    # -------------------------------------------------------------------------------------------------- what happens
    def _updated(self, update: Update) -> None:
        if update.execution is not None and update.event != "trade_bust":
            self.executions.append(update.execution)
        placed = self._of(update.order)
        if placed is None:
            return
        if update.execution is not None:
            self._execution(placed, update.execution)
        self._tell(placed)

    def correct(self, price: float) -> None:
        """Let the venue correct the price of its newest execution."""
        with self.local.lock:
            execution = self.executions[-1]
            self.corrections[execution.number] = (2, price)
            placed = self._of(execution.order)
            assert placed is not None
            for session in self._owners(placed):
                session.send(*self._exec_details(placed, execution, -1, 2, price))

    def _tell(self, placed: Placed) -> None:
        if not placed.is_silent:
            for session in self._owners(placed):
                session.send(*_open_order(placed, self.account))
                session.send(*_order_status(placed))

    def _execution(self, placed: Placed, execution: Execution) -> None:
        for session in self._owners(placed):
            session.send(*self._exec_details(placed, execution, -1, 1, execution.price))
            session.send(59, 1, self._exec_id(execution, 1), execution.fee_micro / 1e6, "USD", "", "", "")

    def _owners(self, placed: Placed) -> list[Session]:
        return [session for session in self.sessions if session.client_id == placed.client_id]

    def _of(self, work: WorkOrder) -> Placed | None:
        return next((placed for placed in self.placed.values() if placed.work is work), None)

    def _exec_id(self, execution: Execution, version: int) -> str:
        return f"0000e0d5.{execution.number:08x}.01.{version:02d}"

    def _exec_details(
        self, placed: Placed, execution: Execution, req_id: object, version: int, price: float
    ) -> list[object]:
        when = datetime.fromtimestamp(execution.ts // 10**9, UTC).strftime("%Y%m%d %H:%M:%S UTC")
        side = "BOT" if execution.order.wish.side > 0 else "SLD"
        contract = (*placed.fields[2:9], placed.fields[9], placed.fields[11], placed.fields[3], placed.fields[3])
        done = execution.order.filled
        ids = (self._exec_id(execution, version), when, self.account, "ISLAND", side)
        sizes = (execution.lots, price, placed.perm_id, placed.client_id, 0, done, price)
        return [11, req_id, placed.number, *contract, *ids, *sizes, placed.fields[26], "", "", "", 1]


def _terms(placed: Placed, account: str) -> list[object]:
    """Return contract and terms as they stand in reports of orders."""
    f = placed.fields
    return [*f[2:9], f[9], f[11], f[3], f[3], *f[16:23], account, f[24], f[25], f[26]]


def _open_order(placed: Placed, account: str) -> list[object]:
    ids = (placed.client_id, placed.perm_id)
    head = [5, placed.number, *_terms(placed, account), *ids, "0", "0", "0", "", "", "", "", "", ""]
    middle = [""] * 29
    middle[23] = placed.fields[28]  # of the parent
    legs = ["0", "0", "0", "", "", "", "", "0", "", "", "0", "0", ""]
    state = ["0", "0", placed.status, *[""] * 14, "0", "0", "0"]
    return [*head, *middle, *[""] * 7, *legs, *state, *[""] * 24]


def _order_status(placed: Placed) -> list[object]:
    work = placed.work
    filled, left, price = (work.filled, work.left, work.average or 0.0) if work is not None else (0, 0, 0.0)
    ids = (placed.perm_id, int(placed.fields[28] or 0))
    return [3, placed.number, placed.status, filled, left, price, *ids, price, placed.client_id, "", 0]


def _completed_order(placed: Placed, account: str) -> list[object]:
    work = placed.work
    assert work is not None
    when = datetime.fromtimestamp(work.ts_updated // 10**9, UTC).strftime("%Y%m%d %H:%M:%S UTC")
    head = [101, *_terms(placed, account), placed.perm_id, "0", "0", "0", "", "", "", "", ""]
    legs = ["0", "0", "0", "", "", "", "", "", "", "0", "0", "", "0"]
    status = [_STATUS[work.life], "0", "0", "0"]
    tail = ["", "", "", "", "", "", work.filled, "", "", "", "", "", "", when, _STATUS[work.life]]
    return [*head, *[""] * 23, *[""] * 5, *legs, *status, *tail, *[""] * 5]
