"""Which rows a model learns from and which judge it, without a label that lies in both.

A label begins at its row's ``ts_event`` and looks at the returns up to its ``ts_end``. A training row whose label
shares time with a label of the test rows has seen part of the answer: it is purged. An embargo also drops the training
rows that begin within some time after the last test label ended, because what moved it echoes (Lopez de Prado, Advances
in Financial Machine Learning, 2018, chapters 7 and 12). Rows of several instruments may share a time: a cut never falls
between them. Times are ns UTC; ``ts_event`` ascends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from math import comb

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.errors import ModelError

Times = NDArray[np.int64]
Rows = NDArray[np.int64]
_NONE: Rows = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Fold:
    """One division of the rows, by row number, each ascending.

    Parameters
    ----------
    number : int
        From 0.
    train, test : ndarray of int64
        Rows to learn from and rows to be judged on.
    test_groups : tuple of int
        Which contiguous groups of rows the test rows are.
    validation : ndarray of int64
        Rows for early stopping and calibration, between the two in time; empty where a splitter makes none.
    """

    number: int
    train: Rows
    test: Rows
    test_groups: tuple[int, ...] = (0,)
    validation: Rows = field(default_factory=lambda: _NONE)


@dataclass(frozen=True, slots=True)
class PurgedKFold:
    """Contiguous test blocks, each row tested once; the rest trains, purged, with an embargo (ns) after the block."""

    n_folds: int = 5
    embargo_ns: int = 0

    def split(self, ts_event: Times, ts_end: Times) -> Iterator[Fold]:
        """Return the folds in time order.

        Raises
        ------
        ModelError
            With too few rows for the folds, or a fold left without training rows.
        """
        return CombinatorialPurged(self.n_folds, 1, self.embargo_ns).split(ts_event, ts_end)


@dataclass(frozen=True, slots=True)
class CombinatorialPurged:
    """Every choice of ``n_test_folds`` of ``n_folds`` contiguous groups is tested once.

    There are C(n, k) splits, and each row is tested in C(n-1, k-1) of them: as many paths through the whole history.
    """

    n_folds: int = 6
    n_test_folds: int = 2
    embargo_ns: int = 0

    @property
    def n_paths(self) -> int:
        """Return how many paths through the whole history the splits make up."""
        return comb(self.n_folds - 1, self.n_test_folds - 1)

    def paths(self) -> tuple[tuple[int, ...], ...]:
        """Return for each split the path that each of its test groups belongs to."""
        used = [0] * self.n_folds
        found = []
        for groups in combinations(range(self.n_folds), self.n_test_folds):
            found.append(tuple(used[g] for g in groups))
            for g in groups:
                used[g] += 1
        return tuple(found)

    def split(self, ts_event: Times, ts_end: Times) -> Iterator[Fold]:
        """Return the splits in lexicographic order of their test groups.

        Raises
        ------
        ModelError
            With too few rows for the groups, or a split left without training rows.
        """
        if not 0 < self.n_test_folds < self.n_folds:
            what = f"{self.n_test_folds} of {self.n_folds} folds cannot be tested"
            raise ModelError(what, where="splits", fix="Give at least 2 folds, and test fewer than there are.")
        _check_times(ts_event, ts_end, self.embargo_ns)
        edges = _edges(ts_event, self.n_folds)
        blocks = [np.arange(a, b) for a, b in pairwise(edges.tolist())]
        folds = []
        for number, groups in enumerate(combinations(range(self.n_folds), self.n_test_folds)):
            tested = [blocks[g] for g in groups]
            train = purged(np.arange(len(ts_event)), tested, ts_event, ts_end, self.embargo_ns)
            _check_training(train, f"fold {number}", self.embargo_ns)
            folds.append(Fold(number, train, np.concatenate(tested), groups))
        return iter(folds)


@dataclass(frozen=True, slots=True)
class WalkForward:
    """Train on the past, test on what comes next, step on.

    Periods are ns or words: ``3y``, ``6mo``, ``90d``, ``12h``. Months and years begin where the calendar's do: the
    first window begins at the start of the month of the first row, or of its day where no period is a month or a year.

    Parameters
    ----------
    train, test : int or str
        Length of the training and of the test windows.
    step : int or str, optional
        From one test window to the next; as long as the test window if not given.
    anchored : bool
        Whether every training window begins with the first row; else it rolls.
    validation : int or str, optional
        A window between training and test, for early stopping and calibration.
    embargo_ns : int
        Time that is left out between the windows, beside the labels that reach over their edges.
    """

    train: int | str
    test: int | str
    step: int | str | None = None
    anchored: bool = False
    validation: int | str | None = None
    embargo_ns: int = 0

    def split(self, ts_event: Times, ts_end: Times) -> Iterator[Fold]:
        """Return the folds in time order; the last test window may be cut short by the end of the rows.

        Raises
        ------
        ModelError
            If the rows do not fill a training window and begin a test window.
        """
        _check_times(ts_event, ts_end, self.embargo_ns)
        periods = [p for p in (self.train, self.validation, self.test, self.step) if p is not None]
        start = _floor(int(ts_event[0]), periods) if len(ts_event) else 0
        folds: list[Fold] = []
        shift = 0
        while len(ts_event):
            begin = _advance(start, self.step or self.test, shift)
            middle = _advance(begin, self.train)
            late = _advance(middle, self.validation) if self.validation else middle
            if late > ts_event[-1]:
                break
            first = start if self.anchored else begin
            fold = _window(ts_event, ts_end, (first, middle, late, _advance(late, self.test)), self.embargo_ns)
            if len(fold.test) and len(fold.train):
                folds.append(Fold(len(folds), fold.train, fold.test, (len(folds),), fold.validation))
            shift += 1
        if not folds:
            what = f"no walk-forward window of {self.train} training and {self.test} test fits {_span(ts_event)}"
            raise ModelError(what, where="splits", fix="Give shorter windows, a shorter embargo, or a longer history.")
        return iter(folds)


@dataclass(frozen=True, slots=True)
class DatedSplit:
    """One division at dates, for example train 2020 to 2023, validate 2024, test 2025 on; times in ns UTC.

    Parameters
    ----------
    train_from, validation_from, test_from : int
        Where the windows begin; the validation window is empty if it begins where the test does.
    test_until : int, optional
        Where the test window ends, itself outside; after the last row if not given.
    embargo_ns : int
        Time that is left out between the windows.
    """

    train_from: int
    validation_from: int
    test_from: int
    test_until: int | None = None
    embargo_ns: int = 0

    def split(self, ts_event: Times, ts_end: Times) -> Iterator[Fold]:
        """Return the one fold.

        Raises
        ------
        ModelError
            If no training or no test row is left.
        """
        _check_times(ts_event, ts_end, self.embargo_ns)
        until = self.test_until if self.test_until is not None else np.iinfo(np.int64).max
        fold = _window(
            ts_event, ts_end, (self.train_from, self.validation_from, self.test_from, until), self.embargo_ns
        )
        for rows, window in ((fold.train, "training"), (fold.test, "test")):
            if not len(rows):
                what = f"no {window} row is left of {_span(ts_event)}"
                raise ModelError(what, where="splits", fix="Move the dates, or give a shorter embargo.")
        return iter((fold,))


Splitter = PurgedKFold | CombinatorialPurged | WalkForward | DatedSplit


def purged(rows: Rows, tested: Sequence[Rows], ts_event: Times, ts_end: Times, embargo_ns: int = 0) -> Rows:
    """Return the rows that may train: none of them tested, overlapping a block's labels, or in the embargo after it.

    Parameters
    ----------
    rows : ndarray of int64
        Candidates.
    tested : sequence of ndarray of int64
        The test rows, block by contiguous block.
    """
    keep = np.ones(len(rows), np.bool_)
    begin, end = ts_event[rows], ts_end[rows]
    for block in tested:
        first, last = ts_event[block[0]], np.max(ts_end[block])
        is_after = begin > last + embargo_ns if embargo_ns else begin >= last
        keep &= (end <= first) | is_after
        keep &= ~np.isin(rows, block, assume_unique=True)
    return rows[keep]


@dataclass(frozen=True, slots=True)
class Holdout:
    """The rows that may be worked on, and those that are looked at once; ``cut_ns`` is where the latter begin."""

    development: Rows
    holdout: Rows
    cut_ns: int


def holdout_cut(
    ts_event: Times, ts_end: Times, *, share: float = 0.2, from_ns: int | None = None, embargo_ns: int = 0
) -> Holdout:
    """Cut the newest rows off as the holdout; no label of the rows that are left reaches into it.

    Parameters
    ----------
    share : float
        Of all rows, in (0, 1).
    from_ns : int, optional
        Where the holdout begins, in place of ``share``.
    embargo_ns : int
        Time before the holdout that is left out as well.

    Raises
    ------
    ModelError
        If either side has no rows.
    """
    _check_times(ts_event, ts_end, embargo_ns)
    if not 0.0 < share < 1.0:
        what = f"a holdout of {share} of all rows is not possible"
        raise ModelError(what, where="splits", fix="Give a share between 0 and 1.")
    if from_ns is None and len(ts_event):
        from_ns = int(ts_event[min(int(len(ts_event) * (1.0 - share)), len(ts_event) - 1)])
    cut = from_ns or 0
    fold = _window(ts_event, ts_end, (np.iinfo(np.int64).min, cut, cut, np.iinfo(np.int64).max), embargo_ns)
    if not len(fold.train) or not len(fold.test):
        what = f"a holdout leaves {len(fold.train)} rows before it and {len(fold.test)} in it, of {_span(ts_event)}"
        raise ModelError(what, where="splits", fix="Give a longer history, another share, or a shorter embargo.")
    return Holdout(fold.train, fold.test, cut)


def _window(ts_event: Times, ts_end: Times, edges: tuple[int, int, int, int], embargo_ns: int) -> Fold:
    """Cut at the four edges; a label that reaches over the end of its window, embargo included, is left out."""
    a, b, c, d = (int(np.searchsorted(ts_event, edge)) for edge in edges)
    test = np.arange(c, d)
    validation = _ended(np.arange(b, c), ts_end, edges[2] - embargo_ns)
    next_edge = edges[1] if b < c else edges[2]
    return Fold(0, _ended(np.arange(a, b), ts_end, next_edge - embargo_ns), test, (0,), validation)


def _ended(rows: Rows, ts_end: Times, by: int) -> Rows:
    return rows[ts_end[rows] <= by]


def _edges(ts_event: Times, groups: int) -> Rows:
    """Return the first row of each group, and the number of rows; groups are as equal as shared times allow."""
    n = len(ts_event)
    wanted = np.array([n * k // groups for k in range(groups)], np.int64)
    edges = np.append(np.searchsorted(ts_event, ts_event[wanted]) if n else wanted, n)
    if (np.diff(edges) < 1).any():
        what = f"{n} rows at {len(np.unique(ts_event))} times are too few for {groups} folds"
        raise ModelError(what, where="splits", fix="Give fewer folds, or a longer history.")
    return edges


def _check_times(ts_event: Times, ts_end: Times, embargo_ns: int) -> None:
    if ts_event.shape != ts_end.shape or (ts_end < ts_event).any() or (np.diff(ts_event) < 0).any():
        msg = "rows must ascend in time, and labels end no sooner than they begin"
        raise ValueError(msg)
    if embargo_ns < 0:
        raise ModelError("an embargo cannot be negative", where="splits", fix="Give 0 or more.")
    if len(ts_event) and embargo_ns > max(int(ts_end.max()) - int(ts_event[0]), 0):
        what = f"an embargo of {_days(embargo_ns)} is longer than {_span(ts_event)}"
        raise ModelError(
            what, where="splits", fix="Give a shorter embargo (a few label horizons), or a longer history."
        )


def _check_training(train: Rows, where: str, embargo_ns: int) -> None:
    if not len(train):
        what = f"no training row is left after purging and an embargo of {_days(embargo_ns)}"
        fix = "Give a shorter embargo, a shorter label horizon, fewer test folds, or a longer history."
        raise ModelError(what, where=where, fix=fix)


def _span(ts_event: Times) -> str:
    if not len(ts_event):
        return "no rows"
    first, last = (np.datetime64(int(ts), "ns").astype("datetime64[D]") for ts in ts_event[[0, -1]])
    return f"{len(ts_event)} rows from {first} to {last}"


def _days(ns: int) -> str:
    return f"{ns / 86_400e9:.4g} days"


_CALENDAR = {"mo": 1, "y": 12}
_UNIT_NS = {"s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86_400 * 10**9, "w": 7 * 86_400 * 10**9}


def _period(text: int | str) -> tuple[int, int]:
    """Return a period as months and ns."""
    if isinstance(text, int):
        months, ns = 0, text
    else:
        digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
        unit = text[len(digits) :]
        if not digits.isdecimal() or unit not in _CALENDAR.keys() | _UNIT_NS.keys():
            fix = "Write a whole number and one of y, mo, w, d, h, m, s: for example 6mo."
            raise ModelError(f"{text!r} is not a period", where="splits", fix=fix)
        months, ns = int(digits) * _CALENDAR.get(unit, 0), int(digits) * _UNIT_NS.get(unit, 0)
    if months <= 0 and ns <= 0:
        raise ModelError(f"{text!r} is no time at all", where="splits", fix="Give a period longer than 0.")
    return months, ns


def _floor(ts: int, periods: Sequence[int | str]) -> int:
    unit = "M" if any(_period(p)[0] for p in periods) else "D"
    return int(np.datetime64(ts, "ns").astype(f"datetime64[{unit}]").astype("datetime64[ns]").astype(np.int64))


def _advance(ts: int, period: int | str, times: int = 1) -> int:
    """Return the time some periods later; of months, the same offset into the month."""
    months, ns = _period(period)
    ts += ns * times
    if not months:
        return ts
    month = np.datetime64(ts, "ns").astype("datetime64[M]")
    offset = ts - int(month.astype("datetime64[ns]").astype(np.int64))
    return int((month + months * times).astype("datetime64[ns]").astype(np.int64)) + offset
