from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewright.adapters.ibkr.five_seconds import FIVE_SECONDS, BarBuilder, live_interval
from tradewright.core.types.bar import Bar
from tradewright.core.types.errors import UsageError
from tradewright.data.timeframe import SECOND

HOUR = 1_704_186_000 * SECOND


def part(i: int) -> Bar:
    at = HOUR + i * FIVE_SECONDS
    return Bar("X", at, at + FIVE_SECONDS, 10 + i, 20 + i % 4, 5 - i % 3, 11 + i, 2)


def test_twelve_parts_make_a_minute() -> None:
    builder = BarBuilder(60 * SECOND)
    made = [builder.add(part(i)) for i in range(24)]
    assert [i for i, bar in enumerate(made) if bar] == [11, 23]
    assert made[11] == Bar("X", HOUR, HOUR + 60 * SECOND, 10, 23, 3, 22, 24)


@given(st.sets(st.integers(0, 71)), st.integers(0, 20))
def test_only_whole_minutes_come_out(missing: set[int], first: int) -> None:
    builder = BarBuilder(60 * SECOND)
    made = [bar for i in range(first, 72) if i not in missing and (bar := builder.add(part(i)))]
    whole = [m for m in range(6) if not missing & set(range(12 * m, 12 * m + 12)) and 12 * m >= first]
    assert [bar.ts_open for bar in made] == [HOUR + m * 60 * SECOND for m in whole]


def test_five_second_bars_pass_through() -> None:
    builder = BarBuilder(FIVE_SECONDS)
    assert [builder.add(part(i)) for i in (0, 1, 3)] == [part(0), part(1), part(3)]


@pytest.mark.parametrize("timeframe", ["1s", "7s", "7m", "2h", "1d", "tick"])
def test_other_lengths_are_refused(timeframe: str) -> None:
    with pytest.raises(UsageError):
        live_interval(timeframe)


def test_lengths_that_divide_the_hour_are_taken() -> None:
    assert [live_interval(t) // SECOND for t in ("5s", "15s", "1m", "15m", "1h")] == [5, 15, 60, 900, 3600]
