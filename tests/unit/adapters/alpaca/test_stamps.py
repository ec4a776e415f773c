"""Times of the venue, exact to the nanosecond, and days as long as the clock says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewright.adapters.alpaca.stamps import midnight_after, ns_of, text_of

HOUR = 3600 * 10**9


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2021-02-22T15:51:44.208Z", 1614009104_208_000_000),
        ("2024-03-07T15:00:00.123456789Z", 1709823600_123_456_789),
        ("2024-03-07T15:00:00.1Z", 1709823600_100_000_000),
        ("2024-03-07T10:00:00.000000001-05:00", 1709823600_000_000_001),
        ("2024-03-07t15:00:00z", 1709823600_000_000_000),
        ("2262-01-01T00:00:00.999999999Z", 9214646400_999_999_999),  # a double could not hold it
    ],
)
def test_a_time_is_read_to_the_nanosecond(text: str, ns: int) -> None:
    assert ns_of(text) == ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-03-07",
        "2024-03-07T15:00:00",
        "2024-03-07T15:00Z",
        "2024-02-30T15:00:00Z",
        "2024-03-07T24:00:01Z",
        "2024-03-07T15:00:00.1234567890Z",
        "2024-03-07T15:00:00.Z",
        "2024-03-07T15:00:00Z ",
        "1709823600",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        ns_of(text)


@given(st.integers(min_value=-(10**18), max_value=9 * 10**18))
def test_writing_and_reading_give_the_same_time(ns: int) -> None:
    assert ns_of(text_of(ns)) == ns


@pytest.mark.parametrize(
    ("day", "following", "hours"),
    [
        ("2024-03-08T05:00:00Z", "2024-03-09T05:00:00Z", 24),
        ("2024-03-10T05:00:00Z", "2024-03-11T04:00:00Z", 23),  # clocks forward
        ("2024-11-03T04:00:00Z", "2024-11-04T05:00:00Z", 25),  # clocks back
    ],
)
def test_a_day_ends_at_the_next_midnight_in_new_york(day: str, following: str, hours: int) -> None:
    end = midnight_after(ns_of(day), 1)
    assert end == ns_of(following)
    assert end is not None
    assert end - ns_of(day) == hours * HOUR


def test_a_week_over_the_change_of_clocks_is_an_hour_short() -> None:
    assert midnight_after(ns_of("2024-03-04T05:00:00Z"), 7) == ns_of("2024-03-11T04:00:00Z")


def test_what_is_no_midnight_has_no_end() -> None:
    assert midnight_after(ns_of("2024-03-08T04:00:00Z"), 1) is None
    assert midnight_after(ns_of("2024-03-08T05:00:00.000000001Z"), 1) is None
    assert midnight_after(ns_of("2024-03-08T06:00:00Z"), 1, "America/Chicago") == ns_of("2024-03-09T06:00:00Z")
