"""Whether the numbers of an order make sense."""

from __future__ import annotations

from fractions import Fraction

from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind
from tradewright.execution.exchange.orders import Group, Refusal, RefusedError, Wish

_NEEDS_LIMIT = {OrderKind.LIMIT, OrderKind.STOP_LIMIT}
_NEEDS_STOP = {OrderKind.STOP, OrderKind.STOP_LIMIT}


def check_numbers(wish: Wish, instrument: Instrument) -> None:
    """Raise RefusedError unless sizes are within the instrument's bounds and prices on its grid."""
    if wish.lots < instrument.min_lots or wish.lots > instrument.max_lots:
        raise RefusedError(
            Refusal.BAD_SIZE, f"qty must be between {instrument.min_lots} and {instrument.max_lots} lots"
        )
    if (wish.kind in _NEEDS_LIMIT) != (wish.limit is not None):
        raise RefusedError(Refusal.BAD_PRICE, "limit orders need a limit price, others must not have one")
    if (wish.kind in _NEEDS_STOP) != (wish.stop is not None):
        raise RefusedError(Refusal.BAD_PRICE, "stop orders need a stop price, others must not have one")
    if (wish.kind is OrderKind.TRAILING_STOP) != (wish.trail is not None):
        raise RefusedError(Refusal.BAD_PRICE, "trailing stops need one of trail_price and trail_percent")
    prices = {"limit_price": wish.limit, "stop_price": wish.stop, "take_profit": wish.take_profit}
    prices |= {"stop_loss": wish.stop_loss, "stop_loss limit": wish.stop_loss_limit}
    for name, price in prices.items():
        if price is not None and not is_on_grid(price, instrument.tick):
            what = f"invalid {name} {price:g}: not above zero and a multiple of {instrument.tick_size}"
            raise RefusedError(Refusal.BAD_PRICE, what)


def is_on_grid(price: float, tick: Fraction) -> bool:
    """Return whether a price is above zero and a whole number of ticks, as far as a double can tell."""
    if not 0.0 < price < 1e15:
        return False
    ticks = price / float(tick)
    return abs(ticks - round(ticks)) <= 1e-6 and round(ticks) > 0


def check_exits(wish: Wish, instrument: Instrument, quote: tuple[float, float]) -> None:
    """Raise RefusedError unless exits lie on their sides of the entry (docs.alpaca.markets, bracket orders)."""
    target, stop = wish.take_profit, wish.stop_loss
    needed = {
        Group.SIMPLE: target is None and stop is None,
        Group.BRACKET: target is not None and stop is not None,
        Group.OTO: (target is None) != (stop is None),
        Group.OCO: stop is not None and wish.kind is OrderKind.LIMIT,
    }
    if not needed[wish.group]:
        raise RefusedError(Refusal.BAD_EXITS, f"{wish.group.value} orders: take_profit and stop_loss do not fit")
    if wish.group is Group.SIMPLE:
        return
    side, tick = int(wish.side), float(instrument.tick)
    if wish.group is Group.OCO:
        target, side = wish.limit, -side
    if target is not None and stop is not None and (target - stop) * side <= 0:
        raise RefusedError(Refusal.BAD_EXITS, "take_profit.limit_price must be beyond stop_loss.stop_price")
    entry = wish.limit if wish.group is not Group.OCO and wish.limit is not None else quote[1 if side > 0 else 0]
    if stop is not None and entry == entry and (entry - stop) * side < tick * 0.999:  # noqa: PLR0124  # NaN: unknown
        raise RefusedError(
            Refusal.BAD_EXITS, f"stop_loss.stop_price must be on the losing side of base_price {entry:g}"
        )
