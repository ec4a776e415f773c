"""Checks of the numbers a user gives to a feature."""

from __future__ import annotations

import math
from numbers import Integral, Real


def whole_number(name: str, value: object, minimum: int) -> int:
    """Return ``value`` as an int; a float such as 20.0, as parameter arrays hold it, is a whole number too.

    Raises
    ------
    ValueError
        If it is not a whole number of at least ``minimum``; the message names the parameter.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, Integral) or value < minimum:
        msg = f"{name} must be a whole number of at least {minimum}, got {value!r}"
        raise ValueError(msg)
    return int(value)


def number_within(name: str, value: object, least: float, most: float = math.inf) -> float:
    """Return ``value`` as a float.

    Raises
    ------
    ValueError
        If it is not a number from ``least`` to ``most``; the message names the parameter.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not least <= float(value) <= most:
        above = f" and at most {most:g}" if most < math.inf else ""
        msg = f"{name} must be a number of at least {least:g}{above}, got {value!r}"
        raise ValueError(msg)
    return float(value)
