"""The session's messages and the desk's words for the same orders."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel import codes as c
from tradewright.core.types.dtypes import message_dtype
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.message import VenueMessage, blank_order, copied
from tradewright.core.types.order import OrderKind, OrderStatus, Origin, Side, TimeInForce, Verb
from tradewright.core.types.venue import OrderIntent, VenueFill
from tradewright.execution.orders.inputs import OrderEvent, Wish

Record = NDArray[np.void]
_VERBS = {
    OrderStatus.ACCEPTED: Verb.ORDER_ACCEPTED,
    OrderStatus.PARTIALLY_FILLED: Verb.ORDER_ACCEPTED,
    OrderStatus.CANCELED: Verb.ORDER_CANCELED,
    OrderStatus.REJECTED: Verb.ORDER_REJECTED,
    OrderStatus.DENIED: Verb.ORDER_REJECTED,
    OrderStatus.ABANDONED: Verb.ORDER_REJECTED,
    OrderStatus.EXPIRED: Verb.ORDER_EXPIRED,
}


def wish_of(order: Record, instrument: Instrument, strategy: str, mark: float | None) -> Wish:
    """Return an order of the session as the desk takes it: what is left of it, exits as prices.

    Parameters
    ----------
    order : ndarray
        order_dtype[1], as the session sent it.
    mark : float or None
        Last price, from which exits given as fractions become prices; None leaves them fractions of the fill's price,
        for venues that take those.
    """
    row: dict[str, Any] = dict(zip(order.dtype.names or (), order.item(), strict=True))  # at once: a tenth of the time
    exits: dict[str, float | None] = {n: _known(row[n]) for n in ("stop_loss", "take_profit", "trail_protect")}
    are_fractions = row["attach_unit"] == c.FRACTION and any(v is not None for v in exits.values())
    if are_fractions and mark is not None:
        side, tick = row["side"], float(instrument.tick)
        away = {"stop_loss": -side, "take_profit": side, "trail_protect": 0}
        for name, share in exits.items():
            if share is not None:
                level = mark * (1.0 + away[name] * share) if away[name] else mark * share
                exits[name] = round(level / tick) * tick
        are_fractions = False
    return Wish(
        strategy=strategy,
        instrument=instrument.symbol,
        side=Side(row["side"]),
        kind=OrderKind(row["kind"]),
        lots=row["lots"] - row["filled"],
        limit_price=_known(row["limit"]),
        stop_price=_known(row["stop"]),
        time_in_force=TimeInForce(row["tif"]),
        is_reduce_only=bool(row["is_reduce_only"]),
        origin=Origin(row["origin"]),
        trail=_known(row["trail"]),
        are_fractions=are_fractions,
        group=row["group"],
        ts_expire=0 if row["ts_expire"] == c.NEVER else row["ts_expire"],
        reference=row["id"],
        stop_loss=exits["stop_loss"],
        take_profit=exits["take_profit"],
        trail_protect=exits["trail_protect"],
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def exit_record(intent: OrderIntent, instrument: int, parent: int) -> Record:
    """Return order_dtype[1] of an order that the session did not send: an exit made by the venue or by the desk.

    ``parent``: number of the session's order that it protects. Numbers follow the simulated venue's, so that an exit
    has the number that a backtest gives it.
    """
    record = blank_order(intent.limit_price, intent.stop_price, intent.trail)
    record["id"], record["parent"], record["group"] = parent + int(intent.origin), parent, -parent
    record["instrument"], record["origin"], record["is_reduce_only"] = instrument, int(intent.origin), 1
    record["kind"], record["side"], record["tif"] = int(intent.kind), int(intent.side), int(intent.time_in_force)
    record["lots"], record["ts_created"], record["ts_expire"] = intent.lots, intent.ts_event, c.NEVER
    return record


def answer(told: OrderEvent, order: Record, now: int, fee: float) -> VenueMessage | None:
    """Return what the desk told about an order as the session takes it in; ``order`` follows it.

    Parameters
    ----------
    order : ndarray
        order_dtype[1], our copy; what was filled and its state are brought up to date.
    fee : float
        Of the execution, in the instrument's currency.

    Returns
    -------
    VenueMessage or None
        None where the session learns nothing: an order nobody knows about stays as it was, and counts in full.
    """
    fill = told.fill
    if fill is None:
        verb = _VERBS.get(told.status)
        if verb is None or (verb is Verb.ORDER_ACCEPTED and order["status"][0] != c.SUBMITTED):
            return None
        order["status"] = int(_final(told.status) if verb is not Verb.ORDER_ACCEPTED else OrderStatus.ACCEPTED)
        order["ts_active" if verb is Verb.ORDER_ACCEPTED else "ts_done"] = now
        return VenueMessage(_header(verb, now, 0, now), copied(order))  # only what fills may begin a trading day
    lots = abs(told.fill_lots)
    opened = fill.ts_open or fill.ts_event
    header = _header(Verb.ORDER_FILLED, fill.ts_event, opened, now, (lots, fill.price, fee, fill.is_maker))
    if told.fill_lots < 0:
        return VenueMessage(header, _taken_back(order, lots))
    filled = int(order["filled"][0]) + lots
    order["filled"], order["fill_value"] = filled, float(order["fill_value"][0]) + lots * fill.price
    is_over = filled >= order["lots"][0]
    order["status"] = int(OrderStatus.FILLED if is_over else _living(told.status))
    if is_over:
        order["ts_done"] = now
    return VenueMessage(header, copied(order))


def _header(
    verb: Verb, sent: int, opened: int, due: int, fill: tuple[int, float, float, bool] = (0, 0.0, 0.0, False)
) -> Record:
    """Return message_dtype[1], its fields in their order: written at once, in a third of the time of one by one."""
    return np.array([(int(verb), sent, opened, due, *fill, c.NO_REASON)], message_dtype)


def _final(status: OrderStatus) -> OrderStatus:
    return OrderStatus.REJECTED if status in (OrderStatus.DENIED, OrderStatus.ABANDONED) else status


def _living(status: OrderStatus) -> OrderStatus:
    """Return the state after a part was filled: an order that had ended stays ended."""
    ended = (OrderStatus.CANCELED, OrderStatus.EXPIRED)
    return status if status in ended else OrderStatus.PARTIALLY_FILLED


def _taken_back(order: Record, lots: int) -> Record:
    """Return the opposite of an execution as an order of its own, filled at once."""
    back = copied(order)
    back["id"], back["parent"], back["group"] = -int(order["id"][0]), int(order["id"][0]), 0
    back["side"], back["lots"], back["filled"] = -int(order["side"][0]), lots, lots
    back["origin"], back["status"] = int(Origin.RISK), int(OrderStatus.FILLED)
    return back


def whole(message: VenueMessage) -> VenueMessage:
    """Make an execution that of an order of its own size: the session then keeps no place for what is left of it."""
    order = message.order
    order["lots"] = order["filled"] = message.header["fill_lots"]
    order["status"] = int(OrderStatus.FILLED)
    return message


def fee_of(fill: VenueFill, instrument: Instrument) -> float:
    """Return an execution's commission in the instrument's currency, by the fee model where the venue names none."""
    if fill.fee is not None and fill.fee_currency in ("", instrument.currency):
        return fill.fee
    fees, units = instrument.fees, fill.lots * float(instrument.lot)
    value = units * float(instrument.multiplier) * fill.price
    rate = fees.maker_bps if fill.is_maker else fees.taker_bps
    return max(value * rate * 1e-4 + units * fees.per_unit, fees.minimum)
