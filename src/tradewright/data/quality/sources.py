"""Two data sets of one instrument held against each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.core.types.errors import UsageError
from tradewright.data.quality.findings import Findings, Spot, Subject, gathered, moment, plural
from tradewright.data.quality.series import Floats, runs


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What two sources may differ by.

    Parameters
    ----------
    close_bps : float
        Difference of two closes, basis points of the price; at least ten times the usual difference is needed too.
    least_shared : int
        Bars both sources must have for a comparison.
    """

    close_bps: float = 50.0
    least_shared: int = 20


def compare(subject: Subject, other: Subject, tolerance: Tolerance | None = None) -> Findings:
    """Return where ``subject`` differs from ``other``; both are sound bars of one instrument and one length.

    Found are single closes that differ, a source that is one bar late (label by start or end), and volumes counted in
    another unit. Rows are those of ``subject``.

    Raises
    ------
    UsageError
        If the lengths of bars differ, or too few times are in both.
    """
    tolerance = tolerance or Tolerance()
    if subject.interval != other.interval:
        what = f"bars of {subject.name} and {other.name} have different lengths"
        raise UsageError(what, fix="Compare bars of one timeframe.")
    mine = subject.frame.select("ts_open", "close", "volume").with_row_index("row")
    theirs = other.frame.select("ts_open", "close", "volume")
    both = mine.join(theirs, on="ts_open", how="inner", suffix="_other", maintain_order="left")
    if len(both) < tolerance.least_shared:
        what = f"{subject.name} and {other.name} have only {plural(len(both), 'bar')} at equal times"
        raise UsageError(what, fix="Check symbol, time zone and timeframe of both.")
    rows = both["row"].cast(pl.Int64).to_numpy()
    a, b = np.log(both["close"].to_numpy()), np.log(both["close_other"].to_numpy())
    spots = _lag(rows, a, b, other.name) or _prices(subject, rows, a, b, tolerance)
    spots += _volumes(rows, both["volume"].to_numpy(), both["volume_other"].to_numpy(), other.name)
    return gathered(subject, spots)


def _lag(rows: NDArray[np.int64], a: Floats, b: Floats, name: str) -> list[Spot]:
    """Find that one source's closes agree with the other's a bar later, and hardly at equal times."""
    same = float(np.median(np.abs(a - b)))
    late = float(np.median(np.abs(a[1:] - b[:-1])))
    early = float(np.median(np.abs(a[:-1] - b[1:])))
    if min(late, early) > 0.2 * same:
        return []
    words = f"one bar later than those of {name}" if late < early else f"one bar earlier than those of {name}"
    return [Spot("source_lag", "time", rows[:1], [f"the closes agree when taken {words}"])]


def _prices(subject: Subject, rows: NDArray[np.int64], a: Floats, b: Floats, tolerance: Tolerance) -> list[Spot]:
    difference = np.abs(a - b)
    limit = max(tolerance.close_bps / 10_000, 10.0 * float(np.median(difference)))
    starts, lengths = runs(difference > limit, 1)
    largest = [float(difference[s : s + n].max()) * 10_000 for s, n in zip(starts, lengths, strict=True)]
    stamps = subject.frame["ts_event"].to_numpy()
    ends = stamps[rows[starts + lengths - 1]]
    details = [
        f"{plural(n, 'close')} until {moment(e)} UTC differ by up to {d:,.0f} bps"
        for n, d, e in zip(lengths.tolist(), largest, ends.tolist(), strict=True)
    ]
    return [Spot("price_disagreement", "close", rows[starts], details, ends)]


def _volumes(rows: NDArray[np.int64], mine: Floats, theirs: Floats, name: str) -> list[Spot]:
    traded = (mine > 0) & (theirs > 0)
    if np.count_nonzero(traded) < len(rows) / 2:
        return []
    ratio = float(np.median(np.log10(mine[traded] / theirs[traded])))
    if abs(ratio) < 0.85:
        return []
    detail = f"volumes are about {10**ratio:g} times those of {name}: another unit"
    return [Spot("volume_disagreement", "volume", rows[:1], [detail])]
