"""What the interface tells of orders, put together: terms in one message, status in another, commissions later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import takewhile
from typing import Any

from ib_async import CommissionReport, Contract, Execution, Order

from tradewright.adapters.ibkr.order_rows import KnownOrder, Names, fill_of, order_of, revision_of
from tradewright.core.types.venue import StreamGap, VenueEvent, VenueFill, VenueOrder
from tradewright.execution.venue import VenueTimeoutError

#: Order number and connection, or the venue's id where an order was made by hand.
Key = tuple[int, int]
#: What has ended is kept for longer than a desk remembers it, and than TWS tells of it again.
_KEPT_NS = 48 * 3_600 * 1_000_000_000


class OrderNews:
    """Orders and executions as told so far, and those who want to hear of more.

    Parameters
    ----------
    names : Names
        What contracts are called.
    account_id : str
        Only this account is spoken of.
    clock_ns : callable
        ns UTC, for reports, which carry no time.
    """

    def __init__(self, names: Names, account_id: str, clock_ns: Callable[[], int]) -> None:
        self._names, self._account_id, self._clock_ns = names, account_id, clock_ns
        self.orders: dict[Key, KnownOrder] = {}
        self.listeners: list[asyncio.Queue[VenueEvent | None]] = []
        self._fees: dict[str, tuple[float, str]] = {}
        self._revisions: dict[str, dict[int, VenueFill]] = {}  # execution -> its versions
        self._told: dict[Key, VenueOrder] = {}
        self._ended: dict[Key, int] = {}  # when it was last spoken of, ns, the longest ago first
        self._executed: dict[str, int] = {}  # the same of executions

    # -------------------------------------------------------------------------------------------------------- orders

    def open_order(self, contract: Contract, order: Order, status: str) -> KnownOrder | None:
        """Take the terms of an order; None if it is another account's."""
        if order.account != self._account_id:
            return None
        key = _key(order.clientId, order.orderId, order.permId)
        known = self.orders.get(key)
        if known is None or known.order.permId not in (0, order.permId):  # TWS can be told to count anew
            known = self.orders[key] = KnownOrder(contract, order)
            self._ended.pop(key, None)  # it was another order that ended
        known.contract, known.order, known.status = contract, order, status or known.status
        self._tell(known)
        return known

    def order_status(self, args: tuple[Any, ...]) -> KnownOrder | None:
        """Take the status of an order whose terms are known."""
        number, status, filled, _, _, perm_id, _, _, client_id, why, *_ = args
        known = self.orders.get(_key(client_id, number, perm_id))
        if known is None:
            return None
        known.status, known.filled, known.why = status, max(filled, known.filled), why
        self._tell(known)
        return known

    def order(self, known: KnownOrder) -> VenueOrder:
        """Return an order as the port's noun; raises VenueTimeoutError if it cannot be understood."""
        return order_of(known, self._names, self._clock_ns())

    def by_venue_id(self, venue_id: str) -> KnownOrder | None:
        """Return an order by ``permId``."""
        return next((k for k in self.orders.values() if str(k.order.permId) == venue_id), None)

    # ---------------------------------------------------------------------------------------------------- executions

    def execution(self, contract: Contract, row: Execution) -> list[VenueFill]:
        """Take an execution, and, where it corrects one, that one back first.

        The version before is taken back only if it was told: nobody has it otherwise.
        """
        fill = fill_of(row, contract, self._names, self._fees)
        stem, number = revision_of(fill.trade_id)
        versions = self._revisions.setdefault(stem, {})
        self._executed.pop(stem, None)
        self._executed[stem] = self._clock_ns()
        before = max((n for n in versions if n < number), default=None)
        versions[number] = fill
        if before is None:
            return [fill]
        old = versions[before]
        busted = replace(old, trade_id=f"{old.trade_id}/corrected", busts=old.trade_id, ts_event=fill.ts_event)
        return [busted, fill]

    def executions(self, rows: list[tuple[Contract, Execution]]) -> list[VenueFill]:
        """Return the fills that the answer to a question tells of, oldest first."""
        mine = [(c, r) for c, r in rows if r.acctNumber == self._account_id]
        return [fill for c, r in sorted(mine, key=_order_of_time) for fill in self.execution(c, r)]

    def live_execution(self, contract: Contract, row: Execution) -> None:
        """Tell of an execution that has just happened."""
        if row.acctNumber == self._account_id:
            try:
                self.publish(*self.execution(contract, row))
            except VenueTimeoutError as error:
                self.publish(StreamGap(error.what, self._clock_ns()))

    def commission(self, report: CommissionReport) -> None:
        """Take what an execution has cost, and tell of the execution again."""
        self._fees[report.execId] = fee = (float(report.commission), report.currency)
        stem, number = revision_of(report.execId)
        versions = self._revisions.get(stem, {})
        if number in versions:
            versions[number] = replace(versions[number], fee=fee[0], fee_currency=fee[1])
            self.publish(versions[number])

    # ------------------------------------------------------------------------------------------------------ listeners

    def publish(self, *events: VenueEvent | None) -> None:
        """Tell everybody who listens; None: the connection is gone."""
        for queue in self.listeners:
            for event in events:
                queue.put_nowait(event)

    def gap(self, reason: str | None) -> None:
        """Say that events may be missing; None: because the connection is gone."""
        self.publish(None if reason is None else StreamGap(reason, self._clock_ns()))

    def _tell(self, known: KnownOrder) -> None:
        """Tell of an order if it is news, and the venue itself has spoken of it."""
        if not known.is_heard:
            return
        key = _key(known.order.clientId, known.order.orderId, known.order.permId)
        try:
            told = self.order(known)
        except VenueTimeoutError as error:
            self.gap(error.what)
            return
        last = self._told.get(key)
        if last is None or replace(last, ts_event=told.ts_event) != told:
            self._told[key] = told
            self._ended.pop(key, None)
            if not told.is_open:
                self._ended[key] = told.ts_event
            self._forget()
            self.publish(told)

    def _forget(self) -> None:
        """Forget orders and executions of long ago."""
        for key in self._old(self._ended):
            self.orders.pop(key, None)
            self._told.pop(key, None)
        for stem in self._old(self._executed):
            for fill in self._revisions.pop(stem, {}).values():
                self._fees.pop(fill.trade_id, None)

    def _old(self, queue: dict[Any, int]) -> list[Any]:
        """Take out of a queue what is old."""
        old = list(takewhile(lambda key: self._clock_ns() - queue[key] > _KEPT_NS, queue))
        for key in old:
            del queue[key]
        return old


def _key(client_id: int, number: int, perm_id: int) -> Key:
    return (client_id, number) if number > 0 else (-1, perm_id)


def _order_of_time(row: tuple[Contract, Execution]) -> tuple[Any, str]:
    return row[1].time, row[1].execId
