"""Trading days: when a market's day begins, in the market's own time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

_NS = 1_000_000_000
_DAY_NS = 86_400 * _NS
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """A trading day runs from ``day_start`` to the next ``day_start``, local time, daylight saving included.

    Parameters
    ----------
    name : str
        For people.
    zone : str
        IANA time zone.
    day_start : time
        Local time at which a new trading day begins (FX: 17:00 New York).
    """

    name: str = "24/7"
    zone: str = "UTC"
    day_start: time = time(0, 0)

    def day_starts(self, first_ns: int, last_ns: int) -> NDArray[np.int64]:
        """Return the starts of all trading days touching ``[first_ns, last_ns]``, plus one after; i8[k], ns UTC."""
        if self.zone == "UTC":  # the same without a walk: its clock never changes
            offset = (self.day_start.hour * 3600 + self.day_start.minute * 60 + self.day_start.second) * _NS
            first, last = (first_ns - offset) // _DAY_NS, (last_ns - offset) // _DAY_NS
            return np.arange(first, last + 2, dtype=np.int64) * _DAY_NS + offset
        zone = ZoneInfo(self.zone)
        day = datetime.fromtimestamp(first_ns // _NS, tz=zone).date() - timedelta(days=1)
        starts: list[int] = []
        while not starts or starts[-1] <= last_ns:
            local = datetime.combine(day, self.day_start, tzinfo=zone)
            starts.append(int(local.astimezone(UTC).timestamp()) * _NS)
            day += timedelta(days=1)
        if len(starts) > 1 and starts[1] <= first_ns:
            starts = starts[1:]
        return np.array(starts, dtype=np.int64)

    def day_numbers(self, ts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return for each time (ns UTC, ascending) the number of its trading day: days since 1970 of its start."""
        if len(ts) == 0:
            return np.empty(0)
        starts = self.day_starts(int(ts[0]), int(ts[-1]))
        zone = ZoneInfo(self.zone)
        first = (datetime.fromtimestamp(int(starts[0]) // _NS, tz=zone).date() - _EPOCH).days
        return (np.searchsorted(starts, ts, side="right") - 1 + first).astype(np.float64)
