"""What the machine takes in and what it asks for. ``order_id``: of the session; ``child``: ours, counted from 1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from tradewright.core.types.order import OrderStatus
from tradewright.execution.orders.inputs import Alert, OrderEvent, Wish


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and ask; on a feed of bars both are the close."""

    bid: float
    ask: float

    @classmethod
    def of(cls, bid: float, ask: float) -> Self | None:
        """Return a quote; None where it is empty or crossed, because nobody could trade on it."""
        return cls(bid, ask) if math.isfinite(ask) and 0.0 < bid <= ask else None

    @property
    def mid(self) -> float:
        """The middle."""
        return 0.5 * (self.bid + self.ask)

    @property
    def half_spread_bps(self) -> float:
        """Half the spread, basis points of the mid."""
        return 0.5 * (self.ask - self.bid) / self.mid * 1e4


# ------------------------------------------------------------------------------------------------------------- inputs
# ``ts``: when we knew, ns UTC.


@dataclass(frozen=True, slots=True)
class ParentWanted:
    """The session wants an order. ``position``: lots of ours that the desk knows of, signed; guarded: by a stop."""

    order_id: int
    wish: Wish
    ts: int
    position: int = 0
    is_guarded: bool = False


@dataclass(frozen=True, slots=True)
class ParentCancelWanted:
    """The session wants its order gone."""

    order_id: int
    ts: int


@dataclass(frozen=True, slots=True)
class Quoted:
    """The market moved. ``position``: lots of ours, signed; None: not asked for."""

    instrument: str
    bid: float
    ask: float
    ts: int
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """Time has passed."""

    ts: int


@dataclass(frozen=True, slots=True)
class ChildSent:
    """The desk took a child and named it."""

    child: int
    client_id: str
    ts: int


@dataclass(frozen=True, slots=True)
class ChildRefused:
    """The desk said no; nothing was sent."""

    child: int
    reason: str
    ts: int


@dataclass(frozen=True, slots=True)
class ChildTold:
    """The desk told what became of an order, perhaps not of ours."""

    event: OrderEvent
    ts: int


Input = ParentWanted | ParentCancelWanted | Quoted | Passed | ChildSent | ChildRefused | ChildTold


# ------------------------------------------------------------------------------------------------------------ effects
@dataclass(frozen=True, slots=True)
class SendChild:
    """Give a wish to the desk; answer with `ChildSent` or `ChildRefused`."""

    child: int
    wish: Wish


@dataclass(frozen=True, slots=True)
class CancelChild:
    """Have the desk cancel an order; its end comes as `ChildTold`."""

    client_id: str


@dataclass(frozen=True, slots=True)
class ParentAccepted:
    """The venue has something of the order."""

    order_id: int
    ts: int


@dataclass(frozen=True, slots=True)
class ParentFilled:
    """An execution of the order; ``lots`` below zero: one taken back."""

    order_id: int
    lots: int
    price: float
    client_id: str
    ts: int


@dataclass(frozen=True, slots=True)
class ParentEnded:
    """Nothing of the order works any more, as far as the venue has said."""

    order_id: int
    status: OrderStatus
    reason: str
    ts: int


@dataclass(frozen=True, slots=True)
class QuotesFilled:
    """What share of an order its quotes filled, told when it ends: what the instrument's buffer adapts to."""

    instrument: str
    share: float
    ts: int


Effect = SendChild | CancelChild | ParentAccepted | ParentFilled | ParentEnded | QuotesFilled | Alert
