"""The feature store: a table is used when its key is the one that is wanted and its rows are sound, never else."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.data.feature_store import FeatureColumn, FeatureKey, FeatureStore, newest, read_table, table_digest

KEY = FeatureKey("ACME", "1h", "d" * 32, "f" * 32)
COLUMNS = (FeatureColumn(name="a", feature="a.v1(1)", code="0"), FeatureColumn(name="b", feature="b.v1", code="1"))
FRAME = pl.DataFrame(
    {
        "ts_open": [0, 10, 20],
        "ts_event": [10, 20, 30],
        "ts_seen": [10, 25, 30],
        "a": [math.nan, 1.5, -0.0],
        "b": [1.0, 2.0, math.nan],
    }
)


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path, lambda: 1234)


def test_what_is_written_is_found_with_its_stamp(store: FeatureStore) -> None:
    assert store.find(KEY).found is None
    assert store.find(KEY).note == ""
    written = store.write(KEY, COLUMNS, FRAME)
    found = store.find(KEY).found
    assert found is not None
    assert found.frame.equals(FRAME, null_equal=True)
    assert found.entry == written.entry
    assert (found.entry.built_ns, found.entry.rows, found.entry.first_event, found.entry.last_event) == (
        1234,
        3,
        10,
        30,
    )
    assert store.list() == ((written.entry,), ())


def test_the_stamp_is_no_part_of_the_key(tmp_path: Path) -> None:
    FeatureStore(tmp_path, lambda: 1).write(KEY, COLUMNS, FRAME)
    later = FeatureStore(tmp_path, lambda: 2)
    found = later.find(KEY).found
    assert found is not None
    assert found.entry.built_ns == 1
    later.write(KEY, COLUMNS, FRAME)
    assert [e.built_ns for e in later.list()[0]] == [2]


@pytest.mark.parametrize("field", ["symbol", "timeframe", "dataset", "features", "reference"])
def test_another_key_is_another_table(store: FeatureStore, field: str) -> None:
    store.write(KEY, COLUMNS, FRAME)
    other = replace(KEY, **{field: "1d" if field == "timeframe" else "other"})
    assert other.digest != KEY.digest
    assert store.find(other).found is None


def damage_bytes(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[10] ^= 0xFF
    path.write_bytes(raw)


def damage_rows(path: Path) -> None:
    """Change one value and keep what the file says about itself."""
    told = pl.read_parquet_metadata(path)["tradewright.features"]
    FRAME.with_columns(a=pl.lit(9.0)).write_parquet(path, metadata={"tradewright.features": told})


def damage_columns(path: Path) -> None:
    told = pl.read_parquet_metadata(path)["tradewright.features"]
    FRAME.rename({"a": "c"}).write_parquet(path, metadata={"tradewright.features": told})


def damage_entry(path: Path) -> None:
    FRAME.write_parquet(path, metadata={"tradewright.features": "{}"})


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut short": lambda p: p.write_bytes(p.read_bytes()[:-20]),
    "empty": lambda p: p.write_bytes(b""),
    "bytes": damage_bytes,
    "rows": damage_rows,
    "columns": damage_columns,
    "entry": damage_entry,
    "foreign": FRAME.write_parquet,
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_and_foreign_files_are_never_used(store: FeatureStore, name: str) -> None:
    entry = store.write(KEY, COLUMNS, FRAME).entry
    DAMAGE[name](store.path(KEY))
    lookup = store.find(KEY)
    assert lookup.found is None
    assert "is not used" in lookup.note
    with pytest.raises(StoreError):
        read_table(store.path(KEY))
    store.write(KEY, COLUMNS, FRAME)
    found = store.find(KEY).found
    assert found is not None
    assert found.entry == entry


def test_a_table_under_another_name_is_not_used(store: FeatureStore) -> None:
    store.write(KEY, COLUMNS, FRAME)
    other = replace(KEY, dataset="e" * 32)
    store.path(other).write_bytes(store.path(KEY).read_bytes())
    assert "its name is not its key" in store.find(other).note
    entries, strangers = store.list()
    assert [e.key for e in entries] == [KEY.digest]
    assert strangers == (f"features/ACME/1h/{other.digest}.parquet",)


def test_columns_must_be_those_named(store: FeatureStore) -> None:
    with pytest.raises(ValueError, match="expected"):
        store.write(KEY, COLUMNS[::-1], FRAME)


def test_a_place_that_cannot_be_written_is_told(store: FeatureStore) -> None:
    (store.root / "features").write_text("a file in the way")
    with pytest.raises(StoreError, match="cannot be written"):
        store.write(KEY, COLUMNS, FRAME)
    assert [p.name for p in store.root.iterdir()] == ["features"]


def test_a_write_that_fails_leaves_the_old_table(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write(KEY, COLUMNS, FRAME)

    def fails(*_args: object, **_named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(StoreError, match="No space left"):
        store.write(KEY, COLUMNS, FRAME.head(1))
    found = store.find(KEY).found
    assert found is not None
    assert found.entry.rows == 3
    assert [p.name for p in store.path(KEY).parent.iterdir()] == [store.path(KEY).name]


def test_symbols_and_timeframes_make_safe_paths(store: FeatureStore) -> None:
    path = store.path(replace(KEY, symbol="../BTC/USD"))
    assert path.parent.parent.parent == store.root / "features"
    with pytest.raises(UsageError):
        store.path(replace(KEY, timeframe="../1h"))


def test_the_newest_row_is_a_feature_row(store: FeatureStore) -> None:
    row = newest(store.write(KEY, COLUMNS, FRAME))
    assert row is not None
    assert (row.instrument, row.ts_event, row.names) == ("ACME", 30, ("a", "b"))
    assert row.values[0] == 0.0
    assert math.isnan(row.values[1])
    assert newest(store.write(KEY, COLUMNS, FRAME.clear())) is None


def test_content_counts_names_types_and_values() -> None:
    frames = [FRAME, FRAME.rename({"a": "c"}), FRAME.with_columns(pl.col("a").fill_nan(0.0)), FRAME.head(2)]
    assert len({table_digest(f) for f in frames}) == len(frames)
    assert table_digest(FRAME) == table_digest(FRAME.clone())
