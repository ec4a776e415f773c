"""Slopes of moving averages of the close."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import CLOSE
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.parameters import whole_number
from tradewright.features.window_nb import (
    delay_window,
    push_average_nb,
    push_delay_nb,
    push_sum_nb,
    seeded_average,
    sum_window,
)


@inlined
def ema_slope_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: a seeded average, then its past values."""
    average = push_average_nb(state, 0, params[0], 2.0 / (params[0] + 1.0), fields[CLOSE, i])
    if math.isnan(average):
        return math.nan
    return float((average / push_delay_nb(state, 3, int(params[1]), average) - 1.0) / params[1])


@inlined
def sma_slope_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: past values of the average, then a window of closes."""
    n, bars = int(params[0]), int(params[1])
    average = push_sum_nb(state, bars + 1, n, fields[CLOSE, i]) / n
    if math.isnan(average):
        return math.nan
    return float((average / push_delay_nb(state, 0, bars, average) - 1.0) / params[1])


def ema_slope(period: int = 20, bars: int = 1) -> Feature:
    """Relative change of `ema` over ``bars`` bars, per bar: (average / average ``bars`` ago - 1) / ``bars``.

    First value at index ``period - 1 + bars``.

    Raises
    ------
    ValueError
        If a number is not a whole number of at least 1.
    """
    n, m = whole_number("period", period, 1), whole_number("bars", bars, 1)
    state = (*seeded_average(), *delay_window(m))
    return Feature("ema_slope.seed_sma.relative.v1", ema_slope_step_nb, (float(n), float(m)), state, n - 1 + m)


def sma_slope(period: int = 20, bars: int = 1) -> Feature:
    """Relative change of `sma` over ``bars`` bars, per bar; first value at index ``period - 1 + bars``.

    Raises
    ------
    ValueError
        If a number is not a whole number of at least 1.
    """
    n, m = whole_number("period", period, 1), whole_number("bars", bars, 1)
    state = (*delay_window(m), *sum_window(n))
    return Feature("sma_slope.relative.v1", sma_slope_step_nb, (float(n), float(m)), state, n - 1 + m)
