"""One account: what it may do, its orders from acceptance to their end, its fills."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from tradewright.core.kernel.codes import EXPIRED_TIME
from tradewright.core.types.message import VenueMessage
from tradewright.core.types.order import OrderKind, Verb
from tradewright.execution.exchange.book import MICRO, CashBook
from tradewright.execution.exchange.checks import check_exits, check_numbers
from tradewright.execution.exchange.market import Market
from tradewright.execution.exchange.matching import Matcher
from tradewright.execution.exchange.means import Means
from tradewright.execution.exchange.order_list import OrderList
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
from tradewright.execution.exchange.terms import AccountTerms, Place


class TradingAccount:
    """An account at the exchange.

    Parameters
    ----------
    terms : AccountTerms
        What it may do.
    place : Place
        The exchange around it.
    matcher : Matcher
        Its orders' book.
    on_update : callable
        Is told of everything that happens to an order, at the moment it happens.
    """

    def __init__(
        self, terms: AccountTerms, place: Place, matcher: Matcher, on_update: Callable[[Update], None]
    ) -> None:
        self._place, self._matcher, self._on_update = place, matcher, on_update
        self.book = CashBook(round(terms.cash * MICRO))
        self.orders = OrderList(terms, place.seed)
        self.means = Means(place, self.book, self.orders)
        self.executions: list[Execution] = []
        self.splits_exits = False  # injected: exits do not cancel each other
        self.last_equity = self.book.cash_micro  # at the end of the day before
        self._replacements: dict[int, WorkOrder] = {}
        self._waiting: list[WorkOrder] = []  # for their market to open
        self._expiring = 0  # orders in the book that end with the session

    # ---------------------------------------------------------------------------------------------------- questions

    def stop_of(self, order: WorkOrder) -> float | None:
        """Return where a trailing stop stands now."""
        if order.wish.kind is OrderKind.TRAILING_STOP and order.is_in_book:
            order.stop_now = self._matcher.stop_of(order.number, order.instrument) or order.stop_now
        return order.stop_now

    # ----------------------------------------------------------------------------------------------------- commands

    def submit(self, wish: Wish, now_ns: int) -> WorkOrder:
        """Take a new order.

        Raises
        ------
        RefusedError
            If it is refused; nothing has changed.
        """
        if self.orders.is_taken(wish.client_id):
            raise RefusedError(Refusal.DUPLICATE_CLIENT_ID, "client_order_id must be unique")
        j = number_of(wish.symbol, self._place.markets)
        market = self._place.markets[j]
        check_numbers(wish, market.instrument)
        check_exits(wish, market.instrument, self._place.quote(j))
        self.means.check(wish, j)
        order = self.orders.make(wish, j, now_ns)
        self.orders.add_legs(order, now_ns)
        self._tell("accepted", order, now_ns)
        if self._place.carries_exits or market.hours.is_open(now_ns):
            self._enter(order, now_ns)
            self.receive(now_ns)
        else:
            self._waiting.append(order)
        return order

    def cancel(self, order: WorkOrder, now_ns: int) -> None:
        """End a working order, and the exits that wait for it.

        Raises
        ------
        RefusedError
            If it is over.
        """
        if order.is_over:
            raise RefusedError(Refusal.NOT_OPEN, f'order is already in "{order.life.value}" state')
        if order.is_posted:
            order.life = Life.PENDING_CANCEL
            self._matcher.cancel(order, now_ns)
            self.receive(now_ns)
        else:
            self._end(order, Life.CANCELED, now_ns)

    def replace(self, order: WorkOrder, wish: Wish, now_ns: int) -> WorkOrder:
        """Give a working order another size, price or client id: a new order takes its place.

        Raises
        ------
        RefusedError
            If it is over, or the new numbers are refused.
        """
        if order.is_over or order.life in {Life.PENDING_CANCEL, Life.PENDING_REPLACE}:
            raise RefusedError(Refusal.NOT_OPEN, f'order is not open: "{order.life.value}"')
        if self.orders.is_taken(wish.client_id):
            raise RefusedError(Refusal.DUPLICATE_CLIENT_ID, "client_order_id must be unique")
        check_numbers(wish, self._place.markets[order.instrument].instrument)
        if wish.lots <= order.filled:
            raise RefusedError(Refusal.BAD_SIZE, "qty must be above what is filled")
        if wish.side > 0 and order.parent is None:
            more = self.means.cost(wish, order.instrument) - self.means.reserve(order)
            self.means.check_power(max(0, more))
        new = self.orders.make(wish, order.instrument, now_ns, number=order.number)
        new.replaces, new.parent, new.legs = order.id, order.parent, order.legs
        new.filled, new.value, new.ts_expire = order.filled, order.value, order.ts_expire
        self.orders.by_number[order.number] = order  # until the book has said so
        if not order.is_posted:
            self._swap(order, new, now_ns)
            self._waiting = [new if waiting is order else waiting for waiting in self._waiting]
            return new
        self._replacements[order.number] = new
        order.life = Life.PENDING_REPLACE
        self._matcher.replace(new, now_ns, self._place.marks[order.instrument])
        self.receive(now_ns)
        return new

    def reject(self, order: WorkOrder, now_ns: int) -> None:
        """End a working order as rejected, as a venue does with an exit it does not like."""
        if order.is_posted:
            self._matcher.cancel(order, now_ns)
        self._end(order, Life.REJECTED, now_ns)
        self.receive(now_ns)

    # ------------------------------------------------------------------------------------------------ what happens

    def receive(self, now_ns: int) -> None:
        """Let messages that are due arrive, on either side."""
        self._apply(self._matcher.receive(now_ns), now_ns)

    def on_event(self, i: int, instrument: int, now_ns: int) -> None:
        """Match one event of the market."""
        self._apply(self._matcher.on_event(i, now_ns), now_ns)
        if self._waiting and self._place.markets[instrument].hours.is_open(now_ns):
            mine = [order for order in self._waiting if order.instrument == instrument]
            if mine:
                self._waiting = [order for order in self._waiting if order.instrument != instrument]
                for order in mine:
                    self._enter(order, now_ns)
                self.receive(now_ns)

    def next_due(self) -> int:
        """When something happens here without the market moving, ns UTC."""
        due = self._matcher.next_due()
        if self._expiring and not self._place.carries_exits:
            due = min([due, *(o.ts_expire for o in self.orders.open() if o.is_posted and o.ts_expire)])
        return due

    def expire(self, now_ns: int) -> None:
        """End the orders whose session is over; on bars the book does it, as in a backtest."""
        if self._expiring and not self._place.carries_exits:
            for order in [o for o in self.orders.open() if o.is_posted and 0 < o.ts_expire <= now_ns]:
                self._matcher.cancel(order, now_ns, EXPIRED_TIME)
            self.receive(now_ns)

    def bust(self, execution: Execution, now_ns: int) -> None:
        """Take a fill back, as a venue does with a clear error."""
        order = execution.order
        unit = float(self._place.markets[order.instrument].instrument.unit_value)
        back = -order.wish.side * execution.lots
        self.book.fill(order.instrument, back, execution.price, -execution.fee_micro / MICRO, unit)
        self.executions.remove(execution)
        self._tell("trade_bust", order, now_ns, execution)

    # ---------------------------------------------------------------------------------------------------- the inside

    def _enter(self, order: WorkOrder, now_ns: int) -> None:
        """Send an order to the book."""
        hours = self._place.markets[order.instrument].hours
        if order.wish.force is Force.DAY and not hours.never_close:
            order.ts_expire = hours.next_close(now_ns)
            self._expiring += 1
        if order.wish.force is Force.FOK and not _fills_whole(order, self._place, self._matcher):
            self._end(order, Life.CANCELED, now_ns)
            return
        order.is_posted = True
        shares = order.parent is not None or order.wish.group is Group.OCO
        group = 0 if self.splits_exits or not shares else (order.parent or order).number
        mark, carries = self._place.marks[order.instrument], _book_makes_exits(order, self._place)
        self._matcher.submit(order, now_ns, mark, group, carries_exits=carries)
        if order.wish.group is Group.OCO and order.parent is None:
            for leg in order.legs:
                self._enter(leg, now_ns)

    def _apply(self, answers: list[VenueMessage], now_ns: int) -> None:
        """Live through what the book said."""
        for answer in answers:
            order = self.orders.by_number.get(answer.order_id)
            if order is None or order.is_over:
                continue
            ts = max(order.ts_updated, min(now_ns, int(answer.header["ts_sent"][0])))
            match answer.verb:
                case Verb.ORDER_ACCEPTED:
                    self._accepted(order, ts)
                case Verb.ORDER_FILLED:
                    self._filled(order, answer, ts)
                case Verb.ORDER_CANCELED:
                    is_timed = int(answer.header["reason"][0]) == EXPIRED_TIME
                    self._end(order, Life.EXPIRED if is_timed else Life.CANCELED, ts)
                case Verb.ORDER_EXPIRED:
                    self._end(order, Life.EXPIRED, ts)
                case Verb.ORDER_REJECTED:
                    self._end(order, Life.REJECTED, ts)
                case Verb.ORDER_REPLACED:
                    new = self._replacements.pop(order.number, None)
                    if new is not None:
                        self._swap(order, new, ts)
                    else:  # an exit grew with its entry
                        order.wish = replace(order.wish, lots=int(answer.order["lots"][0]))

    def _accepted(self, order: WorkOrder, ts: int) -> None:
        """Note that an order is in the book."""
        order.is_in_book = order.is_posted = True
        if order.parent is not None and order.wish.stop is not None:
            if self._place.carries_exits and order.wish.limit is not None:
                self._matcher.give_limit(order.number, order.instrument, order.wish.limit)
            return  # stays held beside its partner
        if order.life in {Life.ACCEPTED, Life.HELD}:
            order.life = Life.NEW
        self._tell("new", order, ts)

    def _filled(self, order: WorkOrder, answer: VenueMessage, ts: int) -> None:
        """Book a fill."""
        lots, price = int(answer.header["fill_lots"][0]), float(answer.header["fill_price"][0])
        order.filled += lots
        order.value += lots * price
        is_whole = order.filled >= order.wish.lots
        if is_whole or order.life not in {Life.PENDING_CANCEL, Life.PENDING_REPLACE}:
            order.life = Life.FILLED if is_whole else Life.PARTIALLY_FILLED
        order.ts_filled = ts
        j = order.instrument
        fee, unit = float(answer.header["fill_fee"][0]), float(self._place.markets[j].instrument.unit_value)
        fee_micro = self.book.fill(j, order.wish.side * lots, price, fee, unit)
        number = len(self.executions) + 1
        digest = hashlib.blake2b(f"{order.id}|{order.filled}".encode(), digest_size=16).digest()
        execution = Execution(
            number=number,
            id=str(UUID(bytes=digest, version=4)),
            order=order,
            lots=lots,
            price=price,
            fee_micro=fee_micro,
            is_maker=bool(answer.header["is_maker"][0]),
            position=self.book.lots(j),
            ts=ts,
        )
        self.executions.append(execution)
        self._tell("fill" if is_whole else "partial_fill", order, ts, execution)
        if not is_whole:
            return
        self._finish(order)
        if (
            order.wish.group in {Group.BRACKET, Group.OTO}
            and order.parent is None
            and not _book_makes_exits(order, self._place)
        ):
            for leg in order.legs:
                if not leg.is_over:
                    leg.ts_updated = max(leg.ts_updated, ts)
                    self._enter(leg, ts)
            self.receive(ts)

    def _end(self, order: WorkOrder, life: Life, ts: int) -> None:
        """End an order that was not filled to the end."""
        order.life = life
        if life is Life.EXPIRED:
            order.ts_expired = ts
        else:
            order.ts_canceled = ts
        self._finish(order)
        self._waiting = [waiting for waiting in self._waiting if waiting is not order]
        self._tell(life.value, order, ts)
        for leg in order.legs:
            if not leg.is_over and not leg.is_posted:
                self._end(leg, life, ts)
            elif not leg.is_over and order.wish.group is Group.OCO and life is Life.CANCELED:
                self._matcher.cancel(leg, ts)
                self.receive(ts)

    def _finish(self, order: WorkOrder) -> None:
        if order.ts_expire:
            self._expiring -= 1
        rejected = self._replacements.pop(order.number, None)
        if rejected is not None:
            rejected.life = Life.REJECTED
            self._tell("order_replace_rejected", rejected, order.ts_updated)

    def _swap(self, order: WorkOrder, new: WorkOrder, ts: int) -> None:
        """Let the new order stand where the old one stood."""
        order.life, order.replaced_by, order.ts_replaced = Life.REPLACED, new.id, ts
        new.life = Life.PARTIALLY_FILLED if order.filled else Life.NEW if order.is_posted else Life.ACCEPTED
        if order.parent is not None:
            new.life = Life.HELD if new.wish.stop is not None else new.life
            order.parent.legs[order.parent.legs.index(order)] = new
        new.is_in_book, new.is_posted, new.filled, new.value = (
            order.is_in_book,
            order.is_posted,
            order.filled,
            order.value,
        )
        new.ts_filled = order.ts_filled
        for leg in new.legs:
            leg.parent = new
        self.orders.by_number[order.number] = new
        self._tell("replaced", order, ts)

    def _tell(self, event: str, order: WorkOrder, ts: int, execution: Execution | None = None) -> None:
        order.ts_updated = max(order.ts_updated, ts)
        self._on_update(Update(event, order, ts, execution))


def number_of(symbol: str, markets: tuple[Market, ...]) -> int:
    """Return the number of an instrument; raises RefusedError if it is not traded here."""
    for j, market in enumerate(markets):
        if market.instrument.symbol == symbol:
            return j
    raise RefusedError(Refusal.UNKNOWN_SYMBOL, f'asset "{symbol}" not found')


def _book_makes_exits(order: WorkOrder, place: Place) -> bool:
    return place.carries_exits and order.wish.group in {Group.BRACKET, Group.OTO}


def _fills_whole(order: WorkOrder, place: Place, matcher: Matcher) -> bool:
    """Return whether the standing quote fills an order at once and completely; on bars nothing is displayed."""
    if place.carries_exits:
        return True
    bid, ask = place.quote(order.instrument)
    wish, price = order.wish, ask if order.wish.side > 0 else bid
    is_marketable = wish.limit is None or price * wish.side <= wish.limit * wish.side
    return is_marketable and matcher.room(order.instrument, wish.side) >= order.left
