"""When each part of the day begins: Tokyo, London and New York by their own clocks, and the hours between."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.execution_costs import SESSIONS
from tradewright.data.session_labels import CITIES, city_hours

Stamps = NDArray[np.int64]
_DAY_NS = 86_400_000_000_000


@lru_cache(maxsize=4)
def cost_sessions(first_ns: int, last_ns: int) -> tuple[Stamps, Stamps]:
    """Return when sessions begin, i8[k] ns UTC, and their numbers in `SESSIONS`, i8[k], over a range of time.

    Where several cities are at work, the one that opened last gives the name: London's afternoon is New York's morning.
    """
    hours = [city_hours(city, first_ns - 7 * _DAY_NS, last_ns + 7 * _DAY_NS) for city in CITIES]
    edges = np.unique(np.concatenate([moments for pair in hours for moments in pair]))
    labels = np.full(len(edges), len(SESSIONS) - 1, np.int64)
    opened = np.full(len(edges), np.iinfo(np.int64).min)
    for city, (opens, closes) in zip(CITIES, hours, strict=True):
        at = np.searchsorted(opens, edges, side="right") - 1
        since = opens[np.maximum(at, 0)]
        newer = (at >= 0) & (edges < closes[np.maximum(at, 0)]) & (since > opened)
        labels[newer], opened[newer] = SESSIONS.index(city.name), since[newer]
    return edges, labels
