"""Sessions against dates that exchanges publish."""

from __future__ import annotations

import numpy as np
import pytest

from tradewright.core.types.calendar import Calendar
from tradewright.core.types.errors import UsageError
from tradewright.data.presets import CALENDARS
from tradewright.data.sessions import SESSIONS_OF, Sessions, calendar_named, sessions_between, sessions_name


def ns(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


def between(name: str, first: str, last: str) -> Sessions:
    return sessions_between(name, ns(first), ns(last))


def days(sessions: Sessions) -> list[str]:
    return [str(np.datetime64(d, "D")) for d in sessions.days.tolist()]


def hours(stamps: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[str]:
    return [str(np.datetime64(t, "ns"))[:16] for t in stamps.tolist()]


def test_new_york_closes_early_after_thanksgiving() -> None:
    week = between("XNYS", "2024-11-25", "2024-11-30")
    assert days(week) == ["2024-11-25", "2024-11-26", "2024-11-27", "2024-11-29"]
    assert hours(week.closes)[2:] == ["2024-11-27T21:00", "2024-11-29T18:00"]
    assert week.is_early.tolist() == [False, False, False, True]
    assert not week.is_optional.any()


def test_clock_changes_move_the_open() -> None:
    march = between("XNYS", "2024-03-08", "2024-03-11T23:00")
    assert hours(march.opens) == ["2024-03-08T14:30", "2024-03-11T13:30"]
    assert hours(between("XLON", "2024-03-28", "2024-04-02T12:00").opens) == ["2024-03-28T08:00", "2024-04-02T07:00"]


def test_tokyo_breaks_for_lunch() -> None:
    one = between("XTKS", "2024-06-03", "2024-06-03T10:00")
    assert hours(np.concatenate([one.opens, one.break_starts, one.break_ends, one.closes])) == [
        "2024-06-03T00:00",
        "2024-06-03T02:30",
        "2024-06-03T03:30",
        "2024-06-03T06:00",
    ]


def test_currencies_trade_from_sunday_evening_to_friday() -> None:
    week = between("fx", "2024-03-08T23:00", "2024-03-16")
    assert days(week) == ["2024-03-11", "2024-03-12", "2024-03-13", "2024-03-14", "2024-03-15"]
    assert hours(week.opens)[:1] + hours(week.closes)[-1:] == ["2024-03-10T21:00", "2024-03-15T21:00"]
    assert (week.opens[1:] == week.closes[:-1]).all()
    assert between("fx", "2024-12-24T22:00", "2024-12-25T21:00").is_optional.all()


def test_every_day_of_a_market_that_never_closes() -> None:
    assert days(between("24/7", "2024-02-28", "2024-03-01")) == ["2024-02-28", "2024-02-29", "2024-03-01"]


def test_last_complete_session() -> None:
    week = between("XNYS", "2024-11-25", "2024-11-30")
    assert week.last_complete(ns("2024-11-29T17:59")) == 2
    assert week.last_complete(ns("2024-11-29T18:00")) == 3
    assert week.last_complete(ns("2024-11-25T14:00")) == -1
    assert week.at(np.array([ns("2024-11-26T14:29"), ns("2024-11-26T14:30"), ns("2024-11-28T15:00")])).tolist() == [
        -1,
        1,
        -1,
    ]


def test_every_preset_has_sessions_and_exchanges_have_calendars() -> None:
    assert set(SESSIONS_OF) == set(CALENDARS)
    for name, sessions in SESSIONS_OF.items():
        assert sessions_name(CALENDARS[name]) == sessions
        assert len(between(sessions, "2024-06-03", "2024-06-05")) >= 2
    assert calendar_named("XNAS") == Calendar("XNAS", "America/New_York")
    assert calendar_named("CMES").day_start.hour == 17
    assert calendar_named("fx") is CALENDARS["fx"]
    assert sessions_name(Calendar("my own", "Asia/Tokyo")) == ""


def test_unknown_calendars_are_refused_with_what_is_near() -> None:
    with pytest.raises(UsageError, match="not a session calendar") as caught:
        between("XNYZ", "2024-06-03", "2024-06-05")
    assert "XNYS" in caught.value.fix
