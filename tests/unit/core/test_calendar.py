"""Trading days across daylight saving."""

from __future__ import annotations

from datetime import UTC, datetime, time

import numpy as np

from tradewright.core.types.calendar import Calendar

HOUR = 3_600_000_000_000
FX = Calendar("fx", "America/New_York", time(17, 0))


def ns(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1_000_000_000  # type: ignore[misc,arg-type]


def test_utc_days_begin_at_midnight() -> None:
    starts = Calendar().day_starts(ns(2024, 1, 2, 12), ns(2024, 1, 3, 12))
    assert starts.tolist() == [ns(2024, 1, 2), ns(2024, 1, 3), ns(2024, 1, 4)]


def test_a_time_at_the_border_belongs_to_the_day_that_begins() -> None:
    starts = Calendar().day_starts(ns(2024, 1, 2), ns(2024, 1, 2))
    assert starts.tolist() == [ns(2024, 1, 2), ns(2024, 1, 3)]


def test_one_more_start_stands_after_the_last_time() -> None:
    starts = Calendar().day_starts(ns(2024, 1, 2), ns(2024, 1, 3))
    assert starts[-1] > ns(2024, 1, 3)


def test_the_day_is_23_hours_when_clocks_go_forward() -> None:
    # New York, 2024-03-10: the day from Saturday 17:00 EST (22:00 UTC) to Sunday 17:00 EDT (21:00 UTC)
    starts = FX.day_starts(ns(2024, 3, 9, 23), ns(2024, 3, 10, 20))
    assert starts.tolist() == [ns(2024, 3, 9, 22), ns(2024, 3, 10, 21)]
    assert np.diff(starts).tolist() == [23 * HOUR]


def test_the_day_is_25_hours_when_clocks_go_back() -> None:
    # New York, 2024-11-03: from Saturday 17:00 EDT (21:00 UTC) to Sunday 17:00 EST (22:00 UTC)
    starts = FX.day_starts(ns(2024, 11, 2, 22), ns(2024, 11, 3, 21))
    assert starts.tolist() == [ns(2024, 11, 2, 21), ns(2024, 11, 3, 22)]
    assert np.diff(starts).tolist() == [25 * HOUR]


def test_midnight_in_berlin_across_both_changes() -> None:
    berlin = Calendar("berlin", "Europe/Berlin")
    assert np.diff(berlin.day_starts(ns(2024, 3, 31, 0), ns(2024, 3, 31, 1))).tolist() == [23 * HOUR]
    assert np.diff(berlin.day_starts(ns(2024, 10, 27, 0), ns(2024, 10, 27, 1))).tolist() == [25 * HOUR]


def test_day_numbers_change_at_the_border() -> None:
    # 1970-01-02 is day 1; the trading day is named by the local date on which it begins
    ts = np.array([ns(2024, 3, 9, 21), ns(2024, 3, 9, 22), ns(2024, 3, 10, 20), ns(2024, 3, 10, 21)], np.int64)
    ts[0] -= 1
    first = (datetime(2024, 3, 8, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days
    assert FX.day_numbers(ts).tolist() == [first, first + 1, first + 1, first + 2]


def test_no_times_no_numbers() -> None:
    assert len(Calendar().day_numbers(np.empty(0, np.int64))) == 0
