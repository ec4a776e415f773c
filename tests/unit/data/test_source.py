"""The port: both kinds of source hand out the same bars, and know what they are of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tradewright.core.types.errors import UsageError
from tradewright.data.sample import sample_store
from tradewright.data.source import ArraySource, BarSource, StoreSource
from tradewright.data.store import BarStore
from tradewright.data.times import moment_ns


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> BarStore:
    """Return a store with the sample."""
    return sample_store(Path(tmp_path_factory.mktemp("store")))


def test_store_source_gives_bars_instrument_and_fingerprint(store: BarStore) -> None:
    source: BarSource = StoreSource(store, "EURUSD", "1h")
    assert len(source.bars()) == 5000
    assert source.instrument.tick_size == "0.00001"
    assert source.fingerprint == store.fingerprint("EURUSD", "1h")


def test_range_is_part_of_the_fingerprint(store: BarStore) -> None:
    start = moment_ns("2018-01-01")
    part = StoreSource(store, "EURUSD", "1h", start)
    assert len(part.bars()) == 642
    assert part.fingerprint not in (
        StoreSource(store, "EURUSD", "1h").fingerprint,
        StoreSource(store, "EURUSD", "1h", None, start).fingerprint,
    )
    assert sum(len(b) for b in part.blocks(100)) == 642


def test_empty_range_says_what_there_is(store: BarStore) -> None:
    with pytest.raises(
        UsageError, match=r"no 1h bars of EURUSD in the range.*2017-04-19T09:00:00 to 2018-02-07T16:00:00"
    ):
        StoreSource(store, "EURUSD", "1h", moment_ns("2020-01-01")).bars()


def test_array_source_hashes_content(store: BarStore) -> None:
    stored = StoreSource(store, "GOOG", "1d")
    one: BarSource = ArraySource(stored.instrument, stored.bars())
    same = ArraySource(stored.instrument, stored.bars())
    assert one.fingerprint == same.fingerprint
    assert np.array_equal(one.bars().fields, stored.bars().fields, equal_nan=True)
    same.array.fields[0, 0] += 1
    assert one.fingerprint != same.fingerprint
