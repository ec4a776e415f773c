"""Alpaca's orders, fills and positions as nouns, and intents as the bodies it understands."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tradewright.adapters.alpaca.stamps import ns_of
from tradewright.adapters.decimal_text import lots_of, price_text, units_text
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, OrderStatus, Origin, Side, TimeInForce
from tradewright.core.types.venue import OrderIntent, VenueFill, VenueOrder, VenuePosition
from tradewright.execution.venue import VenueRejectedError, VenueTimeoutError

Row = Mapping[str, Any]
Instruments = Mapping[str, Instrument]

#: States of Alpaca in which an order may still fill count as open; what it does not name is not guessed.
_STATUS = {
    **dict.fromkeys(
        [
            "new",
            "accepted",
            "pending_new",
            "accepted_for_bidding",
            "held",
            "stopped",
            "suspended",
            "calculated",
            "done_for_day",
            "pending_cancel",
            "pending_replace",
            "pending_review",
        ],
        OrderStatus.ACCEPTED,
    ),
    "partially_filled": OrderStatus.PARTIALLY_FILLED,
    "filled": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "replaced": OrderStatus.CANCELED,
    "expired": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
}
_KINDS = {
    OrderKind.MARKET: "market",
    OrderKind.LIMIT: "limit",
    OrderKind.STOP: "stop",
    OrderKind.STOP_LIMIT: "stop_limit",
}
_FORCES = {TimeInForce.GTC: "gtc", TimeInForce.DAY: "day", TimeInForce.IOC: "ioc"}


def orders_of(row: object, instruments: Instruments, parent: str = "") -> list[VenueOrder]:
    """Return an order of Alpaca and the exits of its bracket.

    Raises
    ------
    VenueTimeoutError
        If it cannot be understood: then what the venue has is not known.
    """
    if not isinstance(row, Mapping):
        raise unreadable("an order is not an object")
    try:
        status = _STATUS.get(row["status"], OrderStatus.UNKNOWN)
        lot = lot_of(row["symbol"], instruments)
        filled = lots_of(row["filled_qty"], lot)
        if status is OrderStatus.ACCEPTED and filled:
            status = OrderStatus.PARTIALLY_FILLED
        client_id = row["client_order_id"]
        order = VenueOrder(
            client_id=client_id,
            venue_id=row["id"],
            instrument=row["symbol"],
            side=side_of(row["side"]),
            lots=lots_of(row["qty"], lot),
            filled=filled,
            status=status,
            ts_event=ns_of(row["updated_at"]),
            reason=row["status"],
            parent=parent,
            origin=Origin.TAKE_PROFIT if parent and row["type"] == "limit" else Origin.STOP_LOSS,
        )
        legs = [leg for each in row.get("legs") or () for leg in orders_of(each, instruments, client_id)]
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise unreadable(f"an order cannot be read: {type(error).__name__} {error}") from error
    return [order, *legs]


def fill_of_activity(row: object, instruments: Instruments) -> VenueFill:
    """Return a fill of ``/v2/account/activities``; raises as `orders_of`."""
    if not isinstance(row, Mapping):
        raise unreadable("an activity is not an object")
    try:
        commission = row.get("commission")
        return VenueFill(
            trade_id=trade_id(row["order_id"], row["cum_qty"]),
            client_id="",
            venue_id=row["order_id"],
            instrument=row["symbol"],
            side=side_of(row["side"]),
            lots=lots_of(row["qty"], lot_of(row["symbol"], instruments)),
            price=float(row["price"]),
            ts_event=ns_of(row["transaction_time"]),
            fee=None if commission is None else float(commission),
            fee_currency="" if commission is None else "USD",
        )
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise unreadable(f"a fill cannot be read: {type(error).__name__} {error}") from error


def fill_of_event(data: Row, order: VenueOrder, instruments: Instruments) -> VenueFill:
    """Return the fill that an event of the stream tells of; raises as `orders_of`."""
    try:
        lot = lot_of(order.instrument, instruments)
        return VenueFill(
            trade_id=trade_id(order.venue_id, data["order"]["filled_qty"]),
            client_id=order.client_id,
            venue_id=order.venue_id,
            instrument=order.instrument,
            side=order.side,
            lots=lots_of(data["qty"], lot),
            price=float(data["price"]),
            ts_event=ns_of(data["timestamp"]),
        )
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise unreadable(f"a fill event cannot be read: {type(error).__name__} {error}") from error


def position_of(row: object, instruments: Instruments) -> VenuePosition:
    """Return a position; raises as `orders_of`."""
    if not isinstance(row, Mapping):
        raise unreadable("a position is not an object")
    try:
        symbol = _named(row["symbol"], instruments)
        lots = abs(lots_of(row["qty"], lot_of(symbol, instruments)))
        return VenuePosition(symbol, -lots if row["side"] == "short" else lots, float(row["avg_entry_price"]))
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise unreadable(f"a position cannot be read: {type(error).__name__} {error}") from error


def body_of(intent: OrderIntent, instruments: Instruments) -> dict[str, Any]:
    """Return the body of a new order.

    Raises
    ------
    VenueRejectedError
        If Alpaca has no such order; nothing is sent.
    """
    instrument = instruments.get(intent.instrument)
    kind, force = _KINDS.get(intent.kind), _FORCES.get(intent.time_in_force)
    if instrument is None or kind is None or force is None:
        what = f"no order of Alpaca is a {intent.kind.name} {intent.time_in_force.name} order of {intent.instrument}"
        raise VenueRejectedError(what, where=intent.client_id)
    body: dict[str, Any] = {
        "symbol": intent.instrument,
        "qty": units_text(intent.lots, instrument.lot),
        "side": "buy" if intent.side > 0 else "sell",
        "type": kind,
        "time_in_force": force,
        "client_order_id": intent.client_id,
    }
    body |= prices_of(intent)
    exits: dict[str, Any] = {}
    if intent.take_profit is not None:
        exits["take_profit"] = {"limit_price": price_text(intent.take_profit)}
    if intent.stop_loss is not None:
        exits["stop_loss"] = {"stop_price": price_text(intent.stop_loss)}
    if exits:
        body |= exits | {"order_class": "bracket" if len(exits) == 2 else "oto"}
    return body


def prices_of(intent: OrderIntent) -> dict[str, str]:
    """Return the prices of an intent under Alpaca's names."""
    prices = {"limit_price": intent.limit_price, "stop_price": intent.stop_price}
    return {name: price_text(price) for name, price in prices.items() if price is not None}


def trade_id(order_id: str, cumulative: object) -> str:
    """Return an id that the stream and the account's activities agree on: the order, and what it had filled by then.

    Alpaca names executions in the stream and activities in REST, and does not say that the two names are one.
    """
    number = format(Decimal(str(cumulative)).normalize(), "f")
    return f"{order_id}:{number}"


def side_of(text: object) -> Side:
    """Return a side; raises ValueError for other words."""
    if text not in {"buy", "sell", "sell_short"}:
        msg = f"side {text!r}"
        raise ValueError(msg)
    return Side.BUY if text == "buy" else Side.SELL


def lot_of(symbol: str, instruments: Instruments) -> Fraction:
    """Return the lot size of an instrument; of one that is not ours, the smallest that Alpaca knows."""
    instrument = instruments.get(_named(symbol, instruments))
    return Fraction(1, 10**9) if instrument is None else instrument.lot


def unreadable(what: str) -> VenueTimeoutError:
    """Return the error of an answer that says nothing we can rely on."""
    return VenueTimeoutError(what, where="alpaca", fix="Treated as no answer; the venue is asked again.")


def _named(symbol: str, instruments: Instruments) -> str:
    """Return our name of a symbol: positions in crypto pairs come without the slash."""
    if symbol in instruments:
        return symbol
    return next((name for name in instruments if name.replace("/", "") == symbol), symbol)
