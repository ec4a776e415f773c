from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewright.adapters.ibkr.rows import bar_frame, read_bars, read_ticks, tick_frame
from tradewright.core.types.calendar import Calendar
from tradewright.data.kinds import Kind, schema
from tradewright.data.timeframe import DAY, SECOND

AT = 1_704_205_800  # 2024-01-02 14:30 UTC, 09:30 in New York
GOOD = [str(AT), "10", "12", "9", "11", "300", "10.5", "7"]
NEW_YORK = Calendar("", "America/New_York")


def ns(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * SECOND


def test_a_bar_as_the_store_wants_it() -> None:
    frame = bar_frame(read_bars([GOOD], is_daily=False), 60 * SECOND, NEW_YORK)
    row = frame.row(0, named=True)
    assert dict(frame.schema) == schema(Kind.BARS)
    assert (row["ts_open"], row["ts_event"], row["ts_seen"]) == (AT * SECOND, *[(AT + 60) * SECOND] * 2)
    assert [row[n] for n in ("open", "high", "low", "close", "volume", "trades")] == [10, 12, 9, 11, 300, 7]
    assert math.isnan(row["buy_volume"])


@pytest.mark.parametrize(
    ("zone", "opened", "closes"),
    [
        ("America/New_York", "2024-01-02 14:30", "2024-01-02 15:00"),  # 09:30 to 10:00
        ("America/New_York", "2024-01-02 15:00", "2024-01-02 16:00"),
        ("Asia/Kolkata", "2024-01-02 03:45", "2024-01-02 04:30"),  # 09:15 to 10:00
        ("Asia/Kolkata", "2024-01-02 04:30", "2024-01-02 05:30"),
        ("Australia/Adelaide", "2024-04-06 15:30", "2024-04-06 16:30"),  # the night the clock goes back
    ],
)
def test_an_hourly_bar_closes_at_the_full_hour_of_its_market(zone: str, opened: str, closes: str) -> None:
    row = [str(ns(opened) // SECOND), *GOOD[1:]]
    frame = bar_frame(read_bars([row], is_daily=False), 3600 * SECOND, Calendar("", zone))
    assert frame["ts_event"].to_list() == [ns(closes)]


def test_daily_bars_are_placed_in_the_zone_of_the_contract() -> None:
    rows = [[d, *GOOD[1:]] for d in ("20240308", "20240311")]  # the clock changes on the Sunday between
    frame = bar_frame(read_bars(rows, is_daily=True), DAY, NEW_YORK)
    assert frame["ts_open"].to_list() == [ns(f"2024-03-{d} 00:00", "America/New_York") for d in ("08", "11")]
    assert frame["ts_event"].to_list() == [ns(f"2024-03-{d} 00:00", "America/New_York") for d in ("09", "12")]
    overnight = Calendar("", "America/Chicago", time(17, 0))
    frame = bar_frame(read_bars(rows, is_daily=True), DAY, overnight)
    assert frame["ts_open"].to_list() == [
        ns("2024-03-07 17:00", "America/Chicago"),
        ns("2024-03-10 17:00", "America/Chicago"),
    ]


@pytest.mark.parametrize(
    ("field", "text", "reason"),
    [
        (0, "yesterday", "not seconds since 1970"),
        (0, "", "not seconds since 1970"),
        (0, "20240102", "not seconds since 1970"),
        (1, "abc", "open 'abc' is not a number"),
        (2, "nan", "high 'nan' is not a finite number"),
        (2, "inf", "not a finite number"),
        (3, "-1", "low -1 is not positive"),
        (4, "0", "close 0 is not positive"),
        (4, "13", "outside high and low"),
        (5, "-2", "volume -2 is not zero or more"),
        (7, "", "trades '' is not a number"),
    ],
)
def test_a_malformed_bar_is_kept_apart_with_its_reason(field: int, text: str, reason: str) -> None:
    bad = [*GOOD[:field], text, *GOOD[field + 1 :]]
    other = [str(AT + 60), *GOOD[1:]]
    read = read_bars([bad, other], is_daily=False)
    assert read.times == [AT + 60]
    quarantined = read.quarantined()
    assert quarantined is not None
    assert reason in quarantined["reason"][0]
    assert quarantined["row"].to_list() == [",".join(bad)]


@pytest.mark.parametrize("text", ["20240230", "2024", "2024-01-02", "1704205800"])
def test_a_date_that_is_none_is_kept_apart(text: str) -> None:
    assert len(read_bars([[text, *GOOD[1:]]], is_daily=True).refused) == 1


def test_no_volume_is_zero_and_not_minus_one() -> None:
    read = read_bars([[*GOOD[:5], "-1", "-1", "-1"]], is_daily=False)
    assert (read.values["volume"], read.values["trades"]) == ([0.0], [0.0])


def test_repeated_rows_go_and_contradicting_ones_are_kept_apart() -> None:
    other = [GOOD[0], "10", "12.5", *GOOD[3:]]
    read = read_bars([GOOD, GOOD, other], is_daily=False)
    assert read.values["high"] == [12.0]
    assert read.notes == ["1 repeated rows removed"]
    assert [reason for reason, _ in read.refused] == ["contradicts an earlier row of the same time"]


@given(st.permutations(range(6)))
def test_the_order_of_arrival_does_not_matter_for_bars(order: list[int]) -> None:
    rows = [[str(AT + 60 * i), "10", str(12 + i), *GOOD[3:]] for i in range(6)]
    read = read_bars([rows[i] for i in order], is_daily=False)
    assert read.values["high"] == [12.0 + i for i in range(6)]
    assert bool(read.notes) == (order != sorted(order))


def test_ticks_of_a_second_keep_their_order_and_their_equals() -> None:
    rows = [[str(AT + s), "0", p, "100", "ARCA", ""] for s, p in ((1, "5"), (0, "7"), (0, "6"), (0, "6"))]
    read = read_ticks(rows, Kind.TRADES)
    assert read.values["price"] == [7.0, 6.0, 6.0, 5.0]
    frame = tick_frame(read, Kind.TRADES)
    assert dict(frame.schema) == schema(Kind.TRADES)
    assert (frame["ts_seen"] - frame["ts_event"]).unique().to_list() == [SECOND]


@pytest.mark.parametrize(
    "row", [[str(AT), "0", "0", "5", "1", "1"], [str(AT), "0", "4", "5", "x", "1"], [str(AT), "0"]]
)
def test_a_malformed_quote_is_kept_apart(row: list[str]) -> None:
    read = read_ticks([row], Kind.QUOTES)
    assert (read.times, len(read.refused)) == ([], 1)


def test_no_rows_make_an_empty_frame() -> None:
    assert bar_frame(read_bars([], is_daily=True), DAY, NEW_YORK).shape == (0, len(schema(Kind.BARS)))
    assert bar_frame(read_bars([], is_daily=False), SECOND, NEW_YORK).height == 0
    assert tick_frame(read_ticks([], Kind.QUOTES), Kind.QUOTES).height == 0


def test_dates_are_days_since_1970() -> None:
    assert read_bars([["19700102", *GOOD[1:]]], is_daily=True).times == [1]
    assert date(1970, 1, 2).toordinal() - datetime(1970, 1, 1, tzinfo=UTC).toordinal() == 1
