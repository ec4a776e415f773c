"""The body of ``POST /v2/orders`` and ``PATCH /v2/orders/{id}``, as a wish of the exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, Side
from tradewright.execution.exchange.orders import Force, Group, Wish, WorkOrder
from tradewright.services.exchange.alpaca.refusals import AlpacaError, unreadable
from tradewright.services.exchange.alpaca.words import is_crypto
from tradewright.services.exchange.decimals import decimal_of, plain, whole_lots

_KINDS = {
    "market": OrderKind.MARKET,
    "limit": OrderKind.LIMIT,
    "stop": OrderKind.STOP,
    "stop_limit": OrderKind.STOP_LIMIT,
    "trailing_stop": OrderKind.TRAILING_STOP,
}
_LONGEST_ID = 128

Body = Mapping[str, Any]


def wish_of(body: Body, instrument: Instrument, quote: tuple[float, float], mark: float) -> Wish:
    """Return what a new order asks for.

    Raises
    ------
    AlpacaError
        If the body cannot be understood, or asks for something Alpaca does not have.
    """
    side = {"buy": Side.BUY, "sell": Side.SELL}.get(str(body.get("side")))
    kind = _KINDS.get(str(body.get("type", "market")))
    if side is None or kind is None:
        raise unreadable("side must be buy or sell, type one of: " + ", ".join(_KINDS))
    group = _one_of(Group, body.get("order_class") or "simple", "order_class")
    force = _one_of(Force, body.get("time_in_force"), "time_in_force")
    if is_crypto(instrument) and force not in {Force.GTC, Force.IOC}:
        raise AlpacaError(422, 42210000, f"invalid crypto time_in_force: {force.value}")
    if group is not Group.SIMPLE and (is_crypto(instrument) or force not in {Force.DAY, Force.GTC}):
        raise AlpacaError(422, 42210000, f"{group.value} orders must be day or gtc orders of stocks")
    target, stop = body.get("take_profit") or {}, body.get("stop_loss") or {}
    if not (isinstance(target, Mapping) and isinstance(stop, Mapping)):
        raise unreadable("take_profit and stop_loss must be objects")
    limit = number(body, "limit_price")
    if group is Group.OCO and limit is None:
        limit = number(target, "limit_price")
        target = {}
    trail, percent = number(body, "trail_price"), number(body, "trail_percent")
    if (trail is not None) and (percent is not None):
        raise unreadable("only one of trail_price and trail_percent may be given")
    if percent is not None:
        tick = float(instrument.tick)
        trail = max(tick, round(mark * percent / 100.0 / tick) * tick)
    return Wish(
        symbol=instrument.symbol,
        side=side,
        lots=_lots(body, instrument, quote[1 if side > 0 else 0]),
        kind=kind,
        force=force,
        limit=limit,
        stop=number(body, "stop_price"),
        trail=trail,
        trail_percent=percent,
        client_id=_client_id(body),
        group=group,
        take_profit=None if group is Group.OCO else number(target, "limit_price"),
        stop_loss=number(stop, "stop_price"),
        stop_loss_limit=number(stop, "limit_price"),
    )


def changed(order: WorkOrder, body: Body, instrument: Instrument) -> Wish:
    """Return the wish of a working order with what a PATCH names changed; raises AlpacaError as `wish_of`."""
    wish = order.wish
    names = {"limit_price": "limit", "stop_price": "stop", "trail": "trail"}
    given: dict[str, Any] = {}
    for name, field in names.items():
        value = number(body, name)
        if value is not None:
            if getattr(wish, field) is None:
                raise AlpacaError(422, 42210000, f"{name} does not belong to this order type")
            given[field] = value
    if body.get("qty") is not None:
        given["lots"] = _lots({"qty": body["qty"]}, instrument, float("nan"))
    if body.get("time_in_force") is not None:
        given["force"] = _one_of(Force, body["time_in_force"], "time_in_force")
    if not given:
        raise AlpacaError(422, 42210000, "no order parameters were changed")
    return replace(wish, client_id=_client_id(body), **given)


def number(body: Body, name: str) -> float | None:
    """Return a number of a body, None where it is not given; raises AlpacaError where it is none."""
    if body.get(name) is None:
        return None
    try:
        return float(decimal_of(body[name]))
    except ValueError as error:
        raise unreadable(f"{name}: {error}") from error


def _lots(body: Body, instrument: Instrument, price: float) -> int:
    try:
        if body.get("notional") is not None:
            if body.get("qty") is not None or not price > 0:
                raise unreadable("either qty or notional is needed, and for notional a price")
            return int(decimal_of(body["notional"]) / Decimal(repr(price)) / Decimal(plain_lot(instrument)))
        units = decimal_of(body.get("qty"))
    except ValueError as error:
        raise unreadable(f"qty: {error}") from error
    lots = whole_lots(units, instrument.lot)
    if lots is None:
        raise AlpacaError(
            403, 40310000, f'asset "{instrument.symbol}" is not fractionable below {plain_lot(instrument)}'
        )
    if lots <= 0:
        raise unreadable("qty must be > 0")
    return lots


def plain_lot(instrument: Instrument) -> str:
    """Return the lot size as decimal text."""
    return plain(Decimal(instrument.lot.numerator) / Decimal(instrument.lot.denominator))


def _client_id(body: Body) -> str:
    client_id = body.get("client_order_id") or ""
    if not isinstance(client_id, str) or len(client_id) > _LONGEST_ID:
        raise unreadable(f"client_order_id must be text of no more than {_LONGEST_ID} characters")
    return client_id


def _one_of(kind: Any, value: object, name: str) -> Any:  # noqa: ANN401  # one of two enumerations
    try:
        return kind(value)
    except ValueError as error:
        allowed = ", ".join(item.value for item in kind)
        raise unreadable(f"{name} must be one of: {allowed}") from error
