"""Merging bars of several instruments, and the shapes that bars must have."""

from __future__ import annotations

import numpy as np
import pytest

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import CLOSE, N_FIELDS
from tradewright.core.types.events import EventKind, MarketEvents


def bars(symbol: str, closes_at: list[int], length: int, price: float) -> Bars:
    ts = np.array(closes_at, np.int64)
    fields = np.full((N_FIELDS, len(ts)), price)
    fields[CLOSE] = price + np.arange(len(ts))
    return Bars(symbol, ts - length, ts, fields)


def test_one_instrument_is_not_copied() -> None:
    only = bars("A", [10, 20], 10, 1.0)
    events = MarketEvents.from_bars([only])
    assert events.fields is only.fields
    assert events.instrument is None
    assert events.kind is None
    assert events.kind_all == EventKind.BAR


def test_several_are_merged_by_closing_time() -> None:
    events = MarketEvents.from_bars([bars("A", [10, 20, 30], 10, 100.0), bars("B", [15, 35], 15, 200.0)])
    assert events.instrument is not None
    assert events.ts_event.tolist() == [10, 15, 20, 30, 35]
    assert events.instrument.tolist() == [0, 1, 0, 0, 1]
    assert events.ts_open.tolist() == [0, 0, 10, 20, 20]
    assert events.fields[CLOSE].tolist() == [100.0, 200.0, 101.0, 102.0, 201.0]


def test_ties_go_by_instrument_number() -> None:
    events = MarketEvents.from_bars([bars("A", [20], 10, 1.0), bars("B", [10, 20], 10, 2.0), bars("C", [20], 20, 3.0)])
    assert events.instrument is not None
    assert events.instrument.tolist() == [1, 0, 1, 2]


def test_the_merged_block_is_contiguous() -> None:
    events = MarketEvents.from_bars([bars("A", [10], 10, 1.0), bars("B", [10], 10, 2.0)])
    assert events.fields.flags.c_contiguous
    assert events.fields.shape == (N_FIELDS, 2)


def test_an_instrument_without_bars_is_allowed() -> None:
    events = MarketEvents.from_bars([bars("A", [10], 10, 1.0), bars("B", [], 10, 2.0)])
    assert len(events) == 1


@pytest.mark.parametrize("shape", [(N_FIELDS, 3), (N_FIELDS - 1, 2), (2, N_FIELDS)])
def test_fields_must_fit_the_times(shape: tuple[int, int]) -> None:
    ts = np.array([1, 2], np.int64)
    with pytest.raises(ValueError, match="do not fit 2 bars"):
        Bars("A", ts, ts, np.zeros(shape))


def test_columns_by_name() -> None:
    ts = np.array([1], np.int64)
    one = Bars("A", ts, ts, np.arange(float(N_FIELDS)).reshape(N_FIELDS, 1))
    assert [float(c[0]) for c in (one.open, one.high, one.low, one.close, one.volume)] == [0, 1, 2, 3, 4]
