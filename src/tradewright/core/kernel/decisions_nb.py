"""The guard's log: every wish with its verdict, and the figures it was judged by."""

from __future__ import annotations

import numpy as np

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.compiled import compiled, inlined
from tradewright.core.kernel.memory_nb import decision_at_nb, guard_nb, guarded_nb, order_nb, position_nb, session_nb


@compiled
def write_decision_nb(session: int, verb: int, j: int, k: int, reason: int) -> None:
    """Write one row; the order it is about stands in slot ``k``, or nowhere where that is -1."""
    s = session_nb(session)[0]
    position = position_nb(s, j)
    row = decision_at_nb(s.decisions, s.n_decisions)
    row.ts, row.instrument, row.verb, row.reason = s.now, j, verb, reason
    row.order = row.origin = row.kind = row.side = row.lots = row.is_reduce_only = row.tag = row.reserve_micro = 0
    row.price = np.nan
    if k >= 0:
        order = order_nb(s, j, k)
        row.order, row.origin, row.kind, row.side, row.tag = order.id, order.origin, order.kind, order.side, order.tag
        row.lots, row.is_reduce_only, row.reserve_micro = order.lots, order.is_reduce_only, order.reserve_micro
        row.price = order.stop if np.isnan(order.limit) else order.limit
    row.mark, row.position_lots, row.working = position.price, position.lots, position.working
    row.equity_micro, row.gross_micro, row.reserved_micro = s.equity_micro, s.gross_micro, s.reserved_micro
    row.floor_micro, row.trading_state, row.loss_state = s.floor_micro, s.trading_state, s.loss_state
    row.headroom_micro = row.headroom_reset_micro = c.NEVER
    row.scale, row.orders_today, row.age_ns = 1.0, 0, 0
    if s.guard != 0:
        g = guard_nb(s)
        row.headroom_micro, row.headroom_reset_micro = g.headroom_micro, g.headroom_reset_micro
        row.scale, row.orders_today, row.age_ns = g.scale, g.orders_today, s.now - guarded_nb(g, j).ts_newest
    s.n_decisions += 1
    if s.n_decisions + s.log_reserve > s.decisions_capacity:
        s.needs_room = 1


@inlined
def note_nb(session: int, verb: int, j: int, k: int, reason: int) -> None:
    """Write a decision down where they are kept."""
    if session_nb(session)[0].decisions != 0:
        write_decision_nb(session, verb, j, k, reason)
