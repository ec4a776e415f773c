"""Properties of the data path: what goes in comes out, however it is cut."""

from __future__ import annotations

import random
import tempfile
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.data.importer import Imported, ImportOptions, export_csv, import_file
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import Kind, canonical
from tradewright.data.presets import CALENDARS
from tradewright.data.quality import Findings
from tradewright.data.store import BarStore
from tradewright.data.timeframe import timeframe_name

_MINUTE = 60 * 10**9
_FIRST = int(datetime(2019, 1, 1, tzinfo=UTC).timestamp()) * 10**9
_PRICES = st.floats(min_value=1e-6, max_value=1e7, allow_nan=False)
_ZONES = st.sampled_from(
    ["America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Tokyo", "America/Sao_Paulo"]
)


@st.composite
def bar_frames(draw: st.DrawFn) -> tuple[pl.DataFrame, int]:
    """Draw a canonical frame of sound bars with gaps, and its bar length."""
    interval = draw(st.sampled_from([10**9, _MINUTE, 60 * _MINUTE, 1440 * _MINUTE]))
    n = draw(st.integers(2, 40))
    steps = draw(st.lists(st.integers(1, 400), min_size=n, max_size=n))
    opens = _FIRST + interval * np.cumsum(steps).astype(np.int64)
    rows = [sorted(draw(st.tuples(_PRICES, _PRICES, _PRICES, _PRICES))) for _ in range(n)]
    swap = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    values = {
        "open": [r[1] if s else r[2] for r, s in zip(rows, swap, strict=True)],
        "high": [r[3] for r in rows],
        "low": [r[0] for r in rows],
        "close": [r[2] if s else r[1] for r, s in zip(rows, swap, strict=True)],
        "volume": draw(st.lists(st.floats(0, 1e12), min_size=n, max_size=n)),
    }
    times = {"ts_open": opens, "ts_event": opens + interval, "ts_seen": opens + interval}
    return canonical(pl.DataFrame(times | values), Kind.BARS), interval


def _stored(frame: pl.DataFrame, interval: int) -> Imported:
    none = Findings("f", pl.DataFrame(schema={"rule": pl.String, "severity": pl.String}))
    return Imported(Kind.BARS, timeframe_name(interval), frame, none, (), "f", "")


@given(bar_frames())
@settings(max_examples=60, deadline=None)
def test_import_of_an_export_is_the_same_to_the_bit(drawn: tuple[pl.DataFrame, int]) -> None:
    frame, interval = drawn
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.csv"
        export_csv(frame, path)
        done = import_file(path, CALENDARS["24/7"], ImportOptions(interval=timeframe_name(interval), time_format="ns"))
    assert done.frame.equals(frame)


@given(bar_frames(), st.integers(1, 50), st.data())
@settings(max_examples=40, deadline=None)
def test_blocks_joined_are_the_loaded_bars(drawn: tuple[pl.DataFrame, int], rows: int, data: st.DataObject) -> None:
    frame, interval = drawn
    name = timeframe_name(interval)
    edges = st.one_of(st.none(), st.integers(int(frame["ts_open"][0]) - 5, int(frame["ts_event"][-1]) + 5))
    start, end = data.draw(edges), data.draw(edges)
    with tempfile.TemporaryDirectory() as folder:
        store = BarStore(Path(folder))
        store.write(_stored(frame, interval), InstrumentParams(symbol="X", tick_size="0.01"))
        whole = store.load("X", name, start, end)
        blocks = list(store.blocks("X", name, start, end, rows))
    wanted = [
        i
        for i, (a, b) in enumerate(frame.select("ts_open", "ts_event").rows())
        if (start is None or a >= start) and (end is None or b <= end)
    ]
    assert np.array_equal(whole.fields[:5].T, frame[wanted].select("open", "high", "low", "close", "volume").to_numpy())
    assert sum(len(b) for b in blocks) == len(whole)
    if blocks:
        assert np.concatenate([b.ts_open for b in blocks]).tolist() == whole.ts_open.tolist()
        assert np.concatenate([b.fields for b in blocks], axis=1).tobytes() == whole.fields.tobytes()


@given(bar_frames(), st.lists(st.integers(0, 40), max_size=4), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_order_and_size_of_the_writes_do_not_matter(
    drawn: tuple[pl.DataFrame, int], cuts: list[int], shuffle: random.Random
) -> None:
    frame, interval = drawn
    edges = sorted({0, len(frame), *(c for c in cuts if c < len(frame))})
    parts = [frame[a:b] for a, b in pairwise(edges)]
    shuffle.shuffle(parts)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        params = InstrumentParams(symbol="X", tick_size="0.01")
        whole = BarStore(Path(one)).write(_stored(frame, interval), params).dataset
        pieces = BarStore(Path(other))
        for part in parts:
            pieces.write(_stored(part, interval), params)
        assert pieces.fingerprint("X", timeframe_name(interval)) == whole.digest
        assert pieces.describe("X", timeframe_name(interval)).partitions == whole.partitions


@given(_ZONES, st.dates(datetime(2015, 1, 1, tzinfo=UTC).date(), datetime(2024, 12, 31, tzinfo=UTC).date()))
@settings(max_examples=80, deadline=None)
def test_local_times_agree_with_the_standard_library_on_every_day(zone: str, day: date) -> None:
    start = datetime.combine(day, time())
    local = [start + timedelta(minutes=30 * i) for i in range(48)]
    # Keep times that exist exactly once: both readings of the clock give one offset.
    info = ZoneInfo(zone)
    sure = [t for t in local if t.replace(tzinfo=info).utcoffset() == t.replace(tzinfo=info, fold=1).utcoffset()]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.csv"
        rows = [f"{t:%Y-%m-%d %H:%M:%S},1,1,1,1,1" for t in sure]
        path.write_text("\n".join(["time,open,high,low,close,volume", *rows]) + "\n")
        done = import_file(path, CALENDARS["24/7"], ImportOptions(timezone=zone, interval="1m"))
    wanted = [int(t.replace(tzinfo=info).timestamp()) * 10**9 for t in sure]
    assert done.frame["ts_open"].to_list() == wanted
