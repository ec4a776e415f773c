"""The rows that the market's clock decides."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.calendar import Calendar
from tradewright.core.types.dtypes import (
    BUY_VOLUME,
    CLOSE,
    LOCAL_TIME,
    REFERENCE,
    SESSION,
    SESSION_CLOSE,
    SESSION_OPEN,
    TIME,
    TRADES,
)
from tradewright.core.types.instrument import Instrument
from tradewright.data.clock import fill_clock, local_clock
from tradewright.data.presets import CALENDARS
from tradewright.data.reference import with_reference
from tradewright.data.source import ArraySource
from tradewright.data.synthetic import WalkParams, synthetic_bars

#: Of fifty made-up bars, when an event table had six rows.
FINGERPRINT_BEFORE_THE_ROWS = "a102bf927766973f2f1664ec89cfa9f8"
MINUTE = 60 * 10**9
HOUR = 60 * MINUTE


def clock(ts_open: list[int], length: int, calendar: Calendar) -> NDArray[np.float64]:
    opens = np.array(ts_open, np.int64)
    fields = blank_fields(opens + length)
    fill_clock(fields, opens, opens + length, calendar)
    return fields


def ns(zone: str, *clock_time: int) -> int:
    return int(datetime(*clock_time, tzinfo=ZoneInfo(zone)).timestamp()) * 10**9  # type: ignore[arg-type, misc]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Europe/London", "Asia/Tokyo", "Australia/Lord_Howe"])
def test_the_local_clock_is_the_standard_librarys(zone: str) -> None:
    ts = (1_704_067_200 + 1800 * np.arange(17_568, dtype=np.int64)) * 10**9  # every half hour of 2024
    shown = local_clock(ts, zone)
    for moment, local in zip(ts[::7].tolist(), shown[::7].tolist(), strict=True):
        there = datetime.fromtimestamp(moment // 10**9, tz=ZoneInfo(zone))
        assert local == moment + int(there.utcoffset().total_seconds()) * 10**9  # type: ignore[union-attr]


def test_an_exchange_has_its_hours_and_its_early_close() -> None:
    new_york = CALENDARS["us_equity"]
    day, half = ns(new_york.zone, 2024, 11, 27, 9, 30), ns(new_york.zone, 2024, 11, 29, 9, 30)
    fields = clock([day, day + 7 * HOUR, half], MINUTE, new_york)
    length = (fields[SESSION_CLOSE] - fields[SESSION_OPEN]) / 3600.0
    assert length.tolist() == [6.5, 24.0, 3.5]  # open, after the close: the trading day, the day after Thanksgiving
    assert (fields[SESSION_OPEN, [0, 2]] * 1e9).tolist() == [day, half]


def test_daily_bars_have_the_bounds_of_their_day_which_daylight_saving_changes() -> None:
    zone = CALENDARS["us_equity"].zone
    days = [ns(zone, 2024, 3, d) for d in (9, 10, 11)]
    fields = clock(days, 23 * HOUR, CALENDARS["us_equity"])
    assert ((fields[SESSION_CLOSE] - fields[SESSION_OPEN]) / 3600.0).tolist() == [24.0, 23.0, 24.0]
    assert np.diff(fields[SESSION]).tolist() == [1.0, 1.0]


def test_years_without_known_holidays_have_trading_days() -> None:
    fields = clock([ns("Asia/Tokyo", 1980, 5, 7, 10, 0)], MINUTE, CALENDARS["tse"])
    assert fields[SESSION_CLOSE, 0] - fields[SESSION_OPEN, 0] == 86_400.0


def test_a_market_of_its_own_name_has_trading_days() -> None:
    fields = clock([0, HOUR], HOUR, Calendar("mine", "Asia/Tokyo"))
    assert fields[TIME].tolist() == [3600.0, 7200.0]
    assert fields[LOCAL_TIME].tolist() == [10 * 3600.0, 11 * 3600.0]
    assert fields[SESSION_OPEN].tolist() == [-9 * 3600.0] * 2


def test_no_events_are_no_trouble() -> None:
    assert clock([], MINUTE, CALENDARS["us_equity"]).shape[1] == 0


def test_the_reference_is_never_seen_early() -> None:
    own = synthetic_bars(10, 1, WalkParams(interval=MINUTE))
    other = synthetic_bars(2, 2, WalkParams(interval=4 * MINUTE))
    row = with_reference(own, other).fields[REFERENCE]
    assert np.isnan(row[:3]).all()
    assert row[3:7].tolist() == [other.close[0]] * 4
    assert row[7:].tolist() == [other.close[1]] * 3
    assert np.isnan(own.fields[REFERENCE]).all()


def test_what_is_unknown_does_not_change_a_fingerprint_and_what_is_known_does() -> None:
    bars = synthetic_bars(50, 1)
    instrument = Instrument("SYN")
    before = ArraySource(instrument, bars).fingerprint
    assert before == FINGERPRINT_BEFORE_THE_ROWS
    for row in (TRADES, BUY_VOLUME, REFERENCE):
        known = Bars(bars.instrument, bars.ts_open, bars.ts_event, bars.fields.copy())
        known.fields[row] = 7.0
        assert ArraySource(instrument, known).fingerprint != before
    changed = Bars(bars.instrument, bars.ts_open, bars.ts_event, bars.fields.copy())
    changed.fields[CLOSE, 3] += 1.0
    assert ArraySource(instrument, changed).fingerprint != before
