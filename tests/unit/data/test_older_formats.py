"""Stores that an older program wrote: read, verified, and carried on under today's digests."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.unit.data.format_2 import older

from tradewright.core.types.errors import StoreError
from tradewright.data.catalogue import FORMAT, Dataset, Partition
from tradewright.data.differences import Counts, difference
from tradewright.data.importer import Imported
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import Kind, canonical
from tradewright.data.quality import Findings
from tradewright.data.query import scan
from tradewright.data.store import BarStore

HOUR = 3600 * 10**9
#: Hours from the start of 2019 to that of 2020; one file a year.
YEAR = 8760
START = int(np.datetime64("2019-01-01", "ns").astype(np.int64))
PARAMS = InstrumentParams(symbol="SYN", tick_size="0.01")


def imported(first: int, n: int, price: float = 10.0) -> Imported:
    """Return n hours from hour ``first`` on as a clean file."""
    opens = START + HOUR * np.arange(first, first + n)
    times = {"ts_open": opens, "ts_event": opens + HOUR, "ts_seen": opens + HOUR}
    values = {name: np.full(n, price) for name in ("open", "high", "low", "close")} | {"volume": np.arange(1.0, n + 1)}
    none = Findings("f.csv", pl.DataFrame(schema={"rule": pl.String}))
    return Imported(Kind.BARS, "1h", canonical(pl.DataFrame(times | values), Kind.BARS), none, (), "f.csv", "")


@pytest.fixture
def store(tmp_path: Path) -> BarStore:
    """Return a store of two years as format 2 was: other digests, files from polars."""
    store = BarStore(tmp_path / "store")
    entry = store.write(imported(0, 2 * YEAR), PARAMS).dataset
    folder = store.folder("SYN", "1h", Kind.BARS)
    before = older(entry, store.read)
    for new, old in zip(entry.partitions, before.partitions, strict=True):
        frame = pl.read_parquet(folder / new.file, memory_map=False)
        (folder / new.file).unlink()
        frame.write_parquet(folder / old.file, compression="uncompressed")
    (folder / "catalogue.json").write_text(before.model_dump_json(indent=1))
    return store


def spoil(store: BarStore, dataset: Dataset, partition: Partition) -> None:
    """Change one price in a file."""
    frame = store.read(dataset, partition)
    close = np.where(np.arange(len(frame)) == 7, 11.0, frame["close"])
    path = store.folder("SYN", "1h", Kind.BARS) / partition.file
    frame.with_columns(close=close).drop("trades", "buy_volume").write_parquet(path)


def test_what_is_there_is_read_and_verified_by_its_own_hash(store: BarStore) -> None:
    old = store.describe("SYN", "1h")
    assert old.format == 2
    assert store.frame(old).equals(imported(0, 2 * YEAR).frame)
    assert store.damaged(old) == ()
    spoil(store, old, old.partitions[1])
    assert store.damaged(old) == (old.partitions[1].file,)


def test_the_same_rows_again_change_nothing(store: BarStore) -> None:
    old = store.describe("SYN", "1h")
    assert not store.write(imported(0, 2 * YEAR), PARAMS).is_changed
    assert store.describe("SYN", "1h") == old


def test_the_next_write_gives_the_digest_of_a_new_store(store: BarStore, tmp_path: Path) -> None:
    old = store.describe("SYN", "1h")
    after = store.write(imported(2 * YEAR - 30, 100), PARAMS, replace=True).dataset
    assert (after.format, after.version, after.parent) == (FORMAT, 2, old.digest)
    assert after.partitions[0].file == old.partitions[0].file  # not written again
    fresh = BarStore(tmp_path / "fresh")
    fresh.write(imported(0, 2 * YEAR), PARAMS)
    fresh.write(imported(2 * YEAR - 30, 100), PARAMS, replace=True)
    assert after.digest == fresh.fingerprint("SYN", "1h")
    assert store.damaged(after) == ()
    assert scan(store, ["SYN"], "1h").collect().equals(scan(fresh, ["SYN"], "1h").collect())


def test_the_version_before_keeps_its_digest(store: BarStore) -> None:
    old = store.describe("SYN", "1h")
    after = store.write(imported(2 * YEAR, 10), PARAMS).dataset
    assert store.find("SYN", "1h", Kind.BARS, old.digest) == old
    assert store.damaged(old) == ()
    key = (Kind.BARS, "SYN", "1h")
    (found,) = difference(store, {key: old}, {key: after}).changed
    assert found.partitions == (Counts("2020", 10, 0, 0),)


def test_a_file_that_is_damaged_gets_no_new_digest(store: BarStore) -> None:
    old = store.describe("SYN", "1h")
    spoil(store, old, old.partitions[0])
    with pytest.raises(StoreError, match=rf"{old.partitions[0].file} is not what the catalogue says.*copy"):
        store.write(imported(2 * YEAR, 10), PARAMS)
    assert store.describe("SYN", "1h") == old


def test_a_later_format_is_refused(store: BarStore) -> None:
    path = store.folder("SYN", "1h", Kind.BARS) / "catalogue.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": FORMAT + 1}))
    with pytest.raises(StoreError, match="the catalogue cannot be read"):
        store.describe("SYN", "1h")
