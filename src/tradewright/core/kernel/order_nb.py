"""An order before anything is known of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.compiled import inlined


@inlined
def blank_nb(order: Any, j: int) -> None:
    """Make a place of an order table a market order of no size in instrument ``j``; the caller says the rest."""
    order.instrument = j
    order.parent = 0
    order.group = 0
    order.tag = 0
    order.kind = c.MARKET
    order.side = 1
    order.tif = c.GTC
    order.is_reduce_only = 0
    order.origin = c.FROM_STRATEGY
    order.lots = 0
    order.filled = 0
    order.limit = np.nan
    order.stop = np.nan
    order.trail = np.nan
    order.watermark = np.nan
    order.stop_loss = np.nan
    order.take_profit = np.nan
    order.trail_protect = np.nan
    order.attach_unit = 0
    order.ts_active = 0
    order.ts_expire = c.NEVER
    order.ts_done = 0
    order.status = c.SUBMITTED
    order.reason = c.NO_REASON
    order.is_triggered = 0
    order.is_canceling = 0
    order.born = 0
    order.reserve_micro = 0
    order.queue_ahead = np.inf
    order.fee_raw = 0.0
    order.fee_charged = 0.0
    order.fill_value = 0.0
    order.ts_created = 0
