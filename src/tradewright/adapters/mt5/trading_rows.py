"""MetaTrader's orders, deals and positions as nouns, and intents as its requests.

Our client id travels as the comment, and a number made of it as the magic number: brokers may rewrite comments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from tradewright.adapters.mt5.terminal import (
    Action,
    DealRow,
    Filling,
    OrderRow,
    OrderState,
    OrderType,
    PositionRow,
    Reason,
    Request,
    SymbolRow,
    TickRow,
)
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, OrderStatus, Side, TimeInForce
from tradewright.core.types.venue import OrderIntent, VenueFill, VenueOrder, VenuePosition
from tradewright.execution.venue import VenueRejectedError

MS = 1_000_000
_STATUS = {
    OrderState.PLACED: OrderStatus.ACCEPTED,
    OrderState.REQUEST_MODIFY: OrderStatus.ACCEPTED,
    OrderState.REQUEST_CANCEL: OrderStatus.ACCEPTED,
    OrderState.PARTIAL: OrderStatus.PARTIALLY_FILLED,
    OrderState.FILLED: OrderStatus.FILLED,
    OrderState.CANCELED: OrderStatus.CANCELED,
    OrderState.REJECTED: OrderStatus.REJECTED,
    OrderState.EXPIRED: OrderStatus.EXPIRED,
}
_TYPES = {
    (OrderKind.MARKET, Side.BUY): OrderType.BUY,
    (OrderKind.MARKET, Side.SELL): OrderType.SELL,
    (OrderKind.LIMIT, Side.BUY): OrderType.BUY_LIMIT,
    (OrderKind.LIMIT, Side.SELL): OrderType.SELL_LIMIT,
    (OrderKind.STOP, Side.BUY): OrderType.BUY_STOP,
    (OrderKind.STOP, Side.SELL): OrderType.SELL_STOP,
    (OrderKind.STOP_LIMIT, Side.BUY): OrderType.BUY_STOP_LIMIT,
    (OrderKind.STOP_LIMIT, Side.SELL): OrderType.SELL_STOP_LIMIT,
}
_BY_SERVER = (Reason.SL, Reason.TP, Reason.SO)


@dataclass(frozen=True, slots=True)
class Traded:
    """A symbol as it is traded here."""

    instrument: Instrument
    symbol: SymbolRow

    @property
    def lot(self) -> Fraction:
        """Return one of our lots in MetaTrader's."""
        return self.instrument.lot / Fraction(Decimal(repr(self.symbol.contract_size)))

    @property
    def step(self) -> str:
        """Return the smallest step of sizes, in units of the instrument."""
        return format(Decimal(repr(self.symbol.volume_step)) * Decimal(repr(self.symbol.contract_size)), "f")

    def fits(self) -> bool:
        """Return whether our lots are whole steps of MetaTrader's volume."""
        return (self.instrument.lot / Fraction(self.step)).denominator == 1


Symbols = Mapping[str, Traded]


def magic_of(client_id: str) -> int:
    """Return the magic number of a client id: 31 bits, which every way to a terminal carries."""
    digest = hashlib.blake2b(client_id.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") & 0x7FFFFFFF


def label_of(comment: str, magic: int, sent: Mapping[int, str]) -> str:
    """Return the client id that comment and magic number carry; "" for an order that is not ours.

    ``sent``: client ids by magic number, for comments that the broker has rewritten.
    """
    if comment and magic_of(comment) == magic:
        return comment
    return sent.get(magic, "")


def order_of(row: OrderRow, symbols: Symbols, sent: Mapping[int, str]) -> VenueOrder:
    """Return an order; what the server makes itself (stop-outs, exits of positions) has no client id."""
    status = _STATUS.get(row.state, OrderStatus.UNKNOWN)
    lots, left = lots_of(row.volume, row.symbol, symbols), lots_of(row.volume_left, row.symbol, symbols)
    if status is OrderStatus.ACCEPTED and left < lots:
        status = OrderStatus.PARTIALLY_FILLED
    return VenueOrder(
        client_id="" if row.reason in _BY_SERVER else label_of(row.comment, row.magic, sent),
        venue_id=str(row.ticket),
        instrument=row.symbol,
        side=Side.SELL if row.type % 2 else Side.BUY,
        lots=lots,
        filled=lots - left,
        status=status,
        ts_event=row.time_ms * MS,
        reason=row.state.name.lower(),
    )


def fill_of(row: DealRow, symbols: Symbols, currency: str) -> VenueFill:
    """Return an execution; a label counts only if the comment is whole, else the order's ticket says whose it is."""
    return VenueFill(
        trade_id=str(row.ticket),
        client_id=label_of(row.comment, row.magic, {}),
        venue_id=str(row.order),
        instrument=row.symbol,
        side=Side(row.side),
        lots=lots_of(row.volume, row.symbol, symbols),
        price=row.price,
        ts_event=row.time_ms * MS,
        fee=row.fee,
        fee_currency=currency,
    )


def positions_of(rows: Iterable[PositionRow], symbols: Symbols) -> list[VenuePosition]:
    """Return what is held of each symbol, tickets of both sides together; the price is that of the larger side."""
    held: dict[str, list[tuple[int, float]]] = {}
    for row in sorted(rows, key=lambda row: (row.symbol, row.ticket)):
        held.setdefault(row.symbol, []).append((row.side * lots_of(row.volume, row.symbol, symbols), row.price))
    found = []
    for name, tickets in held.items():
        lots = sum(n for n, _ in tickets)
        same = [(n, price) for n, price in tickets if n * lots > 0]
        if same:
            found.append(VenuePosition(name, lots, sum(n * p for n, p in same) / sum(n for n, _ in same)))
    return found


def tickets_of(
    rows: Iterable[PositionRow], side: int, sent: Mapping[int, str], *, any_owner: bool
) -> list[PositionRow]:
    """Return our tickets of a side, the oldest first; ``any_owner``: everybody's."""
    ours = (row for row in rows if row.side == side and (any_owner or label_of(row.comment, row.magic, sent)))
    return sorted(ours, key=lambda row: row.ticket)


def request_of(intent: OrderIntent, symbols: Symbols, tick: TickRow, deviation: int) -> Request:
    """Return the request of an intent.

    Raises
    ------
    VenueRejectedError
        If MetaTrader has no such order; nothing is sent.
    """
    traded, kind, force = symbols.get(intent.instrument), intent.kind, intent.time_in_force
    type_ = _TYPES.get((kind, intent.side))
    is_market = kind is OrderKind.MARKET
    if traded is None or type_ is None or (force is TimeInForce.IOC and not is_market):
        what = f"no order of MetaTrader is a {kind.name} {force.name} order of {intent.instrument}"
        raise VenueRejectedError(what, where=intent.client_id)
    price: float | None = tick.ask if intent.side > 0 else tick.bid
    if not is_market:
        price = intent.limit_price if kind is OrderKind.LIMIT else intent.stop_price
    return Request(
        action=Action.DEAL if is_market else Action.PENDING,
        symbol=intent.instrument,
        type=type_,
        volume=float(intent.lots * traded.lot),
        price=price or 0.0,
        stop_limit=(intent.limit_price or 0.0) if kind is OrderKind.STOP_LIMIT else 0.0,
        deviation=deviation if is_market else 0,
        is_day=force is TimeInForce.DAY and not is_market,
        filling=_filling(traded.symbol) if is_market else Filling.RETURN,
        magic=magic_of(intent.client_id),
        comment=intent.client_id,
    )


def lots_of(volume: float, symbol: str, symbols: Symbols) -> int:
    """Return a volume as our lots, rounded towards zero; of a symbol not ours, in hundredths of MetaTrader's."""
    traded = symbols.get(symbol)
    return int(Fraction(Decimal(repr(volume))) / (Fraction(1, 100) if traded is None else traded.lot))


def _filling(symbol: SymbolRow) -> Filling:
    """Return what a market order asks for: to take what is there, else all or nothing, else what the exchange does."""
    return next((way for way in (Filling.IOC, Filling.FOK) if way in symbol.fillings), Filling.RETURN)
