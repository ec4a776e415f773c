"""From stored bars to a stored table: what is computed, and when it is computed again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradewright.core.types.errors import ConfigError, UsageError
from tradewright.core.types.events import EventKind
from tradewright.data.feature_store import FeatureKey, FeatureStore, Lookup
from tradewright.data.importer import ImportOptions, import_file
from tradewright.data.instruments import InstrumentParams
from tradewright.data.presets import CALENDARS
from tradewright.data.source import StoreSource
from tradewright.data.store import BarStore
from tradewright.engine.feature_build import FeatureRequest, build_features, newest_bars, read_seen
from tradewright.features import compute, ema, log_return, quoted_spread, reference_return

FEATURES = {"ema": ema(5), "ret": log_return(2)}


def put(store: BarStore, symbol: str, closes: list[float], seen: list[str] | None = None) -> None:
    path = store.root / f"{symbol}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ["time,open,high,low,close,volume"]
    lines += [f"2024-01-01T{h:02d}:00:00Z,{c},{c + 1},{c - 1},{c},10" for h, c in enumerate(closes)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    imported = import_file(path, CALENDARS["24/7"], ImportOptions(interval="1h"))
    if seen is not None:
        stamps = pl.Series("ts_seen", seen).str.to_datetime(time_unit="ns").cast(pl.Int64)
        object.__setattr__(imported, "frame", imported.frame.with_columns(stamps))
    store.write(imported, InstrumentParams(symbol=symbol, tick_size="0.01"), replace=True)


CLOSES = [100.0 + 3 * (k % 4) + k for k in range(20)]


@pytest.fixture
def store(tmp_path: Path) -> BarStore:
    store = BarStore(tmp_path)
    put(store, "ACME", CLOSES)
    return store


def request(store: BarStore, **more: object) -> FeatureRequest:
    return FeatureRequest(StoreSource(store, "ACME", "1h"), FEATURES, **more)  # type: ignore[arg-type]


def test_the_table_holds_what_the_features_compute(store: BarStore) -> None:
    told: list[int] = []
    built = build_features(request(store), FeatureStore(store.root, lambda: 5), told.append)
    bars = store.load("ACME", "1h")
    frame = built.stored.frame
    assert frame.columns == ["ts_open", "ts_event", "ts_seen", "ema", "ret"]
    assert frame["ts_event"].to_numpy().tolist() == bars.ts_event.tolist()
    for name, feature in FEATURES.items():
        assert frame[name].to_numpy().tobytes() == compute(feature, bars).tobytes()
    assert (built.is_reused, built.notes, sum(told)) == (False, (), 20)
    assert [c.feature for c in built.stored.entry.columns] == [f.key for f in FEATURES.values()]


def test_it_is_reused_when_nothing_changed_and_only_then(store: BarStore) -> None:
    kept = FeatureStore(store.root, lambda: 5)
    first = build_features(request(store), kept)
    again = build_features(request(store), kept)
    assert again.is_reused
    assert again.stored.frame.equals(first.stored.frame, null_equal=True)
    other = FeatureRequest(StoreSource(store, "ACME", "1h"), {**FEATURES, "more": ema(6)})
    assert not build_features(other, kept).is_reused
    shorter = FeatureRequest(StoreSource(store, "ACME", "1h", end=int(first.stored.frame["ts_event"][9])), FEATURES)
    assert build_features(shorter, kept).stored.entry.rows == 10
    put(store, "ACME", [*CLOSES[:-1], 500.0])  # one bar corrected
    corrected = build_features(request(store), kept)
    assert not corrected.is_reused
    assert corrected.stored.entry.key != first.stored.entry.key
    old = FeatureRequest(StoreSource(store, "ACME", "1h", version=1), FEATURES)
    assert build_features(old, kept).is_reused
    assert len(kept.list()[0]) == 4


def test_a_damaged_table_is_built_again_with_a_note(store: BarStore) -> None:
    kept = FeatureStore(store.root)
    first = build_features(request(store), kept)
    path = kept.path_of(first.stored.entry)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    again = build_features(request(store), kept)
    assert not again.is_reused
    assert "is not used" in again.notes[0]
    assert again.notes[0].endswith("built again")
    assert path.read_bytes() == whole


def test_the_reference_is_part_of_the_key_and_of_the_values(store: BarStore) -> None:
    put(store, "COIN", [50.0 + k for k in range(20)])
    kept = FeatureStore(store.root)
    source = StoreSource(store, "ACME", "1h")
    wanted = {"ref": reference_return(1)}
    without = build_features(FeatureRequest(source, wanted), kept)
    beside = build_features(FeatureRequest(source, wanted, StoreSource(store, "COIN", "1h")), kept)
    assert without.stored.frame["ref"].is_nan().all()
    np.testing.assert_allclose(beside.stored.frame["ref"].to_numpy()[1:], 1.0 / (50.0 + np.arange(19)))
    put(store, "COIN", [60.0 + k for k in range(20)])
    changed = FeatureRequest(source, wanted, StoreSource(store, "COIN", "1h"))
    assert len({without.stored.entry.key, beside.stored.entry.key, changed.key.digest}) == 3


def test_a_row_is_seen_when_all_it_is_made_of_was_seen(store: BarStore) -> None:
    hours = [f"2024-01-01T{h + 1:02d}:00:00" for h in range(20)]
    late = [*hours[:3], "2024-01-01T07:30:00", *hours[4:]]
    put(store, "LATE", CLOSES, late)
    seen = read_seen(StoreSource(store, "LATE", "1h"))
    told = [str(np.datetime64(int(ns), "ns"))[11:16] for ns in seen.ts_known[:9]]
    assert told == ["01:00", "02:00", "03:00", "07:30", "07:30", "07:30", "07:30", "08:00", "09:00"]
    built = build_features(FeatureRequest(StoreSource(store, "LATE", "1h"), FEATURES), FeatureStore(store.root))
    assert built.stored.frame["ts_seen"].to_list() == seen.ts_known.tolist()
    few = newest_bars(seen, 5)
    assert (len(few.bars), few.ts_known.tolist()) == (5, seen.ts_known[-5:].tolist())


def test_what_cannot_be_built_is_refused_and_leaves_nothing(store: BarStore) -> None:
    kept = FeatureStore(store.root)
    source = StoreSource(store, "ACME", "1h")
    assert quoted_spread().reads is EventKind.QUOTE
    for features in ({}, {"ts_event": ema(3)}, {" ": ema(3)}, {"spread": quoted_spread()}):
        with pytest.raises(ConfigError):
            build_features(FeatureRequest(source, features), kept)
    with pytest.raises(UsageError, match="unknown instrument"):
        build_features(FeatureRequest(StoreSource(store, "ACMI", "1h"), FEATURES), kept)
    with pytest.raises(UsageError, match="in the range"):
        build_features(FeatureRequest(StoreSource(store, "ACME", "1h", end=5), FEATURES), kept)
    assert kept.list() == ((), ())


def test_a_write_in_between_cannot_part_rows_from_their_key(store: BarStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bars are corrected after the key was made and before they are read."""
    kept = FeatureStore(store.root)
    wanted = request(store).key
    find = kept.find

    def corrected_meanwhile(key: FeatureKey) -> Lookup:
        put(store, "ACME", [*CLOSES[:-1], 500.0])
        return find(key)

    monkeypatch.setattr(kept, "find", corrected_meanwhile)
    built = build_features(request(store), kept)
    assert built.stored.entry.key == wanted.digest
    assert built.stored.frame["ret"][-1] == pytest.approx(np.log(CLOSES[-1] / CLOSES[-3]))
    assert request(store).key != wanted
