"""True range and its averages, in price."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.parameters import whole_number
from tradewright.features.window_nb import push_sum_nb, sum_window


@inlined
def next_range_nb(state: Floats, fields: Floats, i: int) -> float:
    """Return the true range of bar ``i``; high - low for the first. ``state[0]``: last close, or NaN."""
    high = fields[HIGH, i]
    low = fields[LOW, i]
    last = state[0]
    state[0] = fields[CLOSE, i]
    if math.isnan(last):
        return float(high - low)
    return float(max(high, last) - min(low, last))


@inlined
def true_range_step_nb(state: Floats, _params: Floats, fields: Floats, i: int) -> float:
    """State: last close."""
    return next_range_nb(state, fields, i)


def true_range() -> Feature:
    """Return the bar's range, extended to the close before it; the first bar counts as high - low."""
    return Feature("true_range.first_high_low.v1", true_range_step_nb, (), (math.nan,), 0)


@inlined
def atr_wilder_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: last close, ranges seen (up to the period), their sum, the average."""
    n = params[0]
    width = next_range_nb(state, fields, i)
    if state[1] < n:
        state[1] += 1.0
        state[2] += width
        if state[1] < n:
            return math.nan
        state[3] = state[2] / n
        return float(state[3])
    alpha = 1.0 / n
    value = alpha * width + (1.0 - alpha) * state[3]
    state[3] = value
    return float(value)


def atr_wilder(period: int = 14) -> Feature:
    """Average true range, Wilder's smoothing: (last x (period - 1) + range) / period.

    The first bar's range is high - low and the seed is the average of the first ``period`` ranges, at index
    ``period - 1``: LEAN's convention. TA-Lib leaves out the first bar and begins one bar later.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    n = whole_number("period", period, 1)
    return Feature("atr.wilder.first_high_low.v1", atr_wilder_step_nb, (float(n),), (math.nan, 0.0, 0.0, 0.0), n - 1)


@inlined
def atr_sma_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: last close, then a window of ranges."""
    has_last = not math.isnan(state[0])
    width = next_range_nb(state, fields, i)
    if not has_last:
        return math.nan
    n = int(params[0])
    return push_sum_nb(state, 1, n, width) / n


def atr_sma(period: int = 14) -> Feature:
    """Average true range, simple average of the last ``period`` ranges.

    The first bar has no range, so the first value stands at index ``period``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    n = whole_number("period", period, 1)
    return Feature("atr.sma.skip_first.v1", atr_sma_step_nb, (float(n),), (math.nan, *sum_window(n)), n)
