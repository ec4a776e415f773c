"""Orders as the exchange keeps them: what was asked for, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from tradewright.core.types.order import OrderKind, Side


class Life(StrEnum):
    """States of an order at the exchange; the words are Alpaca's, which has the most."""

    ACCEPTED = "accepted"  # here, not yet in the book: the market is closed, or the order is on its way
    NEW = "new"
    HELD = "held"  # an exit that waits for its entry, or stands beside its partner
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REPLACED = "replaced"
    REJECTED = "rejected"
    PENDING_CANCEL = "pending_cancel"
    PENDING_REPLACE = "pending_replace"


#: States that no order leaves.
OVER = frozenset({Life.FILLED, Life.CANCELED, Life.EXPIRED, Life.REPLACED, Life.REJECTED})


class Force(StrEnum):
    """How long an order stays."""

    DAY = "day"  # to the end of the session
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"


class Group(StrEnum):
    """How orders belong together."""

    SIMPLE = "simple"
    BRACKET = "bracket"  # an entry with two exits
    OTO = "oto"  # an entry with one exit
    OCO = "oco"  # two exits that cancel each other


class Refusal(StrEnum):
    """Why a request is refused; each venue has its own code and words for it."""

    UNKNOWN_SYMBOL = "unknown_symbol"
    UNKNOWN_ORDER = "unknown_order"
    NO_POSITION = "no_position"
    DUPLICATE_CLIENT_ID = "duplicate_client_id"
    BUYING_POWER = "buying_power"
    QUANTITY_HELD = "quantity_held"
    NOT_SHORTABLE = "not_shortable"
    NOT_OPEN = "not_open"  # the order can no longer be changed
    BAD_SIZE = "bad_size"
    BAD_PRICE = "bad_price"  # not on the tick grid, or not above zero
    BAD_EXITS = "bad_exits"
    NO_QUOTE = "no_quote"
    INJECTED = "injected"


class RefusedError(Exception):
    """A request that is refused; nothing has changed.

    Parameters
    ----------
    reason : Refusal
        What venues translate.
    what : str
        For people.
    facts : dict of str to str
        Numbers that some venues send along.
    """

    def __init__(self, reason: Refusal, what: str, **facts: str) -> None:
        super().__init__(what)
        self.reason, self.what, self.facts = reason, what, facts


@dataclass(frozen=True, slots=True)
class Wish:
    """One order as asked for. Prices are in the instrument's currency, ``lots`` whole lots.

    ``trail`` is a distance in price, ``trail_percent`` what the client named instead, for display. ``take_profit``,
    ``stop_loss`` and ``stop_loss_limit`` are the prices of the exits of ``bracket``, ``oto`` and ``oco``.
    """

    symbol: str
    side: Side
    lots: int
    kind: OrderKind = OrderKind.MARKET
    force: Force = Force.DAY
    limit: float | None = None
    stop: float | None = None
    trail: float | None = None
    trail_percent: float | None = None
    client_id: str = ""
    group: Group = Group.SIMPLE
    take_profit: float | None = None
    stop_loss: float | None = None
    stop_loss_limit: float | None = None


@dataclass(slots=True, eq=False)
class WorkOrder:
    """One order's life. ``number`` is its id in the compiled book; times are ns UTC, 0 where it did not happen."""

    id: str
    number: int
    wish: Wish
    instrument: int
    ts_created: int
    life: Life = Life.ACCEPTED
    filled: int = 0
    value: float = 0.0  # sum of lots x price
    ts_updated: int = 0
    ts_filled: int = 0
    ts_canceled: int = 0
    ts_expired: int = 0
    ts_replaced: int = 0
    ts_expire: int = 0
    stop_now: float | None = None  # of a trailing stop
    replaces: str = ""
    replaced_by: str = ""
    parent: WorkOrder | None = None
    legs: list[WorkOrder] = field(default_factory=list)
    is_in_book: bool = False
    is_posted: bool = False  # sent to the book, though perhaps not there yet

    @property
    def left(self) -> int:
        """Lots not yet filled."""
        return self.wish.lots - self.filled

    @property
    def average(self) -> float | None:
        """Average price of what was filled; None before the first fill."""
        return self.value / self.filled if self.filled else None

    @property
    def is_over(self) -> bool:
        """Whether nothing more can happen to it."""
        return self.life in OVER


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill; ``position`` is in lots, after it. ``is_busted`` marks one that was taken back later."""

    number: int
    id: str
    order: WorkOrder
    lots: int
    price: float
    fee_micro: int
    is_maker: bool
    position: int
    ts: int


@dataclass(frozen=True, slots=True)
class Update:
    """What happened to an order, for the account's stream; ``event`` is a word of Alpaca's ``trade_updates``."""

    event: str
    order: WorkOrder
    ts: int
    execution: Execution | None = None
