"""Numbers and times written for people."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite, isnan

from tradewright.services.report.view import Unit

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EM DASH}"
THIN_SPACE = "\N{NARROW NO-BREAK SPACE}"
#: Any daily close (midnight of any zone, or an exchange's afternoon) less half a day lies in its own day.
HALF_DAY_NS = 43_200_000_000_000
INFINITY = "\N{INFINITY}"

#: Smallest length a unit is used for, in seconds; its length; its name.
_SPANS = (
    (2 * 365.25 * 86_400, 365.25 * 86_400, "years"),
    (2 * 86_400.0, 86_400.0, "days"),
    (2 * 3_600.0, 3_600.0, "hours"),
    (2 * 60.0, 60.0, "minutes"),
    (0.0, 1.0, "seconds"),
)
_WHOLE_FROM = 100.0
_MONEY_CENTS_BELOW = 100_000.0
_WHOLE_PERCENT_FROM = 10.0
_ONE_DECIMAL_FROM = 0.1
_COMPACT_FROM = 10_000_000.0


def number(value: float, decimals: int, *, is_signed: bool = False) -> str:
    """Return a decimal number with thousands separators and a true minus sign; zero carries no sign."""
    text = f"{abs(value):,.{decimals}f}"
    if not text.strip("0.,"):
        return text
    if value < 0:
        return MINUS + text
    return "+" + text if is_signed else text


def percent(value: float, *, is_signed: bool = False) -> str:
    """Return a share as percent, with as many decimals as its size can bear."""
    size = abs(value)
    decimals = 0 if size >= _WHOLE_PERCENT_FROM else 1 if size >= _ONE_DECIMAL_FROM else 2
    return number(value * 100, decimals, is_signed=is_signed) + THIN_SPACE + "%"


def money(value: float, *, is_signed: bool = False) -> str:
    """Return an amount without its currency, to cents where cents matter."""
    if abs(value) >= _COMPACT_FROM:
        return number(value / 1e6, 2, is_signed=is_signed) + THIN_SPACE + "m"
    return number(value, 2 if abs(value) < _MONEY_CENTS_BELOW else 0, is_signed=is_signed)


def duration(seconds: float) -> str:
    """Return a length of time in its most telling unit."""
    length, name = next((length, name) for least, length, name in _SPANS if seconds >= least)
    amount = seconds / length
    text = number(amount, 0 if amount >= _WHOLE_FROM or amount == int(amount) else 1)
    return f"{text} {name[:-1] if text == '1' else name}"


def written(value: float, unit: Unit) -> str:
    """Return ``value`` in its unit; NaN is a dash, infinity its sign."""
    if not isfinite(value):
        return DASH if isnan(value) else (MINUS if value < 0 else "") + INFINITY
    match unit:
        case Unit.PERCENT:
            return percent(value)
        case Unit.SIGNED_PERCENT:
            return percent(value, is_signed=True)
        case Unit.MONEY:
            return money(value)
        case Unit.SIGNED_MONEY:
            return money(value, is_signed=True)
        case Unit.COUNT:
            return number(value, 0)
        case Unit.SECONDS:
            return duration(value)
        case Unit.PER_YEAR:
            return number(value, 1) + "\N{MULTIPLICATION SIGN}"
        case Unit.RATIO:
            return number(value, 2)


def day(ns: int, *, is_daily: bool = False) -> str:
    """Return a time, ns UTC, as a date.

    The end of a daily bar is written as the day it closes, whose midnight end already bears the next date.
    """
    seconds = (ns - (HALF_DAY_NS if is_daily else 0)) // 1_000_000_000
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%d %b %Y")
