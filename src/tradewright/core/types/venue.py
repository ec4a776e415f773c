"""What we ask of a trading venue and what it tells us. Sizes are whole lots, signed where a direction is meant."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tradewright.core.types.order import OrderKind, OrderStatus, Origin, Side, TimeInForce


class Idempotency(StrEnum):
    """What a venue does with a client id that it has seen before."""

    HARD = "hard"  # refuses it for ever
    OPEN_ONLY = "open_only"  # refuses it while that order is open
    WINDOW = "window"  # refuses it for a while
    TAG = "tag"  # takes it as a label: a second order is made
    NONE = "none"  # does not know client ids


@dataclass(frozen=True, slots=True)
class OrderIntent:
    """An order that we mean to send; every field is fixed before it is durable, and a retry sends the same one.

    ``client_id`` is a pure function of (account, strategy, epoch, sequence). ``protects``: client id of the entry that
    this order protects. ``stop_loss``: the price at which what this order opens is to be closed; NaN has no place here,
    None is none. ``replaces``: client id of the order whose place this one takes. ``trail``: distance in price of a
    trailing stop, ``trail_protect`` of the one that is to protect what this order opens. ``are_fractions``: the three
    exits are shares of the fill's price. ``group``: orders of one group other than 0 cancel each other. ``ts_expire``:
    end of GTD, ns UTC. ``reference``: the session's own number of the order; 0: it is not the session's.
    """

    client_id: str
    sequence: int
    epoch: int
    strategy: str
    instrument: str
    side: Side
    kind: OrderKind
    lots: int
    ts_event: int
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


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """An order as the venue reports it. ``filled`` is cumulative; ``client_id`` is "" for an order that is not ours.

    ``parent``: client id of the entry whose bracket this order belongs to, for orders that the venue made itself, and
    ``origin`` which of its exits it is. ``price``: its limit or stop, where the venue says it.
    """

    client_id: str
    venue_id: str
    instrument: str
    side: Side
    lots: int
    filled: int
    status: OrderStatus
    ts_event: int
    reason: str = ""
    parent: str = ""
    origin: Origin = Origin.STOP_LOSS
    price: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether it can still fill."""
        return self.status in OPEN


#: States in which an order works at the venue.
OPEN = (OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED)


@dataclass(frozen=True, slots=True)
class VenueFill:
    """One execution as the venue reports it.

    ``trade_id`` may be "" where a venue gives none. ``busts``: trade id of an execution that this report takes back;
    its lots and price are those taken back. ``fee`` is in ``fee_currency``, None while it is not known. ``ts_open``:
    when the market event it follows from began, where a simulated venue knows it; it decides the trading day.
    """

    trade_id: str
    client_id: str
    venue_id: str
    instrument: str
    side: Side
    lots: int
    price: float
    ts_event: int
    fee: float | None = None
    fee_currency: str = ""
    busts: str = ""
    is_maker: bool = False
    ts_open: int = 0


@dataclass(frozen=True, slots=True)
class VenuePosition:
    """What the venue says we hold; negative lots are short."""

    instrument: str
    lots: int
    average_price: float = 0.0


@dataclass(frozen=True, slots=True)
class Listing:
    """How the venue trades an instrument.

    ``lot_size`` and ``tick_size``: decimal strings in the units of `Instrument`, "" where it does not say.
    ``is_tradable``: it takes orders, a closed session apart.
    """

    instrument: str
    lot_size: str = ""
    tick_size: str = ""
    is_tradable: bool = True


@dataclass(frozen=True, slots=True)
class VenueAccount:
    """What the venue says we own, account currency."""

    equity: float
    cash: float
    ts_event: int


@dataclass(frozen=True, slots=True)
class StreamGap:
    """The private stream may have lost events up to now: whoever follows it asks for orders and fills again."""

    reason: str
    ts_event: int


VenueEvent = VenueOrder | VenueFill | StreamGap
