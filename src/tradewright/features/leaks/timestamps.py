"""The timestamp test: no value is stamped earlier than what it was made from could be known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.feature import Floats
from tradewright.features.leaks.finding import Detector, LeakFinding, LeakVerdict

_SECOND_NS = 1e9


def check_timestamps(ts_used: NDArray[np.int64], known: Mapping[str, NDArray[np.int64]]) -> LeakVerdict:
    """Check that every value could be known when it is used.

    Parameters
    ----------
    ts_used : ndarray of int64, shape (n,)
        When the row is used for a decision, ns UTC.
    known : mapping of str to ndarray of int64, shape (n,)
        For each column the newest ``ts_seen`` of anything its value was made from; a negative number where there is no
        value. A higher timeframe's bar is known at its end, not at its beginning.

    Raises
    ------
    ValueError
        If the times do not fit.
    """
    findings = []
    for name, stamps in known.items():
        if stamps.shape != ts_used.shape:
            msg = f"{stamps.shape} times of {name} do not fit {ts_used.shape} rows"
            raise ValueError(msg)
        late = np.flatnonzero(stamps > ts_used)
        if len(late):
            bar = int(late[0])
            by = (int(stamps[bar]) - int(ts_used[bar])) / _SECOND_NS
            detail = (
                f"its value was known {by:g} s after it was used; {len(late):,} of {len(stamps):,} rows are like it"
            )
            findings.append(LeakFinding(Detector.TIMESTAMP, name, bar, int(ts_used[bar]), detail))
    proves = f"no value of {len(ts_used):,} rows is used before its newest input was seen, as far as it is told"
    return LeakVerdict(Detector.TIMESTAMP, tuple(findings), len(ts_used) * len(known), proves)


def check_complete_bars(
    ts_used: NDArray[np.int64], columns: Mapping[str, Floats], higher: Bars, values: Mapping[str, Floats]
) -> LeakVerdict:
    """Check that columns joined from a higher timeframe hold values of bars that were complete.

    Parameters
    ----------
    ts_used : ndarray of int64, shape (n,)
        When each row of the lower timeframe is used, ns UTC, ascending.
    columns : mapping of str to ndarray of float64, shape (n,)
        What was joined to the rows.
    higher : Bars
        The m bars of the higher timeframe.
    values : mapping of str to ndarray of float64, shape (m,)
        The same columns on the higher bars.

    Notes
    -----
    A row is accused where it holds the value of the bar that was still open, and not that of the newest complete one. A
    column that holds the complete bars' values a fixed number of bars late throughout is honest, whatever else its
    values happen to equal.
    """
    newest = np.searchsorted(higher.ts_event, ts_used, side="right") - 1
    findings = []
    for name, column in columns.items():
        source = values[name]
        if any(_same(column, _taken(source, newest - lag)).all() for lag in range(4)):
            continue
        is_open = newest + 1 < len(source)
        begun = higher.ts_open[np.minimum(newest + 1, len(source) - 1)] < ts_used
        early = _same(column, _taken(source, newest + 1)) & ~_same(column, _taken(source, newest))
        late = np.flatnonzero(early & is_open & begun & np.isfinite(column))
        if len(late):
            bar = int(late[0])
            by = (int(higher.ts_event[newest[bar] + 1]) - int(ts_used[bar])) / _SECOND_NS
            detail = f"it holds the value of a bar that ends {by:g} s later; {len(late):,} rows are like it"
            findings.append(LeakFinding(Detector.TIMESTAMP, name, bar, int(ts_used[bar]), detail))
    proves = f"no row of {len(ts_used):,} holds the value of a bar that was still open"
    return LeakVerdict(Detector.TIMESTAMP, tuple(findings), len(ts_used) * len(columns), proves)


def _taken(source: Floats, place: NDArray[np.int64]) -> Floats:
    """Return ``source`` at places, NaN where there is none."""
    inside = (place >= 0) & (place < len(source))
    taken: Floats = np.where(inside, source[np.clip(place, 0, len(source) - 1)], np.nan)
    return taken


def _same(a: Floats, b: Floats) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (a == b) | (np.isnan(a) & np.isnan(b))
    return same
