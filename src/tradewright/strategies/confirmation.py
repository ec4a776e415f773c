"""Tiers with hysteresis: a forecast counts for as much as its last scans agree on.

To rise into a tier takes several scans in a row above its threshold; to fall out of it takes one below. Both rules
together say that the tier is the one reached by the smallest of the last scans, whatever the thresholds are. So the
memory that pure decisions cannot have stands in the forecasts: each probability becomes the smallest of the last scans,
and `decide` reads tiers from it without a state of its own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel.compiled import compiled
from tradewright.core.types.forecast import Forecasts

Floats = NDArray[np.float64]


def confirmation_state(scans: int) -> Floats:
    """Return the memory of `confirm_step_nb` before the first scan, f8[2, scans - 1]: nothing confirmed.

    Raises
    ------
    ValueError
        If ``scans`` is below 1.
    """
    if scans < 1:
        msg = f"a forecast is confirmed by at least 1 scan, got {scans}"
        raise ValueError(msg)
    return np.zeros((2, scans - 1))


@compiled
def confirm_step_nb(state: Floats, p_up: float, p_down: float) -> tuple[float, float]:
    """Take in a scan; return the smallest of the last ones for up and for down, and remember it.

    A scan without a forecast (NaN) confirms nothing and is handed on.
    """
    up, down = p_up, p_down
    for k in range(state.shape[1]):
        up, down = min(up, state[0, k]), min(down, state[1, k])
    for k in range(state.shape[1] - 1):
        state[0, k], state[1, k] = state[0, k + 1], state[1, k + 1]
    is_known = not (np.isnan(p_up) or np.isnan(p_down))
    if state.shape[1] > 0:
        state[0, -1] = p_up if is_known else 0.0
        state[1, -1] = p_down if is_known else 0.0
    if is_known:
        return up, down
    return np.nan, np.nan


@compiled
def _confirm_series_nb(values: Floats, state: Floats) -> Floats:
    found = values.copy()
    for i in range(values.shape[1]):
        up, down = confirm_step_nb(state, values[0, i], values[1, i])
        found[0, i], found[1, i], found[2, i] = up, down, 1.0 - up - down
    return found


def confirmed(forecasts: Forecasts, scans: int) -> Forecasts:
    """Return forecasts whose probabilities of up and down are the smallest of the last ``scans``.

    What they lose goes to flat; the expected return stays that of the newest. Each forecast of the series is a scan.
    Before there were enough of them everything is flat. One scan leaves the forecasts as they are.

    Raises
    ------
    ValueError
        If ``scans`` is below 1.
    """
    state = confirmation_state(scans)
    if scans == 1:
        return forecasts
    return replace(forecasts, values=_confirm_series_nb(np.ascontiguousarray(forecasts.values), state))
