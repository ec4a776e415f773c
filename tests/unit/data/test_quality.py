"""Findings on frames: what is suspicious is found where it is, and clean series are not accused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.core.types.calendar import Calendar
from tradewright.data.kinds import Kind, canonical
from tradewright.data.presets import CALENDARS
from tradewright.data.quality import RULES, Findings, Subject, check
from tradewright.data.synthetic import WalkParams, synthetic_bars
from tradewright.data.timeframe import DAY
from tradewright.data.times import day_bounds

MINUTE = 60 * 10**9


def frame_of(bars: Bars) -> pl.DataFrame:
    """Return bars as a canonical frame."""
    columns = {"ts_open": bars.ts_open, "ts_event": bars.ts_event, "ts_seen": bars.ts_event}
    values = {n: bars.fields[i] for i, n in enumerate(("open", "high", "low", "close", "volume"))}
    return canonical(pl.DataFrame(columns | values), Kind.BARS)


def findings(frame: pl.DataFrame, interval: int = MINUTE, calendar: str = "24/7") -> Findings:
    """Check a frame whose first row is row 2 of its file."""
    rows = np.arange(2, len(frame) + 2, dtype=np.int64)
    return check(Subject("f.csv", Kind.BARS, frame, rows, interval, CALENDARS[calendar]))


def changed(frame: pl.DataFrame, index: int, **values: float) -> pl.DataFrame:
    """Return the frame with some cells of one row replaced."""
    at = pl.int_range(pl.len()) == index
    return frame.with_columns(pl.when(at).then(v).otherwise(pl.col(n)).alias(n) for n, v in values.items())


@pytest.fixture
def clean() -> pl.DataFrame:
    """Return 3000 clean minute bars."""
    return frame_of(synthetic_bars(3000, seed=7))


def test_clean_series_has_no_findings(clean: pl.DataFrame) -> None:
    assert len(findings(clean).frame) == 0


def test_random_walks_of_many_kinds_are_not_accused() -> None:
    for seed in range(10):
        for volatility in (0.0002, 0.002, 0.02):
            walk = WalkParams(volatility=volatility, ticks_per_unit=1000)
            assert findings(frame_of(synthetic_bars(1500, seed, walk))).counts() == {}


def test_gap_is_found_at_the_row_after_it(clean: pl.DataFrame) -> None:
    found = findings(pl.concat([clean[:100], clean[105:]])).frame
    assert found["rule"].to_list() == ["gap"]
    assert found["row"].to_list() == [102]
    assert found["detail"].to_list() == ["5 bars missing before this one"]
    assert found["severity"].to_list() == ["warning"]


def test_spike_that_returns_is_found_and_news_is_not(clean: pl.DataFrame) -> None:
    price = clean["close"][500] * 1.05
    spike = changed(clean, 500, close=price, high=price)
    found = findings(spike).frame
    assert (found["rule"].to_list(), found["row"].to_list()) == (["spike"], [502])
    names = ["open", "high", "low", "close"]
    news = pl.concat([clean[:500], clean[500:].with_columns(pl.col(n) * 1.05 for n in names)])
    assert findings(news).counts() == {}


def test_lonely_wick_is_found(clean: pl.DataFrame) -> None:
    found = findings(changed(clean, 800, low=clean["low"][800] * 0.9)).frame
    assert (found["rule"].to_list(), found["row"].to_list()) == (["spike"], [802])


def test_frozen_price_is_one_finding_a_run(clean: pl.DataFrame) -> None:
    price = clean["close"][1000]
    frozen = pl.int_range(pl.len()).is_between(1000, 1019)
    names = ["open", "high", "low", "close"]
    stuck = clean.with_columns(pl.when(frozen).then(price).otherwise(pl.col(n)).alias(n) for n in names)
    found = findings(stuck).frame.filter(pl.col("rule") == "frozen_price")
    assert found["row"].to_list() == [1002]
    assert found["detail"].to_list() == ["price does not move for 20 bars from here"]


def test_zero_volume_is_one_finding_a_run(clean: pl.DataFrame) -> None:
    quiet = clean.with_columns(
        volume=pl.when(pl.int_range(pl.len()).is_in([5, 6, 7, 90])).then(0.0).otherwise("volume")
    )
    found = findings(quiet).frame
    assert found["row"].to_list() == [7, 92]
    assert found["detail"].to_list() == ["3 bars without volume from here", "1 bar without volume from here"]


def test_bar_that_starts_inside_another(clean: pl.DataFrame) -> None:
    moved = changed(clean, 50, ts_open=int(clean["ts_open"][50]) - MINUTE // 2)
    assert findings(moved.cast({"ts_open": pl.Int64})).counts() == {"gap": 1, "off_grid": 1, "overlap": 1}


def test_every_damaged_row_is_found(clean: pl.DataFrame) -> None:
    high, low = clean["high"], clean["low"]
    damaged = changed(clean, 10, close=float("nan"))
    damaged = changed(damaged, 20, low=-1.0)
    damaged = changed(damaged, 30, high=float(low[30]) - 1)
    damaged = changed(damaged, 40, open=float(high[40]) + 1)
    damaged = changed(damaged, 50, volume=-5.0)
    found = findings(damaged).errors
    assert dict(zip(found["row"].to_list(), found["rule"].to_list(), strict=True)) == {
        12: "not_a_number",
        22: "not_positive",
        32: "high_below_low",
        42: "outside_range",
        52: "negative_amount",
    }
    assert set(found["repair"].to_list()) == {RULES[r][1] for r in found["rule"].to_list()}


def test_order_and_duplicates(clean: pl.DataFrame) -> None:
    swapped = pl.concat([clean[:10], clean[11:12], clean[10:11], clean[12:]])
    assert findings(swapped).errors.select("rule", "row").rows() == [("unsorted", 13)]
    doubled = pl.concat([clean[:10], clean[9:]])
    assert findings(doubled).errors.select("rule", "row").rows() == [("duplicate_time", 12)]


def daily(days: list[date], calendar: str) -> pl.DataFrame:
    """Return plain daily bars of the given trading days."""
    numbers = np.array([(d - date(1970, 1, 1)).days for d in days])
    opens, ends = day_bounds(numbers, 1, CALENDARS[calendar])
    bars = synthetic_bars(len(days), seed=3)
    return frame_of(replace(bars, ts_open=opens, ts_event=ends))


def test_weekends_and_holidays_are_no_gaps_but_a_lost_week_is() -> None:
    all_days = [date(2024, 1, 1) + timedelta(days=i) for i in range(400)]
    # New York Stock Exchange, published holidays of 2024 and of January 2025 (the 9th: mourning of Jimmy Carter)
    closed = {
        *(
            date(2024, m, d)
            for m, d in ((1, 1), (1, 15), (2, 19), (3, 29), (5, 27), (6, 19), (7, 4), (9, 2), (11, 28), (12, 25))
        ),
        *(date(2025, 1, d) for d in (1, 9, 20)),
    }
    trading = [d for d in all_days if d.weekday() < 5 and d not in closed]
    assert findings(daily(trading, "us_equity"), DAY, "us_equity").counts() == {}
    lost = [d for d in trading if not date(2024, 5, 13) <= d <= date(2024, 5, 17)]
    found = findings(daily(lost, "us_equity"), DAY, "us_equity").frame
    assert found["rule"].to_list() == ["missing_session"]
    assert found["detail"][0].startswith("5 sessions missing before this one")
    holiday = sorted([*trading, date(2024, 7, 4)])
    found = findings(daily(holiday, "us_equity"), DAY, "us_equity").frame
    assert found["detail"].to_list() == ["1 bar on 2024-07-04, when XNYS has no session"]
    assert findings(daily(trading, "24/7"), DAY, "24/7").counts()["gap"] > 50


def minutes_of(day: date, count: int = 390) -> NDArray[np.int64]:
    start = day_bounds(np.array([(day - date(1970, 1, 1)).days]), 1, CALENDARS["us_equity"])[0][0]
    stamps: NDArray[np.int64] = start + (9 * 60 + 30 + np.arange(count, dtype=np.int64)) * MINUTE
    return stamps


def minute_findings(stamps: NDArray[np.int64], calendar: Calendar | None = None) -> Findings:
    bars = synthetic_bars(len(stamps), seed=4)
    frame = frame_of(replace(bars, ts_open=stamps, ts_event=stamps + MINUTE))
    rows = np.arange(len(frame), dtype=np.int64)
    return check(Subject("f.csv", Kind.BARS, frame, rows, MINUTE, calendar or CALENDARS["us_equity"]))


def november() -> list[date]:
    days = [date(2024, 11, 1) + timedelta(days=i) for i in range(29)]
    return [d for d in days if d.weekday() < 5 and d != date(2024, 11, 28)]


def test_closing_hours_and_half_days_are_no_gaps_but_a_lost_afternoon_is() -> None:
    # 2024-11-29 closed at 13:00; on the 3rd clocks went back.
    sessions = [minutes_of(d, 210 if d == date(2024, 11, 29) else 390) for d in november()]
    assert minute_findings(np.concatenate(sessions)).counts() == {}
    broken = [*sessions[:5], sessions[5][:90], *sessions[6:]]
    found = minute_findings(np.concatenate(broken)).frame
    assert found["detail"].to_list() == ["300 bars missing before this one"]
    hole = [*sessions[:5], np.delete(sessions[5], [100, 101]), *sessions[6:]]
    assert minute_findings(np.concatenate(hole)).frame["detail"].to_list() == ["2 bars missing before this one"]
    over = [*sessions[:-1], minutes_of(date(2024, 11, 29), 390)]
    found = minute_findings(np.concatenate(over)).frame
    assert found["detail"].to_list() == ["180 bars after the early close of XNYS (2024-11-29 18:00:00 UTC)"]


def test_calendar_of_which_only_the_days_are_known_allows_its_usual_closing_hours() -> None:
    own = Calendar("my market", "America/New_York")
    sessions = [minutes_of(d) for d in november()]
    assert minute_findings(np.concatenate(sessions), own).counts() == {}
    broken = [*sessions[:5], sessions[5][:90], *sessions[6:]]
    assert minute_findings(np.concatenate(broken), own).counts() == {"gap": 1}


def test_extended_hours_are_said_once() -> None:
    early = [np.concatenate([minutes_of(d)[:1] - 120 * MINUTE, minutes_of(d)]) for d in november()[:10]]
    found = minute_findings(np.concatenate(early)).frame
    assert found["rule"].to_list() == ["outside_session"]
    assert "looks like extended hours" in found["detail"][0]


def test_local_times_read_as_universal_are_named_so() -> None:
    start = date(2024, 1, 2)
    days = [start + timedelta(days=i) for i in range(200)]
    days = [d for d in days if d.weekday() < 5 and d not in (date(2024, 7, 4), date(2024, 7, 3))]
    true = np.concatenate([minutes_of(d, 30) for d in days])
    offset = np.concatenate([np.full(30, int(minutes_of(d, 1)[0]) % DAY - (9 * 60 + 30) * MINUTE) for d in days])
    bars = np.sort(np.concatenate([true - offset, true - offset + 360 * MINUTE]))
    found = minute_findings(bars).frame
    assert found["rule"].to_list() == ["time_zone"]
    assert "local times of America/New_York read as UTC" in found["detail"][0]


@pytest.mark.parametrize(
    ("lost", "is_change"), [("2024-03-10T02", True), ("2024-03-31T01", True), ("2024-03-13T02", False)]
)
def test_hour_lost_at_a_clock_change_is_told_from_a_gap(lost: str, is_change: bool) -> None:
    # local times of New York (or London) written down as universal time
    hour = int(np.datetime64(lost, "ns").astype(np.int64))
    start = hour - 5 * DAY
    frame = frame_of(synthetic_bars(14_400, 1, WalkParams(start=start)))
    frame = frame.filter(~pl.col("ts_open").is_between(hour, hour + 59 * MINUTE))
    assert findings(frame).counts() == ({"daylight_saving": 1} if is_change else {"gap": 1})


def test_hour_repeated_at_a_clock_change_is_told() -> None:
    hour = int(np.datetime64("2024-11-03T01", "ns").astype(np.int64))
    frame = frame_of(synthetic_bars(7200, 1, WalkParams(start=hour - 2 * DAY)))
    again = frame.filter(pl.col("ts_open").is_between(hour, hour + 59 * MINUTE))
    whole = pl.concat(
        [
            frame.filter(pl.col("ts_open") < hour + 60 * MINUTE),
            again,
            frame.filter(pl.col("ts_open") >= hour + 60 * MINUTE),
        ]
    )
    found = findings(whole).frame.filter(pl.col("rule") == "daylight_saving")
    assert found["detail"].to_list() == ["the hour from 2024-11-03 01:00:00 is there twice, as when clocks go back"]


def test_crash_on_great_turnover_is_no_split() -> None:
    days = [d for d in (date(2023, 1, 2) + timedelta(days=i) for i in range(120)) if d.weekday() < 5]
    frame = daily(days, "24/7")
    at = pl.int_range(pl.len()) >= 40
    prices = [pl.when(at).then(pl.col(n) * 0.5).otherwise(pl.col(n)).alias(n) for n in ("open", "high", "low", "close")]
    calm = frame.with_columns(volume=pl.lit(1e6))
    split = calm.with_columns(*prices, volume=pl.when(at).then(2e6).otherwise(pl.col("volume")))
    crash = calm.with_columns(
        *prices, volume=pl.when(pl.int_range(pl.len()) == 40).then(2e7).otherwise(pl.col("volume"))
    )
    assert findings(split, DAY, "us_equity").counts().get("split") == 1
    assert "split" not in findings(crash, DAY, "us_equity").counts()


def test_spike_on_great_volume_must_be_larger(clean: pl.DataFrame) -> None:
    price = clean["close"][500] * 1.02
    calm = clean.with_columns(volume=pl.lit(100.0))
    assert findings(changed(calm, 500, close=price, high=price)).counts() == {"spike": 1}
    assert findings(changed(calm, 500, close=price, high=price, volume=5000.0)).counts() == {}
