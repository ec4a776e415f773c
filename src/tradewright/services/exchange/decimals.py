"""Numbers as venues write them: decimal text without float noise."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from tradewright.execution.exchange.book import MICRO


def money(micro: int, places: int = 2) -> str:
    """Return micro-units as decimal text."""
    return f"{Decimal(micro) / MICRO:.{places}f}"


def price_text(price: float) -> str:
    """Return a price with the digits it has, never as a power of ten."""
    return plain(Decimal(repr(price)))


def lots_text(lots: int, lot: Fraction) -> str:
    """Return a number of lots as units."""
    units = lots * lot
    return plain(Decimal(units.numerator) / Decimal(units.denominator))


def plain(value: Decimal) -> str:
    """Return a decimal without exponent and closing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def whole_lots(units: Decimal, lot: Fraction) -> int | None:
    """Return units as lots, None where that is no whole number."""
    lots = Fraction(units) / lot
    return lots.numerator if lots.denominator == 1 else None


def decimal_of(value: object) -> Decimal:
    """Return a number of a request, given as text or as a JSON number.

    Raises
    ------
    ValueError
        If it is none.
    """
    text = value if isinstance(value, str) else repr(value)  # of anything but a number, no number
    try:
        number = Decimal(text)
    except ArithmeticError as error:
        msg = f"{value!r} is not a number"
        raise ValueError(msg) from error
    if not number.is_finite():
        msg = f"{value!r} is not a finite number"
        raise ValueError(msg)
    return number
