"""The machine's memory: what the session wants, what was sent for it, and the newest quotes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderStatus
from tradewright.execution.monitors.adaptation import adapted
from tradewright.execution.orders.inputs import Wish
from tradewright.execution.orders.state import PROTECTIVE, TERMINAL
from tradewright.execution.tactics.messages import Quote
from tradewright.execution.tactics.params import Tactic, TacticParams
from tradewright.execution.venue import Capabilities


@dataclass(slots=True)
class Child:
    """One order at the desk. ``unseen``: lots that the venue counts as filled and whose executions have not come."""

    number: int
    wish: Wish
    ts_sent: int
    quote: Quote | None  # the market then
    is_crossing: bool = False
    client_id: str = ""
    status: OrderStatus = OrderStatus.PENDING
    filled: int = 0
    unseen: int = 0
    is_canceling: bool = False

    @property
    def is_alive(self) -> bool:
        """Whether it may still fill; one that nobody knows about may."""
        return self.status not in TERMINAL

    @property
    def remaining(self) -> int:
        """Lots that may still fill, or were filled and not yet seen by us."""
        return max(self.wish.lots - self.filled, 0) if self.is_alive else self.unseen


@dataclass(slots=True)
class Parent:
    """An order of the session. ``closing``: lots of it that close a position first, where the venue turns none.

    ``is_watched``: a limit that is not at the venue, because a stop is; ``held``: lots there are to close.
    """

    order_id: int
    wish: Wish
    tactic: Tactic
    ts: int
    closing: int = 0
    children: list[Child] = field(default_factory=list)
    ending: tuple[OrderStatus, str] | None = None  # nothing more is sent; how it ends once nothing works
    ts_ending: int = 0
    is_accepted: bool = False
    is_ended: bool = False
    is_stuck: bool = False  # a person was told
    is_watched: bool = False
    held: int = 0

    @property
    def filled(self) -> int:
        """Lots filled."""
        return sum(c.filled for c in self.children)

    @property
    def live(self) -> list[Child]:
        """Children that may still fill, or whose executions we have not all seen."""
        return [c for c in self.children if c.remaining]

    @property
    def is_protective(self) -> bool:
        """Whether it closes a position for safety."""
        return self.wish.origin in PROTECTIVE


@dataclass(slots=True)
class TacticsState:
    """Everything. ``buffers``: of quotes, bps, where adaptation moved them; ``of``: parent by client id of a child."""

    instruments: Mapping[str, Instrument]
    capabilities: Capabilities
    params: TacticParams = field(default_factory=TacticParams)
    now: int = 0
    next_child: int = 1
    parents: dict[int, Parent] = field(default_factory=dict)
    children: dict[int, tuple[Parent, Child]] = field(default_factory=dict)
    by_client_id: dict[str, tuple[Parent, Child]] = field(default_factory=dict)
    quotes: dict[str, Quote] = field(default_factory=dict)
    buffers: dict[str, float] = field(default_factory=dict)
    ended: dict[int, int] = field(default_factory=dict)  # order id -> when, the oldest first

    def buffer_bps(self, instrument: str) -> float:
        """Return how far inside the mid an instrument's quotes begin, basis points."""
        return self.buffers.get(instrument, self.params.buffer_bps)

    def adapt(self, instrument: str, share: float) -> None:
        """Move an instrument's buffer after an order of which quotes filled ``share``."""
        self.buffers[instrument] = adapted(self.buffer_bps(instrument), share, self.params)

    def forget(self, order_id: int) -> None:
        """Remember a parent that has ended no more."""
        self.ended.pop(order_id, None)
        for child in self.parents.pop(order_id).children:
            del self.children[child.number]
            self.by_client_id.pop(child.client_id, None)
