"""The columns of sound bars as the rules read them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.calendar import Calendar
from tradewright.data.quality.findings import Subject
from tradewright.data.quality.slots import Slots, coordinates, slots_of
from tradewright.data.timeframe import DAY, uneven

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Series:
    """Sound bars, ascending in time; arrays of n.

    ``days`` are the positions of the first bar of each trading day, i8[d]; ``x`` are coordinates on the grid of
    ``slots``, which is None where trade never stops or nothing is known. ``uneven`` are the positions of the bars
    whose ``x`` is not one interval after that of the bar before, i8[u]; of some rules these are all that matters.
    """

    ts: NDArray[np.int64]
    ends: NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    interval: int
    calendar: Calendar
    days: NDArray[np.int64]
    x: NDArray[np.int64]
    uneven: NDArray[np.int64]
    slots: Slots | None

    def __len__(self) -> int:
        """Return the number of bars."""
        return len(self.ts)

    @property
    def is_always_open(self) -> bool:
        """Whether trade never stops."""
        return self.calendar.name == "24/7"


def series_of(subject: Subject) -> Series:
    """Return the bars of a subject that has no errors."""
    frame, interval = subject.frame, subject.interval
    ts = frame["ts_open"].to_numpy()
    x = coordinates(ts, interval, subject.calendar)
    return Series(
        ts,
        frame["ts_event"].to_numpy(),
        frame["open"].to_numpy(),
        frame["high"].to_numpy(),
        frame["low"].to_numpy(),
        frame["close"].to_numpy(),
        frame["volume"].to_numpy(),
        interval=interval,
        calendar=subject.calendar,
        days=_first_of_days(ts, interval, subject.calendar),
        x=x,
        uneven=uneven(x, interval),
        slots=slots_of(ts, interval, subject.calendar),
    )


def _first_of_days(ts: NDArray[np.int64], interval: int, calendar: Calendar) -> NDArray[np.int64]:
    if interval >= DAY or len(ts) == 0:
        return np.arange(len(ts), dtype=np.int64)
    starts = calendar.day_starts(int(ts[0]), int(ts[-1]))
    return np.unique(np.searchsorted(ts, starts, side="left")[:-1])


def runs(flag: NDArray[np.bool_], least: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return starts and lengths of runs of True that are at least ``least`` long; both i8[k]."""
    # Where nothing is flagged, which is the rule, one look is enough.
    if not flag.any():
        return np.empty(0, np.int64), np.empty(0, np.int64)
    edges = np.diff(np.concatenate([[False], flag, [False]]).astype(np.int8))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    lengths = ends - starts
    keep = lengths >= least
    return starts[keep], lengths[keep]


def daily_sums(values: Floats, days: NDArray[np.int64]) -> Floats:
    """Return the sum over each trading day, f8[d]."""
    return np.add.reduceat(values, days) if len(days) else np.empty(0)
