"""Everything we hold to be true about orders, fills and positions of one account at one venue."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tradewright.core.types.order import OrderKind, OrderStatus, Origin, TimeInForce
from tradewright.core.types.venue import OrderIntent, VenueFill, VenueOrder
from tradewright.execution.orders.inputs import KillLevel, Source
from tradewright.execution.venue import Capabilities

TERMINAL = frozenset(
    {
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.REJECTED,
        OrderStatus.EXPIRED,
        OrderStatus.DENIED,
        OrderStatus.ABANDONED,
    }
)
#: Orders that close what went wrong; no kill and no halt refuses them.
PROTECTIVE = frozenset({Origin.STOP_LOSS, Origin.TAKE_PROFIT, Origin.TRAILING, Origin.LIQUIDATION, Origin.RISK})
SECOND = 1_000_000_000
ALL = "all"


class OrderParams(BaseModel):
    """Times. ``ask_after_s``: when an unknown order is asked about after it became so; then the last step repeats.

    ``forget_after_s``: how long an order that has ended is remembered, after the last that was heard of it. Half of it
    is longer than executions are asked back for: ``overlap_s``, and the two hours that some adapters add.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reconcile_s: Annotated[float, Field(gt=0, le=30)] = 30.0
    ask_after_s: tuple[float, ...] = (0.0, 1.0, 5.0, 15.0)
    ask_every_s: Annotated[float, Field(gt=0)] = 15.0
    overlap_s: Annotated[float, Field(ge=0)] = 60.0  # fills are asked for from the watermark minus this
    min_silences: Annotated[int, Field(ge=3)] = 3
    exit_retry_s: Annotated[float, Field(gt=0)] = 2.0
    rejects_per_minute: Annotated[int, Field(ge=1)] = 3
    kill_verify_s: Annotated[float, Field(gt=0)] = 5.0
    forget_after_s: Annotated[float, Field(ge=600)] = 6 * 3600.0

    @property
    def reconcile_ns(self) -> int:
        """Time between two looks, ns."""
        return int(self.reconcile_s * SECOND)

    @property
    def forget_after_ns(self) -> int:
        """Time for which what has ended is remembered, ns."""
        return int(self.forget_after_s * SECOND)


@dataclass(slots=True)
class LiveOrder:
    """One order of ours. ``filled`` counts executions we saw, ``reported`` what the venue says was filled.

    ``taken_back``: lots of ``filled`` whose executions were taken back; others may come in their place.
    """

    intent: OrderIntent
    status: OrderStatus = OrderStatus.PENDING
    venue_id: str = ""
    filled: int = 0
    reported: int = 0
    taken_back: int = 0
    value: float = 0.0
    reason: str = ""
    ts_changed: int = 0
    ts_report: int = 0  # venue's time of the newest report believed
    ts_unknown: int = 0
    ts_sent: int = 0  # the last time
    is_cancel_wanted: bool = False
    is_canceling: bool = False
    is_held: bool = False  # not sent before the stops that stand in its way are gone
    asks: int = 0
    next_ask: int = 0
    executions: list[str] = field(default_factory=list)  # keys of them, and of those that took one back
    negatives: dict[Source, int] = field(default_factory=dict)  # source -> when it was last asked and knew nothing
    silences: dict[Source, int] = field(default_factory=dict)  # source -> how often

    @property
    def is_alive(self) -> bool:
        """Whether it may still fill, as far as we know; an unknown order may."""
        return self.status not in TERMINAL

    @property
    def remaining(self) -> int:
        """Lots that may still fill, or were filled and not yet seen by us."""
        if self.is_alive:
            return max(self.intent.lots - self.filled, 0)
        return self.unseen

    @property
    def unseen(self) -> int:
        """Lots that the venue counts as filled and whose executions have not come."""
        return self.reported - self.filled

    @property
    def is_market_exit(self) -> bool:
        """Whether it closes at once: whatever the price, or what there is at its limit."""
        intent = self.intent
        is_instant = intent.kind is OrderKind.LIMIT and intent.time_in_force is TimeInForce.IOC
        return intent.is_reduce_only and (intent.kind is OrderKind.MARKET or is_instant)

    @property
    def is_protective(self) -> bool:
        """Whether it closes a position for safety."""
        return self.intent.origin in PROTECTIVE


@dataclass(slots=True)
class InstrumentState:
    """What is true of one instrument. ``position``: ours; ``external``: of the venue's position, what is not ours."""

    position: int = 0
    external: int = 0
    stop_price: float | None = None  # where what we hold is to be closed; None = not protected by us
    target_price: float | None = None  # where it is to be closed with a gain
    strategy: str = ""  # who opened it
    stops_lost: int = 0  # protective stops that somebody cancelled or the venue refused, for this position
    must_exit: bool = False
    naked_since: int = 0
    next_exit: int = 0
    next_target: int = 0  # before that a target is not tried again
    mismatch: int = 0  # lots by which the venue differed at the last look
    mismatches: int = 0  # looks in a row at which it did
    halted: str = ""  # why nothing new may be opened
    unbooked: int = 0  # signed lots that others traded and that no look at positions has explained yet


@dataclass(slots=True)
class OrdersState:
    """The machine's memory. ``ready``: reconciled since the start; before that only protection is sent.

    ``ended`` and ``others``: what is forgotten one day (`orders.forgetting`) -> when it was last heard of, the oldest
    first; ``horizon``: venue's time up to which executions have been forgotten.
    """

    account: str
    capabilities: Capabilities
    params: OrderParams = field(default_factory=OrderParams)
    epoch: int = 0
    next_sequence: int = 1
    now: int = 0
    is_ready: bool = False
    is_journal_lost: bool = False
    orders: dict[str, LiveOrder] = field(default_factory=dict)
    open: dict[str, LiveOrder] = field(default_factory=dict)  # those with something left, see `index`
    ended: dict[str, int] = field(default_factory=dict)  # orders with nothing left
    by_venue_id: dict[str, str] = field(default_factory=dict)
    instruments: dict[str, InstrumentState] = field(default_factory=dict)
    fills: dict[str, VenueFill] = field(default_factory=dict)  # by key
    others: dict[str, int] = field(default_factory=dict)  # keys of executions that are not ours
    busted: dict[str, str] = field(default_factory=dict)  # key of the execution -> key of the report taking it back
    quarantine: list[VenueFill] = field(default_factory=list)
    external: dict[str, VenueOrder] = field(default_factory=dict)  # by venue id
    claims: dict[str, str] = field(default_factory=dict)
    kills: dict[str, KillLevel] = field(default_factory=dict)
    paused: dict[str, str] = field(default_factory=dict)  # strategy -> why
    rejects: dict[str, list[int]] = field(default_factory=dict)  # strategy and reason -> when
    watermark: int = 0  # venue's time of the newest execution seen
    horizon: int = 0
    heard: int = 0  # the newest time that the journal has; ``now`` may be a tick's
    duplicates: int = 0
    corrections: int = 0
    next_reconcile: int = 0
    last_view: int = 0
    is_blind: bool = False  # a person was told that the venue is not seen
    verify_by: int = 0  # a kill that cancels is to be seen carried out by then; 0 = none is open

    @property
    def protect_ns(self) -> int:
        """How long a position may be without a working stop, ns."""
        return int(self.capabilities.t_protect_s * SECOND)

    def of(self, instrument: str) -> InstrumentState:
        """Return what is true of an instrument; a new one is flat."""
        known = self.instruments.get(instrument)
        if known is None:
            known = self.instruments[instrument] = InstrumentState()
        return known

    def live(self, instrument: str) -> list[LiveOrder]:
        """Return orders that may still fill, or whose executions we have not all seen."""
        if not self.open:  # nearly always, and asked of every instrument after every input
            return []
        return [o for o in self.open.values() if o.intent.instrument == instrument and o.remaining > 0]

    def index(self, order: LiveOrder) -> None:
        """Keep ``open`` right after an order has changed, so that a long day is no slower than a short one."""
        name = order.intent.client_id
        self.ended.pop(name, None)
        if order.is_alive or order.remaining:
            self.open[name] = order
        else:
            self.open.pop(name, None)
            self.ended[name] = self.heard

    def unknown(self, instrument: str = "") -> list[LiveOrder]:
        """Return orders nobody knows about."""
        return [
            o for o in self.open.values() if o.status is OrderStatus.UNKNOWN and instrument in ("", o.intent.instrument)
        ]

    def position(self, instrument: str) -> int:
        """Return the lots we hold, signed; asking makes no entry."""
        known = self.instruments.get(instrument)
        return 0 if known is None else known.position

    def is_guarded(self, instrument: str) -> bool:
        """Return whether a stop is to stand for what we hold; asking makes no entry."""
        known = self.instruments.get(instrument)
        return known is not None and known.stop_price is not None

    def exposure(self, instrument: str) -> tuple[int, int]:
        """Return the lowest and highest position that may come about; every order counts in full, unknown ones too."""
        position = self.position(instrument)
        live = self.live(instrument)
        return (
            position - sum(o.remaining for o in live if o.intent.side < 0),
            position + sum(o.remaining for o in live if o.intent.side > 0),
        )

    def kill_level(self, strategy: str, instrument: str) -> KillLevel:
        """Return the strictest kill that reaches a strategy's order in an instrument."""
        scopes = (ALL, f"strategy:{strategy}", f"symbol:{instrument}")
        return max((self.kills.get(scope, KillLevel.NONE) for scope in scopes), default=KillLevel.NONE)
