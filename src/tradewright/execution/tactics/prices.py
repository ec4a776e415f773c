"""Limit prices from a quote, on the instrument's grid."""

from __future__ import annotations

import math
from fractions import Fraction

from tradewright.core.types.order import Side
from tradewright.execution.tactics.messages import Quote

_BPS = 1e-4
#: Ticks by which a double may miss a price that stands on the grid.
_NOISE = 1e-6


def passive_price(quote: Quote, side: Side, buffer_bps: float, tick: Fraction) -> float:
    """Return the mid less (for a sale: plus) a buffer, rounded away from the market."""
    return _on_grid(quote.mid * (1.0 - side * buffer_bps * _BPS), tick, up=side < 0)


def crossing_price(quote: Quote, side: Side, cross_bps: float, tick: Fraction) -> float:
    """Return the far touch and so much beyond it, rounded into the market: it fills up to there, and no further."""
    touch = quote.ask if side > 0 else quote.bid
    return _on_grid(touch * (1.0 + side * cross_bps * _BPS), tick, up=side > 0)


def _on_grid(price: float, tick: Fraction, *, up: bool) -> float:
    ticks = price / float(tick)
    whole = math.ceil(ticks - _NOISE) if up else math.floor(ticks + _NOISE)
    return float(max(whole, 1) * tick)
