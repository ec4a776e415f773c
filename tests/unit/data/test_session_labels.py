"""Labels of sessions: clocks that change, auctions, half days."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from tradewright.core.types.errors import UsageError
from tradewright.data.bars.grid import SessionSpans, day_sessions
from tradewright.data.presets import CALENDARS
from tradewright.data.session_labels import AuctionWindows, early_closes, exchange_labels, open_cities
from tradewright.data.sessions import sessions_between

SECOND = 10**9
MINUTE = 60 * SECOND


def at(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * SECOND  # type: ignore[arg-type, misc]


def names(*when: int) -> set[str]:
    return {name for name, flags in open_cities(np.array([at(*when)], np.int64)).items() if flags[0]}


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        # winter: Tokyo 0-9, London 8-17, New York 13-22 UTC; a Wednesday
        ((2024, 1, 10, 0), {"tokyo"}),
        ((2024, 1, 10, 8), {"tokyo", "london"}),
        ((2024, 1, 10, 8, 59, 59), {"tokyo", "london"}),
        ((2024, 1, 10, 9), {"london"}),
        ((2024, 1, 10, 13), {"london", "new_york"}),
        ((2024, 1, 10, 17), {"new_york"}),
        ((2024, 1, 10, 22), set()),
        # 12 March: New York has changed its clock (12-21 UTC), London has not (8-17)
        ((2024, 3, 12, 12), {"london", "new_york"}),
        ((2024, 3, 12, 7, 30), {"tokyo"}),
        ((2024, 3, 12, 21), set()),
        # 2 April: both have
        ((2024, 4, 2, 7, 30), {"tokyo", "london"}),
        ((2024, 4, 2, 16), {"new_york"}),
        # a week-end; Monday has begun in Tokyo while it is Sunday in UTC - 23:59 is still before 9:00 there
        ((2024, 1, 13, 14), set()),
        ((2024, 1, 14, 23, 59), set()),
        ((2024, 1, 15, 0), {"tokyo"}),
    ],
)
def test_cities_are_open_by_their_own_clocks(when: tuple[int, ...], expected: set[str]) -> None:
    assert names(*when) == expected


def test_order_does_not_matter_and_nothing_gives_nothing() -> None:
    ts = np.array([at(2024, 1, 10, 13), at(2024, 1, 10, 0)], np.int64)
    assert open_cities(ts)["tokyo"].tolist() == [False, True]
    assert open_cities(ts[:0])["tokyo"].tolist() == []


def test_a_half_day_in_new_york() -> None:
    sessions = sessions_between("XNYS", at(2024, 11, 25), at(2024, 12, 3))
    half = [str(np.datetime64(ns, "ns"))[:16] for ns in sessions.closes[early_closes(sessions)].tolist()]
    assert half == ["2024-11-29T18:00"]
    assert early_closes(sessions).tolist() == sessions.is_early.tolist()
    moments = [
        (29, 14, 27),
        (29, 14, 28),
        (29, 14, 29),
        (29, 14, 30),
        (29, 17, 49),
        (29, 17, 50),
        (29, 18, 0),
        (26, 18, 0),
    ]
    labels = exchange_labels(np.array([at(2024, 11, *m) for m in moments], np.int64), sessions)
    assert labels.is_open.tolist() == [False, False, False, True, True, True, False, True]
    assert labels.is_open_auction.tolist() == [False, True, True, False, False, False, False, False]
    assert labels.is_close_auction.tolist() == [False] * 5 + [True, False, False]
    assert labels.is_early_close.tolist() == [False, False, False, True, True, True, False, False]
    assert (labels.since_open_ns // MINUTE).tolist() == [-1, -1, -1, 0, 199, 200, -1, 210]
    assert (labels.to_close_ns[[3, 4]] // MINUTE).tolist() == [210, 11]


def test_windows_and_half_days_can_be_given() -> None:
    sessions = SessionSpans(np.array([100, 300], np.int64), np.array([200, 400], np.int64))
    ts = np.array([95, 104, 105, 195, 200, 204, 205], np.int64)
    labels = exchange_labels(ts, sessions, AuctionWindows(5, 5, 5, 5), np.array([True, False]))
    assert labels.is_open_auction.tolist() == [True, True, False, False, False, False, False]
    assert labels.is_close_auction.tolist() == [False, False, False, True, True, True, False]
    assert labels.is_early_close.tolist() == [False, True, True, True, False, False, False]


def test_a_day_shorter_by_the_clock_is_no_half_day() -> None:
    days = day_sessions(CALENDARS["fx"], at(2024, 3, 4), at(2024, 3, 15))
    assert len(set((days.closes - days.opens).tolist())) == 2
    assert not early_closes(days).any()


def test_no_sessions_and_wrong_ones() -> None:
    none = np.empty(0, np.int64)
    labels = exchange_labels(np.array([5], np.int64), SessionSpans(none, none))
    assert (labels.session.tolist(), labels.is_early_close.tolist()) == ([-1], [False])
    wrong = SessionSpans(np.array([0, 5], np.int64), np.array([6, 9], np.int64))
    with pytest.raises(UsageError, match="overlap"):
        exchange_labels(np.array([5], np.int64), wrong)
