from __future__ import annotations

import numpy as np
import polars as pl
from tests.unit.data.quality.sound import HOUR, MINUTE, sample, seeded

from tradewright.data.kinds import Kind
from tradewright.data.quality import Subject
from tradewright.data.quality.presence import Presence, presence
from tradewright.data.sessions import calendar_named


def counted(frame: pl.DataFrame, interval: int, calendar: str) -> Presence:
    rows = np.arange(len(frame), dtype=np.int64)
    return presence(Subject("x", Kind.BARS, frame, rows, interval, calendar_named(calendar)))


def test_whole_sessions_are_full_half_days_included() -> None:
    hours = counted(seeded(HOUR, 2000, "XNYS", 1, "2024-10-01"), HOUR, "XNYS")
    assert (hours.present == hours.expected).all()
    half = hours.days == np.datetime64("2024-11-29", "D").astype(np.int64)
    assert hours.expected[half].tolist() == [4]  # 9:30 to 13:00
    assert set(hours.expected.tolist()) == {4, 7}


def test_missing_days_count_and_strange_days_have_no_expectation() -> None:
    frame = seeded(HOUR, 700, "XNYS", 1, "2024-06-03")
    day = pl.from_epoch("ts_open", time_unit="ns").dt.date()
    weekend = frame[:1].with_columns(pl.col("ts_open", "ts_event", "ts_seen") + 5 * 24 * HOUR)  # Saturday the 8th
    frame = pl.concat([frame.filter(day != pl.date(2024, 6, 5)), weekend]).sort("ts_open")
    got = counted(frame, HOUR, "XNYS")
    of = dict(zip(got.days.tolist(), zip(got.present.tolist(), got.expected.tolist(), strict=True), strict=True))
    assert of[int(np.datetime64("2024-06-05", "D").astype(np.int64))] == (0, 7)
    assert of[int(np.datetime64("2024-06-08", "D").astype(np.int64))] == (1, 0)


def test_currencies_and_markets_that_never_close() -> None:
    fx = counted(seeded(HOUR, 500, "fx", 1), HOUR, "fx")
    assert set(fx.expected.tolist()) == {24}
    assert (fx.present == fx.expected).all()
    minutes = counted(seeded(MINUTE, 3000, "24/7", 1)[30:], MINUTE, "24/7")
    assert minutes.expected.tolist() == minutes.present.tolist()
    assert minutes.present[0] == 1410


def test_daily_bars_of_the_sample_are_whole() -> None:
    got = counted(sample("SPX"), 24 * HOUR, "us_equity")
    assert (got.present == 1).all()
    assert (got.expected == 1).all()
