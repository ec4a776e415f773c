"""Session features on days worked by hand, half days included."""

from __future__ import annotations

import numpy as np
import pytest

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN
from tradewright.data.clock import fill_clock
from tradewright.data.presets import CALENDARS
from tradewright.features import (
    compute,
    minutes_since_open,
    minutes_until_close,
    overnight_gap,
    session_range_position,
    session_return,
)

MINUTE = 60 * 10**9
#: 2024-11-29, the day after Thanksgiving: New York trades 09:30 to 13:00, which is 14:30 to 18:00 UTC. The day before
#: but one it traded to 16:00.
FULL, HALF = 1_732_717_800 * 10**9, 1_732_890_600 * 10**9


def bars_at(ts_open: list[int], close: list[float]) -> Bars:
    """Five-minute bars that open where the bar before closed, or a unit higher on a new day."""
    opens = np.array(ts_open, np.int64)
    fields = blank_fields(opens + 5 * MINUTE)
    fields[CLOSE] = close
    fields[OPEN, 1:] = close[:-1]
    fields[OPEN, 0] = close[0]
    fields[HIGH] = np.maximum(fields[OPEN], fields[CLOSE]) + 1.0
    fields[LOW] = np.minimum(fields[OPEN], fields[CLOSE]) - 1.0
    fill_clock(fields, opens, opens + 5 * MINUTE, CALENDARS["us_equity"])
    return Bars("X", opens, opens + 5 * MINUTE, fields)


#: First and last bar of the full day, first and last of the half day, and one after it closed.
BARS = bars_at(
    [FULL, FULL + 385 * MINUTE, HALF, HALF + 205 * MINUTE, HALF + 210 * MINUTE], [10.0, 12.0, 11.0, 14.0, 9.0]
)


def test_minutes_know_the_early_close() -> None:
    # after the close the trading day's own bounds hold: 00:00 to 24:00 in New York
    assert compute(minutes_since_open(), BARS).tolist() == [5.0, 390.0, 5.0, 210.0, 13.0 * 60.0 + 5.0]
    assert compute(minutes_until_close(), BARS).tolist() == [385.0, 0.0, 205.0, 0.0, 11.0 * 60.0 - 5.0]


def test_the_gap_is_the_days_own() -> None:
    bars = bars_at([FULL, FULL + 5 * MINUTE, HALF, HALF + 5 * MINUTE], [10.0, 12.0, 11.0, 14.0])
    bars.fields[OPEN, 2] = 15.0
    assert compute(overnight_gap(), bars).tolist() == pytest.approx([np.nan, np.nan, 0.25, 0.25], nan_ok=True)


def test_return_and_place_begin_anew_each_day() -> None:
    bars = BARS
    # day one: opens 10, low 9, high 13; day two opens at the last close, 12: low 10, high 13, then 15
    assert compute(session_return(), bars)[:4].tolist() == pytest.approx([0.0, 0.2, 11 / 12 - 1.0, 14 / 12 - 1.0])
    assert compute(session_range_position(), bars)[:4].tolist() == pytest.approx([0.5, 0.75, 1 / 3, 0.8])


def test_a_day_without_range_is_its_own_middle() -> None:
    bars = bars_at([FULL], [10.0])
    bars.fields[HIGH] = bars.fields[LOW] = 10.0
    assert compute(session_range_position(), bars).tolist() == [0.5]
