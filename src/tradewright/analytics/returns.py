"""Returns of an equity curve, and its record by trading day.

Ratios of a run are computed on one return a trading day whatever the run's own resolution, so that a minute
run and a daily run of the same trades have the same Sharpe ratio.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.errors import DataError, UsageError

DAY_NS = 86_400_000_000_000
DAYS_PER_YEAR = 365.0

_WEEK = 7
_SEVEN_DAY_MARKET = 6.5 / 7.0
_DAILY_GAP = 1.5  # days
_SLOWER = (52.0, 12.0, 4.0, 1.0)
_NEAR = 0.15


@dataclass(frozen=True, slots=True)
class DailyEquity:
    """An equity curve with one value a trading day; days without a stamp are left out.

    ``day_starts``, ``stamps`` (last of the day): i8[d], ns UTC. ``equity`` (at that stamp), ``returns``
    (simple, the first from the starting equity): f8[d]. ``periods_per_year``: see `periods_per_year`.
    """

    day_starts: NDArray[np.int64]
    stamps: NDArray[np.int64]
    equity: NDArray[np.float64]
    returns: NDArray[np.float64]
    periods_per_year: float

    def __len__(self) -> int:
        """Return the number of trading days."""
        return len(self.day_starts)


def simple_returns(equity: NDArray[np.float64], initial: float) -> NDArray[np.float64]:
    """Return ``equity[i] / equity[i - 1] - 1``, the first against ``initial``; f8[n] for f8[n].

    NaN wherever the equity before was not positive: nothing can be earned on nothing. Ratios of such a series
    are NaN too.

    Raises
    ------
    UsageError
        ``initial`` is not positive.
    """
    check_initial(initial)
    returns = np.full(len(equity), np.nan)
    if len(equity) == 0:
        return returns
    before = np.empty(len(equity))
    before[0] = initial
    before[1:] = equity[:-1]
    np.divide(equity, before, out=returns, where=before > 0.0)
    returns -= 1.0
    return returns


def daily_equity(
    stamps: NDArray[np.int64],
    equity: NDArray[np.float64],
    initial: float,
    day_starts: NDArray[np.int64] | None = None,
) -> DailyEquity:
    """Keep the last equity of every trading day.

    A stamp exactly at the start of a day closes the day before: a daily bar is stamped with its own end.

    Parameters
    ----------
    stamps : i8[n]
        Times, ns UTC, ascending.
    equity : f8[n]
        Equity after each of them, account currency.
    initial : float
        Starting equity, account currency, positive.
    day_starts : i8[k], optional
        Starts of the trading days, ns UTC, ascending, covering the stamps; without it days are UTC days.

    Raises
    ------
    DataError
        The curve is not in order, or ``day_starts`` does not cover it.
    UsageError
        ``initial`` is not positive.
    """
    check_curve(stamps, equity)
    if day_starts is None:
        numbers = (stamps - 1) // DAY_NS
        labels = numbers * DAY_NS
    else:
        numbers, labels = _given_days(stamps, day_starts)
    last = np.flatnonzero(np.diff(numbers, append=np.iinfo(np.int64).max))
    starts = labels[last]
    kept = equity[last]
    return DailyEquity(starts, stamps[last], kept, simple_returns(kept, initial), periods_per_year(starts))


def periods_per_year(day_starts: NDArray[np.int64]) -> float:
    """Return how many returns a year make one annual figure, judged by the trading days observed.

    Daily records (median distance of 1.5 days or less): 365 where at least 6.5 of 7 calendar days were
    traded, else 252. Under one calendar week nothing can be told and 252 stands. Slower records: their own
    rate per 365 days, set to 52, 12, 4 or 1 within 15 %.

    Parameters
    ----------
    day_starts : i8[d]
        Starts of the days that have a value, ns UTC, ascending.
    """
    n = len(day_starts)
    if n < 2:
        return 252.0
    span = float(day_starts[-1] - day_starts[0]) / DAY_NS
    if span + 1.0 < _WEEK:
        return 252.0
    if float(np.median(np.diff(day_starts))) / DAY_NS <= _DAILY_GAP:
        return 365.0 if n / (span + 1.0) >= _SEVEN_DAY_MARKET else 252.0
    rate = (n - 1) * DAYS_PER_YEAR / span
    return next((usual for usual in _SLOWER if abs(rate / usual - 1.0) <= _NEAR), rate)


def check_initial(initial: float) -> None:
    """Raise `UsageError` unless the starting equity is a positive finite number."""
    if not (np.isfinite(initial) and initial > 0.0):
        what = f"starting equity is {initial}"
        raise UsageError(what, where="initial equity", fix="Give a positive amount")


def check_curve(stamps: NDArray[np.int64], equity: NDArray[np.float64]) -> None:
    """Raise `DataError` unless times ascend strictly and each has one finite equity."""
    if len(stamps) != len(equity):
        what = f"{len(equity)} values for {len(stamps)} times"
        raise DataError(what, where="equity curve")
    unordered = np.flatnonzero(np.diff(stamps) <= 0)
    if len(unordered):
        what = "times do not ascend"
        raise DataError(what, where=f"equity curve, row {int(unordered[0]) + 1}")
    bad = np.flatnonzero(~np.isfinite(equity))
    if len(bad):
        what = f"equity is {equity[bad[0]]}"
        raise DataError(what, where=f"equity curve, row {int(bad[0])}")


def _given_days(
    stamps: NDArray[np.int64], day_starts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each stamp's day number and that day's start; -1 is the day that ends with the first start."""
    if len(stamps) == 0:
        return stamps, stamps
    # A day may have 25 hours where clocks are set back; two days allow for that.
    if len(day_starts) == 0 or stamps[0] <= day_starts[0] - DAY_NS or stamps[-1] > day_starts[-1] + 2 * DAY_NS:
        what = "the starts of the trading days do not cover the equity curve"
        raise DataError(what, where="day starts", fix="Ask the calendar for the days of the whole run")
    numbers = np.searchsorted(day_starts, stamps, side="left").astype(np.int64) - 1
    labels = np.where(numbers < 0, day_starts[0] - DAY_NS, day_starts[numbers])
    return numbers, labels
