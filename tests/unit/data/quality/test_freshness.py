from __future__ import annotations

import numpy as np
import pytest
from tests.unit.data.quality.sound import DAY, HOUR, seeded

from tradewright.data.kinds import Kind
from tradewright.data.quality import Findings, Subject, freshness
from tradewright.data.sessions import calendar_named


def at(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


def found(last_session: str, now: str, calendar: str = "XNYS", interval: int = HOUR) -> Findings:
    """Freshness of hourly bars that end with the session of a day."""
    frame = seeded(interval, 4000, calendar, 1, "2024-10-01")
    frame = frame.filter(frame["ts_open"] < at(last_session) + DAY)
    rows = np.arange(len(frame), dtype=np.int64)
    return freshness(Subject("x", Kind.BARS, frame, rows, interval, calendar_named(calendar)), at(now))


@pytest.mark.parametrize(
    ("last", "now", "sessions"),
    [
        ("2024-11-27", "2024-11-28T23:00", 0),  # Thanksgiving: Wednesday is the last session
        ("2024-11-27", "2024-11-29T17:59", 0),  # Friday closes early at 18:00 UTC and is not over
        ("2024-11-27", "2024-11-29T18:00", 1),
        ("2024-11-29", "2024-12-02T12:00", 0),  # a weekend later
        ("2024-11-22", "2024-12-02T12:00", 4),
    ],
)
def test_last_complete_session_of_an_exchange(last: str, now: str, sessions: int) -> None:
    frame = found(last, now).frame
    if sessions == 0:
        assert len(frame) == 0
    else:
        assert frame["rule"].to_list() == ["stale"]
        assert f"{sessions} session" in frame["detail"][0]


def test_markets_that_never_close_must_have_yesterday() -> None:
    assert len(found("2024-11-27", "2024-11-28T12:00", "24/7").frame) == 0
    assert len(found("2024-11-27", "2024-11-29T12:00", "24/7").frame) == 1


def test_currencies_may_rest_at_christmas() -> None:
    assert len(found("2024-12-23", "2024-12-26T12:00", "fx").frame) == 0
