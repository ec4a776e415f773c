"""Volume-weighted average price of the trading day, and the distance of the close from it."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, SESSION, VOLUME
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.parameters import whole_number
from tradewright.features.window_nb import moments_window, push_moments_nb

_NO_SESSION = (math.nan, 0.0, 0.0)


@inlined
def next_vwap_nb(state: Floats, fields: Floats, i: int) -> float:
    """Return the session's average price. ``state[:3]``: session, sum of price x volume, sum of volume."""
    typical = (fields[HIGH, i] + fields[LOW, i] + fields[CLOSE, i]) / 3.0
    traded = fields[VOLUME, i]
    if fields[SESSION, i] != state[0]:  # NaN before the first bar, which differs from every number
        state[0] = fields[SESSION, i]
        state[1] = 0.0
        state[2] = 0.0
    state[1] += typical * traded
    state[2] += traded
    return float(state[1] / state[2]) if state[2] > 0.0 else float(typical)


@inlined
def vwap_session_step_nb(state: Floats, _params: Floats, fields: Floats, i: int) -> float:
    """State: see `next_vwap_nb`."""
    return next_vwap_nb(state, fields, i)


def vwap_session() -> Feature:
    """Volume-weighted average of the typical price (high + low + close) / 3 since the trading day began.

    It starts afresh when the session number changes. A bar without volume leaves it where it is; as long as
    the whole session had no volume it is the typical price of the present bar.
    """
    return Feature("vwap.session.typical.v1", vwap_session_step_nb, (), _NO_SESSION, 0)


@inlined
def vwap_zscore_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: see `next_vwap_nb`, then a window of distances."""
    n = int(params[0])
    distance = fields[CLOSE, i] - next_vwap_nb(state, fields, i)
    _, squares = push_moments_nb(state, 3, n, distance)
    deviation = math.sqrt(squares / (n - 1))
    if deviation == 0.0:
        return 0.0
    return float(distance / deviation)


def vwap_zscore(period: int = 20) -> Feature:
    """(close - session VWAP) / standard deviation (ddof = 1) of that distance over the last ``period`` bars.

    The distance is measured from the VWAP itself, not from its own average. The window runs on across
    sessions. Without dispersion in the window the value is 0: there is nothing to measure with. First value
    at index ``period - 1``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 2.
    """
    n = whole_number("period", period, 2)
    state = (*_NO_SESSION, *moments_window(n))
    return Feature("vwap_zscore.session.ddof1.v1", vwap_zscore_step_nb, (float(n),), state, n - 1)
