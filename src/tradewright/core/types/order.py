"""Orders: kinds, states, reasons, and the two nouns that leave the risk check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Side(IntEnum):
    """Direction of an order or fill; the number multiplies the size."""

    BUY = 1
    SELL = -1


class OrderKind(IntEnum):
    """What makes an order executable."""

    MARKET = 1
    LIMIT = 2
    STOP = 3
    STOP_LIMIT = 4
    TRAILING_STOP = 5


class TimeInForce(IntEnum):
    """How long an order stays."""

    GTC = 1  # until cancelled
    DAY = 2  # until the end of the trading day it reaches the venue in
    IOC = 3  # what does not fill at once is cancelled
    GTD = 4  # until a stated time


class OrderStatus(IntEnum):
    """States of an order. UNKNOWN ends only by evidence from the venue.

    ABANDONED: it never reached the venue, as two independent sources said after the venue had time to settle.
    """

    PENDING = 1
    SUBMITTED = 2
    ACCEPTED = 3
    PARTIALLY_FILLED = 4
    FILLED = 5
    CANCELED = 6
    REJECTED = 7
    EXPIRED = 8
    UNKNOWN = 9
    DENIED = 10
    ABANDONED = 11


class Origin(IntEnum):
    """Why an order exists."""

    STRATEGY = 1
    STOP_LOSS = 2
    TAKE_PROFIT = 3
    TRAILING = 4
    LIQUIDATION = 5
    RISK = 6  # flattening after a limit was broken


class Reason(IntEnum):
    """Why an order was denied, rejected or ended. Numbers are stable: they stand in journals."""

    NONE = 0
    MAX_ORDER_VALUE = 1
    MAX_POSITION = 2
    MAX_LEVERAGE = 3
    MAX_OPEN_POSITIONS = 4
    INTRADAY_LOSS = 5
    MAX_DRAWDOWN = 6
    INSUFFICIENT_MARGIN = 7
    BELOW_MINIMUM_SIZE = 8
    ABOVE_MAXIMUM_SIZE = 9
    NOT_FINITE = 10
    BAD_PRICE = 11
    NO_PRICE = 12
    NO_FX_RATE = 13
    ORDER_TABLE_FULL = 14
    UNKNOWN_ORDER = 15
    NOTHING_TO_REDUCE = 16
    NOT_SHORTABLE = 17
    ALREADY_EXPIRED = 18
    UNKNOWN_INSTRUMENT = 19
    # controls of the guard, `risk.controls`
    TRADING_REDUCING = 64
    TRADING_HALTED = 65
    TRADING_KILLED = 66
    GUARD_ERROR = 67  # the guard did not come to a verdict
    PRICE_COLLAR = 68
    COLLAR_OVER_TIME = 69
    MAX_ORDER_SIZE = 70
    MAX_GROSS_EXPOSURE = 71
    MAX_NET_EXPOSURE = 72
    MESSAGE_THROTTLE = 73
    MAX_ORDERS_PER_DAY = 74
    SIGNALS_PER_HOUR = 75
    REPEATED_EXECUTION = 76
    DUPLICATE_ORDER = 77
    STALE_DATA = 78
    UNREASONABLE_DATA = 79
    CLOCK_DRIFT = 80
    BLACKOUT = 81
    INSTRUMENT_HALTED = 82
    NOT_ALLOWED = 83
    SELF_MATCH = 84
    NAKED_POSITION = 85
    PROP_DAILY_LOSS = 86
    PROP_MAX_LOSS = 87
    PROP_ENDED = 88  # passed, or out of time
    PROP_HEADROOM = 89  # what a gap may cost would break a floor, now or at the reset that is near
    LOSS_STREAK = 90
    MODEL_STALE = 91
    MODEL_DRIFT = 92
    MODEL_CONFIDENCE = 93
    CANARY = 94
    # why a working order ended
    CANCELED_BY_STRATEGY = 32
    CANCELED_BY_OCO = 33
    CANCELED_POSITION_CLOSED = 34
    CANCELED_BY_RISK = 35
    CANCELED_BY_LIQUIDATION = 36
    UNFILLED_REMAINDER = 37
    EXPIRED_TIME = 38
    REPLACED = 39


class Verb(IntEnum):
    """What a message between our side and the venue says: commands first, then events."""

    SUBMIT_ORDER = 1
    CANCEL_ORDER = 2
    REPLACE_ORDER = 3
    ORDER_ACCEPTED = 11
    ORDER_FILLED = 12
    ORDER_CANCELED = 13
    ORDER_REJECTED = 14
    ORDER_EXPIRED = 15
    ORDER_REPLACED = 16


class TradingState(IntEnum):
    """What people let the account do. Numbers are stable: they stand in files."""

    ACTIVE = 1
    REDUCING = 2  # nothing but what makes positions smaller
    HALTED = 3  # no new order at all; positions and what protects them stay
    KILLED = 4  # the same, and what works is cancelled but for protection


class KillLevel(IntEnum):
    """How much a kill stops; a higher level includes the lower ones."""

    NONE = 0
    REDUCE_ONLY = 1
    BLOCK_NEW = 2  # nothing but protection
    CANCEL = 3  # and cancel what works, protection excepted
    FLATTEN = 4  # and close every position of ours


class LossState(IntEnum):
    """What a loss limit or a prop rule did to the account; from 2 on it is flat, or on the way there."""

    CLEAR = 1
    OUT_FOR_DAY = 2  # until the next trading day
    OUT_FOR_GOOD = 3
    OUT_UNTIL_RESET = 4  # until the next reset of a prop rule


@dataclass(frozen=True, slots=True)
class Order:
    """An order that passed the risk check. Prices are on the tick grid, sizes whole lots."""

    id: int
    instrument: str
    kind: OrderKind
    side: Side
    quantity: float
    limit_price: float | None
    stop_price: float | None
    time_in_force: TimeInForce
    is_reduce_only: bool
    ts_event: int


@dataclass(frozen=True, slots=True)
class Denied:
    """A signal that the risk check refused; nothing was sent."""

    instrument: str
    reason: Reason
    side: Side
    quantity: float
    ts_event: int
