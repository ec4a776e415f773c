"""Returns by calendar month and year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.returns import DAY_NS, DailyEquity, check_initial, simple_returns

_MONTHS = 12


@dataclass(frozen=True, slots=True)
class MonthlyReturns:
    """A table of returns, a row a year.

    ``years``: i8[y], all from the first to the last. ``returns``: f8[y, 12], January first, NaN where the
    month has no trading day. ``totals``: f8[y], the year's return; NaN where the year has no trading day.
    """

    years: NDArray[np.int64]
    returns: NDArray[np.float64]
    totals: NDArray[np.float64]


def monthly_returns(daily: DailyEquity, initial: float) -> MonthlyReturns:
    """Return the growth of each month from the last equity before it to its own last equity.

    The first month starts from ``initial``. A trading day belongs to the month its middle lies in, so that a
    day that begins the evening before counts where traders count it.

    Raises
    ------
    UsageError
        ``initial`` is not positive.
    """
    check_initial(initial)
    if len(daily) == 0:
        return MonthlyReturns(np.zeros(0, np.int64), np.zeros((0, _MONTHS)), np.zeros(0))
    middles = (daily.day_starts + DAY_NS // 2).astype("datetime64[ns]")
    months = middles.astype("datetime64[M]").astype(np.int64)  # since January 1970
    years = months // _MONTHS + 1970
    rows = np.arange(years[0], years[-1] + 1)
    table = np.full((len(rows), _MONTHS), np.nan)
    totals = np.full(len(rows), np.nan)
    last = _last_of_each(months)
    table[years[last] - rows[0], months[last] % _MONTHS] = simple_returns(daily.equity[last], initial)
    last = _last_of_each(years)
    totals[years[last] - rows[0]] = simple_returns(daily.equity[last], initial)
    return MonthlyReturns(rows, table, totals)


def _last_of_each(group: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.append(np.flatnonzero(np.diff(group)), len(group) - 1)
