"""The label-overlap test against its definition, row by row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewright.features.leaks import Split, check_label_overlap, purged

STARTS = np.arange(0, 100, 2, dtype=np.int64)


def split(test: range) -> Split:
    rows = np.arange(len(STARTS))
    return Split(rows[~np.isin(rows, list(test))], np.array(test), "k")


def test_windows_that_share_a_return_are_found() -> None:
    (finding,) = check_label_overlap(STARTS, STARTS + 6, split(range(20, 30))).findings
    assert (finding.feature, finding.bar) == ("k", 18)  # 36..42 meets 40..46; 34..40 ends where that begins
    assert "4 of 40" in finding.detail  # 18 and 19 before, 30 and 31 after


def test_touching_windows_do_not_overlap_and_the_embargo_does() -> None:
    assert check_label_overlap(STARTS, STARTS + 2, split(range(20, 30))).is_clean
    (finding,) = check_label_overlap(STARTS, STARTS + 2, split(range(20, 30)), embargo_ns=3).findings
    assert finding.bar == 30
    assert "embargo" in finding.detail
    assert "2 of 40" in finding.detail


def test_a_row_on_both_sides_is_found() -> None:
    both = Split(np.array([1, 2]), np.array([2, 30]))
    (finding,) = check_label_overlap(STARTS, STARTS + 1, both).findings
    assert finding.bar == 2
    assert "tested on as well" in finding.detail


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 15)), min_size=2, max_size=25),
    st.integers(0, 2**25 - 1),
    st.integers(0, 9),
)
def test_purging_removes_exactly_what_overlaps(spans: list[tuple[int, int]], chosen: int, embargo: int) -> None:
    begin = np.array([a for a, _ in spans], np.int64)
    end = begin + np.array([b for _, b in spans])
    rows = np.arange(len(spans))
    is_test = np.array([(chosen >> k) & 1 == 1 for k in range(len(spans))])
    given_split = Split(rows[~is_test], rows[is_test])
    kept = purged(begin, end, given_split, embargo)
    honest = [
        int(r)
        for r in given_split.train
        if not any(begin[r] < end[t] and begin[t] < end[r] for t in given_split.test)
        and not any(0 <= begin[r] - end[t] < embargo for t in given_split.test)
    ]
    assert kept.train.tolist() == honest
    assert check_label_overlap(begin, end, kept, embargo).is_clean
    assert check_label_overlap(begin, end, given_split, embargo).is_clean == (len(honest) == len(given_split.train))


@pytest.mark.parametrize(
    ("end", "rows", "embargo"), [(STARTS - 1, split(range(3)), 0), (STARTS, Split(np.array([50]), np.array([1])), 0)]
)
def test_what_makes_no_sense_is_refused(end: np.ndarray, rows: Split, embargo: int) -> None:
    with pytest.raises(ValueError, match=r"labels|split"):
        check_label_overlap(STARTS, end, rows, embargo)
