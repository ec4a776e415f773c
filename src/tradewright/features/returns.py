"""Returns of the close over a number of bars."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import CLOSE
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.parameters import whole_number


@inlined
def growth_nb(state: Floats, n: int, x: float) -> float:
    """Return ``x`` over the value ``n`` pushes ago, NaN if there is none. State: place, then ``n`` values."""
    place = int(state[0]) + 1
    growth = x / state[place]
    state[place] = x
    state[0] = place if place < n else 0
    return float(growth)


@inlined
def simple_return_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: see `growth_nb`."""
    return growth_nb(state, int(params[0]), fields[CLOSE, i]) - 1.0


@inlined
def log_return_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: see `growth_nb`."""
    return math.log(growth_nb(state, int(params[0]), fields[CLOSE, i]))


def simple_return(bars: int = 1) -> Feature:
    """Return the share by which the close changed over ``bars`` bars: close / close ``bars`` ago - 1.

    Raises
    ------
    ValueError
        If ``bars`` is not a whole number of at least 1.
    """
    n = whole_number("bars", bars, 1)
    return Feature("return.simple.v1", simple_return_step_nb, (float(n),), (0.0, *([math.nan] * n)), n)


def log_return(bars: int = 1) -> Feature:
    """Return the natural logarithm of close / close ``bars`` ago.

    Raises
    ------
    ValueError
        If ``bars`` is not a whole number of at least 1.
    """
    n = whole_number("bars", bars, 1)
    return Feature("return.log.v1", log_return_step_nb, (float(n),), (0.0, *([math.nan] * n)), n)
