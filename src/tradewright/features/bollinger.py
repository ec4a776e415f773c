"""Bollinger bands of the close: the mean of the last bars and a multiple of their standard deviation around it."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import CLOSE
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.parameters import number_within, whole_number
from tradewright.features.window_nb import moments_window, push_moments_nb

_UPPER, _LOWER, _PERCENT, _WIDTH = 0.0, 1.0, 2.0, 3.0


@inlined
def bollinger_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: a window of closes."""
    n = int(params[0])
    x = fields[CLOSE, i]
    mean, squares = push_moments_nb(state, 0, n, x)
    reach = params[1] * math.sqrt(squares / n)
    if params[2] == _UPPER:
        return float(mean + reach)
    if params[2] == _LOWER:
        return float(mean - reach)
    if params[2] == _WIDTH:
        return float(2.0 * reach / mean)
    return 0.5 if reach == 0.0 else float(0.5 + 0.5 * (x - mean) / reach)


def _bollinger(name: str, output: float, period: int, width: float) -> Feature:
    n, k = whole_number("period", period, 2), number_within("width", width, 0.0)
    return Feature(f"bollinger.{name}.ddof0.v1", bollinger_step_nb, (float(n), k, output), moments_window(n), n - 1)


def bollinger_upper(period: int = 20, width: float = 2.0) -> Feature:
    """Mean of the last ``period`` closes plus ``width`` standard deviations (population, ddof 0).

    First value at index ``period - 1``, here and in the other three.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 2, or ``width`` is below 0; the other three too.
    """
    return _bollinger("upper", _UPPER, period, width)


def bollinger_lower(period: int = 20, width: float = 2.0) -> Feature:
    """Mean of the last ``period`` closes less ``width`` standard deviations (population, ddof 0)."""
    return _bollinger("lower", _LOWER, period, width)


def bollinger_percent_b(period: int = 20, width: float = 2.0) -> Feature:
    """Where the close stands between the bands: 0 at the lower, 1 at the upper; 0.5 where they are one line."""
    return _bollinger("percent_b", _PERCENT, period, width)


def bollinger_bandwidth(period: int = 20, width: float = 2.0) -> Feature:
    """Distance of the bands as a share of the mean: (upper - lower) / mean."""
    return _bollinger("bandwidth", _WIDTH, period, width)
