"""Moments of two series together over the last ``n`` pairs; the scheme is that of `window_nb`."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.feature import Floats

#: Numbers kept for a part of the window: mean x, mean y, squares x, squares y, products.
_PARTS = 5


def comoments_window(n: int) -> tuple[float, ...]:
    """Return the initial memory of `push_comoments_nb`: place, pairs seen, the head's five, five for each pair."""
    return (0.0, 0.0, *([0.0] * (_PARTS + _PARTS * n)))


@inlined
def _add_nb(state: Floats, part: int, count: float, x: float, y: float) -> None:
    """Put one more pair, the ``count``-th, into the five numbers at ``part`` (Welford's rule)."""
    off_x = x - state[part]
    off_y = y - state[part + 1]
    state[part] += off_x / count
    state[part + 1] += off_y / count
    state[part + 2] += off_x * (x - state[part])
    state[part + 3] += off_y * (y - state[part + 1])
    state[part + 4] += off_x * (y - state[part + 1])


@inlined
def push_comoments_nb(state: Floats, at: int, n: int, x: float, y: float) -> tuple[float, float, float]:
    """Add a pair; return the sums of squares of x and of y and of their products, each about its mean.

    All are NaN before there are ``n`` pairs.
    """
    j = int(state[at])
    head = at + 2
    ring = head + _PARTS
    count = j + 1.0
    _add_nb(state, head, count, x, y)
    here = ring + _PARTS * j
    state[here] = x
    state[here + 1] = y
    squares_x, squares_y, products = state[head + 2], state[head + 3], state[head + 4]
    if j + 1 < n:
        state[at] = count
        tail = here + _PARTS
        share = count * (n - count) / n
        gap_x = state[tail] - state[head]
        gap_y = state[tail + 1] - state[head + 1]
        squares_x += state[tail + 2] + gap_x * gap_x * share
        squares_y += state[tail + 3] + gap_y * gap_y * share
        products += state[tail + 4] + gap_x * gap_y * share
    else:
        for k in range(_PARTS):
            state[head + k] = 0.0
        for k in range(n - 1, -1, -1):
            slot = ring + _PARTS * k
            _add_nb(state, head, float(n - k), state[slot], state[slot + 1])
            for m in range(_PARTS):
                state[slot + m] = state[head + m]
        for k in range(_PARTS):
            state[head + k] = 0.0
        state[at] = 0.0
    if state[at + 1] < n:
        state[at + 1] += 1.0
        if state[at + 1] < n:
            return math.nan, math.nan, math.nan
    return float(squares_x), float(squares_y), float(products)
