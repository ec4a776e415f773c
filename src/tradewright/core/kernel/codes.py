"""The enumerations of `core.types` as plain integers, which compiled code freezes into constants."""

from __future__ import annotations

from tradewright.core.types.events import EventKind
from tradewright.core.types.ledger import LedgerKind
from tradewright.core.types.order import (
    LossState,
    OrderKind,
    OrderStatus,
    Origin,
    Reason,
    TimeInForce,
    TradingState,
    Verb,
)
from tradewright.core.types.signal import AttachUnit, SignalVerb, SizeUnit

BAR, QUOTE, TRADE, FUNDING = (int(k) for k in EventKind)
MARKET, LIMIT, STOP, STOP_LIMIT, TRAILING_STOP = (int(k) for k in OrderKind)
GTC, DAY, IOC, GTD = (int(k) for k in TimeInForce)

SUBMITTED = int(OrderStatus.SUBMITTED)
ACCEPTED = int(OrderStatus.ACCEPTED)
PARTIALLY_FILLED = int(OrderStatus.PARTIALLY_FILLED)
FILLED = int(OrderStatus.FILLED)
CANCELED = int(OrderStatus.CANCELED)
REJECTED = int(OrderStatus.REJECTED)
EXPIRED = int(OrderStatus.EXPIRED)
DENIED = int(OrderStatus.DENIED)

FROM_STRATEGY = int(Origin.STRATEGY)
FROM_STOP_LOSS = int(Origin.STOP_LOSS)
FROM_TAKE_PROFIT = int(Origin.TAKE_PROFIT)
FROM_TRAILING = int(Origin.TRAILING)
FROM_LIQUIDATION = int(Origin.LIQUIDATION)
FROM_RISK = int(Origin.RISK)

NO_REASON = int(Reason.NONE)
MAX_ORDER_VALUE = int(Reason.MAX_ORDER_VALUE)
MAX_POSITION = int(Reason.MAX_POSITION)
MAX_LEVERAGE = int(Reason.MAX_LEVERAGE)
MAX_OPEN_POSITIONS = int(Reason.MAX_OPEN_POSITIONS)
INTRADAY_LOSS = int(Reason.INTRADAY_LOSS)
MAX_DRAWDOWN = int(Reason.MAX_DRAWDOWN)
INSUFFICIENT_MARGIN = int(Reason.INSUFFICIENT_MARGIN)
BELOW_MINIMUM_SIZE = int(Reason.BELOW_MINIMUM_SIZE)
ABOVE_MAXIMUM_SIZE = int(Reason.ABOVE_MAXIMUM_SIZE)
NOT_FINITE = int(Reason.NOT_FINITE)
BAD_PRICE = int(Reason.BAD_PRICE)
NO_PRICE = int(Reason.NO_PRICE)
NO_FX_RATE = int(Reason.NO_FX_RATE)
ORDER_TABLE_FULL = int(Reason.ORDER_TABLE_FULL)
UNKNOWN_ORDER = int(Reason.UNKNOWN_ORDER)
NOTHING_TO_REDUCE = int(Reason.NOTHING_TO_REDUCE)
NOT_SHORTABLE = int(Reason.NOT_SHORTABLE)
ALREADY_EXPIRED = int(Reason.ALREADY_EXPIRED)
UNKNOWN_INSTRUMENT = int(Reason.UNKNOWN_INSTRUMENT)
TRADING_REDUCING = int(Reason.TRADING_REDUCING)
TRADING_HALTED = int(Reason.TRADING_HALTED)
TRADING_KILLED = int(Reason.TRADING_KILLED)
GUARD_ERROR = int(Reason.GUARD_ERROR)
PRICE_COLLAR = int(Reason.PRICE_COLLAR)
COLLAR_OVER_TIME = int(Reason.COLLAR_OVER_TIME)
MAX_ORDER_SIZE = int(Reason.MAX_ORDER_SIZE)
MAX_GROSS_EXPOSURE = int(Reason.MAX_GROSS_EXPOSURE)
MAX_NET_EXPOSURE = int(Reason.MAX_NET_EXPOSURE)
MESSAGE_THROTTLE = int(Reason.MESSAGE_THROTTLE)
MAX_ORDERS_PER_DAY = int(Reason.MAX_ORDERS_PER_DAY)
SIGNALS_PER_HOUR = int(Reason.SIGNALS_PER_HOUR)
REPEATED_EXECUTION = int(Reason.REPEATED_EXECUTION)
DUPLICATE_ORDER = int(Reason.DUPLICATE_ORDER)
STALE_DATA = int(Reason.STALE_DATA)
UNREASONABLE_DATA = int(Reason.UNREASONABLE_DATA)
CLOCK_DRIFT = int(Reason.CLOCK_DRIFT)
BLACKOUT = int(Reason.BLACKOUT)
INSTRUMENT_HALTED = int(Reason.INSTRUMENT_HALTED)
NOT_ALLOWED = int(Reason.NOT_ALLOWED)
SELF_MATCH = int(Reason.SELF_MATCH)
NAKED_POSITION = int(Reason.NAKED_POSITION)
PROP_DAILY_LOSS = int(Reason.PROP_DAILY_LOSS)
PROP_MAX_LOSS = int(Reason.PROP_MAX_LOSS)
PROP_ENDED = int(Reason.PROP_ENDED)
PROP_HEADROOM = int(Reason.PROP_HEADROOM)
LOSS_STREAK = int(Reason.LOSS_STREAK)
MODEL_STALE = int(Reason.MODEL_STALE)
MODEL_DRIFT = int(Reason.MODEL_DRIFT)
MODEL_CONFIDENCE = int(Reason.MODEL_CONFIDENCE)
CANARY = int(Reason.CANARY)
CANCELED_BY_STRATEGY = int(Reason.CANCELED_BY_STRATEGY)
CANCELED_BY_OCO = int(Reason.CANCELED_BY_OCO)
CANCELED_POSITION_CLOSED = int(Reason.CANCELED_POSITION_CLOSED)
CANCELED_BY_RISK = int(Reason.CANCELED_BY_RISK)
CANCELED_BY_LIQUIDATION = int(Reason.CANCELED_BY_LIQUIDATION)
UNFILLED_REMAINDER = int(Reason.UNFILLED_REMAINDER)
EXPIRED_TIME = int(Reason.EXPIRED_TIME)

SUBMIT_ORDER = int(Verb.SUBMIT_ORDER)
CANCEL_ORDER = int(Verb.CANCEL_ORDER)
REPLACE_ORDER = int(Verb.REPLACE_ORDER)
ORDER_ACCEPTED = int(Verb.ORDER_ACCEPTED)
ORDER_FILLED = int(Verb.ORDER_FILLED)
ORDER_CANCELED = int(Verb.ORDER_CANCELED)
ORDER_REJECTED = int(Verb.ORDER_REJECTED)
ORDER_EXPIRED = int(Verb.ORDER_EXPIRED)
ORDER_REPLACED = int(Verb.ORDER_REPLACED)

ACTIVE, REDUCING, HALTED, KILLED = (int(s) for s in TradingState)
CLEAR, OUT_FOR_DAY, OUT_FOR_GOOD, OUT_UNTIL_RESET = (int(s) for s in LossState)

NO_SIGNAL = int(SignalVerb.NONE)
PLACE = int(SignalVerb.ORDER)
CANCEL = int(SignalVerb.CANCEL)
CANCEL_ALL = int(SignalVerb.CANCEL_ALL)
REPLACE = int(SignalVerb.REPLACE)
UNITS = int(SizeUnit.UNITS)
VALUE = int(SizeUnit.VALUE)
WEIGHT = int(SizeUnit.WEIGHT)
FRACTION = int(AttachUnit.FRACTION)

TRADED = int(LedgerKind.TRADE)
COMMISSION = int(LedgerKind.COMMISSION)
BORROWED = int(LedgerKind.BORROW)
FUNDED = int(LedgerKind.FUNDING)

#: Ends no order by time.
NEVER = 2**63 - 1
#: Our order ids step by this, so that the venue can number the exits of a bracket from their entry's id.
ID_STEP = 8
MICRO = 1_000_000.0
