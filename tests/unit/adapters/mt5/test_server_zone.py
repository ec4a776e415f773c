"""What a server's clock shows: New York's time and seven hours more, over the days on which clocks are moved."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tradewright.adapters.mt5.server_clock import ServerClock
from tradewright.adapters.mt5.server_zone import HOUR_MS, ServerZone, last_change_ms
from tradewright.execution.venue import VenueRejectedError, VenueUnavailableError

DAY_MS = 24 * HOUR_MS


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1_000)


@pytest.mark.parametrize(
    ("zone", "shown", "utc"),
    [
        # New York is moved on 8 March and 1 November 2026, Athens on 29 March and 25 October
        ("America/New_York+7", "2026-03-06 23:59", "2026-03-06 21:59"),
        ("America/New_York+7", "2026-03-09 00:00", "2026-03-08 21:00"),
        ("America/New_York+7", "2026-10-30 23:00", "2026-10-30 20:00"),
        ("America/New_York+7", "2026-11-02 00:00", "2026-11-01 22:00"),
        ("Europe/Athens", "2026-03-27 12:00", "2026-03-27 10:00"),
        ("Europe/Athens", "2026-03-30 12:00", "2026-03-30 09:00"),
        ("UTC+3", "2026-01-01 03:00", "2026-01-01 00:00"),
        ("UTC-5", "2026-07-01 00:00", "2026-07-01 05:00"),
        ("Etc/GMT-2", "2026-07-01 02:00", "2026-07-01 00:00"),
    ],
)
def test_times_of_known_days(zone: str, shown: str, utc: str) -> None:
    found = ServerZone.parse(zone)
    assert found.utc_ms(ms(shown)) == ms(utc)
    assert found.server_ms(ms(utc)) == ms(shown)


def test_a_day_is_as_long_as_the_clock_says() -> None:
    zone = ServerZone.parse("America/New_York+7")
    lengths = [
        end - start for day in ("03-07", "03-08", "11-01") for start, end in [zone.span_ms(ms(f"2026-{day}"), DAY_MS)]
    ]
    assert lengths == [DAY_MS, DAY_MS - HOUR_MS, DAY_MS + HOUR_MS]


def test_a_bar_ends_when_the_clock_is_moved_and_none_begins_in_the_hour_that_is_left_out() -> None:
    zone = ServerZone.parse("America/New_York+7")
    assert zone.span_ms(ms("2026-03-08 08:59"), 60_000) == (ms("2026-03-08 06:59"), ms("2026-03-08 07:00"))
    with pytest.raises(VenueRejectedError, match=r"shows 2026-03-08 09:30, and a clock of America/New_York\+7 never"):
        zone.span_ms(ms("2026-03-08 09:30"), 60_000)
    assert zone.utc_ms(ms("2026-11-01 08:30")) == ms("2026-11-01 05:30"), "the first of two"


@pytest.mark.parametrize(
    "text", ["", "New York", "America/New_York+", "America/Nowhere+7", "../etc/passwd", "+3", "UTC+15"]
)
def test_what_is_no_zone_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(ValueError, match="write America/New_York"):
        ServerZone.parse(text)


@pytest.mark.parametrize(
    ("now", "moved"),
    [
        ("2026-07-01 12:00", "2026-03-29 01:00"),  # Athens, the last one
        ("2026-10-31 12:00", "2026-10-25 01:00"),
        ("2026-11-01 05:59", "2026-10-25 01:00"),
        ("2026-11-01 06:00", "2026-11-01 06:00"),
        ("2027-02-01 00:00", "2026-11-01 06:00"),
        ("2027-03-20 00:00", "2027-03-14 07:00"),
    ],
)
def test_when_clocks_were_last_moved(now: str, moved: str) -> None:
    assert last_change_ms(ms(now)) == ms(moved)


def test_what_was_measured_holds_until_clocks_are_moved() -> None:
    clock, before, after = ServerClock(), ms("2026-10-30 12:00"), ms("2026-11-02 12:00")
    with pytest.raises(VenueUnavailableError, match="server_zone"):
        clock.utc_ms(before)
    clock.compare(before + 3 * HOUR_MS + 700, before)
    assert (clock.utc_ms(before + 3 * HOUR_MS), clock.is_good(before), clock.knows_zone) == (before, True, False)
    assert not clock.is_good(after)
    clock.compare(after + 2 * HOUR_MS - 900, after)
    assert (clock.utc_ms(after + 2 * HOUR_MS), clock.is_good(after)) == (after, True)


def test_a_clock_of_ours_that_is_off_by_minutes_measures_nothing() -> None:
    clock = ServerClock()
    clock.compare(ms("2026-07-01 15:07"), ms("2026-07-01 12:00"))
    assert not clock.is_compared


def test_a_quote_that_speaks_against_the_zone_is_an_error() -> None:
    clock, now = ServerClock(ServerZone.parse("Europe/Athens")), ms("2026-03-16 12:00")  # New York is moved already
    with pytest.raises(VenueRejectedError, match=r"shows 2026-03-16 15:00, and it is 14:00 in Europe/Athens"):
        clock.compare(now + 3 * HOUR_MS, now)
