"""Volatility of the close."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import CLOSE
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.parameters import whole_number
from tradewright.features.window_nb import moments_window, push_moments_nb


@inlined
def volatility_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: last close, then a window of log returns."""
    n = int(params[0])
    x = fields[CLOSE, i]
    last = state[0]
    state[0] = x
    if math.isnan(last):
        return math.nan
    _, squares = push_moments_nb(state, 1, n, math.log(x / last))
    return math.sqrt(squares / (n - 1))


def rolling_volatility(period: int = 20) -> Feature:
    """Sample standard deviation (ddof = 1) of the last ``period`` one-bar log returns.

    It is per bar, not annualised. The first value stands at index ``period``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 2.
    """
    n = whole_number("period", period, 2)
    state = (math.nan, *moments_window(n))
    return Feature("volatility.log_return.ddof1.v1", volatility_step_nb, (float(n),), state, n)
