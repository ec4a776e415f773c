"""All rules over one data set."""

from __future__ import annotations

import numpy as np

from tradewright.data.kinds import Kind
from tradewright.data.quality.clocks import Shifted, lost_hours, repeated_hours, shifts
from tradewright.data.quality.coverage import Gaps, gap_spots, gaps, off_grid, outside, overlaps
from tradewright.data.quality.findings import Findings, Spot, Subject, gathered, moment
from tradewright.data.quality.prices import frozen, spikes, splits
from tradewright.data.quality.rows import is_sound, order, shape, values
from tradewright.data.quality.series import Series, series_of
from tradewright.data.quality.volumes import absurd, unit, zero

#: Grows whenever a rule may find something else in the same rows; kept results of older rules are then not used.
RULES_VERSION = 1


def check(subject: Subject) -> Findings:
    """Run every rule over the rows; order rules look at the rows as they stand in the file.

    Parameters
    ----------
    subject : Subject
        What is checked.

    Returns
    -------
    Findings
        In order of rows. Where a row is broken, the rules that look for odd habits are not run: everything would look
        odd. Where clocks are wrong, nothing else is said about the times they cover.
    """
    spots = order(subject)
    if not is_sound(subject):
        spots += [*values(subject), *shape(subject)]
    if subject.kind is Kind.BARS:
        if not any(len(s.index) for s in spots):
            spots = _habits(subject)
        else:
            taken = [s.index for s in spots if s.rule in ("unsorted", "duplicate_time")]
            spots += repeated_hours(subject, np.unique(np.concatenate(taken))) if taken else []
    return gathered(subject, spots)


def _habits(subject: Subject) -> list[Spot]:
    """Find what is possible but suspicious in a series of sound bars."""
    if len(subject.frame) == 0:
        return []
    series = series_of(subject)
    clocks = shifts(series)
    holes = gaps(series)
    lost = lost_hours(series, holes)
    times = [*_lost(series, holes, lost), *gap_spots(series, _only(holes, ~lost)), *outside(series)]
    times = [_unless_shifted(series, s, clocks) for s in times]
    spots = [*clocks.spots, *times, *overlaps(series), *off_grid(series)]
    spots += [*zero(series), *absurd(series), *unit(series)]
    splits_found = splits(series)
    return [*spots, *frozen(series), *spikes(series), *splits_found]


def _only(holes: Gaps, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Gaps:
    return Gaps(holes.after[keep], holes.missing[keep], holes.whole_sessions[keep], holes.begins[keep])


def _lost(series: Series, holes: Gaps, lost: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[Spot]:
    after = holes.after[lost]
    details = [f"the hour from {moment(b)} UTC is missing, as when clocks change" for b in holes.begins[lost].tolist()]
    return [Spot("daylight_saving", "time", after, details, series.ts[after])]


def _unless_shifted(series: Series, spot: Spot, clocks: Shifted) -> Spot:
    """Drop what lies where clocks are wrong."""
    if not clocks.spans or len(spot.index) == 0:
        return spot
    ts = series.ts[spot.index]
    keep = np.ones(len(ts), np.bool_)
    for low, high in clocks.spans:
        keep &= (ts < low) | (ts > high + 86_400 * 10**9 * 4)
    details = spot.details
    kept = [d for d, k in zip(details, keep, strict=True) if k] if isinstance(details, list) else details
    return Spot(spot.rule, spot.field, spot.index[keep], kept, None if spot.ends is None else spot.ends[keep])
