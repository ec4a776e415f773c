from __future__ import annotations

import numpy as np
import pytest

from tradewright.core.types.dtypes import N_FIELDS
from tradewright.core.types.events import MarketEvents
from tradewright.core.types.forecast import Forecasts
from tradewright.engine.plan import forecast_block, spans


def events_at(ts: list[int], instruments: list[int], delay: int = 0) -> MarketEvents:
    times = np.array(ts, np.int64)
    fields = np.zeros((N_FIELDS, len(ts)))
    return MarketEvents(fields, times, times, times + delay, instrument=np.array(instruments, np.int64))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 100])
def test_spans_cover_everything_and_never_cut_a_timestamp(size: int) -> None:
    ts = [1, 1, 1, 2, 3, 3, 4, 4, 4, 4, 5]
    events = events_at(ts, [0] * len(ts))
    cut = list(spans(events, size))
    assert [i for start, stop in cut for i in range(start, stop)] == list(range(len(ts)))
    for _, stop in cut[:-1]:
        assert ts[stop] != ts[stop - 1]
    for start, stop in cut:
        assert stop - start <= size + ts.count(ts[stop - 1]) - 1


def test_nothing_has_no_spans() -> None:
    assert list(spans(events_at([], []), 10)) == []


def test_forecasts_are_visible_from_the_moment_they_were_known() -> None:
    events = events_at([10, 10, 20, 30, 30], [0, 1, 0, 0, 1], delay=5)
    series = Forecasts("B", np.array([15, 34, 35], np.int64), np.array([[0.1, 0.2, 0.3]] * 4))
    block = forecast_block((series,), ["A", "B"], events, 0, 5)
    assert block is not None
    assert np.isnan(block[[0, 2, 3]]).all()
    assert block[1].tolist() == [0.1] * 4  # known in the very moment the event was seen
    assert block[4].tolist() == [0.3] * 4  # the newest of several


def test_a_forecast_known_later_is_not_visible() -> None:
    events = events_at([10, 20], [0, 0])
    series = Forecasts("A", np.array([11], np.int64), np.full((4, 1), 0.7))
    block = forecast_block((series,), ["A"], events, 0, 2)
    assert block is not None
    assert np.isnan(block[0]).all()
    assert block[1].tolist() == [0.7] * 4


def test_without_forecasts_there_is_no_block() -> None:
    assert forecast_block((), ["A"], events_at([1], [0]), 0, 1) is None
