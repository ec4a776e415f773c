"""Strength and direction of a trend: directional movement, Aroon, commodity channel index."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.parameters import whole_number
from tradewright.features.window_nb import push_sum_nb, sum_window

_PLUS, _MINUS = 0.0, 1.0
_NO_DIRECTION = (math.nan, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@inlined
def _next_direction_nb(state: Floats, n: float, fields: Floats, i: int) -> bool:
    """Smooth movement and range; return whether there are values.

    State: last close, high, low, bars seen after the first (up to ``n``), and the sums of +DM, -DM and true range.
    """
    high, low = fields[HIGH, i], fields[LOW, i]
    last = state[0]
    up = high - state[1]
    down = state[2] - low
    state[0], state[1], state[2] = fields[CLOSE, i], high, low
    if math.isnan(last):
        return False
    plus = up if up > down and up > 0.0 else 0.0
    minus = down if down > up and down > 0.0 else 0.0
    width = max(high, last) - min(low, last)
    if state[3] < n:
        state[3] += 1.0
    if state[3] < n:
        state[4] += plus
        state[5] += minus
        state[6] += width
        return False
    rest = 1.0 - 1.0 / n
    state[4] = state[4] * rest + plus
    state[5] = state[5] * rest + minus
    state[6] = state[6] * rest + width
    return True


@inlined
def direction_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: see `_next_direction_nb`."""
    if not _next_direction_nb(state, params[0], fields, i):
        return math.nan
    moved = state[4] if params[1] == _PLUS else state[5]
    return float(100.0 * moved / state[6]) if state[6] > 0.0 else 0.0


@inlined
def adx_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: see `_next_direction_nb`; then DX values seen (up to ``n``), the last DX, their sum or average."""
    n = params[0]
    if not _next_direction_nb(state, n, fields, i):
        return math.nan
    total = state[4] + state[5]
    if total > 0.0:
        state[8] = 100.0 * abs(state[4] - state[5]) / total
    if state[7] < n:
        state[7] += 1.0
        state[9] += state[8]
        if state[7] < n:
            return math.nan
        state[9] /= n
    else:
        alpha = 1.0 / n
        state[9] = alpha * state[8] + (1.0 - alpha) * state[9]
    return float(state[9])


def _direction(name: str, output: float, period: int) -> Feature:
    n = whole_number("period", period, 2)
    return Feature(f"{name}.wilder.v1", direction_step_nb, (float(n), output), _NO_DIRECTION, n)


def plus_di(period: int = 14) -> Feature:
    """Wilder's +DI, 0 to 100: share of upward movement in the true range, smoothed by sum - sum / n + new.

    The smoothing begins with the sums over the first ``period - 1`` moves; the first value stands at index ``period``.
    This is TA-Lib's convention. Without any range the value is 0.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 2; in `minus_di` and `adx` too.
    """
    return _direction("plus_di", _PLUS, period)


def minus_di(period: int = 14) -> Feature:
    """Wilder's -DI, 0 to 100: as `plus_di`, downwards."""
    return _direction("minus_di", _MINUS, period)


def adx(period: int = 14) -> Feature:
    """Average directional index, 0 to 100: Wilder's average of 100 abs(+DI - -DI) / (+DI + -DI).

    Seeded with the mean of the first ``period`` values; the first value stands at index 2 period - 1. A bar at which
    both are 0 counts like the one before (0 at the beginning).

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 2.
    """
    n = whole_number("period", period, 2)
    return Feature("adx.wilder.v1", adx_step_nb, (float(n),), (*_NO_DIRECTION, 0.0, 0.0, 0.0), 2 * n - 1)


@inlined
def _bars_since_highest_nb(state: Floats, at: int, n: int, x: float) -> int:
    """Add ``x``; return how many pushes ago the newest of the largest of the last ``n`` values was.

    Laid out as: pushes (modulo n), place of the largest, pushes since it, ``n`` values. The window is searched only
    when its largest value has left it.
    """
    place = int(state[at])
    ring = at + 3
    largest = state[ring + int(state[at + 1])]  # before the newest value may take its place
    state[ring + place] = x
    state[at] = place + 1 if place + 1 < n else 0
    age = int(state[at + 2]) + 1
    if x >= largest:
        age = 0
    elif age >= n:
        age = 0
        best = x
        for back in range(1, n):
            k = place - back if place >= back else place - back + n
            if state[ring + k] > best:
                best = state[ring + k]
                age = back
    state[at + 1] = place - age if place >= age else place - age + n
    state[at + 2] = age
    return age


@inlined
def aroon_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: bars seen, then windows of highs and of negated lows."""
    n = int(params[0])
    state[0] = min(state[0] + 1.0, n + 1.0)
    up = down = 0.0
    if params[1] != _MINUS:
        up = 100.0 * (n - _bars_since_highest_nb(state, 1, n + 1, fields[HIGH, i])) / n
    if params[1] != _PLUS:
        down = 100.0 * (n - _bars_since_highest_nb(state, 5 + n, n + 1, -fields[LOW, i])) / n
    if state[0] <= n:
        return math.nan
    return down if params[1] == _MINUS else up - down


def _aroon(name: str, output: float, period: int) -> Feature:
    n = whole_number("period", period, 1)
    window = (0.0, 0.0, 0.0, *([-math.inf] * (n + 1)))
    return Feature(f"aroon.{name}.v1", aroon_step_nb, (float(n), output), (0.0, *window, *window), n)


def aroon_up(period: int = 14) -> Feature:
    """100 where the highest high of the last ``period + 1`` bars is the present one's, falling to 0 as it ages.

    The newest of equal highs counts. First value at index ``period``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1; in the other two as well.
    """
    return _aroon("up", _PLUS, period)


def aroon_down(period: int = 14) -> Feature:
    """As `aroon_up`, for the lowest low."""
    return _aroon("down", _MINUS, period)


def aroon_oscillator(period: int = 14) -> Feature:
    """`aroon_up` less `aroon_down`, -100 to 100."""
    return _aroon("oscillator", 2.0, period)


@inlined
def cci_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: place of the newest in the ring, the ring of typical prices, then a window for their sum."""
    n = int(params[0])
    typical = (fields[HIGH, i] + fields[LOW, i] + fields[CLOSE, i]) / 3.0
    place = int(state[0])
    state[1 + place] = typical
    state[0] = place + 1 if place + 1 < n else 0
    mean = push_sum_nb(state, 1 + n, n, typical) / n
    if math.isnan(mean):
        return math.nan
    # four sums side by side: one alone would wait for itself at every term
    a = b = c = d = 0.0
    k = 1
    while k + 3 <= n:
        a += abs(state[k] - mean)
        b += abs(state[k + 1] - mean)
        c += abs(state[k + 2] - mean)
        d += abs(state[k + 3] - mean)
        k += 4
    while k <= n:
        a += abs(state[k] - mean)
        k += 1
    spread = 0.015 * ((a + b) + (c + d)) / n
    # a flat window has a mean that may miss its values by a rounding
    if spread <= 1e-15 * mean:
        return 0.0
    return float((typical - mean) / spread)


def cci(period: int = 20) -> Feature:
    """Commodity channel index: distance of the typical price from its mean, in units of 0.015 mean distances.

    The mean distance is about the present mean, over the same ``period`` bars (Lambert, 1980). 0 in a flat window.
    First value at index ``period - 1``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    n = whole_number("period", period, 1)
    return Feature("cci.v1", cci_step_nb, (float(n),), (0.0, *([0.0] * n), *sum_window(n)), n - 1)
