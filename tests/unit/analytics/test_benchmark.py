from __future__ import annotations

import math

import numpy as np
import pytest

from tradewright.analytics.benchmark import buy_and_hold, marks_at
from tradewright.core.types.errors import DataError, UsageError

NAN = math.nan


def test_marks_are_the_last_known() -> None:
    stamps = np.array([5, 10, 15, 20, 99], dtype=np.int64)
    times = np.array([10, 20], dtype=np.int64)
    assert marks_at(stamps, times, np.array([1.0, 2.0])) == pytest.approx([NAN, 1, 1, 2, 2], nan_ok=True)
    assert np.isnan(marks_at(stamps, times[:0], np.empty(0))).all()


def test_equal_parts_are_bought_once() -> None:
    marks = np.array([[10.0, 20.0, 15.0], [4.0, 4.0, 2.0]])
    assert buy_and_hold(marks, 1000.0) == pytest.approx([1000.0, 1500.0, 1000.0])


def test_late_and_missing_marks() -> None:
    marks = np.array([[NAN, 10.0, NAN, 20.0], [NAN, NAN, NAN, NAN]])
    assert buy_and_hold(marks, 100.0) == pytest.approx([100.0, 100.0, 100.0, 150.0])


@pytest.mark.parametrize("shape", [(0, 3), (2, 0)])
def test_nothing_to_hold(shape: tuple[int, int]) -> None:
    assert buy_and_hold(np.empty(shape), 50.0).tolist() == [50.0] * shape[1]


def test_what_cannot_be_bought_is_refused() -> None:
    with pytest.raises(DataError, match="first price is -1") as caught:
        buy_and_hold(np.array([[1.0, 1.0], [NAN, -1.0]]), 100.0)
    assert caught.value.where == "instrument 1, row 1"
    with pytest.raises(UsageError):
        buy_and_hold(np.ones((1, 1)), -5.0)
