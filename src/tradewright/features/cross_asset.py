"""An instrument beside its reference (an index, the largest coin): returns, beta, correlation.

The data layer gives every bar the newest close of the reference that was known when the bar ended. Without a reference,
or before its first close, these features have no value.
"""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import CLOSE, REFERENCE
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.comoments_nb import comoments_window, push_comoments_nb
from tradewright.features.parameters import whole_number
from tradewright.features.window_nb import delay_window, push_delay_nb

_ALONE, _LESS_REFERENCE = 0.0, 1.0
_BETA, _CORRELATION = 0.0, 1.0


@inlined
def reference_return_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: past closes of the reference, then of the instrument."""
    n = int(params[0])
    other = fields[REFERENCE, i]
    own = fields[CLOSE, i]
    growth = other / push_delay_nb(state, 0, n, other)
    own_growth = own / push_delay_nb(state, n + 1, n, own)
    return float(own_growth - growth) if params[1] == _LESS_REFERENCE else float(growth - 1.0)


def _of_return(name: str, output: float, bars: int) -> Feature:
    n = whole_number("bars", bars, 1)
    state = (*delay_window(n), *delay_window(n))
    return Feature(f"cross.{name}.v1", reference_return_step_nb, (float(n), output), state, n, has_gaps=True)


def reference_return(bars: int = 1) -> Feature:
    """Relative change of the reference's close over ``bars`` bars of this instrument.

    Raises
    ------
    ValueError
        If ``bars`` is not a whole number of at least 1; in `relative_return` too.
    """
    return _of_return("reference_return", _ALONE, bars)


def relative_return(bars: int = 1) -> Feature:
    """Relative change of the close over ``bars`` bars, less that of the reference."""
    return _of_return("relative_return", _LESS_REFERENCE, bars)


@inlined
def comovement_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: last close, last close of the reference, then a window of pairs of log returns."""
    n = int(params[0])
    own, other = fields[CLOSE, i], fields[REFERENCE, i]
    move, other_move = math.log(own / state[0]), math.log(other / state[1])
    state[0], state[1] = own, other
    if math.isnan(move) or math.isnan(other_move):
        return math.nan
    squares_x, squares_y, products = push_comoments_nb(state, 2, n, other_move, move)
    if math.isnan(products):
        return math.nan
    if params[1] == _BETA:
        return float(products / squares_x) if squares_x > 0.0 else 0.0
    scale = math.sqrt(squares_x) * math.sqrt(squares_y)
    return float(min(1.0, max(-1.0, products / scale))) if scale > 0.0 else 0.0


def _of_moves(name: str, output: float, period: int) -> Feature:
    n = whole_number("period", period, 2)
    state = (math.nan, math.nan, *comoments_window(n))
    return Feature(f"cross.{name}.log_return.v1", comovement_step_nb, (float(n), output), state, n, has_gaps=True)


def rolling_beta(period: int = 60) -> Feature:
    """Slope of the close's log returns on the reference's, least squares over the last ``period`` pairs of returns.

    0 where the reference did not move. First value at index ``period``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 2; in `rolling_correlation` too.
    """
    return _of_moves("beta", _BETA, period)


def rolling_correlation(period: int = 60) -> Feature:
    """Pearson correlation of the log returns of close and reference over ``period`` pairs; 0 where one did not move."""
    return _of_moves("correlation", _CORRELATION, period)
