"""Which orders of the session are worked by tactics; all others go to the desk as they are."""

from __future__ import annotations

from tradewright.core.types.order import OrderKind
from tradewright.execution.orders.inputs import Wish
from tradewright.execution.orders.state import PROTECTIVE
from tradewright.execution.tactics.params import Tactic, TacticParams
from tradewright.execution.venue import Capabilities


def is_worked(params: TacticParams, capabilities: Capabilities, wish: Wish, position: int) -> bool:
    """Tell whether an order needs more than one at the venue, or an end that nobody asked for.

    ``position``: lots held, signed. What protects is never worked.
    """
    if wish.origin in PROTECTIVE:
        return False
    if wish.kind is OrderKind.MARKET:
        tactic = params.market_exit if wish.is_reduce_only else params.market
        turns = not wish.is_reduce_only and position * wish.side < 0 and wish.lots > abs(position)
        return tactic is Tactic.QUOTED or (turns and not capabilities.turns_positions)
    return wish.kind is OrderKind.LIMIT and params.stale_s is not None
