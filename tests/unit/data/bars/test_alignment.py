"""Which higher bar a lower one may see."""

from __future__ import annotations

import numpy as np
import pytest

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.errors import DataError
from tradewright.data.bars.alignment import align


def bars(*ends: int) -> Bars:
    ts = np.array(ends, np.int64)
    return Bars("X", ts - 1, ts, blank_fields(ts))


def test_a_bar_is_seen_from_its_end_on() -> None:
    assert align(bars(3, 4, 5, 6, 9, 10, 11), bars(5, 10)).tolist() == [-1, -1, 0, 0, 0, 1, 1]


def test_without_higher_bars_nothing_is_seen() -> None:
    assert align(bars(1, 2), bars()).tolist() == [-1, -1]
    assert align(bars(), bars(1)).tolist() == []


def test_higher_bars_out_of_order_are_refused() -> None:
    with pytest.raises(DataError, match="bar 1 of the higher"):
        align(bars(1), bars(5, 4))
