"""The table of all controls: the one place that says what each is called, guards and answers.

Numbers are those of the house's control catalogue; they and the reasons are stable. Documentation, `tradewright
controls` and the tests read this table. What a control allows stands in the section ``limits`` of a configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tradewright.core.types.order import Reason


class Scope(Enum):
    """What a control looks at."""

    STRATEGY = "strategy"
    INSTRUMENT = "instrument"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Control:
    """One control.

    ``fields`` are its places in ``limits``, ``reasons`` what stands in the log, ``does`` what it allows and what
    happens otherwise.
    """

    id: str
    name: str
    scope: Scope
    fields: tuple[str, ...]
    reasons: tuple[Reason, ...]
    does: str


_S, _I, _A = Scope.STRATEGY, Scope.INSTRUMENT, Scope.ACCOUNT
_R = Reason

CONTROLS: tuple[Control, ...] = (
    Control("C01", "price collar", _I, ("collar",), (_R.PRICE_COLLAR,),
            "Prices within a share of the mark or a number of average true ranges, the wider of both. A market order "
            "is filled up to the collar or not at all."),
    Control("C02", "collar over time", _S, ("collar_over_time",), (_R.COLLAR_OVER_TIME,),
            "Own fills too far apart in a short time disable the strategy until a person enables it."),
    Control("C03", "order size", _I, ("max_order_size", "max_volume_share", "micro_lots"),
            (_R.MAX_ORDER_SIZE, _R.ABOVE_MAXIMUM_SIZE, _R.BELOW_MINIMUM_SIZE),
            "Units an order; share of the newest bar's volume or of the size displayed. The instrument's own bounds "
            "hold always. With micro lots new risk is cut to the smallest lot, orders a day, lots held and money "
            "lost have limits of their own."),
    Control("C04", "order value", _A, ("max_order_value",), (_R.MAX_ORDER_VALUE,),
            "Value of one order at its worst price."),
    Control("C05", "position", _I, ("max_position_value", "max_position_size", "max_open_positions"),
            (_R.MAX_POSITION, _R.MAX_OPEN_POSITIONS),
            "Position if everything working were filled, orders in doubt included; instruments held at once."),
    Control("C06", "exposure", _A, ("max_gross_value", "max_net_value", "max_leverage"),
            (_R.MAX_GROSS_EXPOSURE, _R.MAX_NET_EXPOSURE, _R.MAX_LEVERAGE, _R.INSUFFICIENT_MARGIN),
            "Sum of all position values, of their differences, and over equity; each order reserves its share as it is "
            "sent. Margin is tested always."),
    Control("C07", "message throttle", _A, ("throttle",), (_R.MESSAGE_THROTTLE,),
            "A bucket of messages; a share is kept for cancels, which nothing refuses."),
    Control("C08", "orders and signals", _S, ("max_orders_per_day", "signals_per_hour"),
            (_R.MAX_ORDERS_PER_DAY, _R.SIGNALS_PER_HOUR),
            "Orders a trading day; entries within an hour, by tier of the forecast's confidence."),
    Control("C09", "repeated execution", _S, ("repeated_execution",), (_R.REPEATED_EXECUTION,),
            "Too many fills of one side of an instrument in a short time disable the strategy until a person enables "
            "it."),
    Control("C10", "duplicate orders", _S, ("duplicate_seconds",), (_R.DUPLICATE_ORDER,),
            "The same side, size within 1 % and price within a tick again, unless tags prove two decisions."),
    Control("C12", "stale data", _I, ("max_data_age_seconds",), (_R.STALE_DATA,),
            "Age of the instrument's newest event."),
    Control("C13", "unreasonable data", _I, ("data",), (_R.UNREASONABLE_DATA,),
            "Prices that are none or crossed are not marked with; a jump and a price that stands still open nothing."),
    Control("C14", "clock drift", _A, ("max_clock_drift_ms",), (_R.CLOCK_DRIFT,),
            "Our clock against the venue's; unknown refuses."),
    Control("C15", "windows of time", _A, ("windows",), (_R.BLACKOUT, _R.INSTRUMENT_HALTED),
            "Dates, weekly hours and minutes around news in which nothing is opened, or everything closed; an "
            "instrument halted by command."),
    Control("C16", "allow-list", _I, ("allowed",), (_R.NOT_ALLOWED,),
            "Nothing but the instruments named is opened."),
    Control("C17", "self-match", _I, ("prevent_self_match",), (_R.SELF_MATCH,),
            "No order that would trade against our own; an exit cancels that one instead."),
    Control("C18", "reduce-only", _I, (), (_R.NOTHING_TO_REDUCE, _R.NOT_SHORTABLE),
            "An exit closes at most what is held and never turns it. Always on."),
    Control("C19", "naked position", _I, ("naked_seconds",), (_R.NAKED_POSITION,),
            "A position that working stops do not cover for so long is closed."),
    Control("C20", "intraday loss", _A, ("intraday_loss", "intraday_loss_needs_reset"), (_R.INTRADAY_LOSS,),
            "Realised, floating and fees since the day began: everything is closed, nothing opened until the next day, "
            "nor then before a person lifts it where that is asked for."),
    Control("C21", "drawdown", _A, ("max_drawdown",), (_R.MAX_DRAWDOWN,),
            "Loss from the highest equity: everything is closed, for good."),
    Control("C22", "prop rules", _A, ("prop",),
            (_R.PROP_DAILY_LOSS, _R.PROP_MAX_LOSS, _R.PROP_ENDED, _R.PROP_HEADROOM),
            "Floors of several rule sets at once, a gap's cost kept free; before a reset positions are cut to "
            "what its floor allows. A hard breach is for good, a soft one until the next reset."),
    Control("C23", "loss streak", _S, ("loss_streak",), (_R.LOSS_STREAK,),
            "Losing round trips in a short time make sizes smaller for the rest of the day."),
    Control("C24", "model gate", _S, ("model",), (_R.MODEL_STALE, _R.MODEL_DRIFT, _R.MODEL_CONFIDENCE),
            "Age of the newest forecast, the drift alarm, the confidence of either side."),
    Control("C25", "canary", _S, ("canary",), (_R.CANARY,),
            "Instruments, orders a day, order and position value, and venues of a strategy on trial, as one object."),
    Control("C26", "trading state", _A, (), (_R.TRADING_REDUCING, _R.TRADING_HALTED, _R.TRADING_KILLED),
            "ACTIVE, REDUCING, HALTED or KILLED, kept over a restart; missing or corrupt is KILLED. Always on."),
    Control("C32", "two-step raise", _A, ("ceilings",), (),
            "Limits are lowered at once, raised by a second person after a delay, and never above their ceiling."),
)  # fmt: skip

#: What refuses a wish and belongs to no control: a wish that makes no sense, and a guard that broke off.
UNCONTROLLED = frozenset(
    {
        _R.NONE, _R.NOT_FINITE, _R.BAD_PRICE, _R.NO_PRICE, _R.NO_FX_RATE, _R.ORDER_TABLE_FULL, _R.UNKNOWN_ORDER,
        _R.ALREADY_EXPIRED, _R.UNKNOWN_INSTRUMENT, _R.GUARD_ERROR,
    }
)  # fmt: skip


def control_of(reason: Reason) -> Control | None:
    """Return the control that a reason belongs to, or None."""
    return next((control for control in CONTROLS if reason in control.reasons), None)
