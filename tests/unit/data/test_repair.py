"""Policies for gaps: what is filled is marked, nothing later than itself is used, what came is left as it was."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.unit.data.quality.sound import DAY, HOUR, MINUTE, examine, seeded

from tradewright.core.types.errors import UsageError
from tradewright.data.repair import POLICIES, fill_gaps
from tradewright.data.sessions import calendar_named

XNYS = calendar_named("XNYS")


@pytest.fixture(scope="module")
def whole() -> pl.DataFrame:
    return seeded(HOUR, 700, "XNYS", 3)


@pytest.fixture(scope="module")
def holed(whole: pl.DataFrame) -> pl.DataFrame:
    """Two bars of one session, and the last three of another with the whole session after."""
    return pl.concat([whole[:100], whole[102:207], whole[217:]])


def test_nothing_is_done_unless_asked(holed: pl.DataFrame) -> None:
    left = fill_gaps(holed, HOUR, XNYS)
    assert left.frame.equals(holed)
    assert not left.marks.any()


@pytest.mark.parametrize("policy", POLICIES)
def test_whole_series_are_left_alone(whole: pl.DataFrame, policy: str) -> None:
    assert fill_gaps(whole, HOUR, XNYS, policy).frame.equals(whole)  # type: ignore[arg-type]


def test_forward_puts_flat_marked_bars_in_sessions_only(whole: pl.DataFrame, holed: pl.DataFrame) -> None:
    filled = fill_gaps(holed, HOUR, XNYS, "forward")
    assert filled.frame["ts_open"].to_list() == whole["ts_open"].to_list()
    assert filled.frame.filter(pl.Series(filled.marks == 0)).equals(holed)
    new = filled.frame.filter(pl.Series(filled.marks == 1))
    assert len(new) == 12
    assert new["volume"].sum() == 0
    assert new["close"].to_list() == [whole["close"][99]] * 2 + [whole["close"][206]] * 10
    assert new.filter((pl.col("open") != pl.col("close")) | (pl.col("high") != pl.col("low"))).is_empty()
    assert (new["ts_seen"] == new["ts_open"] + HOUR).all()
    assert set(examine(filled.frame, HOUR, "XNYS").counts()) <= {"zero_volume", "frozen_price"}


def test_filled_rows_do_not_depend_on_what_comes_after(holed: pl.DataFrame) -> None:
    early = fill_gaps(holed[:150], HOUR, XNYS, "forward")
    late = fill_gaps(holed, HOUR, XNYS, "forward")
    assert late.frame[: len(early.frame)].equals(early.frame)


def test_drop_session_removes_every_session_a_gap_touches(whole: pl.DataFrame, holed: pl.DataFrame) -> None:
    dropped = fill_gaps(holed, HOUR, XNYS, "drop_session")
    days = pl.from_epoch("ts_open", time_unit="ns").dt.date()
    hurt = whole[[100, 206, 207, 216]].select(days).to_series().unique()
    assert dropped.frame.select(days).to_series().is_in(hurt.implode()).sum() == 0
    assert dropped.dropped_rows == len(holed) - len(dropped.frame) == 7 * len(hurt) - 12
    assert len(dropped.dropped_days) <= len(hurt)
    assert not dropped.marks.any()


def test_markets_that_never_close_and_daily_bars() -> None:
    minutes = seeded(MINUTE, 3000, "24/7", 1)
    lost = pl.concat([minutes[:500], minutes[560:]])
    filled = fill_gaps(lost, MINUTE, calendar_named("24/7"), "forward")
    assert filled.frame["ts_open"].to_list() == minutes["ts_open"].to_list()
    assert int(filled.marks.sum()) == 60
    days = whole_days()
    daily = fill_gaps(pl.concat([days[:50], days[53:]]), DAY, XNYS, "forward")
    assert daily.frame["ts_open"].to_list() == days["ts_open"].to_list()


def whole_days() -> pl.DataFrame:
    """One bar a session, from midnight to midnight of New York."""
    hours = seeded(HOUR, 900, "XNYS", 3)[::7]
    starts = XNYS.day_starts(int(hours["ts_open"][0]), int(hours["ts_open"][-1]))
    at = np.searchsorted(starts, hours["ts_open"].to_numpy(), side="right") - 1
    return hours.with_columns(
        ts_open=pl.Series(starts[at]), ts_event=pl.Series(starts[at + 1]), ts_seen=pl.Series(starts[at + 1])
    )


def test_what_cannot_be_done_is_refused(holed: pl.DataFrame) -> None:
    with pytest.raises(UsageError, match="not a policy"):
        fill_gaps(holed, HOUR, XNYS, "backward")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="a day or less"):
        fill_gaps(holed, 7 * DAY, XNYS, "forward")
