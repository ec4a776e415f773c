"""Parts of the day for costs, and the class of an instrument."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from tradewright.core.types.calendar import Calendar
from tradewright.core.types.execution_costs import SESSIONS
from tradewright.core.types.instrument import Instrument
from tradewright.execution.costs.measuring import session_of
from tradewright.services.costs.classes import class_of
from tradewright.services.costs.sessions import cost_sessions


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


@pytest.mark.parametrize(
    ("moment", "session"),
    [
        ("2024-01-03T00:00", "tokyo"),  # 9:00 in Tokyo
        ("2024-01-03T07:59", "tokyo"),
        ("2024-01-03T08:00", "london"),  # 8:00 in London, Tokyo still open for an hour
        ("2024-01-03T12:59", "london"),
        ("2024-01-03T13:00", "new_york"),  # 8:00 in New York
        ("2024-01-03T21:59", "new_york"),
        ("2024-01-03T22:00", "off_hours"),  # 17:00 in New York
        ("2024-01-06T12:00", "off_hours"),  # a Saturday
        ("2024-07-03T07:00", "london"),  # summer time: an hour earlier
        ("2024-07-03T12:00", "new_york"),
        ("2024-03-20T12:00", "new_york"),  # New York has changed its clocks, London has not
        ("2024-03-20T07:30", "tokyo"),
    ],
)
def test_the_city_that_opened_last_gives_the_name(moment: str, session: str) -> None:
    starts, labels = cost_sessions(ns("2024-01-02T00:00"), ns("2024-08-01T00:00"))
    found = session_of(np.array([ns(moment)]), starts, labels)
    assert SESSIONS[int(found[0])] == session


@pytest.mark.parametrize(
    ("symbol", "calendar", "klass"),
    [
        ("EURUSD", "fx", "fx"),
        ("EUR/USD", "24/7", "fx"),
        ("BTCUSDT", "24/7", "crypto"),
        ("BTCUSD", "24/7", "crypto"),
        ("AAPL", "us_equity", "equity"),
        ("ES", "cme", "other"),
    ],
)
def test_classes(symbol: str, calendar: str, klass: str) -> None:
    assert class_of(Instrument(symbol, calendar=Calendar(calendar))) == klass
