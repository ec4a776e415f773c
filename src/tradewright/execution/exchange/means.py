"""What an account is worth, what its open orders reserve, and whether it can afford another."""

from __future__ import annotations

from tradewright.execution.exchange.book import MICRO, CashBook, Worth, value_micro
from tradewright.execution.exchange.order_list import OrderList
from tradewright.execution.exchange.orders import Group, Life, Refusal, RefusedError, Wish, WorkOrder
from tradewright.execution.exchange.terms import Place

#: A market order is counted at so much above the ask (below the bid, for a short), as Alpaca does.
_COLLAR = 0.03


class Means:
    """The account's money, seen together with its orders and the market."""

    def __init__(self, place: Place, book: CashBook, orders: OrderList) -> None:
        self._place, self._book, self._orders = place, book, orders

    def worth(self) -> Worth:
        """Return what the account is worth now."""
        long = short = 0
        for j, holding in self._book.holdings.items():
            value = value_micro(self._place.markets[j].instrument, holding.lots, self.mark(j))
            long, short = (long + value, short) if value > 0 else (long, short + value)
        reserved = sum(self.reserve(order) for order in self._orders.open())
        cash = self._book.cash_micro
        if self._orders.terms.multiplier <= 1.0:
            power = cash - reserved
        else:
            power = round((cash + long + short) * self._orders.terms.multiplier) - long + short - reserved
        return Worth(cash, long, short, reserved, max(0, power))

    def available(self, instrument: int) -> int:
        """Return the lots of a position that no open order is about to close."""
        lots = self._book.lots(instrument)
        held = sum(
            order.left
            for order in self._orders.open()
            if order.instrument == instrument
            and order.wish.side * lots < 0
            and not (order.parent is not None and order.life is Life.HELD)
        )
        return max(0, abs(lots) - held)

    def mark(self, j: int) -> float:
        """Return the last price of an instrument; 0 before the first."""
        mark = self._place.marks[j]
        return mark if mark == mark else 0.0  # noqa: PLR0124  # NaN: nothing has traded yet

    def check(self, wish: Wish, j: int) -> None:
        """Refuse what the account cannot pay for or does not have."""
        lots, market = self._book.lots(j), self._place.markets[j]
        if lots * wish.side < 0:  # it closes
            free = self.available(j)
            if wish.lots > free and self._orders.terms.reserves_exits:
                unit = float(market.instrument.lot)
                facts = {"available": f"{free * unit:g}", "existing_qty": f"{abs(lots) * unit:g}"}
                asked = f"(requested: {wish.lots * unit:g}, available: {free * unit:g})"
                what = f"insufficient qty available for order {asked}"
                raise RefusedError(
                    Refusal.QUANTITY_HELD, what, **facts, held_for_orders=f"{(abs(lots) - free) * unit:g}"
                )
            return
        if wish.group is Group.OCO:
            raise RefusedError(Refusal.BAD_EXITS, "oco orders need a position to close")
        if wish.side < 0 and not (self._orders.terms.may_short and market.instrument.is_shortable):
            what = f"insufficient balance for {wish.symbol}: nothing to sell, and shorting is not allowed"
            raise RefusedError(Refusal.NOT_SHORTABLE, what)
        if wish.limit is None and wish.stop is None and self.mark(j) <= 0.0:
            raise RefusedError(Refusal.NO_QUOTE, f"no price of {wish.symbol} is known yet")
        self.check_power(self.cost(wish, j))

    def check_power(self, cost_micro: int) -> None:
        """Refuse what costs more than the account may still buy."""
        power = self.worth().power
        if cost_micro > power:
            facts = {"buying_power": f"{power / MICRO:.2f}", "cost_basis": f"{cost_micro / MICRO:.2f}"}
            raise RefusedError(Refusal.BUYING_POWER, "insufficient buying power", **facts)

    def cost(self, wish: Wish, j: int) -> int:
        """Return what an order could cost, micro-units; market orders with a margin above the quote."""
        bid, ask = self._place.quote(j)
        if wish.side > 0:
            price = wish.limit or (wish.stop or _known(ask, self.mark(j))) * (1.0 + _COLLAR)
        else:
            price = max(wish.limit or 0.0, _known(bid, self.mark(j)))
        return value_micro(self._place.markets[j].instrument, wish.lots, price)

    def reserve(self, order: WorkOrder) -> int:
        """Return what an open order could still add to the exposure, micro-units."""
        if order.parent is not None or order.wish.side * self._book.lots(order.instrument) < 0:
            return 0
        return self.cost(order.wish, order.instrument) * order.left // max(1, order.wish.lots)


def _known(price: float, otherwise: float) -> float:
    return price if price == price else otherwise  # noqa: PLR0124  # NaN: no quote yet
