"""Orders, executions and positions of Interactive Brokers as nouns, and intents as the orders it understands.

The interface gives orders no time: reports carry the time at which we received them. Exits that a bracket brings along
are marked in ``orderRef`` behind the client id of their entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from ib_async import Contract, Order

from tradewright.adapters.decimal_text import lots_of, price_text, units_text
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, OrderStatus, Origin, Side, TimeInForce
from tradewright.core.types.venue import OrderIntent, VenueFill, VenueOrder, VenuePosition
from tradewright.execution.venue import VenueRejectedError, VenueTimeoutError

STOP_MARK, TARGET_MARK = "/SL", "/TP"
#: What TWS alone has is not accepted: ``PendingSubmit`` and ``ApiPending`` are no word of the venue.
_STATUS = {
    "PreSubmitted": OrderStatus.ACCEPTED,
    "Submitted": OrderStatus.ACCEPTED,
    "PendingCancel": OrderStatus.ACCEPTED,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELED,
    "ApiCancelled": OrderStatus.CANCELED,
    "Inactive": OrderStatus.REJECTED,
}
_KINDS = {
    OrderKind.MARKET: "MKT",
    OrderKind.LIMIT: "LMT",
    OrderKind.STOP: "STP",
    OrderKind.STOP_LIMIT: "STP LMT",
}
_FORCES = {TimeInForce.GTC: "GTC", TimeInForce.DAY: "DAY", TimeInForce.IOC: "IOC"}


@dataclass(slots=True)
class KnownOrder:
    """One order as far as the interface has told: its terms, and its newest status."""

    contract: Contract
    order: Order
    status: str = ""
    filled: float = 0.0
    why: str = ""

    @property
    def is_heard(self) -> bool:
        """Whether the venue, and not only the gateway, has spoken of it."""
        return self.order.permId != 0 and self.status in _STATUS


@dataclass(slots=True)
class Names:
    """What contracts are called here, and the sizes they are counted in; filled as contracts are looked up."""

    instruments: Mapping[str, Instrument]
    by_number: dict[int, str] = field(default_factory=dict)

    def of(self, contract: Contract) -> tuple[str, Fraction]:
        """Return our name and lot of a contract; of one that is not ours, its own name and the smallest size."""
        name = self.by_number.get(contract.conId, "")
        if name:
            return name, self.instruments[name].lot
        return contract.localSymbol or contract.symbol, Fraction(1, 10**8)


def order_of(known: KnownOrder, names: Names, now_ns: int) -> VenueOrder:
    """Return an order; raises VenueTimeoutError if it cannot be understood."""
    name, lot = names.of(known.contract)
    order = known.order
    try:
        lots, filled = lots_of(order.totalQuantity, lot), lots_of(known.filled, lot)
        side = _side(order.action)
    except (ValueError, ArithmeticError) as error:
        raise unreadable(f"an order cannot be read: {error}") from error
    status = _STATUS.get(known.status, OrderStatus.UNKNOWN)
    if status is OrderStatus.ACCEPTED and filled:
        status = OrderStatus.PARTIALLY_FILLED
    return VenueOrder(
        client_id=order.orderRef,
        venue_id=str(order.permId),
        instrument=name,
        side=side,
        lots=lots,
        filled=lots if status is OrderStatus.FILLED else filled,
        status=status,
        ts_event=now_ns,
        reason=known.why or known.status,
        parent=_parent(order.orderRef),
        origin=Origin.TAKE_PROFIT if order.orderRef.endswith(TARGET_MARK) else Origin.STOP_LOSS,
    )


def fill_of(row: Any, contract: Contract, names: Names, fees: Mapping[str, tuple[float, str]]) -> VenueFill:  # noqa: ANN401  # ib_async.Execution
    """Return an execution; its commission comes later and is None until then. Raises as `order_of`."""
    name, lot = names.of(contract)
    fee, currency = fees.get(row.execId, (None, ""))
    try:
        return VenueFill(
            trade_id=row.execId,
            client_id=row.orderRef,
            venue_id=str(row.permId),
            instrument=name,
            side=_side(row.side),
            lots=lots_of(row.shares, lot),
            price=float(row.price),
            ts_event=int(row.time.timestamp()) * 1_000_000_000,
            fee=fee,
            fee_currency=currency,
        )
    except (AttributeError, ValueError, ArithmeticError) as error:
        raise unreadable(f"an execution cannot be read: {error}") from error


def position_of(contract: Contract, units: float, cost: float, names: Names) -> VenuePosition:
    """Return a position; ``cost`` is a unit's, multiplier included."""
    name, lot = names.of(contract)
    return VenuePosition(name, lots_of(units, lot), cost / (float(contract.multiplier or 0) or 1.0))


def orders_of(intent: OrderIntent, instrument: Instrument, account: str, *, outside_rth: bool) -> list[Order]:
    """Return the order of an intent and the exits of its bracket, in the order in which they are sent.

    Only the last one transmits: the gateway holds an order with ``transmit`` false back.

    Raises
    ------
    VenueRejectedError
        If Interactive Brokers has no such order; nothing is sent.
    """
    kind, force = _KINDS.get(intent.kind), _FORCES.get(intent.time_in_force)
    if kind is None or force is None:
        what = f"no order of Interactive Brokers is a {intent.kind.name} {intent.time_in_force.name} order here"
        raise VenueRejectedError(what, where=intent.client_id)
    size: Any = Decimal(units_text(intent.lots, instrument.lot))  # sent as it is written

    def made(side: Side, kind: str, ref: str, limit: float | None, stop: float | None) -> Order:
        order = Order(action=side.name, orderType=kind, totalQuantity=size, orderRef=ref, account=account)
        order.tif = force if ref == intent.client_id else "GTC"
        order.outsideRth = outside_rth
        if limit is not None:
            order.lmtPrice = Decimal(price_text(limit))
        if stop is not None:
            order.auxPrice = Decimal(price_text(stop))
        return order

    orders = [made(intent.side, kind, intent.client_id, intent.limit_price, intent.stop_price)]
    other = Side(-intent.side)
    if intent.take_profit is not None:
        orders.append(made(other, "LMT", intent.client_id + TARGET_MARK, intent.take_profit, None))
    if intent.stop_loss is not None:
        orders.append(made(other, "STP", intent.client_id + STOP_MARK, None, intent.stop_loss))
    for order in orders[:-1]:
        order.transmit = False
    return orders


def revision_of(exec_id: str) -> tuple[str, int]:
    """Return what an execution is a version of, and which: the digits behind the last point count corrections."""
    stem, _, digits = exec_id.rpartition(".")
    return (stem, int(digits)) if stem and digits.isdigit() else (exec_id, 0)


def unreadable(what: str) -> VenueTimeoutError:
    """Return the error of an answer that says nothing we can rely on."""
    return VenueTimeoutError(what, where="ibkr", fix="Treated as no answer; the venue is asked again.")


def _parent(ref: str) -> str:
    stem, slash, mark = ref.rpartition("/")
    return stem if slash and slash + mark in (STOP_MARK, TARGET_MARK) else ""


def _side(text: str) -> Side:
    if text in ("BUY", "BOT"):
        return Side.BUY
    if text in ("SELL", "SLD", "SSHORT"):
        return Side.SELL
    msg = f"side {text!r}"
    raise ValueError(msg)
