from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from tradewright.risk.windows import Windows, merged_windows


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


def spans(first: str, last: str, **windows: object) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    return merged_windows(Windows.model_validate(windows), ns(first), ns(last))


def test_a_weekend_goes_over_the_end_of_the_week_and_follows_its_clock() -> None:
    # New York leaves daylight saving on 3 November 2024: 17:00 there is 21:00 UTC before and 22:00 after.
    weekly = [{"start": "Fri 17:00", "end": "Sun 17:00", "tz": "America/New_York", "close": True}]
    blackouts, closings = spans("2024-10-31", "2024-11-09", weekly=weekly)
    wanted = (ns("2024-11-01T21:00"), ns("2024-11-03T22:00")), (ns("2024-11-08T22:00"), ns("2024-11-10T22:00"))
    assert set(wanted) <= set(blackouts)
    assert closings == blackouts


def test_windows_that_touch_are_one() -> None:
    dates = [
        {"start": "2024-01-02T00:00:00", "end": "2024-01-02T01:00:00"},
        {"start": "2024-01-02T01:00:00Z", "end": "2024-01-02T02:00:00Z", "close": True},
        {"start": "2024-01-02T05:00:00+02:00", "end": "2024-01-02T06:00:00+02:00"},
    ]
    blackouts, closings = spans("2024-01-01", "2024-01-03", dates=dates)
    assert blackouts == [(ns("2024-01-02"), ns("2024-01-02T02:00")), (ns("2024-01-02T03:00"), ns("2024-01-02T04:00"))]
    assert closings == [(ns("2024-01-02T01:00"), ns("2024-01-02T02:00"))]


def test_no_windows_are_none() -> None:
    assert merged_windows(None, 0, 1) == ([], [])


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        ({"dates": [{"start": "2024-01-02T01:00", "end": "2024-01-02T01:00"}]}, "not after"),
        ({"weekly": [{"start": "Friday 21:45", "end": "Sun 22:00"}]}, "no moment of the week"),
        ({"weekly": [{"start": "Fri 24:00", "end": "Sun 22:00"}]}, "no moment of the week"),
        ({"weekly": [{"start": "Fri 21:45", "end": "Sun 22:00", "tz": "Prague"}]}, "time zone"),
        ({"news": {"times": ["2024-01-02T01:00Z"], "before_seconds": -1}}, "before_seconds"),
    ],
)
def test_windows_that_make_no_sense_are_refused(windows: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Windows.model_validate(windows)
