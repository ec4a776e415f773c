"""Sums, extremes and moments of the last ``n`` values that neither drift nor cost more for a longer window.

Subtracting the value that leaves a window from a running sum loses digits for ever and never recovers from
one NaN. Here nothing is subtracted. Time is cut into blocks of ``n`` values. The window is always a tail of
the last block and a head of the present one; the head is accumulated value by value, and when a block is full
it is replaced in place by the results over all of its tails. Each value is visited twice, and the error is
that of one summation of ``n`` values, however long the series. (For extremes this is the algorithm of van
Herk, 1992, and Gil and Werman, 1993.)

Each function works on a part of ``state`` that begins at ``at``, laid out by the function of the same name
without ``push_``: place in the block, number of values seen (counted up to ``n``), the head's result, then
``n`` numbers (moments: twice). Places are counted in floats: turning them into whole numbers and back would stand
between one value and the next.
"""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.feature import Floats

_NO_MAXIMUM = -math.inf


def sum_window(n: int) -> tuple[float, ...]:
    """Return the initial memory of `push_sum_nb`."""
    return (0.0, 0.0, 0.0, *([0.0] * n))


def maximum_window(n: int) -> tuple[float, ...]:
    """Return the initial memory of `push_maximum_nb`."""
    return (0.0, 0.0, _NO_MAXIMUM, *([_NO_MAXIMUM] * n))


def moments_window(n: int) -> tuple[float, ...]:
    """Return the initial memory of `push_moments_nb`."""
    return (0.0, 0.0, 0.0, 0.0, *([0.0] * (2 * n)))


@inlined
def push_sum_nb(state: Floats, at: int, n: int, x: float) -> float:
    """Add ``x``; return the sum of the last ``n`` values, NaN before there are as many."""
    count = state[at] + 1.0
    place = at + 2 + int(count)
    head = state[at + 2] + x
    ring = at + 3
    state[place] = x
    total = head
    if count < n:
        total += state[place + 1]
        state[at] = count
        state[at + 2] = head
    else:
        tail = 0.0
        for k in range(n - 1, -1, -1):
            tail += state[ring + k]
            state[ring + k] = tail
        state[at] = 0.0
        state[at + 2] = 0.0
    if state[at + 1] < n:
        state[at + 1] += 1.0
        if state[at + 1] < n:
            total = math.nan
    return float(total)


@inlined
def push_maximum_nb(state: Floats, at: int, n: int, x: float) -> float:
    """Add ``x``; return the largest of the last ``n`` values, NaN before there are as many."""
    count = state[at] + 1.0
    place = at + 2 + int(count)
    head = max(x, state[at + 2])
    ring = at + 3
    state[place] = x
    result = head
    if count < n:
        result = max(result, state[place + 1])
        state[at] = count
        state[at + 2] = head
    else:
        tail = _NO_MAXIMUM
        for k in range(n - 1, -1, -1):
            tail = max(tail, state[ring + k])
            state[ring + k] = tail
        state[at] = 0.0
        state[at + 2] = _NO_MAXIMUM
    if state[at + 1] < n:
        state[at + 1] += 1.0
        if state[at + 1] < n:
            result = math.nan
    return float(result)


@inlined
def push_moments_nb(state: Floats, at: int, n: int, x: float) -> tuple[float, float]:
    """Add ``x``; return mean and sum of squared deviations of the last ``n`` values.

    Both are NaN before there are as many. They are accumulated by Welford's rule and joined by the rule of
    Chan, Golub and LeVeque (1983), so a constant window has squares of exactly 0 and a large mean costs no
    digits.
    """
    count = state[at] + 1.0
    j = int(count) - 1
    ring = at + 4
    deviation = x - state[at + 2]
    mean = state[at + 2] + deviation / count
    squares = state[at + 3] + deviation * (x - mean)
    state[ring + j] = x
    if count < n:
        state[at] = count
        state[at + 2] = mean
        state[at + 3] = squares
        rest = n - count
        gap = state[ring + j + 1] - mean
        squares += state[ring + n + j + 1] + gap * gap * (count * rest / n)
        mean += gap * (rest / n)
    else:
        tail_mean = 0.0
        tail_squares = 0.0
        for k in range(n - 1, -1, -1):
            value = state[ring + k]
            off = value - tail_mean
            tail_mean += off / (n - k)
            tail_squares += off * (value - tail_mean)
            state[ring + k] = tail_mean
            state[ring + n + k] = tail_squares
        state[at] = 0.0
        state[at + 2] = 0.0
        state[at + 3] = 0.0
    if state[at + 1] < n:
        state[at + 1] += 1.0
        if state[at + 1] < n:
            mean = math.nan
            squares = math.nan
    return mean, squares


def delay_window(n: int) -> tuple[float, ...]:
    """Return the initial memory of `push_delay_nb`: place, then ``n`` values."""
    return (0.0, *([math.nan] * n))


@inlined
def push_delay_nb(state: Floats, at: int, n: int, x: float) -> float:
    """Add ``x``; return the value added ``n`` pushes before, NaN before there was one."""
    count = state[at] + 1.0
    place = at + int(count)
    old = state[place]
    state[place] = x
    state[at] = count if count < n else 0.0
    return float(old)


def seeded_average() -> tuple[float, ...]:
    """Return the initial memory of `push_average_nb`: values seen (up to ``n``), their sum, the average."""
    return (0.0, 0.0, 0.0)


@inlined
def push_average_nb(state: Floats, at: int, n: float, alpha: float, x: float) -> float:
    """Add ``x``; return the exponential average seeded with the mean of the first ``n`` values, NaN before."""
    if state[at] < n:
        state[at] += 1.0
        state[at + 1] += x
        if state[at] < n:
            return math.nan
        state[at + 2] = state[at + 1] / n
        return float(state[at + 2])
    value = alpha * x + (1.0 - alpha) * state[at + 2]
    state[at + 2] = value
    return float(value)


def range_window(n: int) -> tuple[float, ...]:
    """Return the initial memory of `push_range_nb`: place, seen, the head's two, ``n`` highest, ``n`` lowest."""
    return (0.0, 0.0, _NO_MAXIMUM, -_NO_MAXIMUM, *([_NO_MAXIMUM] * n), *([-_NO_MAXIMUM] * n))


@inlined
def push_range_nb(state: Floats, at: int, n: int, high: float, low: float) -> tuple[float, float]:
    """Add a bar; return highest high and lowest low of the last ``n``, NaN before there are as many."""
    count = state[at] + 1.0
    place = at + 3 + int(count)
    highest = max(high, state[at + 2])
    lowest = min(low, state[at + 3])
    state[place] = high
    state[place + n] = low
    if count < n:
        state[at] = count
        state[at + 2] = highest
        state[at + 3] = lowest
        highest = max(highest, state[place + 1])
        lowest = min(lowest, state[place + n + 1])
    else:
        top = _NO_MAXIMUM
        bottom = -_NO_MAXIMUM
        for k in range(at + 3 + n, at + 3, -1):
            top = max(top, state[k])
            bottom = min(bottom, state[k + n])
            state[k] = top
            state[k + n] = bottom
        state[at] = 0.0
        state[at + 2] = _NO_MAXIMUM
        state[at + 3] = -_NO_MAXIMUM
    if state[at + 1] < n:
        state[at + 1] += 1.0
        if state[at + 1] < n:
            return math.nan, math.nan
    return float(highest), float(lowest)


@inlined
def push_score_nb(state: Floats, at: int, n: int, x: float) -> float:
    """Push a value into a window of moments; return its distance from the mean in standard deviations (ddof = 1).

    NaN until the window is full, 0 where nothing varied.
    """
    mean, squares = push_moments_nb(state, at, n, x)
    deviation = math.sqrt(squares / (n - 1))
    return 0.0 if deviation == 0.0 else float((x - mean) / deviation)
