"""Lengths of bars as people write them: ``1m``, ``5m``, ``1h``, ``1d``, ``1w``."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.errors import DataError, UsageError
from tradewright.data.slices import slices

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
#: Timeframe of quotes and trades, which have no length.
TICK = "tick"

_UNITS = {"w": 7 * DAY, "d": DAY, "h": 3600 * SECOND, "m": 60 * SECOND, "s": SECOND, "ms": SECOND // 1000}
_SHORTEST_MONTH, _LONGEST_MONTH = 28 * DAY, 31 * DAY


def interval_ns(timeframe: str) -> int:
    """Return the length of a timeframe such as ``15m``, in ns; 0 for ``tick``.

    Raises
    ------
    UsageError
        If it is not a whole number followed by ms, s, m, h, d or w.
    """
    if timeframe == TICK:
        return 0
    match = re.fullmatch(r"([1-9]\d{0,5})(ms|[smhdw])", timeframe)
    if match is None:
        what = f"'{timeframe}' is not a timeframe"
        raise UsageError(what, fix="Write a whole number and ms, s, m, h, d or w, for example 1m, 15m, 1h, 1d.")
    return int(match[1]) * _UNITS[match[2]]


def timeframe_name(interval: int) -> str:
    """Return the name of a length in ns, in the largest unit that divides it: 3600 s is ``1h``."""
    if interval == 0:
        return TICK
    for unit, size in _UNITS.items():
        if interval % size == 0:
            return f"{interval // size}{unit}"
    what = f"a bar of {interval} ns is not a whole number of milliseconds"
    raise UsageError(what, fix="Give the length of the bars with --interval.")


def uneven(times: NDArray[np.int64], step: int) -> NDArray[np.int64]:
    """Return the positions of the times that are not ``step`` after the one before, i8[k]."""
    found = [np.empty(0, np.int64)]
    for rows in slices(len(times) - 1):
        part = times[rows.start : rows.stop + 1]  # one more: no step is lost between slices
        found.append(np.flatnonzero(part[1:] - part[:-1] != step) + (rows.start + 1))
    return np.concatenate(found)


def common_interval(stamps: NDArray[np.int64], where: str) -> int:
    """Return the most common step between distinct times, in ns; of two equally common the shorter.

    Raises
    ------
    DataError
        With fewer than two distinct times, or where the step is a month.
    """
    every = len(stamps) // 1000 + 1
    sample = np.sort(stamps[1::every] - stamps[:-1:every])
    step = int(sample[len(sample) // 2]) if len(sample) else 0
    other = uneven(stamps, step)
    # What more than half hold is the most common; only where the steps differ could one go back.
    if 2 * len(other) >= len(stamps) - 1 or step <= 0 or np.any(stamps[other] <= stamps[other - 1]):
        values, counts = np.unique(np.diff(np.unique(stamps)), return_counts=True)
        if len(values) == 0:
            what = "the length of the bars cannot be seen from fewer than two distinct times"
            raise DataError(what, where=where, fix="Give it, for example --interval 1h.")
        step = int(values[np.argmax(counts)])
    if _SHORTEST_MONTH <= step <= _LONGEST_MONTH and step % DAY == 0:
        what = "the rows are a month apart; a bar must have a fixed length, the longest unit is the week"
        raise DataError(what, where=where, fix="Use daily or weekly bars, or give --interval 4w to take them so.")
    return step
