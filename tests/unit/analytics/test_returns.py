from __future__ import annotations

from datetime import time

import numpy as np
import pytest

from tradewright.analytics.returns import DAY_NS, daily_equity, periods_per_year, simple_returns
from tradewright.core.types.calendar import Calendar
from tradewright.core.types.errors import DataError, UsageError

MONDAY = 19_723 * DAY_NS  # 2024-01-01, a Monday
HOUR = DAY_NS // 24


def _days(*numbers: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return MONDAY + np.array(numbers, dtype=np.int64) * DAY_NS


def test_first_return_is_from_the_starting_equity() -> None:
    assert simple_returns(np.array([110.0, 99.0]), 100.0) == pytest.approx([0.1, -0.1])


def test_returns_after_ruin_are_not_defined() -> None:
    returns = simple_returns(np.array([50.0, -10.0, 20.0, 30.0]), 100.0)
    assert returns[:2] == pytest.approx([-0.5, -1.2])
    assert np.isnan(returns[2])
    assert returns[3] == pytest.approx(0.5)


def test_no_equity_gives_no_returns() -> None:
    assert len(simple_returns(np.empty(0), 100.0)) == 0


@pytest.mark.parametrize("initial", [0.0, -1.0, float("nan"), float("inf")])
def test_starting_equity_must_be_positive(initial: float) -> None:
    with pytest.raises(UsageError, match="starting equity"):
        simple_returns(np.array([1.0]), initial)


def test_last_equity_of_each_day_is_kept() -> None:
    stamps = MONDAY + np.array([9, 15, 24 + 9, 24 + 16, 96 + 9]) * HOUR
    daily = daily_equity(stamps, np.array([101.0, 102.0, 103.0, 104.0, 105.0]), 100.0)
    assert daily.equity.tolist() == [102.0, 104.0, 105.0]
    assert daily.day_starts.tolist() == _days(0, 1, 4).tolist()
    assert daily.stamps.tolist() == stamps[[1, 3, 4]].tolist()
    assert daily.returns == pytest.approx([0.02, 104 / 102 - 1, 105 / 104 - 1])


def test_a_stamp_at_midnight_closes_the_day_before() -> None:
    daily = daily_equity(_days(1, 2, 3), np.array([1.0, 2.0, 3.0]), 1.0)
    assert daily.day_starts.tolist() == _days(0, 1, 2).tolist()


def test_intraday_and_daily_record_of_one_run_agree() -> None:
    rng = np.random.default_rng(3)
    stamps = MONDAY + np.arange(1, 24 * 40 + 1) * HOUR
    equity = 1000.0 * np.multiply.accumulate(1.0 + rng.normal(0.0, 0.01, len(stamps)))
    hourly = daily_equity(stamps, equity, 1000.0)
    daily = daily_equity(stamps[23::24], equity[23::24], 1000.0)
    assert hourly.returns.tolist() == daily.returns.tolist()
    assert hourly.periods_per_year == daily.periods_per_year == 365.0


def test_given_day_starts_divide_the_days() -> None:
    new_york = Calendar("FX", "America/New_York", time(17, 0))
    stamps = MONDAY + np.array([20, 21, 23, 47]) * HOUR  # 22:00 UTC is 17:00 in New York
    starts = new_york.day_starts(int(stamps[0]), int(stamps[-1]))
    daily = daily_equity(stamps, np.array([1.0, 2.0, 3.0, 4.0]), 1.0, starts)
    assert daily.equity.tolist() == [2.0, 3.0, 4.0]
    assert daily.day_starts.tolist() == (MONDAY + np.array([-2, 22, 46]) * HOUR).tolist()


def test_stamp_at_the_first_given_start_is_a_day_of_its_own() -> None:
    daily = daily_equity(_days(0, 1), np.array([1.0, 2.0]), 1.0, _days(0, 1))
    assert daily.equity.tolist() == [1.0, 2.0]
    assert daily.day_starts.tolist() == _days(-1, 0).tolist()


@pytest.mark.parametrize("starts", [_days(), _days(3, 4, 5), _days(-9, -8)])
def test_day_starts_must_cover_the_curve(starts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
    with pytest.raises(DataError, match="do not cover"):
        daily_equity(_days(1, 2), np.array([1.0, 2.0]), 1.0, starts)


def test_empty_curve() -> None:
    empty = np.zeros(0, np.int64)
    for starts in (None, _days(0, 1)):
        daily = daily_equity(empty, np.empty(0), 100.0, starts)
        assert len(daily) == 0
        assert daily.periods_per_year == 252.0


@pytest.mark.parametrize(
    ("stamps", "equity", "match"),
    [
        (_days(1, 1), [1.0, 2.0], "row 1: times do not ascend"),
        (_days(1, 2), [1.0, float("nan")], "row 1: equity is nan"),
        (_days(1, 2), [1.0], "1 values for 2 times"),
    ],
)
def test_bad_curves_are_named(
    stamps: np.ndarray[tuple[int], np.dtype[np.int64]], equity: list[float], match: str
) -> None:
    with pytest.raises(DataError) as caught:
        daily_equity(stamps, np.array(equity), 1.0)
    assert match in str(caught.value)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], 252.0),
        ([0], 252.0),
        ([0, 1, 2, 3, 4], 252.0),  # Monday to Friday: no weekend seen
        (list(range(7)), 365.0),
        (list(range(100)), 365.0),
        ([d for d in range(100) if d % 7 < 5], 252.0),
        ([d for d in range(100) if d % 7 != 5], 252.0),  # currencies in UTC days: Sunday evening too
        ([d for d in range(100) if d % 7 < 5 and d not in {21, 22, 28}], 252.0),  # holidays
        (list(range(0, 400, 7)), 52.0),
        ([0, 31, 60, 91, 121, 152], 12.0),
        ([0, 91, 182, 274], 4.0),
        ([0, 366, 731], 1.0),
        ([d for d in range(140) if d % 7 in {0, 2, 4}], 59 * 365 / 137),
    ],
)
def test_periods_a_year_follow_the_days_observed(numbers: list[int], expected: float) -> None:
    assert periods_per_year(_days(*numbers)) == pytest.approx(expected)
