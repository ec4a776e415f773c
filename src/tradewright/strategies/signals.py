"""The words a strategy's `decide` uses to say what it wants.

Each fills the next empty place of the signal table and returns its number, so that wishes can be refined::

    k = market(signals, 1.0, WEIGHT)
    bracket(signals, k, stop_loss=0.01, take_profit=0.02)

Sizes are signed: positive buys, negative sells. Nothing here touches the market: the risk check sizes every
wish and turns it into an order or a denial.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.compiled import compiled

Signals = NDArray[np.void]  # signal_dtype[n]

#: How a size is meant: shares or contracts, account currency, share of equity.
UNITS, VALUE, WEIGHT = c.UNITS, c.VALUE, c.WEIGHT


@compiled
def _next(signals: Signals, verb: int) -> int:
    """Clear and claim the next empty place."""
    for k in range(len(signals)):
        if signals[k]["verb"] == c.NO_SIGNAL:
            s = signals[k]
            s["verb"] = verb
            s["instrument"] = -1
            s["size"] = np.nan
            s["size_unit"] = c.UNITS
            s["is_target"] = 0
            s["kind"] = c.MARKET
            s["limit"] = np.nan
            s["stop"] = np.nan
            s["trail"] = np.nan
            s["tif"] = c.GTC
            s["ts_expire"] = c.NEVER
            s["is_reduce_only"] = 0
            s["tag"] = 0
            s["group"] = 0
            s["stop_loss"] = np.nan
            s["take_profit"] = np.nan
            s["trail_protect"] = np.nan
            s["attach_unit"] = c.FRACTION
            if k + 1 < len(signals):
                signals[k + 1]["verb"] = c.NO_SIGNAL
            return k
    raise ValueError("more signals in one decision than the signal table holds")


@compiled
def market(signals: Signals, size: float, unit: int = UNITS) -> int:
    """Buy or sell at the market: the next open on bars, the quote on ticks."""
    k = _next(signals, c.PLACE)
    signals[k]["size"] = size
    signals[k]["size_unit"] = unit
    return k


@compiled
def target(signals: Signals, size: float, unit: int = WEIGHT) -> int:
    """Trade at the market up to a position; orders already on their way count. 0 closes."""
    k = market(signals, size, unit)
    signals[k]["is_target"] = 1
    return k


@compiled
def limit(signals: Signals, size: float, price: float, unit: int = UNITS) -> int:
    """Buy at ``price`` or lower, sell at ``price`` or higher."""
    k = market(signals, size, unit)
    signals[k]["kind"] = c.LIMIT
    signals[k]["limit"] = price
    return k


@compiled
def stop(signals: Signals, size: float, price: float, unit: int = UNITS) -> int:
    """Buy at the market once the price has risen to ``price``, sell once it has fallen to it."""
    k = market(signals, size, unit)
    signals[k]["kind"] = c.STOP
    signals[k]["stop"] = price
    return k


@compiled
def stop_limit(signals: Signals, size: float, price: float, limit_price: float, unit: int = UNITS) -> int:
    """Become a limit order at ``limit_price`` once the price has reached ``price``."""
    k = stop(signals, size, price, unit)
    signals[k]["kind"] = c.STOP_LIMIT
    signals[k]["limit"] = limit_price
    return k


@compiled
def trailing_stop(signals: Signals, size: float, distance: float, unit: int = UNITS) -> int:
    """Sell (or buy) once the price has come back by ``distance``, in price, from its best."""
    k = market(signals, size, unit)
    signals[k]["kind"] = c.TRAILING_STOP
    signals[k]["trail"] = distance
    return k


@compiled
def or_none(distance: float) -> float:
    """Turn a parameter for which 0 means "none" into a distance for `bracket`, for which NaN does."""
    return distance if distance != 0.0 else np.nan


@compiled
def bracket(
    signals: Signals, k: int, stop_loss: float = np.nan, take_profit: float = np.nan, trailing: float = np.nan
) -> int:
    """Protect the position that order ``k`` opens; distances as fractions of its fill price (0.01 = 1 %).

    The exits cancel each other (OCO) and go when the position is closed in another way.
    """
    signals[k]["stop_loss"] = stop_loss
    signals[k]["take_profit"] = take_profit
    signals[k]["trail_protect"] = trailing
    return k


@compiled
def bracket_at(
    signals: Signals, k: int, stop_loss: float = np.nan, take_profit: float = np.nan, trailing: float = np.nan
) -> int:
    """Do the same with prices (and, for trailing, a distance in price)."""
    signals[k]["attach_unit"] = 1
    return bracket(signals, k, stop_loss, take_profit, trailing)


@compiled
def reduce_only(signals: Signals, k: int) -> int:
    """Let order ``k`` only make the position smaller, never turn it."""
    signals[k]["is_reduce_only"] = 1
    return k


@compiled
def good_for_day(signals: Signals, k: int) -> int:
    """Let order ``k`` expire at the end of the trading day."""
    signals[k]["tif"] = c.DAY
    return k


@compiled
def good_till(signals: Signals, k: int, ts: int) -> int:
    """Let order ``k`` expire at a time, ns UTC."""
    signals[k]["tif"] = c.GTD
    signals[k]["ts_expire"] = ts
    return k


@compiled
def immediate(signals: Signals, k: int) -> int:
    """Cancel what order ``k`` cannot fill at once."""
    signals[k]["tif"] = c.IOC
    return k


@compiled
def tagged(signals: Signals, k: int, tag: int) -> int:
    """Give order ``k`` a label (positive number) to cancel or replace it by."""
    signals[k]["tag"] = tag
    return k


@compiled
def in_group(signals: Signals, k: int, group: int) -> int:
    """Put order ``k`` into a group (positive number) whose orders cancel each other."""
    signals[k]["group"] = group
    return k


@compiled
def on_instrument(signals: Signals, k: int, instrument: int) -> int:
    """Direct wish ``k`` at an instrument by its number; cross-section strategies need this on every wish."""
    signals[k]["instrument"] = instrument
    return k


@compiled
def cancel(signals: Signals, tag: int) -> int:
    """Cancel the working orders that carry a tag."""
    k = _next(signals, c.CANCEL)
    signals[k]["tag"] = tag
    return k


@compiled
def cancel_all(signals: Signals) -> int:
    """Cancel every working order of the instrument."""
    return _next(signals, c.CANCEL_ALL)


@compiled
def replace(signals: Signals, tag: int, price: float, size: float = np.nan) -> int:
    """Move the limit orders that carry a tag to a new price, optionally with a smaller size (units)."""
    k = _next(signals, c.REPLACE)
    signals[k]["tag"] = tag
    signals[k]["limit"] = price
    signals[k]["size"] = size
    return k
