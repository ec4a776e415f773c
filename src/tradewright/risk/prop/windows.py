"""Stretches of time in which a rule forbids something, for `core.kernel.floors_nb.is_blocked_nb`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.dtypes import window_dtype
from tradewright.risk.prop.schema import News

Ints = NDArray[np.int64]
_SECOND = 1_000_000_000


def news_windows(news: News, events: Ints) -> NDArray[np.void]:
    """Return the windows around events (i8[n] ns UTC, in any order), both ends included; window_dtype[m]."""
    before, after = (s * _SECOND for s in news.window_s)
    return merged(events + before, events + after + 1)


def weekend_windows(opens: Ints, closes: Ints, lead_s: int, longest_gap_s: int = 24 * 3600) -> NDArray[np.void]:
    """Return from ``lead_s`` before each long closure to its end; window_dtype[m].

    Parameters
    ----------
    opens, closes : ndarray of int64, [n]
        Sessions in order of time, ns UTC.
    lead_s : int
        How long before the close a position must be gone.
    longest_gap_s : int
        Closures longer than this count as weekends, holidays included.
    """
    is_long = opens[1:] - closes[:-1] > longest_gap_s * _SECOND
    return merged(closes[:-1][is_long] - lead_s * _SECOND, opens[1:][is_long])


def merged(starts: Ints, ends: Ints) -> NDArray[np.void]:
    """Return [start, end) stretches in order of time, those that touch as one; window_dtype[m]."""
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.maximum.accumulate(ends[order]) if len(ends) else ends
    is_first = np.append(True, starts[1:] > ends[:-1])[: len(starts)]
    firsts = np.flatnonzero(is_first)
    table = np.zeros(len(firsts), window_dtype)
    table["start"] = starts[firsts]
    table["end"] = ends[np.append(firsts[1:], len(starts))[: len(firsts)] - 1]
    return table
