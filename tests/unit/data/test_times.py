"""Forms of time, zones, clock changes. Expected times come from the standard library or are written out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from tradewright.core.types.errors import DataError, UsageError
from tradewright.data.presets import CALENDARS
from tradewright.data.reading import RawTable
from tradewright.data.timeframe import DAY
from tradewright.data.times import Stamps, TimeRule, day_bounds, moment_ns, parse_times


def parse(values: Sequence[object] | pl.Series, time_format: str = "", timezone: str = "") -> Stamps:
    """Read a column of times as they would stand in a file whose names are row 1."""
    return parse_times(RawTable("f.csv", pl.DataFrame({"time": values}), 2), TimeRule(time_format, timezone))


def ns(*parts: int, zone: str = "UTC") -> int:
    """Return a local time as ns UTC, by the standard library."""
    return int(datetime(*parts, tzinfo=ZoneInfo(zone)).timestamp()) * 10**9  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-05T14:30:00Z",
        "2024-03-05 14:30:00+00:00",
        "2024-03-05T15:30:00+01:00",
        "2024-03-05 09:30:00-0500",
        "2024-03-05T14:30:00.000Z",
        "2024-03-05 14:30Z",
        "1709649000",
        "1709649000.0",
        "1709649000000",
        "1709649000000000",
        "1709649000000000000",
    ],
)
def test_times_that_need_no_zone(text: str) -> None:
    assert parse([text]).values.tolist() == [ns(2024, 3, 5, 14, 30)]


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-05 14:30",
        "2024-03-05 14:30:00",
        "2024-03-05T14:30:00.000",
        "2024/03/05 14:30",
        "2024.03.05 14:30",
        "20240305 14:30:00",
    ],
)
def test_naive_times_take_the_zone_given(text: str) -> None:
    assert parse([text], timezone="America/New_York").values.tolist() == [
        ns(2024, 3, 5, 14, 30, zone="America/New_York")
    ]


def test_naive_times_without_a_zone_name_the_flag() -> None:
    with pytest.raises(UsageError, match=r"f\.csv: times such as '2024-03-05 14:30:00' carry no time zone.*--timezone"):
        parse(["2024-03-05 14:30"])


@pytest.mark.parametrize("text", ["2024-03-05", "20240305", "2024/3/5", "2024.03.05", "2024-03-05 00:00:00"])
def test_dates(text: str) -> None:
    stamps = parse([text])
    assert stamps.is_date
    assert stamps.values.tolist() == [(date(2024, 3, 5) - date(1970, 1, 1)).days]


def test_given_form() -> None:
    assert parse(["1/4/1999", "12/28/2018"], time_format="%m/%d/%Y").values.tolist() == [
        (date(1999, 1, 4) - date(1970, 1, 1)).days,
        (date(2018, 12, 28) - date(1970, 1, 1)).days,
    ]
    stamps = parse(["29.12.2017 21:00:00.000"], time_format="%d.%m.%Y %H:%M:%S%.f", timezone="UTC")
    assert stamps.values.tolist() == [ns(2017, 12, 29, 21)]
    assert parse(["5"], time_format="s").values.tolist() == [5 * 10**9]


def test_unknown_form_asks_for_it() -> None:
    with pytest.raises(DataError, match=r"f\.csv, row 2, field time: '29\.12\.2017'.*--time-format"):
        parse(["29.12.2017"])


def test_unreadable_time_names_row_and_form() -> None:
    with pytest.raises(DataError, match=r"f\.csv, row 3, field time: 'soon' is not a time of the form"):
        parse(["2024-03-05T14:30:00Z", "soon"])


def test_first_time_that_is_no_date() -> None:
    with pytest.raises(DataError, match=r"row 2, field time: '2024-02-30' is not a time of the form %Y-%m-%d\. "):
        parse(["2024-02-30"])
    with pytest.raises(DataError, match=r"row 2, field time: '2024-03-05' is not a time of the form %d\.%m\.%Y"):
        parse(["2024-03-05"], time_format="%d.%m.%Y")


@pytest.mark.parametrize(
    "values",
    [
        ["2024-03-05", "9999-12-31"],
        ["2024-03-05T00:00:00Z", "1601-01-01T00:00:00Z"],
        [date(2024, 3, 5), date(3000, 1, 1)],
    ],
)
def test_times_that_do_not_fit_are_refused(values: list[object]) -> None:
    with pytest.raises(DataError, match=r"row 3, field time: .* is outside the years 1678 to 2261"):
        parse(values)


def test_numbers_that_are_no_times() -> None:
    with pytest.raises(DataError, match=r"row 2, field time: '99999999999999999999' is outside the years"):
        parse(["99999999999999999999"])
    with pytest.raises(DataError, match=r"row 3, field time: 'nan' is not an epoch time"):
        parse(["1709649000.5", "nan"])


def test_missing_time() -> None:
    with pytest.raises(DataError, match=r"row 3, field time: the time is missing"):
        parse(["2024-03-05T14:30:00Z", None])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2024-03-05 14:30:00+00:00", "2024-03-05 14:31:00"),
        ("2024-03-05 14:30:00", "2024-03-05 14:31:00+00:00"),
    ],
)
def test_rows_with_and_without_offset_are_mixed_zones(first: str, second: str) -> None:
    with pytest.raises(DataError, match=r"row 3, field time: mixed time zones.*one zone"):
        parse([first, second], timezone="UTC")


def test_offsets_of_different_zones_are_mixed() -> None:
    rows = ["2024-03-05 14:30:00+00:00", "2024-03-05 14:31:00Z", "2024-03-05 09:32:00-05:00"]
    with pytest.raises(DataError, match=r"row 4, field time: mixed time zones: offset -05:00 after \+00:00"):
        parse(rows)
    with pytest.raises(DataError, match=r"row 4, field time: mixed time zones"):
        parse(["2024-03-05 14:30:00+01:00", "2024-03-05 14:31:00+02:00", "2024-03-05 14:31:00+03:00"])


def test_winter_and_summer_of_one_zone_are_not_mixed() -> None:
    rows = ["2024-03-09 12:00:00-05:00", "2024-03-11 12:00:00-04:00"]
    assert parse(rows).values.tolist() == [ns(2024, 3, 9, 17), ns(2024, 3, 11, 16)]


def test_hour_that_does_not_exist() -> None:
    rows = ["2024-03-10 01:30", "2024-03-10 02:30", "2024-03-10 03:30"]
    with pytest.raises(DataError, match=r"row 3, field time: '2024-03-10 02:30:00' does not exist in America/New_York"):
        parse(rows, timezone="America/New_York")


def test_hour_that_happens_twice() -> None:
    rows = ["2024-11-03 00:30", "2024-11-03 01:30", "2024-11-03 02:30"]
    with pytest.raises(
        DataError, match=r"row 3, field time: '2024-11-03 01:30:00' happens twice.*UTC or with an offset"
    ):
        parse(rows, timezone="America/New_York")


def test_unknown_zone() -> None:
    with pytest.raises(UsageError, match=r"--timezone: 'Mars/Olympus' is not a time zone.*America/New_York"):
        parse(["2024-03-05 14:30"], timezone="Mars/Olympus")


def test_epoch_of_another_size_than_the_first() -> None:
    with pytest.raises(DataError, match=r"row 3, field time: '1709649000' is not of the size"):
        parse([1709649000000, 1709649000])


def test_typed_columns_of_parquet() -> None:
    stamp = datetime(2024, 3, 5, 14, 30, tzinfo=UTC)
    zoned = pl.Series([stamp]).dt.convert_time_zone("Asia/Tokyo").dt.cast_time_unit("ms")
    assert parse(zoned).values.tolist() == [ns(2024, 3, 5, 14, 30)]
    assert parse(pl.Series([date(2024, 3, 5)])).is_date
    with pytest.raises(UsageError, match="--timezone"):
        parse(pl.Series([datetime(2024, 3, 5, 14, 30)]))  # noqa: DTZ001 - the file's time has no zone
    with pytest.raises(DataError, match=r"holds no times"):
        parse(pl.Series([True]))


def test_trading_days_are_as_long_as_the_clock_says() -> None:
    days = np.array([(date(2024, 3, d) - date(1970, 1, 1)).days for d in (8, 10, 11)])
    opens, ends = day_bounds(days, 1, CALENDARS["us_equity"])
    assert ((ends - opens) // 3_600_000_000_000).tolist() == [24, 23, 24]
    assert opens[0] == ns(2024, 3, 8, zone="America/New_York")


def test_a_day_that_starts_in_the_evening_is_named_by_the_next_date() -> None:
    monday = np.array([(date(2024, 3, 4) - date(1970, 1, 1)).days])
    opens, ends = day_bounds(monday, 1, CALENDARS["fx"])
    assert opens[0] == ns(2024, 3, 3, 17, zone="America/New_York")
    assert ends[0] == ns(2024, 3, 4, 17, zone="America/New_York")


def test_week_from_dates() -> None:
    opens, ends = day_bounds(np.array([19723]), 7, CALENDARS["24/7"])
    assert (ends - opens).tolist() == [7 * DAY]


def test_moments_people_give() -> None:
    assert moment_ns("2020-01-31") == ns(2020, 1, 31)
    assert moment_ns("2020-01-31 14:30", "America/New_York") == ns(2020, 1, 31, 14, 30, zone="America/New_York")
    assert moment_ns("2020-01-31T14:30:00.000001+01:00") == ns(2020, 1, 31, 13, 30) + 1000
    with pytest.raises(UsageError, match="'31/01/2020' is not a date"):
        moment_ns("31/01/2020")
