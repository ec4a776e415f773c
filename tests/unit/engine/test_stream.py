"""Merging bars block by block gives the stream that merging everything at once gives."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import N_FIELDS
from tradewright.core.types.events import MarketEvents
from tradewright.engine.stream import merged_blocks


def _bars(name: str, times: list[int]) -> Bars:
    ts = np.array(sorted(set(times)), np.int64)
    fields = np.zeros((N_FIELDS, len(ts)))
    fields[:] = ts
    return Bars(name, ts - 1, ts, fields)


def _blocks(bars: Bars, size: int) -> list[Bars]:
    cuts = range(0, len(bars), size)
    return [
        Bars(
            bars.instrument,
            bars.ts_open[k : k + size],
            bars.ts_event[k : k + size],
            np.ascontiguousarray(bars.fields[:, k : k + size]),
        )
        for k in cuts
    ]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 60), max_size=30), min_size=1, max_size=4),
    st.lists(st.integers(1, 9), min_size=4, max_size=4),
)
def test_blocks_are_the_whole_stream_and_never_cut_a_timestamp(times: list[list[int]], sizes: list[int]) -> None:
    bars = [_bars(f"I{n}", t) for n, t in enumerate(times)]
    whole = MarketEvents.from_bars(bars)
    blocks = list(merged_blocks([_blocks(b, size) for b, size in zip(bars, sizes, strict=False)]))
    stamps = [b.ts_event for b in blocks]
    assert np.array_equal(np.concatenate([np.empty(0, np.int64), *stamps]), whole.ts_event)
    numbers = [b.instruments for b in blocks]
    assert np.array_equal(np.concatenate([np.empty(0, np.int64), *numbers]), whole.instruments)
    ends = [(a[-1], b[0]) for a, b in itertools.pairwise(stamps)]
    assert all(last < first for last, first in ends)
