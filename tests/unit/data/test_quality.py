"""Findings on frames: what is suspicious is found where it is, and clean series are not accused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars
from tradewright.data.kinds import Kind, schema
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
    return pl.DataFrame(columns | values, schema=schema(Kind.BARS))


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
    assert found["detail"].to_list() == ["about 5 bars missing before this one"]
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
    assert findings(moved.cast({"ts_open": pl.Int64})).counts() == {"gap": 1, "overlap": 1}


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


def test_weekends_and_single_holidays_are_no_gaps_but_a_lost_week_is() -> None:
    all_days = [date(2024, 1, 1) + timedelta(days=i) for i in range(400)]
    weekdays = [d for d in all_days if d.weekday() < 5 and d != date(2024, 7, 4)]
    assert findings(daily(weekdays, "us_equity"), DAY, "us_equity").counts() == {}
    lost = [d for d in weekdays if not date(2024, 5, 13) <= d <= date(2024, 5, 17)]
    found = findings(daily(lost, "us_equity"), DAY, "us_equity").frame
    assert found["detail"].to_list() == ["about 5 bars missing before this one"]
    assert findings(daily(weekdays, "24/7"), DAY, "24/7").counts()["gap"] > 50


def test_closing_hours_are_no_gaps_but_a_lost_afternoon_is() -> None:
    sessions: list[NDArray[np.int64]] = []
    day = date(2024, 1, 2)
    while len(sessions) < 60:
        if day.weekday() < 5:
            start = day_bounds(np.array([(day - date(1970, 1, 1)).days]), 1, CALENDARS["us_equity"])[0][0]
            sessions.append(start + (9 * 60 + 30 + np.arange(390, dtype=np.int64)) * MINUTE)
        day += timedelta(days=1)

    def counts(stamps: NDArray[np.int64]) -> dict[str, int]:
        bars = synthetic_bars(len(stamps), seed=4)
        return findings(frame_of(replace(bars, ts_open=stamps, ts_event=stamps + MINUTE)), MINUTE, "us_equity").counts()

    assert counts(np.concatenate(sessions)) == {}
    broken = [*sessions[:30], sessions[30][:90], *sessions[31:]]
    assert counts(np.concatenate(broken)) == {"gap": 1}
    hole = [*sessions[:30], np.delete(sessions[30], [100, 101]), *sessions[31:]]
    assert counts(np.concatenate(hole)) == {"gap": 1}
