"""Snapshots pin content by digest, and differences say which rows and fields moved."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.data.differences import Cell, Counts, difference
from tradewright.data.dvc_stage import dvc_documents
from tradewright.data.importer import Imported
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import Kind, canonical
from tradewright.data.quality import Findings
from tradewright.data.snapshots import Key, Snapshot, kept_digests, names, read, resolve, save, take, version_of
from tradewright.data.store import BarStore

HOUR = 3600 * 10**9
START = 1_704_067_200 * 10**9
YEAR_2 = 1_735_689_600 * 10**9
SYN: Key = (Kind.BARS, "SYN", "1h")


def wrapped(frame: pl.DataFrame, kind: Kind = Kind.BARS, timeframe: str = "1h") -> Imported:
    none = Findings("f", pl.DataFrame(schema={"rule": pl.String, "severity": pl.String}))
    return Imported(kind, timeframe, canonical(frame, kind), none, (), "f.csv", "")


def bars(n: int, start: int = START) -> pl.DataFrame:
    opens = start + HOUR * np.arange(n, dtype=np.int64)
    price = 100.0 + np.arange(n) % 7
    values = {"open": price, "high": price + 1, "low": price - 1, "close": price, "volume": price * 3}
    return pl.DataFrame({"ts_open": opens, "ts_event": opens + HOUR, "ts_seen": opens + HOUR} | values)


def params(symbol: str) -> InstrumentParams:
    return InstrumentParams(symbol=symbol, tick_size="0.01")


@pytest.fixture
def store(tmp_path: Path) -> BarStore:
    """Return a store of two symbols; SYN has 10,000 hours, which end in a second year."""
    store = BarStore(tmp_path / "store", lambda: 5)
    store.write(wrapped(bars(10_000)), params("SYN"))
    store.write(wrapped(bars(50)), params("OTHER"))
    return store


def test_a_snapshot_is_found_again_after_the_data_moved_on(store: BarStore) -> None:
    taken = take(store)
    assert [p.key for p in taken.pins] == [(Kind.BARS, "OTHER", "1h"), SYN]
    assert save(store.root, "first", taken)
    store.write(wrapped(bars(10).with_columns(close=pl.lit(100.5))), params("SYN"), replace=True)
    assert read(store.root, "first") == taken
    assert version_of(store, read(store.root, "first"), "SYN", "1h") == 1
    assert resolve(store, taken)[SYN].version == 1
    assert resolve(store, take(store))[SYN].version == 2
    assert names(store.root) == ("first",)


def test_it_never_changes(store: BarStore) -> None:
    save(store.root, "first", take(store))
    before = (store.root / "snapshots/first.json").read_bytes()
    assert not save(store.root, "first", take(store))
    with pytest.raises(UsageError, match="'first' is there already with other content; a snapshot never changes"):
        save(store.root, "first", take(store, ["SYN"]))
    assert (store.root / "snapshots/first.json").read_bytes() == before
    assert [p.name for p in (store.root / "snapshots").iterdir()] == ["first.json"]


def test_equal_content_gives_equal_bytes_however_it_was_written(store: BarStore, tmp_path: Path) -> None:
    other = BarStore(tmp_path / "other", lambda: 77)
    other.write(wrapped(bars(50)), params("OTHER"))
    for part in (bars(10_000)[4_000:], bars(10_000)[:1_000], bars(10_000)[1_000:4_000]):
        other.write(wrapped(part), params("SYN"))
    for each in (store, other):
        save(each.root, "s", take(each))
    assert (store.root / "snapshots/s.json").read_bytes() == (other.root / "snapshots/s.json").read_bytes()
    assert take(store).digest == take(other).digest != take(store, ["SYN"]).digest


def test_the_definition_is_pinned_too(store: BarStore) -> None:
    taken = take(store, ["OTHER@1h"])
    store.write(wrapped(bars(50)), params("OTHER").model_copy(update={"lot_size": "10"}), replace=True)
    assert store.describe("OTHER", "1h").digest == taken.pins[0].digest
    assert resolve(store, taken)[Kind.BARS, "OTHER", "1h"].instrument.lot_size == "1"


def test_prune_keeps_what_a_snapshot_names(store: BarStore) -> None:
    save(store.root, "first", take(store))
    for close in (100.1, 100.2):
        store.write(wrapped(bars(10).with_columns(close=pl.lit(close))), params("SYN"), replace=True)
    assert store.prune(kept_digests(store.root)).versions == 1
    assert [v.version for v in store.versions("SYN", "1h")] == [1, 3]
    store.prune()
    with pytest.raises(StoreError, match="no version of SYN 1h has the content"):
        resolve(store, read(store.root, "first"))


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 65, "a b"])
def test_impossible_names(store: BarStore, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a snapshot"):
        save(store.root, name, take(store))


def test_what_is_not_there_is_said(store: BarStore) -> None:
    with pytest.raises(UsageError, match=r"no snapshot 'x'.*Make one"):
        read(store.root, "x")
    with pytest.raises(UsageError, match=r"unknown instrument 'SYM'\. Did you mean SYN\?"):
        take(store, ["SYM"])
    with pytest.raises(UsageError, match="holds no 5m bars of SYN"):
        version_of(store, take(store), "SYN", "5m")
    with pytest.raises(UsageError, match="the store is empty"):
        take(BarStore(store.root / "none"))
    (store.root / "snapshots").mkdir()
    (store.root / "snapshots/bad.json").write_text("{")
    with pytest.raises(StoreError, match="the snapshot cannot be read"):
        read(store.root, "bad")


def test_equal_states_do_not_differ(store: BarStore) -> None:
    assert not difference(store, resolve(store, take(store)), resolve(store, take(store)))


def test_a_difference_names_partitions_rows_and_fields(store: BarStore) -> None:
    before = take(store)
    row = START + 7 * HOUR
    new = bars(10).with_columns(close=pl.when(pl.col("ts_open") == row).then(100.25).otherwise(pl.col("close")))
    store.write(wrapped(new.filter(pl.col("ts_open") != START + 3 * HOUR)), params("SYN"), replace=True)
    store.write(wrapped(bars(40, start=START + 10_000 * HOUR)), params("SYN"))
    store.write(wrapped(bars(5)), params("NEW"))
    found = difference(store, resolve(store, before), resolve(store, take(store)))
    assert found.added == ((Kind.BARS, "NEW", "1h"),)
    assert found.removed == ()
    (one,) = found.changed
    assert (one.key, one.before, one.after, one.definition) == (SYN, 1, 3, ())
    assert one.partitions == (Counts("2024", 0, 1, 1), Counts("2025", 40, 0, 0))
    assert (one.added, one.removed, one.changed) == (40, 1, 1)
    assert one.examples == (Cell(row, "close", 100.0, 100.25),)
    back = difference(store, resolve(store, take(store)), resolve(store, before))
    assert back.removed == found.added
    assert (back.changed[0].added, back.changed[0].removed, back.changed[0].changed) == (1, 40, 1)


def test_unknown_values_are_equal_and_a_value_that_came_is_told(store: BarStore) -> None:
    before = take(store, ["OTHER"])
    bought = pl.Series(np.where(np.arange(50) == 3, 1.5, np.nan))
    store.write(wrapped(bars(50).with_columns(buy_volume=bought)), params("OTHER"), replace=True)
    (one,) = difference(store, resolve(store, before), resolve(store, take(store, ["OTHER"]))).changed
    assert (one.changed, [(c.field, c.after) for c in one.examples]) == (1, [("buy_volume", 1.5)])


def test_trades_of_one_instant_are_matched_in_their_order(store: BarStore) -> None:
    ts = np.array([START] * 3 + [START + 1], dtype=np.int64)
    values = {"price": [1.0, 1.0, 2.0, 3.0], "size": [1.0] * 4, "aggressor": [0.0] * 4}
    frame = pl.DataFrame({"ts_open": ts, "ts_event": ts, "ts_seen": ts} | values)
    store.write(wrapped(frame, Kind.TRADES, "tick"), params("T"))
    before = take(store, ["T"])
    store.write(wrapped(frame[[0, 2, 3]], Kind.TRADES, "tick"), params("T"), replace=True)
    (one,) = difference(store, resolve(store, before), resolve(store, take(store, ["T"]))).changed
    assert (one.added, one.removed, one.changed) == (0, 1, 1)


def test_only_examples_are_bounded(store: BarStore) -> None:
    before = take(store, ["SYN"])
    store.write(wrapped(bars(100).with_columns(close=pl.lit(100.5))), params("SYN"), replace=True)
    (one,) = difference(store, resolve(store, before), resolve(store, take(store, ["SYN"])), most=3).changed
    assert (one.changed, len(one.examples)) == (100, 3)


def test_a_stage_of_dvc_names_every_file_with_its_md5(store: BarStore, tmp_path: Path) -> None:
    """Form as `dvc stage list` and `dvc status` of DVC 3.67 accept it."""
    save(store.root, "v1.0", take(store))
    stages, lock = dvc_documents(store, "v1.0", tmp_path)
    assert list(stages) == ["stages"]
    assert lock["schema"] == "2.0"
    (name,) = stages["stages"]
    assert name == "data-v1-0"
    assert stages["stages"][name]["cmd"] == "tradewright data diff v1.0 now --store store"
    deps = lock["stages"][name]["deps"]
    assert [d["path"] for d in deps] == stages["stages"][name]["deps"]
    assert len(deps) == 1 + sum(len(d.partitions) for d in store.list())
    for dep in deps:
        content = (tmp_path / dep["path"]).read_bytes()
        assert dep["md5"] == hashlib.md5(content, usedforsecurity=False).hexdigest()
        assert (dep["size"], dep["hash"]) == (len(content), "md5")


def test_a_snapshot_of_a_later_format_is_refused() -> None:
    with pytest.raises(ValueError, match="less than or equal to 1"):
        Snapshot(format=2, pins=())
