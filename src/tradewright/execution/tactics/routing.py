"""Which orders of the session are worked by tactics; all others go to the desk as they are."""

from __future__ import annotations

from tradewright.core.types.order import OrderKind, TimeInForce
from tradewright.execution.orders.inputs import Wish
from tradewright.execution.orders.state import PROTECTIVE
from tradewright.execution.tactics.params import Tactic, TacticParams
from tradewright.execution.venue import Capabilities


def is_worked(params: TacticParams, capabilities: Capabilities, wish: Wish, position: int, *, is_guarded: bool) -> bool:
    """Tell whether an order needs more than one at the venue, or an end that nobody asked for.

    ``position``: lots held, signed; ``is_guarded``: by a stop. What protects is never worked.
    """
    if wish.origin in PROTECTIVE:
        return False
    if wish.kind is OrderKind.MARKET:
        tactic = params.market_exit if wish.is_reduce_only else params.market
        turns = not wish.is_reduce_only and position * wish.side < 0 and wish.lots > abs(position)
        return tactic is Tactic.QUOTED or (turns and not capabilities.turns_positions)
    if wish.kind is not OrderKind.LIMIT:
        return False
    return params.stale_s is not None or is_watched(capabilities, wish, is_guarded=is_guarded)


def is_watched(capabilities: Capabilities, wish: Wish, *, is_guarded: bool) -> bool:
    """Tell whether a limit exit has to stay here until its price is there: a stop holds the lots it would close."""
    is_exit = wish.kind is OrderKind.LIMIT and wish.is_reduce_only and wish.time_in_force is not TimeInForce.IOC
    return is_exit and is_guarded and capabilities.exits_hold_lots
