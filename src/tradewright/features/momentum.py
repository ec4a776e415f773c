"""Momentum of the close."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import CLOSE
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.parameters import whole_number

_NEUTRAL = 50.0


@inlined
def rsi_wilder_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: last close, changes seen (up to the period), gains, losses (sums, later averages)."""
    n = params[0]
    x = fields[CLOSE, i]
    change = x - state[0]
    state[0] = x
    if math.isnan(change):
        return math.nan
    gain = max(change, 0.0)
    loss = max(-change, 0.0)
    if state[1] < n:
        state[1] += 1.0
        state[2] += gain
        state[3] += loss
        if state[1] < n:
            return math.nan
        state[2] /= n
        state[3] /= n
    else:
        alpha = 1.0 / n
        state[2] = alpha * gain + (1.0 - alpha) * state[2]
        state[3] = alpha * loss + (1.0 - alpha) * state[3]
    total = state[2] + state[3]
    return float(100.0 * state[2] / total) if total > 0.0 else _NEUTRAL


def rsi_wilder(period: int = 14) -> Feature:
    """Relative strength index, 0 to 100, Wilder's smoothing of gains and losses.

    First value at index ``period``.

    While no price has changed yet there is no direction and the value is 50 (TA-Lib says 0 there, others
    100).

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    n = whole_number("period", period, 1)
    return Feature("rsi.wilder.v1", rsi_wilder_step_nb, (float(n),), (math.nan, 0.0, 0.0, 0.0), n)
