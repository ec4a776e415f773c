"""Binance's orders and trades as nouns, and intents as the parameters it understands."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from tradewright.adapters.decimal_text import lots_of, price_text, units_text
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, OrderStatus, Side, TimeInForce
from tradewright.core.types.venue import OrderIntent, VenueFill, VenueOrder
from tradewright.execution.venue import VenueRejectedError, VenueTimeoutError

Row = Mapping[str, Any]
Instruments = Mapping[str, Instrument]

MS = 1_000_000
_STATUS = {
    "NEW": OrderStatus.ACCEPTED,
    "PENDING_NEW": OrderStatus.ACCEPTED,
    "PENDING_CANCEL": OrderStatus.ACCEPTED,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELED,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
}
_KINDS = {
    OrderKind.MARKET: "MARKET",
    OrderKind.LIMIT: "LIMIT",
    OrderKind.STOP: "STOP_LOSS",
    OrderKind.STOP_LIMIT: "STOP_LOSS_LIMIT",
}
_FORCES = {TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC"}
#: Where each part of an order stands in a REST answer, and in an ``executionReport``.
_REST = {"symbol": "symbol", "id": "orderId", "side": "side"}
_REST |= {"lots": "origQty", "filled": "executedQty", "status": "status"}
_EVENT = {"symbol": "s", "id": "i", "side": "S", "lots": "q", "filled": "z", "status": "X"}


def order_of(row: object, instruments: Instruments) -> VenueOrder:
    """Return an order of a REST answer.

    Raises
    ------
    VenueTimeoutError
        If it cannot be understood: then what the venue has is not known.
    """
    if not isinstance(row, Mapping):
        raise unreadable("an order is not an object")
    name = row.get("origClientOrderId") or row.get("clientOrderId")
    ts = row.get("updateTime") or row.get("transactTime")
    return _order(row, _REST, str(name or ""), ts, instruments)


def order_of_event(event: Row, instruments: Instruments) -> VenueOrder:
    """Return the order of an ``executionReport``; one that tells of a cancel names the order by ``C``."""
    name = event.get("C") or event.get("c")
    return _order(event, _EVENT, str(name or ""), event.get("T"), instruments)


def _order(row: Row, names: Mapping[str, str], client_id: str, ts: object, instruments: Instruments) -> VenueOrder:
    try:
        symbol = row[names["symbol"]]
        lot = lot_of(symbol, instruments)
        status = _STATUS.get(row[names["status"]], OrderStatus.UNKNOWN)
        filled = lots_of(row[names["filled"]], lot)
        if status is OrderStatus.ACCEPTED and filled:
            status = OrderStatus.PARTIALLY_FILLED
        return VenueOrder(
            client_id=client_id,
            venue_id=f"{symbol}:{int(row[names['id']])}",
            instrument=symbol,
            side=Side[row[names["side"]]],
            lots=lots_of(row[names["lots"]], lot),
            filled=filled,
            status=status,
            ts_event=int(str(ts)) * MS,
            reason=row[names["status"]],
        )
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise unreadable(f"an order cannot be read: {type(error).__name__} {error}") from error


def fill_of(row: object, instruments: Instruments) -> VenueFill:
    """Return a trade of ``myTrades``; raises as `order_of`."""
    if not isinstance(row, Mapping):
        raise unreadable("a trade is not an object")
    try:
        symbol = row["symbol"]
        return VenueFill(
            trade_id=str(int(row["id"])),
            client_id="",
            venue_id=f"{symbol}:{int(row['orderId'])}",
            instrument=symbol,
            side=Side.BUY if row["isBuyer"] else Side.SELL,
            lots=lots_of(row["qty"], lot_of(symbol, instruments)),
            price=float(row["price"]),
            ts_event=int(row["time"]) * MS,
            fee=float(row["commission"]),
            fee_currency=row["commissionAsset"],
        )
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise unreadable(f"a trade cannot be read: {type(error).__name__} {error}") from error


def fill_of_event(event: Row, order: VenueOrder, instruments: Instruments) -> VenueFill:
    """Return the fill that an ``executionReport`` tells of; raises as `order_of`."""
    try:
        return VenueFill(
            trade_id=str(int(event["t"])),
            client_id=order.client_id,
            venue_id=order.venue_id,
            instrument=order.instrument,
            side=order.side,
            lots=lots_of(event["l"], lot_of(order.instrument, instruments)),
            price=float(event["L"]),
            ts_event=order.ts_event,
            fee=float(event["n"]),
            fee_currency=event["N"] or "",
        )
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise unreadable(f"a fill event cannot be read: {type(error).__name__} {error}") from error


def params_of(intent: OrderIntent, instruments: Instruments) -> dict[str, str]:
    """Return the parameters of a new order.

    Raises
    ------
    VenueRejectedError
        If Binance has no such order; nothing is sent.
    """
    instrument = instruments.get(intent.instrument)
    kind, force = _KINDS.get(intent.kind), _FORCES.get(intent.time_in_force)
    if instrument is None or kind is None or force is None:
        what = f"no order of Binance is a {intent.kind.name} {intent.time_in_force.name} order of {intent.instrument}"
        raise VenueRejectedError(what, where=intent.client_id)
    params = {
        "symbol": intent.instrument,
        "side": intent.side.name,
        "type": kind,
        "quantity": units_text(intent.lots, instrument.lot),
        "newClientOrderId": intent.client_id,
        "newOrderRespType": "RESULT",
    }
    if intent.limit_price is not None:
        params |= {"price": price_text(intent.limit_price), "timeInForce": force}
    if intent.stop_price is not None:
        params["stopPrice"] = price_text(intent.stop_price)
    return params


def lot_of(symbol: str, instruments: Instruments) -> Fraction:
    """Return the lot size of an instrument; of one that is not ours, the smallest that Binance knows."""
    instrument = instruments.get(symbol)
    return Fraction(1, 10**8) if instrument is None else instrument.lot


def unreadable(what: str) -> VenueTimeoutError:
    """Return the error of an answer that says nothing we can rely on."""
    return VenueTimeoutError(what, where="binance", fix="Treated as no answer; the venue is asked again.")
