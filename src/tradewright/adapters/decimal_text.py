"""Sizes and prices as the decimal text that venues speak."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction


def lots_of(units: object, lot: Fraction) -> int:
    """Return decimal text as lots, rounded towards zero; raises ValueError or ArithmeticError for anything else."""
    return int(Fraction(Decimal(str(units))) / lot)


def units_text(lots: int, lot: Fraction) -> str:
    """Return lots as decimal text."""
    units = lots * lot
    return format((Decimal(units.numerator) / Decimal(units.denominator)).normalize(), "f")


def price_text(price: float) -> str:
    """Return a price as decimal text, with the digits of its shortest form."""
    return format(Decimal(repr(price)), "f")
