"""What the machine takes in and what it asks for. Inputs are journalled; effects are what the caller has to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tradewright.core.types.order import KillLevel as KillLevel  # noqa: PLC0414 - it is one of our inputs' nouns
from tradewright.core.types.order import OrderKind, OrderStatus, Origin, Side, TimeInForce
from tradewright.core.types.venue import OrderIntent, VenueFill, VenueOrder, VenuePosition


class Outcome(StrEnum):
    """How a request ended that did not end well."""

    REFUSED = "refused"  # a definite no of the venue
    DUPLICATE = "duplicate"  # the venue knows the client id
    TIMEOUT = "timeout"  # nobody knows
    NOT_SENT = "not sent"  # no byte left
    AUTH = "auth"  # the key is not taken; nothing was done


class Source(StrEnum):
    """Where the venue's word comes from."""

    SUBMIT = "submit"
    STREAM = "stream"
    ORDER = "order"  # asked by client id
    OPEN_ORDERS = "open orders"
    HISTORY = "order history"
    FILLS = "fills"
    POSITIONS = "positions"


@dataclass(frozen=True, slots=True)
class Wish:
    """An order that somebody on our side wants; the machine makes an intent of it or refuses. Fields: `OrderIntent`."""

    strategy: str
    instrument: str
    side: Side
    kind: OrderKind
    lots: int
    limit_price: float | None = None
    stop_price: float | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    is_reduce_only: bool = False
    origin: Origin = Origin.STRATEGY
    stop_loss: float | None = None
    take_profit: float | None = None
    protects: str = ""
    replaces: str = ""
    trail: float | None = None
    trail_protect: float | None = None
    are_fractions: bool = False
    group: int = 0
    ts_expire: int = 0
    reference: int = 0


# ------------------------------------------------------------------------------------------------------------- inputs
# ``ts``: when we knew, ns UTC.


@dataclass(frozen=True, slots=True)
class Started:
    """A session began: whatever was under way is not known any more."""

    epoch: int
    ts: int


@dataclass(frozen=True, slots=True)
class Intended:
    """An intent that passed every check; durable before it is acted on."""

    intent: OrderIntent
    ts: int


@dataclass(frozen=True, slots=True)
class Sent:
    """The next instruction writes the order to the wire."""

    client_id: str
    ts: int


@dataclass(frozen=True, slots=True)
class Reported:
    """The venue said what an order is."""

    order: VenueOrder
    source: Source
    ts: int


@dataclass(frozen=True, slots=True)
class Filled:
    """The venue reported an execution, perhaps not for the first time."""

    fill: VenueFill
    source: Source
    ts: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A request about an order ended without the venue's report. ``verb``: submit or cancel."""

    client_id: str
    verb: str
    outcome: Outcome
    text: str
    ts: int


@dataclass(frozen=True, slots=True)
class Absent:
    """A source that was asked at ``ts_asked`` knows nothing of an order."""

    client_id: str
    source: Source
    ts_asked: int
    ts: int


@dataclass(frozen=True, slots=True)
class CancelWanted:
    """Somebody on our side wants an order gone."""

    client_id: str
    ts: int


@dataclass(frozen=True, slots=True)
class Viewed:
    """Open orders and positions of the venue, asked at ``ts_asked``; fills since the watermark went in before."""

    open_orders: tuple[VenueOrder, ...]
    positions: tuple[VenuePosition, ...]
    ts_asked: int
    ts: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A person said that an external order is ours from now on, to be cancelled when we cancel."""

    venue_id: str
    by: str
    ts: int


@dataclass(frozen=True, slots=True)
class Killed:
    """Somebody pulled the switch. ``scope``: ``all``, ``strategy:NAME`` or ``symbol:NAME``; one step, never lowers."""

    level: KillLevel
    scope: str
    by: str
    reason: str
    ts: int


@dataclass(frozen=True, slots=True)
class Released:
    """Two different people (or factors) let a scope trade again, for a stated reason."""

    scope: str
    by: str
    confirmed_by: str
    reason: str
    ts: int


@dataclass(frozen=True, slots=True)
class JournalLost:
    """The disk refuses: nothing new is sent until a restart. The one input that no journal has."""

    ts: int


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time has passed. Not journalled: a restart asks everything anew."""

    ts: int


Input = (
    Started
    | Intended
    | Sent
    | Reported
    | Filled
    | Failed
    | Absent
    | CancelWanted
    | Viewed
    | Claimed
    | Killed
    | Released
    | JournalLost
    | Ticked
)


# ------------------------------------------------------------------------------------------------------------ effects
@dataclass(frozen=True, slots=True)
class Submit:
    """Send an intent; its gate is asked once more by the last instruction."""

    intent: OrderIntent


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Do not send an intent after all."""

    client_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Ask the venue to cancel."""

    client_id: str
    venue_id: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask every source about an order that is not known."""

    client_id: str


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Compare everything with the venue now: fills first, then open orders and positions."""

    reason: str


@dataclass(frozen=True, slots=True)
class Want:
    """The machine itself wants an order: protection or an exit."""

    wish: Wish


@dataclass(frozen=True, slots=True)
class Alert:
    """Tell a person. ``code`` is stable; ``is_page``: at once."""

    code: str
    text: str
    is_page: bool = False


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """Tell the session what became of its order. ``fill_lots``: 0 = none filled; negative = an execution taken back.

    ``unseen``: lots that the venue counts as filled and whose executions have not come. ``fill``: the execution, where
    this is about one.
    """

    client_id: str
    status: OrderStatus
    filled: int
    fill_lots: int = 0
    fill_price: float = 0.0
    reason: str = ""
    unseen: int = 0
    fill: VenueFill | None = None


Effect = Submit | Withdraw | CancelOrder | Ask | Reconcile | Want | Alert | OrderEvent
