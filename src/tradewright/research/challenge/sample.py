"""A run cut into rule days, in the form in which they are drawn and replayed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.equity_path import EquityPath
from tradewright.core.types.errors import DataError
from tradewright.core.types.prop import AccountFlag
from tradewright.core.types.prop_dtypes import day_dtype, day_row_dtype
from tradewright.risk.prop.resets import reset_instants
from tradewright.risk.prop.schema import Reset

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Records = NDArray[np.void]

FEWEST_DAYS = 20
_NO_CLOCK = Reset(tz="UTC", time=time(0, 0))
_DAY_NS = 86_400 * 10**9
_NOWHERE = -(2**61)


@dataclass(frozen=True, slots=True)
class Replay:
    """What compiled code replays: day_row_dtype[n] and day_dtype[d]."""

    rows: Records
    days: Records


@dataclass(frozen=True, slots=True)
class DaySample:
    """Rule days of a run, in money of an account of some initial balance.

    Each day trades a multiple of what the run traded, for the initial balance and not for what became of it: nothing
    compounds. Arrays i8[n] in millionths,
    relative to the equity at the beginning of the row's day.

    Parameters
    ----------
    close, low, high, floating, cost : ndarray
        See `EquityPath`.
    flags, is_active : ndarray
        See `EquityPath`.
    first : ndarray of int64, [d]
        First row of each day.
    calendar_days : int
        Rule days from the first to the last, those without a row included.
    """

    close: Ints
    low: Ints
    high: Ints
    floating: Ints
    cost: Ints
    flags: Ints
    is_active: NDArray[np.bool_]
    first: Ints
    calendar_days: int

    @classmethod
    def of(cls, path: EquityPath, clock: Reset | None, initial_micro: int, size: float = 1.0) -> DaySample:
        """Cut a run at the resets of a clock, or at midnight UTC; ``size`` multiplies its positions.

        Raises
        ------
        DataError
            If there are fewer than 20 days, or the run's equity did not stay above zero.
        """
        stamps = path.stamps
        resets = reset_instants(clock or _NO_CLOCK, int(stamps[0]) - 2 * _DAY_NS, int(stamps[-1]))
        # a row at the very moment of a reset is the last of the old day
        day = np.searchsorted(resets, stamps)
        first = np.flatnonzero(np.diff(day, prepend=-1))
        if len(first) < FEWEST_DAYS:
            what = f"the run has {len(first)} rule days; at least {FEWEST_DAYS} are needed to draw from"
            raise DataError(what, where="run", fix="Run a longer backtest.")
        began = np.append(path.initial, path.equity)[first]
        if began.min() <= 0:
            raise DataError("the run's equity fell to zero", where="run", fix="Take a run that survives.")
        length = np.diff(first, append=len(stamps))
        scale, base = np.repeat(size * initial_micro / began, length), np.repeat(began, length)

        def scaled(amounts: Ints) -> Ints:
            return np.rint(amounts * scale).astype(np.int64)

        return cls(
            close=scaled(path.equity - base),
            low=scaled(path.low - base),
            high=scaled(path.high - base),
            floating=scaled(path.floating),
            cost=scaled(path.cost),
            flags=path.flags,
            is_active=path.is_active,
            first=first,
            calendar_days=int(day[-1] - day[0]) + 1,
        )

    def __len__(self) -> int:
        """Return the number of days."""
        return len(self.first)

    @property
    def last(self) -> Ints:
        """Last row of each day, i8[d]."""
        return np.append(self.first[1:], len(self.close)) - 1

    @property
    def results(self) -> Ints:
        """What each day added, i8[d]."""
        return self.close[self.last]

    def replay(self, charge: Floats | None = None, *, closes_only: bool = False) -> Replay:
        """Return the days for compiled code.

        Parameters
        ----------
        charge : ndarray of float64, [n], optional
            Money taken off at each row, in millionths; negative gives.
        closes_only : bool
            Forget what happened inside bars.
        """
        taken = np.zeros(len(self.close), np.int64)
        if charge is not None:
            total = np.cumsum(charge)
            before = np.append(0.0, total)[self.first]
            taken = np.rint(total - np.repeat(before, np.diff(self.first, append=len(total)))).astype(np.int64)
        rows = np.zeros(len(self.close), day_row_dtype)
        rows["close_micro"] = self.close - taken
        rows["low_micro"] = (self.close if closes_only else self.low) - taken
        rows["high_micro"] = (self.close if closes_only else self.high) - taken
        rows["floating_micro"], rows["flags"] = self.floating, self.flags
        return Replay(rows, self._days(rows))

    def _days(self, rows: Records) -> Records:
        days = np.zeros(len(self.first), day_dtype)
        days["first"], days["n"] = self.first, np.diff(self.first, append=len(rows))
        balance = rows["close_micro"] - rows["floating_micro"]
        is_flat = rows["flags"] & int(AccountFlag.IS_OPEN) == 0
        days["least_micro"] = np.minimum.reduceat(rows["low_micro"], self.first)
        days["most_micro"] = np.maximum.reduceat(rows["high_micro"], self.first)
        days["most_balance_micro"] = np.maximum.reduceat(balance, self.first)
        days["most_flat_micro"] = np.maximum.reduceat(np.where(is_flat, balance, _NOWHERE), self.first)
        last = rows[self.last]
        days["end_micro"], days["end_floating_micro"] = last["close_micro"], last["floating_micro"]
        days["end_flags"] = last["flags"] & int(AccountFlag.IS_OPEN)
        opened = rows["flags"] & int(AccountFlag.OPENED)
        days["has_opened"] = np.maximum.reduceat(opened, self.first) != 0
        return days
