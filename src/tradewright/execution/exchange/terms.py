"""What an account may do, and the exchange around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tradewright.execution.exchange.market import Market


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """What an account may do.

    ``multiplier``: buying power per equity; 1 is a cash account. ``takes_same_id``: a second order with a client id
    that is known is accepted, as venues do that treat it as a tag. ``frees_ids``: an id may be used again once its
    order is over. ``reserves_exits``: orders that close may not together be larger than the position.
    """

    name: str
    cash: float = 100_000.0
    multiplier: float = 2.0
    may_short: bool = True
    takes_same_id: bool = False
    frees_ids: bool = False
    reserves_exits: bool = True


@dataclass(frozen=True, slots=True)
class Place:
    """What an account needs of its exchange.

    ``marks`` are the last prices; ``quote`` gives bid and ask, NaN where unknown. ``carries_exits``: the book gives
    exits within the event of the entry's fill (bars), else they are sent once the entry is complete (quotes).
    """

    markets: tuple[Market, ...]
    marks: list[float]
    quote: Callable[[int], tuple[float, float]]
    carries_exits: bool
    seed: int
