"""Rules about single rows where a quick look could mislead."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tradewright.core.types.calendar import Calendar
from tradewright.data.kinds import Kind, canonical
from tradewright.data.quality import Subject, check

MINUTE = 60 * 10**9


def findings(**changed: list[float | None]) -> list[tuple[str, str, int]]:
    """Return rule, field and row of what is found in three bars, with some columns changed."""
    opens = MINUTE * np.arange(3)
    columns = {"ts_open": opens, "ts_event": opens + MINUTE, "ts_seen": opens + MINUTE}
    prices = {"open": [10.0] * 3, "high": [12.0] * 3, "low": [9.0] * 3, "close": [11.0] * 3, "volume": [1.0] * 3}
    frame = canonical(pl.DataFrame(columns | prices | changed), Kind.BARS)
    found = check(Subject("f.csv", Kind.BARS, frame, np.arange(3), MINUTE, Calendar())).frame
    return found.select("rule", "field", "row").rows()


def test_volumes_too_large_to_add_up_are_numbers() -> None:
    assert [f for f in findings(volume=[1.7e308, 1.7e308, 1.7e308]) if f[1] == "volume"] == []


@pytest.mark.parametrize("cell", [None, float("nan"), float("inf")])
def test_one_cell_that_is_no_number_is_found(cell: float | None) -> None:
    assert findings(volume=[1.0, cell, 1.0]) == [("not_a_number", "volume", 1)]


def test_infinities_that_cancel_are_found() -> None:
    found = findings(volume=[float("inf"), 1.0, float("-inf")])
    assert found == [("not_a_number", "volume", 0), ("not_a_number", "volume", 2), ("negative_amount", "volume", 2)]


def test_unknown_is_allowed_where_nan_says_so() -> None:
    assert findings(buy_volume=[float("nan"), 1.0, 0.0]) == []
    assert findings(buy_volume=[float("nan"), -1.0, 0.0]) == [("negative_amount", "buy_volume", 1)]


def test_a_price_of_zero_is_not_positive_but_an_amount_of_zero_is_allowed() -> None:
    assert ("not_positive", "low", 1) in findings(low=[9.0, 0.0, 9.0])
    assert ("not_positive", "low", 1) in findings(low=[9.0, -0.0, 9.0])
    assert findings(trades=[0.0, 1.0, 0.0]) == []


def test_a_missing_price_hides_no_crossed_row() -> None:
    found = findings(open=[10.0, None, 10.0], close=[11.0, None, 11.0], low=[9.0, 13.0, 9.0])
    assert ("high_below_low", "high", 1) in found
