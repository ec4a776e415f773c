"""Where the close stands within the range of the last bars, and how far it has come."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.parameters import whole_number
from tradewright.features.window_nb import (
    delay_window,
    push_delay_nb,
    push_range_nb,
    push_sum_nb,
    range_window,
    sum_window,
)


@inlined
def position_nb(state: Floats, n: int, fields: Floats, i: int) -> float:
    """Return the close's place between lowest low (0) and highest high (1) of ``n`` bars; 0.5 in a flat window."""
    high, low = push_range_nb(state, 0, n, fields[HIGH, i], fields[LOW, i])
    width = high - low
    if width == 0.0:
        return 0.5
    return float((fields[CLOSE, i] - low) / width)


@inlined
def williams_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: a window of ranges."""
    return 100.0 * position_nb(state, int(params[0]), fields, i) - 100.0


@inlined
def stochastic_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: windows of ranges, positions and, for %D, of %K."""
    n, smooth, signal = int(params[0]), int(params[1]), int(params[2])
    at = 4 + 2 * n
    value = 100.0 * position_nb(state, n, fields, i)
    if math.isnan(value):
        return math.nan
    value = push_sum_nb(state, at, smooth, value) / smooth
    if signal == 0 or math.isnan(value):
        return value
    return push_sum_nb(state, at + 3 + smooth, signal, value) / signal


@inlined
def roc_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: past closes."""
    x = fields[CLOSE, i]
    return float((x / push_delay_nb(state, 0, int(params[0]), x) - 1.0) * 100.0)


def williams_r(period: int = 14) -> Feature:
    """Williams %R: -100 at the lowest low of the last ``period`` bars, 0 at their highest high; -50 in a flat window.

    First value at index ``period - 1``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    n = whole_number("period", period, 1)
    state = range_window(n)
    return Feature("williams_r.v1", williams_step_nb, (float(n),), state, n - 1)


def stochastic_k(period: int = 14, smooth: int = 3) -> Feature:
    """%K of the slow stochastic: place of the close in the range of ``period`` bars, 0 to 100, mean of ``smooth``.

    ``smooth`` 1 gives the fast one. A flat window counts as 50. First value at index ``period + smooth - 2``.

    Raises
    ------
    ValueError
        If a number is not a whole number of at least 1.
    """
    n, m = whole_number("period", period, 1), whole_number("smooth", smooth, 1)
    state = (*range_window(n), *sum_window(m))
    return Feature("stochastic.k.v1", stochastic_step_nb, (float(n), float(m), 0.0), state, n + m - 2)


def stochastic_d(period: int = 14, smooth: int = 3, signal: int = 3) -> Feature:
    """%D of the slow stochastic: the simple average of the last ``signal`` values of `stochastic_k`.

    Raises
    ------
    ValueError
        If a number is not a whole number of at least 1.
    """
    n, m, k = whole_number("period", period, 1), whole_number("smooth", smooth, 1), whole_number("signal", signal, 1)
    state = (*range_window(n), *sum_window(m), *sum_window(k))
    return Feature("stochastic.d.v1", stochastic_step_nb, (float(n), float(m), float(k)), state, n + m + k - 3)


def rate_of_change(period: int = 10) -> Feature:
    """Change of the close over ``period`` bars in per cent: 100 (close / close ``period`` ago - 1).

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    n = whole_number("period", period, 1)
    return Feature("rate_of_change.percent.v1", roc_step_nb, (float(n),), delay_window(n), n)
