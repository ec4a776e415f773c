from __future__ import annotations

from datetime import time

import pytest

from tradewright.adapters.ibkr.trading_day import trading_day
from tradewright.core.types.errors import SourceError


@pytest.mark.parametrize(
    ("zone", "hours", "expected"),
    [
        ("US/Eastern", "20240102:0400-20240102:2000;20240103:0400-20240103:2000", ("US/Eastern", time(0))),
        ("US/Central", "20240102:1700-20240103:1600;20240103:1700-20240104:1600", ("US/Central", time(17))),
        ("US/Eastern", "20240106:CLOSED;20240107:1715-20240108:1700", ("US/Eastern", time(17, 15))),
        ("EST", "", ("America/New_York", time(0))),
        ("MET", "20240102:0900-20240102:1730", ("MET", time(0))),
        # a day that ends after midnight but begins in the morning is named by its morning
        ("Japan", "20240102:0845-20240103:0600", ("Japan", time(0))),
    ],
)
def test_the_day_begins_when_the_contract_says(zone: str, hours: str, expected: tuple[str, time]) -> None:
    calendar = trading_day(zone, hours, "X")
    assert (calendar.zone, calendar.day_start) == expected


@pytest.mark.parametrize("zone", ["", "Moon/Crater", "../etc"])
def test_an_unknown_zone_is_not_guessed(zone: str) -> None:
    with pytest.raises(SourceError, match="time zone"):
        trading_day(zone, "", "X")
