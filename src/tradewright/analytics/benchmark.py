"""What doing nothing would have earned: the instruments of a run, bought once and held."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.returns import check_initial
from tradewright.core.types.errors import DataError


def marks_at(stamps: NDArray[np.int64], times: NDArray[np.int64], prices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the last price known at each stamp; f8[s], NaN before the first.

    Parameters
    ----------
    stamps : i8[s]
        Times asked for, ns UTC.
    times : i8[n]
        When each price became known, ns UTC, ascending; a price known exactly at a stamp counts.
    prices : f8[n]
    """
    at = np.searchsorted(times, stamps, side="right") - 1
    found = np.full(len(stamps), np.nan)
    known = at >= 0
    found[known] = prices[at[known]]
    return found


def buy_and_hold(marks: NDArray[np.float64], initial_cash: float) -> NDArray[np.float64]:
    """Return the equity of equal parts of the starting cash put into each instrument and left there; f8[s].

    Each instrument is bought at its own first mark, whole, without costs and without rebalancing; its part is
    cash until then. A missing later mark repeats the one before. Without instruments everything stays cash.

    Parameters
    ----------
    marks : f8[n_instruments, s]
        Price times conversion rate at each stamp of the run; NaN while unknown.
    initial_cash : float
        Account currency, positive.

    Raises
    ------
    DataError
        An instrument's first mark is not positive: nothing can be bought with money there.
    UsageError
        ``initial_cash`` is not positive.
    """
    check_initial(initial_cash)
    n_instruments, n = marks.shape
    if n_instruments == 0:
        return np.full(n, initial_cash)
    part = initial_cash / n_instruments
    equity = np.zeros(n)
    for number, column in enumerate(marks):
        known = np.isfinite(column)
        rows = np.flatnonzero(known)
        growth = np.ones(n)
        if len(rows):
            first = int(rows[0])
            if column[first] <= 0.0:
                what = f"the first price is {column[first]}"
                raise DataError(what, where=f"instrument {number}, row {first}")
            latest = np.maximum.accumulate(np.where(known, np.arange(n), first))
            growth = column[latest] / column[first]
        equity += part * growth
    return equity
