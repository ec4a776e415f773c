from __future__ import annotations

from datetime import UTC, datetime
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tradewright.core.types.errors import ModelError
from tradewright.models.splits import (
    CombinatorialPurged,
    DatedSplit,
    Fold,
    PurgedKFold,
    Splitter,
    WalkForward,
    holdout_cut,
    purged,
)

DAY = 86_400 * 10**9
Times = NDArray[np.int64]


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def day_of(ts: int) -> str:
    return str(np.datetime64(int(ts), "ns").astype("datetime64[D]"))


def days(first: str, last: str, horizon: int = 0) -> tuple[Times, Times]:
    ts = np.arange(ns(first), ns(last) + DAY // 2, DAY)
    return ts, ts + horizon * DAY


# Purge 1 and embargo 1 of twelve samples in three folds, two of them tested: the answers of skfolio's own tests
# (tests/test_model_selection/test_combinatorial.py, BSD-3). "Purge 1" is a label that reaches half a step too far.
TEST_SETS = [[*range(8)], [0, 1, 2, 3, 8, 9, 10, 11], [*range(4, 12)]]


@pytest.mark.parametrize(
    ("horizon", "embargo", "train"),
    [
        (15, 0, [[9, 10, 11], [5, 6], [0, 1, 2]]),
        (0, 10, [[9, 10, 11], [5, 6, 7], [0, 1, 2, 3]]),
    ],
)
def test_known_answer_of_combinatorial_purging(horizon: int, embargo: int, train: list[list[int]]) -> None:
    ts = np.arange(12, dtype=np.int64) * 10
    splitter = CombinatorialPurged(3, 2, embargo)
    folds = list(splitter.split(ts, ts + horizon))
    assert [f.test.tolist() for f in folds] == TEST_SETS
    assert [f.train.tolist() for f in folds] == train
    assert [f.test_groups for f in folds] == [(0, 1), (0, 2), (1, 2)]
    assert splitter.paths() == ((0, 0), (1, 0), (1, 1))
    assert splitter.n_paths == 2


def is_free_of_overlap(train: NDArray[np.int64], test: NDArray[np.int64], times: tuple[Times, Times]) -> bool:
    """Row against row: no training label shares time with a test label, and none begins within it."""
    begin, end = times
    shared = (begin[train][:, None] < end[test]) & (end[train][:, None] > begin[test])
    return not shared.any() and not np.isin(train, test).any()


@st.composite
def labels(draw: st.DrawFn) -> tuple[Times, Times]:
    steps = draw(st.lists(st.integers(0, 5), min_size=12, max_size=60))
    lengths = draw(st.lists(st.integers(0, 12), min_size=len(steps), max_size=len(steps)))
    ts = np.cumsum(steps).astype(np.int64)
    return ts, ts + np.array(lengths, np.int64)


def folds_of(splitter: Splitter, times: tuple[Times, Times]) -> list[Fold]:
    try:
        return list(splitter.split(*times))
    except ModelError:
        return []


@settings(max_examples=150, deadline=None)
@given(labels(), st.integers(2, 6), st.integers(1, 3), st.integers(0, 9))
def test_no_training_label_overlaps_a_test_label(
    times: tuple[Times, Times], folds: int, tested: int, embargo: int
) -> None:
    splitter = CombinatorialPurged(folds, min(tested, folds - 1), embargo)
    found = folds_of(splitter, times)
    for fold in found:
        assert is_free_of_overlap(fold.train, fold.test, times)
        blocks = np.split(fold.test, np.flatnonzero(np.diff(fold.test) > 1) + 1)
        for block in blocks:
            since = times[0][fold.train] - times[1][block].max()
            assert not ((since > 0) & (since <= embargo)).any()
        # A time is on one side only, for all instruments.
        assert not np.isin(times[0][fold.train], times[0][fold.test]).any()
    if found:
        counts = np.bincount(np.concatenate([f.test for f in found]), minlength=len(times[0]))
        assert (counts == comb(folds - 1, splitter.n_test_folds - 1)).all()
        assert len(found) == comb(folds, splitter.n_test_folds)


@settings(max_examples=150, deadline=None)
@given(labels(), st.integers(2, 6), st.integers(0, 9))
def test_k_fold_tests_every_row_once_and_drops_no_row_without_need(
    times: tuple[Times, Times], folds: int, embargo: int
) -> None:
    found = folds_of(PurgedKFold(folds, embargo), times)
    if found:
        assert np.concatenate([f.test for f in found]).tolist() == list(range(len(times[0])))
    for fold in found:
        first, last = times[0][fold.test[0]], times[1][fold.test].max()
        dropped = np.setdiff1d(np.arange(len(times[0])), np.concatenate([fold.train, fold.test]))
        begin, end = times[0][dropped], times[1][dropped]
        assert ((end > first) & (begin <= last + embargo)).all()


@settings(max_examples=150, deadline=None)
@given(labels(), st.integers(1, 40), st.integers(0, 20), st.integers(1, 20), st.integers(0, 9), st.booleans())
def test_walk_forward_learns_from_the_past_only(
    times: tuple[Times, Times], train: int, validation: int, test: int, embargo: int, anchored: bool
) -> None:
    splitter = WalkForward(train, test, None, anchored, validation or None, embargo)
    folds = folds_of(splitter, times)
    tested = [f.test for f in folds]
    assert len(np.unique(np.concatenate([[], *tested]))) == sum(len(t) for t in tested)
    for fold in folds:
        first = times[0][fold.test[0]]
        assert (times[1][fold.train] <= first - embargo).all()
        assert (times[1][fold.validation] <= first - embargo).all()
        if len(fold.validation):
            assert times[1][fold.train].max() <= times[0][fold.validation[0]] - embargo
        if not anchored:
            assert times[0][fold.train[0]] >= first - train - validation - test


@settings(max_examples=150, deadline=None)
@given(labels(), st.floats(0.05, 0.9), st.integers(0, 9))
def test_nothing_known_before_the_holdout_reaches_into_it(
    times: tuple[Times, Times], share: float, embargo: int
) -> None:
    try:
        cut = holdout_cut(*times, share=share, embargo_ns=embargo)
    except ModelError:
        return
    assert (times[0][cut.holdout] >= cut.cut_ns).all()
    assert cut.holdout.tolist() == np.flatnonzero(times[0] >= cut.cut_ns).tolist()
    assert (times[1][cut.development] <= cut.cut_ns - embargo).all()


def test_purging_a_row_inside_a_long_test_label() -> None:
    ts = np.arange(6, dtype=np.int64) * 10
    end = np.array([5, 15, 45, 35, 45, 55], np.int64)  # the label of row 2 outlives that of row 3
    kept = purged(np.array([0, 1, 4, 5]), [np.array([2, 3])], ts, end)
    assert kept.tolist() == [0, 1, 5]


def test_walk_forward_by_the_calendar() -> None:
    ts, end = days("2020-01-02", "2025-12-31", 5)
    folds = list(WalkForward("3y", "1y").split(ts, end))
    edges = [(day_of(ts[f.train[0]]), day_of(ts[f.test[0]]), day_of(ts[f.test[-1]])) for f in folds]
    assert edges == [
        ("2020-01-02", "2023-01-01", "2023-12-31"),
        ("2021-01-01", "2024-01-01", "2024-12-31"),
        ("2022-01-01", "2025-01-01", "2025-12-31"),
    ]
    assert day_of(ts[folds[0].train[-1]]) == "2022-12-27"  # five days later its label is known, as the test begins
    anchored = list(WalkForward("3y", "6mo", "1y", anchored=True).split(ts, end))
    assert [day_of(ts[f.train[0]]) for f in anchored] == ["2020-01-02"] * 3
    assert [day_of(ts[f.test[-1]]) for f in anchored] == ["2023-06-30", "2024-06-30", "2025-06-30"]


def test_walk_forward_in_days_begins_with_the_first_row() -> None:
    ts, end = days("2020-01-15", "2020-03-31")
    folds = list(WalkForward("30d", "1w", validation=7 * DAY).split(ts, end))
    assert day_of(ts[folds[0].train[0]]) == "2020-01-15"
    assert day_of(ts[folds[0].validation[0]]) == "2020-02-14"
    assert day_of(ts[folds[0].test[0]]) == "2020-02-21"
    assert [f.number for f in folds] == list(range(len(folds)))


def test_train_validate_test_at_dates() -> None:
    ts, end = days("2020-01-01", "2025-06-30", 3)
    splitter = DatedSplit(ns("2020-01-01"), ns("2024-01-01"), ns("2025-01-01"), embargo_ns=DAY)
    (fold,) = splitter.split(ts, end)
    assert day_of(ts[fold.train[-1]]) == "2023-12-28"
    assert (day_of(ts[fold.validation[0]]), day_of(ts[fold.validation[-1]])) == ("2024-01-01", "2024-12-28")
    assert (day_of(ts[fold.test[0]]), day_of(ts[fold.test[-1]])) == ("2025-01-01", "2025-06-30")
    (short,) = DatedSplit(ns("2020-01-01"), ns("2021-01-01"), ns("2021-01-01"), ns("2022-01-01")).split(ts, end)
    assert not len(short.validation)
    assert day_of(ts[short.train[-1]]) == "2020-12-29"
    assert day_of(ts[short.test[-1]]) == "2021-12-31"


TEN = days("2020-01-01", "2020-01-10", 1)
NO_ROWS = (np.empty(0, np.int64), np.empty(0, np.int64))


@pytest.mark.parametrize(
    ("splitter", "times", "what"),
    [
        (PurgedKFold(5, 30 * DAY), TEN, "embargo of 30 days is longer than 10 rows from 2020-01-01 to 2020-01-10"),
        (PurgedKFold(2, 9 * DAY), TEN, "no training row is left"),
        (PurgedKFold(5, -1), TEN, "embargo cannot be negative"),
        (PurgedKFold(11), TEN, "10 rows at 10 times are too few for 11 folds"),
        (PurgedKFold(3), (TEN[0] * 0, TEN[1]), "10 rows at 1 times are too few"),
        (PurgedKFold(3), NO_ROWS, "0 rows"),
        (PurgedKFold(1), TEN, "1 of 1 folds"),
        (CombinatorialPurged(3, 3), TEN, "3 of 3 folds"),
        (WalkForward("1y", "1mo"), TEN, "no walk-forward window of 1y training and 1mo test fits"),
        (WalkForward("4d", "2d", embargo_ns=8 * DAY), TEN, "no walk-forward window"),
        (WalkForward("4d", "2d"), NO_ROWS, "no rows"),
        (WalkForward("four days", "2d"), TEN, "'four days' is not a period"),
        (WalkForward("0d", "2d"), TEN, "no time at all"),
        (DatedSplit(0, ns("2020-01-05"), ns("2021-01-01")), TEN, "no test row"),
        (DatedSplit(0, 0, ns("2020-01-01")), TEN, "no training row"),
    ],
)
def test_impossible_splits_say_what_to_do(splitter: Splitter, times: tuple[Times, Times], what: str) -> None:
    with pytest.raises(ModelError, match=what) as caught:
        list(splitter.split(*times))
    assert caught.value.fix


@pytest.mark.parametrize("options", [{"share": 1.0}, {"from_ns": 0}, {"from_ns": 10**19 // 2}, {"embargo_ns": 9 * DAY}])
def test_impossible_holdouts_say_what_to_do(options: dict[str, float]) -> None:
    with pytest.raises(ModelError) as caught:
        holdout_cut(*TEN, **options)  # type: ignore[arg-type]
    assert caught.value.fix


def test_rows_that_do_not_ascend_are_a_fault_of_the_caller() -> None:
    ts, end = TEN
    with pytest.raises(ValueError, match="ascend"):
        PurgedKFold(2).split(ts[::-1], end[::-1])
    with pytest.raises(ValueError, match="no sooner"):
        PurgedKFold(2).split(ts, ts - 1)
