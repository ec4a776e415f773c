"""How many bars of each trading day are there, and how many should be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.data.kinds import Kind
from tradewright.data.quality.findings import Subject
from tradewright.data.quality.slots import Slots, coordinates, slots_of
from tradewright.data.timeframe import DAY
from tradewright.data.times import called_days


@dataclass(frozen=True, slots=True)
class Presence:
    """Trading days (days since 1970) with their bars, i8[d]; ``expected`` is 0 on days without a required session."""

    days: NDArray[np.int64]
    expected: NDArray[np.int64]
    present: NDArray[np.int64]


def presence(subject: Subject) -> Presence:
    """Count bars of each day from the first to the last; rows need not be in order.

    Bars longer than a day and ticks have no expected count: there it is what is present. Where no sessions are known,
    each day that has bars is expected to have as many as most days.
    """
    none = np.empty(0, np.int64)
    if len(subject.frame) == 0:
        return Presence(none, none, none)
    ts = np.sort(subject.frame["ts_open"].to_numpy())
    calendar = subject.calendar
    if subject.kind is not Kind.BARS or subject.interval > DAY:
        days, present = _counted(called_days(ts, calendar))
        return Presence(days, present, present)
    x = coordinates(ts, subject.interval, calendar)
    slots = slots_of(ts, subject.interval, calendar)
    if slots is not None:
        return _of_sessions(slots, ts, x)
    days, present = _counted(called_days(ts, calendar))
    if calendar.name != "24/7":
        return Presence(days, np.full(len(days), int(np.median(present))), present)
    every = np.arange(days[0], days[-1] + 1, dtype=np.int64)
    full = np.zeros(len(every), np.int64)
    full[days - days[0]] = present
    expected = np.full(len(every), max(1, DAY // subject.interval), np.int64)
    expected[0] -= int((ts[0] - every[0] * DAY) // subject.interval)
    expected[-1] -= int(((every[-1] + 1) * DAY - ts[-1]) // subject.interval) - 1
    return Presence(every, np.maximum(expected, 1), full)


def _counted(day: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    days, counts = np.unique(day, return_counts=True)
    return days, counts.astype(np.int64)


def _of_sessions(slots: Slots, ts: NDArray[np.int64], x: NDArray[np.int64]) -> Presence:
    sessions = slots.sessions
    if slots.interval == DAY:
        first, last = int(x[0] // DAY), int(x[-1] // DAY)
        days, present = _counted(x // DAY)
        expected_of = dict(zip(sessions.days.tolist(), slots.required.tolist(), strict=True))
    else:
        # A bar may begin before the open; it belongs to the session that its end lies in.
        index = sessions.at(ts)
        index = np.where(index < 0, sessions.at(ts + slots.interval - 1), index)
        held = sessions.days[np.maximum(index, 0)]
        outside = np.floor_divide(ts, DAY)
        days, present = _counted(np.where(index >= 0, held, outside))
        first, last = int(days[0]), int(days[-1])
        counts = slots.before(sessions.closes) - slots.before(sessions.opens - slots.interval + 1)
        expected_of = dict(zip(sessions.days.tolist(), counts.tolist(), strict=True))
    wanted = [d for d in expected_of if first <= d <= last]
    every = np.union1d(days, np.array(wanted, np.int64))
    full = np.zeros(len(every), np.int64)
    full[np.searchsorted(every, days)] = present
    return Presence(every, np.array([expected_of.get(d, 0) for d in every.tolist()], np.int64), full)
