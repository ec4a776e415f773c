"""The last ``n`` values in order of size, for medians, quantiles and ranks.

The oldest value is found by binary search and the newest put in its order's place; only what lies between the two
places moves, which for the window lengths in use is a few cache lines. Values must not be NaN.
"""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.feature import Floats

_HEADER = 2
#: Dispersion below this share of the value is what rounding leaves of a constant, and no dispersion.
ROUNDING = 1e-12


def sorted_window(n: int) -> tuple[float, ...]:
    """Return the initial memory of `push_sorted_nb`: place, values seen, then ``n`` in order of time and of size."""
    return (0.0, 0.0, *([0.0] * (2 * n)))


@inlined
def ordered_nb(at: int, n: int) -> int:
    """Return where in the state the values in ascending order begin."""
    return at + _HEADER + n


@inlined
def count_below_nb(state: Floats, begin: int, count: int, x: float) -> int:
    """Return how many of ``count`` ascending values from ``begin`` on are less than ``x``."""
    if count == 0:
        return 0
    low = begin
    left = count
    while left > 1:  # without a jump that the processor would have to guess
        half = left // 2
        low += half if state[low + half - 1] < x else 0
        left -= half
    return low - begin + (1 if state[low] < x else 0)


@inlined
def push_sorted_nb(state: Floats, at: int, n: int, x: float) -> bool:
    """Add ``x``, forget the value ``n`` pushes ago; return whether there are ``n`` values."""
    place = int(state[at])
    seen = int(state[at + 1])
    ring = at + _HEADER
    begin = ring + n
    if seen < n:
        gap = seen
        state[at + 1] = seen + 1.0
    else:
        gap = count_below_nb(state, begin, n, state[ring + place])
    state[ring + place] = x
    state[at] = place + 1 if place + 1 < n else 0
    to = count_below_nb(state, begin, seen, x)
    if to > gap:
        to -= 1
        for k in range(begin + gap, begin + to):
            state[k] = state[k + 1]
    else:
        for k in range(begin + gap, begin + to, -1):
            state[k] = state[k - 1]
    state[begin + to] = x
    return seen + 1 >= n


@inlined
def quantile_nb(state: Floats, begin: int, n: int, share: float) -> float:
    """Return the quantile of ``n`` ascending values, linear between neighbours (numpy's default)."""
    where = share * (n - 1)
    below = int(where)
    low = state[begin + below]
    if below + 1 >= n:
        return float(low)
    return float(low + (state[begin + below + 1] - low) * (where - below))


@inlined
def rank_nb(state: Floats, begin: int, n: int, x: float) -> float:
    """Return the rank of ``x``, one of ``n`` ascending values, from 0 (smallest) to 1; equal values share theirs."""
    below = count_below_nb(state, begin, n, x)
    equal = 0
    while below + equal < n and state[begin + below + equal] == x:
        equal += 1
    return float((below + 0.5 * (equal - 1)) / (n - 1))


@inlined
def _distance_nb(state: Floats, begin: int, n: int, median: float, k: int) -> float:
    """Return the ``k``-th smallest (from 0) distance from the median of ``n`` ascending values.

    Distances grow outwards on either side: this is the ``k``-th of two ascending lists, found by bisection.
    """
    left = begin + (n - 1) // 2
    n_left = left - begin + 1
    n_right = n - n_left
    low = max(0, k - n_right)
    high = min(k, n_left)
    while low < high:
        middle = (low + high) // 2
        if median - state[left - middle] < state[left + k - middle] - median:
            low = middle + 1
        else:
            high = middle
    near = median - state[left - low] if low < n_left else math.inf
    far = state[left + 1 + k - low] - median if k - low < n_right else math.inf
    return float(min(near, far))


@inlined
def deviation_nb(state: Floats, begin: int, n: int) -> float:
    """Return the median distance from the median (MAD) of ``n`` ascending values, times 1.4826.

    Where more than half of the values are equal, the mean distance times 1.2533 takes its place (Iglewicz and Hoaglin,
    1993); 0 only where all are equal. Both factors make it the standard deviation of normal values.
    """
    median = 0.5 * (state[begin + (n - 1) // 2] + state[begin + n // 2])
    deviation = _distance_nb(state, begin, n, median, n // 2)
    if n % 2 == 0:
        deviation = 0.5 * (deviation + _distance_nb(state, begin, n, median, n // 2 - 1))
    if deviation > ROUNDING * abs(median):
        return float(1.4826 * deviation)
    total = 0.0
    for k in range(n):
        total += abs(state[begin + k] - median)
    return float(1.2533 * total / n)
