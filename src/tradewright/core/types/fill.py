"""Executions."""

from __future__ import annotations

from dataclasses import dataclass

from tradewright.core.types.order import Origin, Side


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution after booking; amounts in account currency unless named otherwise."""

    id: int
    order_id: int
    instrument: str
    side: Side
    quantity: float
    price: float  # instrument's currency
    fx: float
    fee: float
    realized: float
    is_maker: bool
    origin: Origin
    ts_event: int
    ts_seen: int
