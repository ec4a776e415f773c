"""Names and lengths of bars."""

from __future__ import annotations

import numpy as np
import pytest

from tradewright.core.types.errors import DataError, UsageError
from tradewright.data.timeframe import DAY, SECOND, common_interval, interval_ns, timeframe_name


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("1s", 1), ("30s", 30), ("1m", 60), ("90m", 5400), ("4h", 14400), ("1d", 86400), ("2w", 1209600)],
)
def test_name_and_length_belong_together(name: str, seconds: int) -> None:
    assert interval_ns(name) == seconds * SECOND
    assert timeframe_name(seconds * SECOND) == name


def test_largest_unit_names_the_length() -> None:
    assert timeframe_name(interval_ns("60m")) == "1h"
    assert timeframe_name(interval_ns("24h")) == "1d"
    assert timeframe_name(250 * SECOND // 1000) == "250ms"


@pytest.mark.parametrize("bad", ["", "m", "0m", "1M", "1.5h", "-1d", "1 h", "1y", "99999999d"])
def test_what_is_no_timeframe_is_refused_with_an_example(bad: str) -> None:
    with pytest.raises(UsageError, match=r"not a timeframe.*15m"):
        interval_ns(bad)


def test_most_common_step_wins_over_gaps_and_disorder() -> None:
    steps = np.array([60, 60, 3600, 60, 60, 120, 60])
    stamps = np.cumsum(steps).astype(np.int64) * SECOND
    assert common_interval(stamps, "f") == 60 * SECOND
    assert common_interval(stamps[::-1], "f") == 60 * SECOND
    assert common_interval(np.repeat(stamps, 3), "f") == 60 * SECOND


def test_no_majority_step_still_gives_the_most_common_and_ties_the_shorter() -> None:
    assert common_interval(np.cumsum([0, 1, 1, 2, 3, 4]).astype(np.int64), "f") == 1
    assert common_interval(np.cumsum([0, 2, 1, 2, 1]).astype(np.int64), "f") == 1


def test_one_row_needs_the_length_given() -> None:
    with pytest.raises(DataError, match=r"one\.csv.*--interval"):
        common_interval(np.array([5]), "one.csv")


def test_monthly_rows_are_refused() -> None:
    months = np.array([0, 31, 59, 90, 120, 151]) * DAY
    with pytest.raises(DataError, match="a month apart"):
        common_interval(months, "f")
