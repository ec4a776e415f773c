"""The EMA and the cross, shared by peers that have no indicator with these exact values.

Convention: ``y[0] = x[0]``, ``y[i] = (1 - a) * y[i-1] + a * x[i]``, ``a = 2 / (n + 1)`` (pandas ``ewm(span=n,
adjust=False)``). A cross needs two bars with a complete slow window: it can first be seen at bar ``slow``.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.spec import F8

Bools = NDArray[np.bool_]


@numba.njit(cache=False)
def ema_nb(x: F8, span: int) -> F8:
    """Exponential moving average of ``x`` (f8[n]), seeded with the first value."""
    new = 2.0 / (span + 1)
    old = 1.0 - new
    y = np.empty_like(x)
    y[0] = x[0]
    for i in range(1, len(x)):
        y[i] = old * y[i - 1] + new * x[i]
    return y


@numba.njit(cache=False)
def crosses_nb(fast: F8, slow: F8, slow_span: int) -> tuple[Bools, Bools]:
    """Bars at whose close ``fast`` goes above ``slow``, and bars at whose close it stops being above."""
    n = len(fast)
    up = np.zeros(n, dtype=np.bool_)
    down = np.zeros(n, dtype=np.bool_)
    for i in range(slow_span, n):
        above, was = fast[i] > slow[i], fast[i - 1] > slow[i - 1]
        up[i] = above and not was
        down[i] = was and not above
    return up, down


def cross_signals(close: F8, fast: int, slow: int) -> tuple[Bools, Bools]:
    """Entry and exit signals of one parameter set, known at each bar's close."""
    up, down = crosses_nb(ema_nb(close, fast), ema_nb(close, slow), slow)
    return up, down
