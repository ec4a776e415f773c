"""What commands change in our side's state, called from Python."""

from __future__ import annotations

from tradewright.core.kernel import codes as c
from tradewright.core.kernel.compiled import compiled
from tradewright.core.kernel.mark_nb import set_floor_nb
from tradewright.core.kernel.memory_nb import order_nb, position_nb, session_nb
from tradewright.core.kernel.submit_nb import cancel_nb


@compiled
def cancel_entries_nb(session: int, reason: int) -> None:
    """Cancel every working order that could make a position larger; what protects one stays."""
    s = session_nb(session)[0]
    for j in range(s.n_instruments):
        for k in range(position_nb(s, j).working):
            order = order_nb(s, j, k)
            if order.origin == c.FROM_STRATEGY and order.is_reduce_only == 0:
                cancel_nb(session, j, k, reason)


@compiled
def set_floor_alone_nb(session: int) -> None:
    """Find the floor anew after a loss limit changed."""
    set_floor_nb(session)
