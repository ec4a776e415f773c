from __future__ import annotations

import pytest

from tradewright.adapters.ibkr.bar_sizes import bar_size, duration_text
from tradewright.core.types.errors import UsageError
from tradewright.data.timeframe import DAY, SECOND

UNITS = {"S": 1, "D": 86_400, "Y": 365 * 86_400}
# TWS API, Historical Data Limitations, step sizes: the longest request of each size of bars, in seconds
STEP_SIZES = {
    "1s": 1800,
    "5s": 3600,
    "10s": 14_400,
    "15s": 14_400,
    "30s": 28_800,
    "1m": 86_400,
    "2m": 2 * 86_400,
    "3m": 7 * 86_400,
    "5m": 7 * 86_400,
    "20m": 7 * 86_400,
    "30m": 30 * 86_400,
    "1h": 30 * 86_400,
    "1d": 365 * 86_400,
}


@pytest.mark.parametrize("timeframe", STEP_SIZES)
def test_no_request_reaches_further_than_the_table_allows(timeframe: str) -> None:
    size = bar_size(timeframe)
    number, unit = duration_text(size.span + size.margin * (2 if size.is_daily else 1)).split(" ")
    assert int(number) * UNITS[unit] <= STEP_SIZES[timeframe]


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (SECOND, "1 S"),
        (SECOND + 1, "2 S"),
        (1800 * SECOND, "1800 S"),
        (DAY, "86400 S"),
        (DAY + 1, "3 D"),
        (360 * DAY, "361 D"),
        (364 * DAY, "365 D"),
        (365 * DAY, "2 Y"),
    ],
)
def test_durations_cover_the_length(length: int, text: str) -> None:
    assert duration_text(length) == text


@pytest.mark.parametrize("timeframe", ["500ms", "2s", "7m", "2h", "4h", "1w", "tick", "x"])
def test_other_sizes_are_refused(timeframe: str) -> None:
    with pytest.raises(UsageError):
        bar_size(timeframe)


def test_small_bars_are_those_of_thirty_seconds_or_less() -> None:
    assert [t for t in STEP_SIZES if bar_size(t).is_small] == ["1s", "5s", "10s", "15s", "30s"]
