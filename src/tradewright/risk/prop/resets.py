"""When rule days end, as instants: daylight saving included, so that a day may have 23 or 25 hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from tradewright.risk.prop.schema import ClockFace, Reset

_NS = 1_000_000_000


def reset_instants(reset: Reset, first_ns: int, last_ns: int) -> NDArray[np.int64]:
    """Return every reset after ``first_ns`` and up to the first one after ``last_ns``; i8[n], ns UTC, ascending.

    A time that daylight saving skips comes as long after the jump as it is past it; of one that comes twice, the first
    counts.
    """
    zone = ZoneInfo(reset.tz)
    day = shown(reset, first_ns).date() - timedelta(days=1)
    found: list[int] = []
    while not found or found[-1] <= last_ns:
        # a clock that is ahead of its zone shows its midnight when the zone still has the day before
        local = datetime.combine(day, reset.time) - reset.shift
        instant = int(local.replace(tzinfo=zone).astimezone(UTC).timestamp()) * _NS
        if instant > first_ns:
            found.append(instant)
        day += timedelta(days=1)
    return np.array(found, np.int64)


def shown(clock: ClockFace, ns: int) -> datetime:
    """Return what a clock shows at an instant (ns UTC), without a zone."""
    local = datetime.fromtimestamp(ns // _NS, tz=ZoneInfo(clock.tz)).replace(tzinfo=None)
    return local + clock.shift
