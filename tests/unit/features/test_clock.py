"""Encodings of the market's clock."""

from __future__ import annotations

import math
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.calendar import Calendar
from tradewright.data.clock import fill_clock
from tradewright.features import compute, day_of_week_cos, day_of_week_sin, time_of_day_cos, time_of_day_sin

NEW_YORK = ZoneInfo("America/New_York")


def at(*moments: datetime) -> Bars:
    """Bars that end at these moments, in New York's calendar."""
    ts = np.array([int(m.timestamp()) * 10**9 for m in moments], np.int64)
    fields = blank_fields(ts)
    fill_clock(fields, ts - 60 * 10**9, ts, Calendar("ny", "America/New_York"))
    return Bars("X", ts - 60 * 10**9, ts, fields)


def test_half_past_nine_is_half_past_nine_in_winter_and_in_summer() -> None:
    moments = [datetime(2024, month, 15, 9, 30, tzinfo=NEW_YORK) for month in (1, 3, 7, 11, 12)]
    angle = 2.0 * math.pi * 9.5 / 24.0
    assert compute(time_of_day_sin(), at(*moments)) == pytest.approx([math.sin(angle)] * 5, abs=1e-9)
    assert compute(time_of_day_cos(), at(*moments)) == pytest.approx([math.cos(angle)] * 5, abs=1e-9)


def test_the_hour_that_daylight_saving_skips_and_the_one_it_repeats() -> None:
    # 2024-03-10 01:59 is followed by 03:00; 2024-11-03 01:30 is there twice, an hour apart
    spring = at(datetime(2024, 3, 10, 1, 59, tzinfo=NEW_YORK), datetime(2024, 3, 10, 3, 0, tzinfo=NEW_YORK))
    assert spring.ts_event[1] - spring.ts_event[0] == 60 * 10**9
    expected = [math.sin(2.0 * math.pi * h / 24.0) for h in (1.0 + 59.0 / 60.0, 3.0)]
    assert compute(time_of_day_sin(), spring) == pytest.approx(expected, abs=1e-9)
    autumn = at(*(datetime(2024, 11, 3, 1, 30, tzinfo=NEW_YORK, fold=fold) for fold in (0, 1)))
    assert autumn.ts_event[1] - autumn.ts_event[0] == 3600 * 10**9
    assert np.ptp(compute(time_of_day_sin(), autumn)) == 0.0


def test_the_week_begins_on_monday_by_the_local_date() -> None:
    monday = datetime(2024, 7, 1, 23, 59, tzinfo=NEW_YORK)  # Tuesday already in UTC
    sunday = datetime(2024, 7, 7, 12, 0, tzinfo=NEW_YORK)
    assert compute(day_of_week_sin(), at(monday, sunday)) == pytest.approx([0.0, math.sin(12.0 * math.pi / 7.0)])
    assert compute(day_of_week_cos(), at(monday, sunday)) == pytest.approx([1.0, math.cos(12.0 * math.pi / 7.0)])
