"""Moving average convergence and divergence."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import CLOSE
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.parameters import whole_number
from tradewright.features.window_nb import push_average_nb, seeded_average

_SEEN = 6


@inlined
def next_macd_nb(state: Floats, params: Floats, x: float) -> float:
    """Return fast less slow average. ``state[:7]``: the two averages, closes seen up to the longer one's length.

    The shorter average is seeded as late as the longer one, by the closes just before.
    """
    fast, slow = params[0], params[1]
    longest = max(fast, slow)
    seen = state[_SEEN]
    if seen < longest:
        state[_SEEN] = seen + 1.0
    quick = math.nan
    if seen >= longest - fast:
        quick = push_average_nb(state, 0, fast, 2.0 / (fast + 1.0), x)
    calm = math.nan
    if seen >= longest - slow:
        calm = push_average_nb(state, 3, slow, 2.0 / (slow + 1.0), x)
    return quick - calm


@inlined
def macd_line_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: see `next_macd_nb`."""
    return next_macd_nb(state, params, fields[CLOSE, i])


@inlined
def macd_signal_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: see `next_macd_nb`, then the average of the line."""
    line = next_macd_nb(state, params, fields[CLOSE, i])
    if math.isnan(line):
        return math.nan
    signal = push_average_nb(state, _SEEN + 1, params[2], 2.0 / (params[2] + 1.0), line)
    return line - signal if params[3] == 1.0 else signal


def _lengths(fast: int, slow: int, signal: int) -> tuple[int, int, int]:
    return whole_number("fast", fast, 1), whole_number("slow", slow, 1), whole_number("signal", signal, 1)


def _with_signal(name: str, lengths: tuple[int, int, int], *, is_difference: bool) -> Feature:
    params = (*map(float, lengths), float(is_difference))
    state = (*seeded_average(), *seeded_average(), 0.0, *seeded_average())
    return Feature(f"macd.{name}.v1", macd_signal_step_nb, params, state, max(lengths[:2]) + lengths[2] - 2)


def macd_line(fast: int = 12, slow: int = 26) -> Feature:
    """Exponential average over ``fast`` closes less that over ``slow`` closes, in price.

    Both are seeded with simple averages that end at the same bar, and the first value stands there: at index
    max(fast, slow) - 1. This is TA-Lib's convention.

    Raises
    ------
    ValueError
        If a length is not a whole number of at least 1; in `macd_signal` and `macd_histogram` too.
    """
    a, b, _ = _lengths(fast, slow, 1)
    state = (*seeded_average(), *seeded_average(), 0.0)
    return Feature("macd.line.v1", macd_line_step_nb, (float(a), float(b)), state, max(a, b) - 1)


def macd_signal(fast: int = 12, slow: int = 26, signal: int = 9) -> Feature:
    """Exponential average over ``signal`` values of `macd_line`, seeded with their simple average.

    First value at index max(fast, slow) + signal - 2.
    """
    return _with_signal("signal", _lengths(fast, slow, signal), is_difference=False)


def macd_histogram(fast: int = 12, slow: int = 26, signal: int = 9) -> Feature:
    """`macd_line` less `macd_signal`."""
    return _with_signal("histogram", _lengths(fast, slow, signal), is_difference=True)
