"""Moving averages of the close."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import CLOSE
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.parameters import whole_number
from tradewright.features.window_nb import push_sum_nb, sum_window


@inlined
def ema_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: closes seen (up to the period), their sum, the average."""
    x = fields[CLOSE, i]
    n = params[0]
    if state[0] < n:
        state[0] += 1.0
        state[1] += x
        if state[0] < n:
            return math.nan
        state[2] = state[1] / n
        return float(state[2])
    # Two products and one sum: only one product and the sum wait for the bar before, not three operations.
    alpha = 2.0 / (n + 1.0)
    value = alpha * x + (1.0 - alpha) * state[2]
    state[2] = value
    return float(value)


def ema(period: int = 20) -> Feature:
    """Exponential moving average, seeded with the simple average of the first ``period`` closes.

    alpha = 2 / (period + 1); the first value stands at index ``period - 1``. This is the convention of TA-Lib
    and LEAN.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    n = whole_number("period", period, 1)
    return Feature("ema.seed_sma.v1", ema_step_nb, (float(n),), (0.0, 0.0, 0.0), n - 1)


@inlined
def ema_recursive_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: the average, NaN before the first close."""
    x = fields[CLOSE, i]
    alpha = 2.0 / (params[0] + 1.0)
    value = x if math.isnan(state[0]) else alpha * x + (1.0 - alpha) * state[0]
    state[0] = value
    return float(value)


def ema_recursive(period: int = 20) -> Feature:
    """Exponential moving average, seeded with the first close; what pandas calls ``adjust=False``.

    It has a value from the first bar on, but the first close keeps a weight above 2 % for about two periods:
    it agrees with `ema` only later.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    n = whole_number("period", period, 1)
    return Feature("ema.seed_first.v1", ema_recursive_step_nb, (float(n),), (math.nan,), 0)


@inlined
def sma_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: a window of closes."""
    n = int(params[0])
    return push_sum_nb(state, 0, n, fields[CLOSE, i]) / n


def sma(period: int = 20) -> Feature:
    """Return the simple average of the last ``period`` closes, the present one included.

    First value at index ``period - 1``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    n = whole_number("period", period, 1)
    return Feature("sma.v1", sma_step_nb, (float(n),), sum_window(n), n - 1)
