from __future__ import annotations

import numpy as np
import pytest

from tradewright.analytics.monthly import monthly_returns
from tradewright.analytics.returns import daily_equity
from tradewright.core.types.errors import UsageError


def _stamps(*times: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(times, dtype="datetime64[ns]").astype(np.int64)


def test_months_and_years() -> None:
    stamps = _stamps("2022-11-10T12", "2022-11-30T12", "2022-12-30T12", "2023-02-01T12", "2023-02-28T12")
    daily = daily_equity(stamps, np.array([105.0, 110.0, 99.0, 100.0, 198.0]), 100.0)
    table = monthly_returns(daily, 100.0)
    assert table.years.tolist() == [2022, 2023]
    assert table.returns[0, 10:] == pytest.approx([0.1, -0.1])
    assert table.returns[1, 1] == pytest.approx(1.0)
    assert int(np.isfinite(table.returns).sum()) == 3
    assert table.totals == pytest.approx([-0.01, 1.0])


def test_midnight_belongs_to_the_month_that_ends() -> None:
    daily = daily_equity(_stamps("2023-02-01T00", "2023-03-01T00"), np.array([110.0, 121.0]), 100.0)
    assert monthly_returns(daily, 100.0).returns[0, :2] == pytest.approx([0.1, 0.1])


def test_a_day_that_begins_the_evening_before_counts_for_the_next_month() -> None:
    starts = _stamps("2023-01-30T22", "2023-01-31T22")
    daily = daily_equity(_stamps("2023-01-31T20", "2023-01-31T23"), np.array([110.0, 121.0]), 100.0, starts)
    assert monthly_returns(daily, 100.0).returns[0, :2] == pytest.approx([0.1, 0.1])


def test_a_year_without_days_stays_empty() -> None:
    daily = daily_equity(_stamps("2021-05-05", "2023-05-05"), np.array([110.0, 121.0]), 100.0)
    table = monthly_returns(daily, 100.0)
    assert table.years.tolist() == [2021, 2022, 2023]
    assert np.isnan(table.totals[1])
    assert np.isnan(table.returns[1]).all()


def test_no_days() -> None:
    table = monthly_returns(daily_equity(np.zeros(0, np.int64), np.empty(0), 100.0), 100.0)
    assert table.returns.shape == (0, 12)
    assert len(table.years) == len(table.totals) == 0


def test_starting_equity_must_be_positive() -> None:
    daily = daily_equity(_stamps("2021-05-05"), np.array([110.0]), 100.0)
    with pytest.raises(UsageError):
        monthly_returns(daily, 0.0)
