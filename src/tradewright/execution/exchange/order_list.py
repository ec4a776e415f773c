"""The orders of one account: made, found by every name they have, and checked for names that are taken."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from tradewright.core.kernel.codes import ID_STEP
from tradewright.core.types.order import OrderKind, Origin, Side
from tradewright.execution.exchange.orders import Force, Group, Life, Refusal, RefusedError, Wish, WorkOrder
from tradewright.execution.exchange.terms import AccountTerms


class OrderList:
    """Orders by the exchange's id, by the client's, and by their number in the book.

    Parameters
    ----------
    terms : AccountTerms
        Whether client ids may be used again; may be changed later.
    seed : int
        Of the ids.
    """

    def __init__(self, terms: AccountTerms, seed: int) -> None:
        self.terms, self._seed = terms, seed
        self.by_id: dict[str, WorkOrder] = {}
        self.by_number: dict[int, WorkOrder] = {}
        self._by_client: dict[str, WorkOrder] = {}
        self._made = 0

    def open(self) -> Iterator[WorkOrder]:
        """Yield the orders that are not over, oldest first."""
        return (order for order in self.by_number.values() if not order.is_over)

    def of_id(self, order_id: str) -> WorkOrder:
        """Return an order by the exchange's id; raises RefusedError if there is none."""
        if order_id not in self.by_id:
            raise RefusedError(Refusal.UNKNOWN_ORDER, f"order not found for {order_id}")
        return self.by_id[order_id]

    def of_client(self, client_id: str) -> WorkOrder:
        """Return the newest order with a client id; raises RefusedError if there is none."""
        if client_id not in self._by_client:
            raise RefusedError(Refusal.UNKNOWN_ORDER, f"order not found for {client_id}")
        return self._by_client[client_id]

    def is_taken(self, client_id: str) -> bool:
        """Return whether a client id must not be used (again)."""
        known = self._by_client.get(client_id)
        if known is None or self.terms.takes_same_id:
            return False
        return not (self.terms.frees_ids and known.is_over)

    def make(self, wish: Wish, j: int, now_ns: int, number: int = 0) -> WorkOrder:
        """Enter a new order into the account's list."""
        self._made += 1
        digest = hashlib.blake2b(f"{self._seed}|{self.terms.name}|{self._made}".encode(), digest_size=16).digest()
        order_id = str(UUID(bytes=digest, version=4))
        if not wish.client_id:
            wish = replace(wish, client_id=f"{order_id[:-4]}auto")
        order = WorkOrder(order_id, number or ID_STEP * self._made, wish, j, now_ns, ts_updated=now_ns)
        self.by_id[order_id] = order
        self.by_number[order.number] = order
        self._by_client[wish.client_id] = order
        return order

    def add_legs(self, order: WorkOrder, now_ns: int) -> None:
        """Make the exits that the wish asks for; they are held."""
        wish = order.wish
        other = Side(-wish.side)
        legs: list[tuple[Origin, Wish]] = []
        if wish.group is not Group.OCO and wish.take_profit is not None:
            target = Wish(wish.symbol, other, wish.lots, OrderKind.LIMIT, Force.GTC, limit=wish.take_profit)
            legs.append((Origin.TAKE_PROFIT, target))
        if wish.stop_loss is not None:
            kind = OrderKind.STOP if wish.stop_loss_limit is None else OrderKind.STOP_LIMIT
            side = wish.side if wish.group is Group.OCO else other
            stop = Wish(wish.symbol, side, wish.lots, kind, Force.GTC, limit=wish.stop_loss_limit, stop=wish.stop_loss)
            legs.append((Origin.STOP_LOSS, stop))
        for origin, leg in legs:
            made = self.make(replace(leg, group=wish.group, force=wish.force), order.instrument, now_ns)
            del self.by_number[made.number]
            made.number, made.parent, made.life = order.number + int(origin), order, Life.HELD
            self.by_number[made.number] = made
            order.legs.append(made)
