"""The label-overlap test: no training label shares a return with a test label.

A label begins at the close of its first bar and looks at the returns up to its end: the window (ts_start, ts_end]. Two
rows with overlapping windows share a return, so the training has seen part of the answer (Lopez de Prado, Advances in
Financial Machine Learning, 2018, chapter 7). Purging removes such rows; an embargo removes those that begin within some
time after a test window, because what moved it echoes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.features.leaks.finding import Detector, LeakFinding, LeakVerdict

Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Split:
    """Rows of a label table, i8[...], that a model is trained and tested on."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    name: str = "split"


def check_label_overlap(ts_start: Times, ts_end: Times, split: Split, embargo_ns: int = 0) -> LeakVerdict:
    """Check that no training label overlaps a test label, and that the embargo is kept.

    Parameters
    ----------
    ts_start, ts_end : ndarray of int64, shape (m,)
        When each label begins and is decided, ns UTC (`features.labels.Labels`).
    split : Split
        Which rows are used for what.
    embargo_ns : int
        Time after the end of a test label in which no training row may begin.

    Raises
    ------
    ValueError
        If a label ends before it begins, or the split names rows that do not exist.
    """
    reason = _reasons(ts_start, ts_end, split, embargo_ns)
    findings = []
    bad = np.flatnonzero(reason)
    if len(bad):
        first = bad[np.argmin(ts_start[split.train[bad]])]
        row = int(split.train[first])
        what = {1: "is tested on as well", 2: "shares a return with a test label", 3: "begins within the embargo"}
        detail = f"training row {row} {what[int(reason[first])]}; {len(bad):,} of {len(split.train):,} rows are like it"
        findings.append(LeakFinding(Detector.LABEL_OVERLAP, split.name, row, int(ts_start[row]), detail))
    proves = f"none of {len(split.train):,} training labels shares a return with {len(split.test):,} test labels"
    proves += f", or begins within {embargo_ns / 1e9:g} s after one" if embargo_ns else ""
    return LeakVerdict(Detector.LABEL_OVERLAP, tuple(findings), len(split.train), proves)


def purged(ts_start: Times, ts_end: Times, split: Split, embargo_ns: int = 0) -> Split:
    """Return the split without the training rows that `check_label_overlap` would find; raises as it does."""
    keep = _reasons(ts_start, ts_end, split, embargo_ns) == 0
    return Split(split.train[keep], split.test, split.name)


def _reasons(ts_start: Times, ts_end: Times, split: Split, embargo_ns: int) -> NDArray[np.int64]:
    """Return for each training row 0, or 1 tested too, 2 overlapping, 3 within the embargo."""
    m = len(ts_start)
    rows = np.concatenate([split.train, split.test])
    if ts_end.shape != ts_start.shape or (ts_end < ts_start).any() or embargo_ns < 0:
        msg = "labels must end after they begin, and the embargo must not be negative"
        raise ValueError(msg)
    if len(rows) and (rows.min() < 0 or rows.max() >= m):
        msg = f"the split names rows outside the {m} labels"
        raise ValueError(msg)
    reason = np.zeros(len(split.train), np.int64)
    if not len(split.test) or not len(split.train):
        return reason
    order = np.argsort(ts_start[split.test], kind="stable")
    starts, ends = ts_start[split.test][order], ts_end[split.test][order]
    latest = np.maximum.accumulate(ends)  # of the test labels that begin no later than this one
    begin, end = ts_start[split.train], ts_end[split.train]
    # of the test labels that begin before the training label ends, does any end after it begins?
    before = np.searchsorted(starts, end, side="left") - 1
    overlaps = (before >= 0) & (latest[np.maximum(before, 0)] > begin)
    finished = np.sort(ends)
    newest = np.searchsorted(finished, begin, side="right") - 1
    echo = (newest >= 0) & (begin - finished[np.maximum(newest, 0)] < embargo_ns)
    reason[echo] = 3
    reason[overlaps] = 2
    reason[np.isin(split.train, split.test)] = 1
    return reason
