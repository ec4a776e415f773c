"""The store: what is written can be read, and whatever stops a write leaves the store as it was."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import CLOSE, SESSION
from tradewright.core.types.errors import StoreError, UsageError
from tradewright.core.types.events import EventKind
from tradewright.data.catalogue import FORMAT, folder_name
from tradewright.data.commit import Commit
from tradewright.data.drafts import Draft
from tradewright.data.importer import Imported
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import Kind, canonical, schema
from tradewright.data.quality import Findings
from tradewright.data.store import BarStore
from tradewright.data.synthetic import START, WalkParams, synthetic_bars

HOUR = 3600 * 10**9
PARAMS = InstrumentParams(symbol="SYN", tick_size="0.01")


def imported(bars: Bars, timeframe: str = "1h") -> Imported:
    """Return bars as if they had come from a clean file."""
    times = {"ts_open": bars.ts_open, "ts_event": bars.ts_event, "ts_seen": bars.ts_event}
    values = {n: bars.fields[i] for i, n in enumerate(("open", "high", "low", "close", "volume"))}
    none = Findings("f.csv", pl.DataFrame(schema={"rule": pl.String, "severity": pl.String}))
    frame = canonical(pl.DataFrame(times | values), Kind.BARS)
    return Imported(Kind.BARS, timeframe, frame, none, ("a note",), "f.csv", "0" * 64)


def hours(n: int, seed: int = 1, start: int = START) -> Bars:
    """Return hourly bars; 20,000 of them span three calendar years."""
    return synthetic_bars(n, seed, WalkParams(interval=HOUR, start=start))


def tree(root: Path) -> dict[str, bytes]:
    """Return every file under a folder with its bytes; folders as empty entries."""
    return {str(p.relative_to(root)): p.read_bytes() if p.is_file() else b"" for p in sorted(root.rglob("*"))}


@pytest.fixture
def store(tmp_path: Path) -> BarStore:
    """Return a store with three years of hourly bars of SYN."""
    store = BarStore(tmp_path / "store")
    store.write(imported(hours(20_000)), PARAMS)
    return store


def equal(one: Bars, other: Bars) -> bool:
    """Compare two sets of bars to the bit."""
    same_times = np.array_equal(one.ts_open, other.ts_open) and np.array_equal(one.ts_event, other.ts_event)
    return same_times and one.fields.tobytes() == other.fields.tobytes()


def test_written_bars_are_read_back_to_the_bit(store: BarStore) -> None:
    assert equal(store.load("SYN", "1h"), hours(20_000))
    assert store.load("SYN", "1h").fields.flags["C_CONTIGUOUS"]


def test_catalogue_describes(store: BarStore) -> None:
    entry = store.describe("SYN", "1h")
    assert (entry.rows, [p.key for p in entry.partitions]) == (20_000, ["2024", "2025", "2026"])
    assert entry.instrument == PARAMS
    assert entry.first_open == START
    assert entry.last_event == START + 20_000 * HOUR
    assert entry.notes == ("a note",)
    assert store.list() == (entry,)
    assert store.damaged(entry) == ()
    assert store.check(entry).counts() == {}


def test_partitions_are_months_below_an_hour_and_days_below_a_minute(tmp_path: Path) -> None:
    store = BarStore(tmp_path)
    minutes = imported(synthetic_bars(50_000, 1), "1m")
    assert [p.key for p in store.write(minutes, PARAMS).dataset.partitions] == ["2024-01", "2024-02"]
    seconds = imported(synthetic_bars(90_000, 1, WalkParams(interval=10**9)), "1s")
    assert [p.key for p in store.write(seconds, PARAMS).dataset.partitions] == ["2024-01-01", "2024-01-02"]


def test_range_keeps_whole_bars_only(store: BarStore) -> None:
    bars = store.load("SYN", "1h", START + HOUR, START + 3 * HOUR)
    assert bars.ts_open.tolist() == [START + HOUR, START + 2 * HOUR]
    assert len(store.load("SYN", "1h", START + HOUR + 1, START + 3 * HOUR - 1)) == 0
    late = store.load("SYN", "1h", START + 15_000 * HOUR)
    assert len(late) == 5_000
    assert late.fields[SESSION, 0] == (START // HOUR + 15_000) // 24


def test_equal_data_equal_fingerprint_and_bytes(store: BarStore, tmp_path: Path) -> None:
    other = BarStore(tmp_path / "other")
    other.write(imported(hours(20_000)), PARAMS)
    assert other.fingerprint("SYN", "1h") == store.fingerprint("SYN", "1h")
    assert tree(other.root) == tree(store.root)
    third = BarStore(tmp_path / "third")
    changed = hours(20_000)
    changed.fields[CLOSE, 7] += 0.01
    third.write(imported(changed), PARAMS)
    assert third.fingerprint("SYN", "1h") != store.fingerprint("SYN", "1h")


def test_importing_twice_changes_nothing(store: BarStore) -> None:
    before = tree(store.root)
    assert not store.write(imported(hours(20_000)), PARAMS).is_changed
    assert tree(store.root) == before


def test_longer_file_extends(store: BarStore) -> None:
    longer = hours(21_000)
    longer.fields[:5, :20_000] = store.load("SYN", "1h").fields[:5]
    done = store.write(imported(longer), PARAMS)
    assert (done.added, done.removed) == (1_000, 0)
    assert equal(store.load("SYN", "1h"), longer)


def test_written_in_pieces_is_the_same_data_set(store: BarStore, tmp_path: Path) -> None:
    whole = imported(hours(20_000))
    pieces = BarStore(tmp_path / "pieces")
    for part in (slice(12_000, 20_000), slice(0, 5_000), slice(5_000, 12_000)):
        pieces.write(replace(whole, frame=whole.frame[part]), PARAMS)
    assert pieces.fingerprint("SYN", "1h") == store.fingerprint("SYN", "1h")


def test_other_values_need_replace(store: BarStore) -> None:
    before = tree(store.root)
    other = imported(hours(100, seed=2, start=START + 50 * HOUR))
    with pytest.raises(StoreError, match=r"SYN 1h is there already \(20000 rows, 2024-01-01.*Give --replace"):
        store.write(other, PARAMS)
    assert tree(store.root) == before
    done = store.write(other, PARAMS, replace=True)
    assert (done.added, done.removed) == (100, 100)
    now, was = store.load("SYN", "1h"), hours(20_000)
    assert np.array_equal(now.fields[:, 50:150], hours(100, seed=2, start=START + 50 * HOUR).fields, equal_nan=True)
    assert np.array_equal(now.fields[:, 150:], was.fields[:, 150:], equal_nan=True)
    assert equal(store.load("SYN", "1h", version=1), was)  # the old year's file is still there
    files = {p.name for p in (store.root / "bars/SYN/1h").glob("*.parquet")}
    assert len(files) == len(done.dataset.partitions) + 1  # and the years that did not change are shared


def test_replacing_with_fewer_rows_drops_emptied_partitions(store: BarStore) -> None:
    two = imported(hours(20_000))
    done = store.write(replace(two, frame=two.frame[[0, 19_999]]), PARAMS, replace=True)
    assert [p.key for p in done.dataset.partitions] == ["2024", "2026"]
    assert len(store.load("SYN", "1h")) == 2


def test_other_definition_needs_replace(store: BarStore) -> None:
    other = PARAMS.model_copy(update={"lot_size": "10"})
    with pytest.raises(StoreError, match=r"defined differently in the store \(lot_size\).*--replace"):
        store.write(imported(hours(20_000)), other)
    assert store.write(imported(hours(20_000)), other, replace=True).dataset.instrument == other


def test_tick_is_guessed_once_and_noted(tmp_path: Path) -> None:
    store = BarStore(tmp_path)
    entry = store.write(imported(hours(500)), InstrumentParams(symbol="SYN")).dataset
    assert entry.instrument.tick_size == "0.01"
    assert any("guessed" in n for n in entry.notes)
    assert not store.write(imported(hours(500)), InstrumentParams(symbol="SYN")).is_changed


class _StopError(Exception):
    """Something nobody expected."""


@pytest.mark.parametrize("stop", [KeyboardInterrupt, _StopError, OSError("disk full"), MemoryError])
@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("step", range(12))
def test_a_write_stopped_at_any_step_leaves_the_store_as_it_was(
    store: BarStore, monkeypatch: pytest.MonkeyPatch, stop: BaseException, *, fresh: bool, step: int
) -> None:
    params = PARAMS.model_copy(update={"symbol": "NEW"}) if fresh else PARAMS
    before = tree(store.root)
    calls = 0
    real_write, real_move = pl.DataFrame.write_parquet, Path.replace

    def tick() -> None:
        nonlocal calls
        calls += 1
        if calls == step + 1:
            raise stop

    def write_parquet(self: pl.DataFrame, *args: object, **kwargs: object) -> object:
        tick()
        done = real_write(self, *args, **kwargs)  # type: ignore[arg-type]
        tick()
        return done

    def move(self: Path, target: Path) -> Path:
        tick()
        return real_move(self, target)

    monkeypatch.setattr(pl.DataFrame, "write_parquet", write_parquet)
    monkeypatch.setattr(Path, "replace", move)
    new = imported(hours(20_000, seed=2))
    # Three files written and moved, the replaced catalogue kept, the new one moved: nothing stops this one.
    if step >= (10 if fresh else 11):
        store.write(new, params, replace=True)
        assert tree(store.root) != before
        return
    expected = StoreError if isinstance(stop, OSError) else stop
    with pytest.raises(expected):  # type: ignore[arg-type]
        store.write(new, params, replace=True)
    monkeypatch.undo()
    assert tree(store.root) == before


def test_a_stop_right_after_the_commit_keeps_the_new_rows(store: BarStore, monkeypatch: pytest.MonkeyPatch) -> None:
    real_move = Path.replace

    def move(self: Path, target: Path) -> Path:
        done = real_move(self, target)
        if self.name == "catalogue.json":
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(Path, "replace", move)
    with pytest.raises(KeyboardInterrupt):
        store.write(imported(hours(20_000, seed=2)), PARAMS, replace=True)
    assert equal(store.load("SYN", "1h"), hours(20_000, seed=2))
    assert store.damaged(store.describe("SYN", "1h")) == ()


def test_leftovers_of_a_killed_write_are_invisible_and_cleared(store: BarStore) -> None:
    entry = store.describe("SYN", "1h")
    folder = store.root / "bars/SYN/1h"
    (folder / "2024.deadbeef0000.parquet").write_bytes(b"half")
    (store.root / "bars/SYN/.writing-x").mkdir()
    assert store.list() == (entry,)
    assert equal(store.load("SYN", "1h"), hours(20_000))
    pruned = store.prune()
    assert (pruned.versions, pruned.files, pruned.size_bytes) == (0, 1, 4)
    assert sorted(p.name for p in folder.iterdir()) == sorted(["catalogue.json", *(p.file for p in entry.partitions)])
    assert not (store.root / "bars/SYN/.writing-x").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked there; prune removes leftovers")
def test_the_next_write_clears_what_a_killed_one_left(store: BarStore) -> None:
    code = f"""
import os, signal
from pathlib import Path
from tradewright.data.drafts import Draft
folder = Draft(Path({str(store.root / "bars/SYN")!r})).folder
(folder / "2024.deadbeef0000.parquet").write_bytes(b"half")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert [p.name for p in store.root.glob("bars/SYN/.writing-*/*")] == ["2024.deadbeef0000.parquet"]
    working = Draft(store.root / "bars/SYN")  # of a writer that lives: this one already cleared the leftover
    assert list(store.root.glob("bars/SYN/.writing-*")) == [working.folder]
    store.write(imported(hours(10, seed=2)), PARAMS, replace=True)
    assert list(store.root.glob("bars/SYN/.writing-*")) == [working.folder]
    working.remove()
    assert not list(store.root.glob("bars/SYN/.writing-*"))


def test_two_writers_do_not_mix(store: BarStore, monkeypatch: pytest.MonkeyPatch) -> None:
    other = BarStore(store.root)
    real = pl.DataFrame.write_parquet

    def slow(self: pl.DataFrame, *args: object, **kwargs: object) -> object:
        monkeypatch.undo()
        other.write(imported(hours(10, seed=3)), PARAMS, replace=True)
        return real(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(pl.DataFrame, "write_parquet", slow)
    with pytest.raises(StoreError, match=r"another process wrote this data set.*again"):
        store.write(imported(hours(10, seed=4)), PARAMS, replace=True)
    assert np.array_equal(store.load("SYN", "1h").fields[:5, :10], hours(10, seed=3).fields[:5])


def test_unwritable_root(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=r"the store cannot be written.*rights"):
        BarStore(tmp_path / "file").write(imported(hours(10)), PARAMS)


def test_unknown_instrument_suggests(store: BarStore) -> None:
    store.write(imported(hours(10)), PARAMS.model_copy(update={"symbol": "EURUSD"}))
    with pytest.raises(UsageError, match=r"unknown instrument 'EURSUD'\. Did you mean EURUSD\?"):
        store.load("EURSUD", "1h")
    with pytest.raises(UsageError, match=r"unknown instrument 'ZZZZZZ'\. The store has: EURUSD, SYN\."):
        store.load("ZZZZZZ", "1h")
    with pytest.raises(UsageError, match=r"no 5m bars of SYN\. The store has: 1h\."):
        store.load("SYN", "5m")
    with pytest.raises(UsageError, match="'hourly' is not a timeframe"):
        store.load("SYN", "hourly")


def test_empty_store_says_how_to_fill_it(tmp_path: Path) -> None:
    assert BarStore(tmp_path / "none").list() == ()
    with pytest.raises(UsageError, match=r"store is empty.*tradewright data import"):
        BarStore(tmp_path / "none").load("SYN", "1h")


def test_damaged_files_are_named(store: BarStore) -> None:
    entry = store.describe("SYN", "1h")
    path = store.root / "bars/SYN/1h" / entry.partitions[1].file
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(StoreError, match=r"2025\..*parquet: the partition cannot be read.*from a copy"):
        store.load("SYN", "1h")
    assert store.damaged(entry) == (entry.partitions[1].file,)
    (store.root / "bars/SYN/1h/catalogue.json").write_text("{")
    with pytest.raises(StoreError, match=r"catalogue\.json: the catalogue cannot be read"):
        store.load("SYN", "1h")


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("BTC/USDT", "BTC%2FUSDT"),
        ("..", "%2E."),
        ("../x", "%2E.%2Fx"),
        (".hidden", "%2Ehidden"),
        ("BRK.B", "BRK.B"),
    ],
)
def test_symbols_cannot_leave_the_store(tmp_path: Path, symbol: str, name: str) -> None:
    assert folder_name(symbol) == name
    store = BarStore(tmp_path / "root")
    store.write(imported(hours(10)), PARAMS.model_copy(update={"symbol": symbol}))
    assert [p.name for p in tmp_path.iterdir()] == ["root"]
    assert store.list()[0].symbol == symbol
    assert len(store.load(symbol, "1h")) == 10


@pytest.mark.parametrize("symbol", ["", " x", "a\nb", "x" * 65])
def test_impossible_symbols(symbol: str) -> None:
    with pytest.raises(UsageError, match="cannot be a symbol"):
        folder_name(symbol)


@pytest.mark.parametrize("rows", [1, 999, 8_784, 50_000])
def test_blocks_are_full_but_the_last(store: BarStore, rows: int) -> None:
    first, last = START + 8_000 * HOUR, START + 12_000 * HOUR
    blocks = list(store.blocks("SYN", "1h", first, last, rows))
    assert {len(b) for b in blocks[:-1]} <= {rows}
    assert sum(len(b) for b in blocks) == 4_000
    with pytest.raises(UsageError, match="block of 0 rows"):
        next(store.blocks("SYN", "1h", rows=0))


def test_quotes_become_events(tmp_path: Path) -> None:
    ts = START + np.array([0, 5, 5, 9], dtype=np.int64)
    values = {
        "bid": [10.0, 10.1, 10.2, 10.1],
        "ask": [10.2, 10.3, 10.3, 10.2],
        "bid_size": [1.0] * 4,
        "ask_size": [2.0] * 4,
    }
    frame = pl.DataFrame({"ts_open": ts, "ts_event": ts, "ts_seen": ts} | values, schema=schema(Kind.QUOTES))
    quotes = replace(imported(hours(1)), kind=Kind.QUOTES, timeframe="tick", frame=frame)
    store = BarStore(tmp_path)
    store.write(quotes, PARAMS)
    assert not store.write(quotes, PARAMS).is_changed
    events = store.load_events("SYN", Kind.QUOTES)
    assert (events.kind_all, events.ts_event.tolist()) == (EventKind.QUOTE, ts.tolist())
    assert events.fields[:4, 1].tolist() == [10.1, 10.3, 1.0, 2.0]


DAY_1, DAY_2, DAY_3 = (START + n * 100_000 * HOUR for n in (1, 2, 3))


class Clock:
    """Times a test sets by hand."""

    def __init__(self) -> None:
        self.ns = DAY_1

    def __call__(self) -> int:
        return self.ns


def closes(bars: Bars) -> list[float]:
    return [float(v) for v in bars.fields[CLOSE]]


@pytest.fixture
def corrected(tmp_path: Path) -> BarStore:
    """Return a store: 20 bars on day 1, five of them corrected on day 2, ten more bars on day 3."""
    clock = Clock()
    store = BarStore(tmp_path / "corrected", clock)
    store.write(imported(hours(20)), PARAMS)
    clock.ns = DAY_2
    store.write(imported(hours(5, seed=2, start=START + 10 * HOUR)), PARAMS, replace=True)
    clock.ns = DAY_3
    store.write(imported(hours(10, seed=3, start=START + 20 * HOUR)), PARAMS)
    return store


def test_every_write_is_a_version_that_stays_readable(corrected: BarStore) -> None:
    one, two, three = corrected.versions("SYN", "1h")
    assert [(v.version, v.rows, v.recorded_ns) for v in (one, two, three)] == [
        (1, 20, DAY_1),
        (2, 20, DAY_2),
        (3, 30, DAY_3),
    ]
    assert (one.parent, two.parent, three.parent) == ("", one.digest, two.digest)
    assert closes(corrected.load("SYN", "1h", version=1)) == closes(hours(20))
    now = closes(corrected.load("SYN", "1h"))
    assert now[:10] == closes(hours(20))[:10]
    assert now[10:15] == closes(hours(5, seed=2))
    assert now[20:] == closes(hours(10, seed=3))
    with pytest.raises(UsageError, match=r"SYN 1h has no version 7.*Kept are: 1, 2, 3\."):
        corrected.load("SYN", "1h", version=7)


def test_a_correction_is_known_from_when_it_was_recorded(corrected: BarStore) -> None:
    before = closes(corrected.load("SYN", "1h", as_of_ns=DAY_2 - 1))
    assert before == [*closes(hours(20)), *closes(hours(10, seed=3))]
    assert closes(corrected.load("SYN", "1h", as_of_ns=DAY_2)) == closes(corrected.load("SYN", "1h"))


def test_history_brought_in_late_was_known_when_its_rows_were_seen(corrected: BarStore) -> None:
    """Written on day 1, but bar k is complete, and so visible, at START + (k + 1) hours."""
    assert len(corrected.load("SYN", "1h", as_of_ns=START + 12 * HOUR)) == 12
    assert closes(corrected.load("SYN", "1h", as_of_ns=START + 12 * HOUR)) == closes(hours(20))[:12]
    part = corrected.load("SYN", "1h", START + 9 * HOUR, START + 13 * HOUR, as_of_ns=START + 12 * HOUR)
    assert closes(part) == closes(hours(20))[9:12]


def test_a_row_that_was_withdrawn_and_came_back_is_a_correction(tmp_path: Path) -> None:
    clock = Clock()
    store = BarStore(tmp_path, clock)
    whole = imported(hours(20))
    store.write(whole, PARAMS)
    clock.ns = DAY_2
    store.write(replace(whole, frame=whole.frame[[4, 8]]), PARAMS, replace=True)  # bars 5 to 7 go
    clock.ns = DAY_3
    store.write(imported(hours(3, seed=2, start=START + 5 * HOUR)), PARAMS)  # and come back otherwise
    assert len(store.load("SYN", "1h", as_of_ns=DAY_2)) == 17
    assert closes(store.load("SYN", "1h", as_of_ns=DAY_2 - 1)) == closes(hours(20))
    assert closes(store.load("SYN", "1h", as_of_ns=DAY_3))[5:8] == closes(hours(3, seed=2))


def test_corrections_of_corrections_are_undone_one_by_one(tmp_path: Path) -> None:
    clock = Clock()
    store = BarStore(tmp_path, clock)
    store.write(imported(hours(20)), PARAMS)
    for seed in (2, 3, 4):
        clock.ns += HOUR
        store.write(imported(hours(10, seed=seed, start=START + 2 * seed * HOUR)), PARAMS, replace=True)
    for version in (1, 2, 3, 4):
        known = store.load("SYN", "1h", as_of_ns=DAY_1 + (version - 1) * HOUR)
        assert closes(known) == closes(store.load("SYN", "1h", version=version))


def test_a_clock_that_runs_backwards_does_not_reorder_history(tmp_path: Path) -> None:
    clock = Clock()
    store = BarStore(tmp_path, clock)
    store.write(imported(hours(20)), PARAMS)
    clock.ns = DAY_1 - 5 * HOUR
    after = store.write(imported(hours(5, seed=2)), PARAMS, replace=True).dataset
    assert after.recorded_ns == DAY_1


def test_a_correction_without_a_time_refuses_to_say_when_it_was_known(store: BarStore) -> None:
    store.write(imported(hours(5, seed=2)), PARAMS, replace=True)
    assert len(store.load("SYN", "1h", version=1)) == 20_000
    with pytest.raises(StoreError, match="version 2 corrected rows at a time that was not recorded"):
        store.load("SYN", "1h", as_of_ns=DAY_1)


def test_when_it_was_written_is_not_content(tmp_path: Path, corrected: BarStore) -> None:
    clock = Clock()
    clock.ns = DAY_3 + 7
    other = BarStore(tmp_path / "other", clock)
    frames = [corrected.frame(corrected.describe("SYN", "1h"))]
    other.write(replace(imported(hours(1)), frame=frames[0]), PARAMS)
    assert other.fingerprint("SYN", "1h") == corrected.fingerprint("SYN", "1h")
    assert other.describe("SYN", "1h").partitions == corrected.describe("SYN", "1h").partitions
    assert corrected.find("SYN", "1h", Kind.BARS, other.fingerprint("SYN", "1h")).version == 3


def test_prune_keeps_the_newest_and_what_is_named(corrected: BarStore) -> None:
    one, two, three = corrected.versions("SYN", "1h")
    pruned = corrected.prune({one.digest})
    assert (pruned.versions, pruned.files) == (1, 1)
    assert [v.version for v in corrected.versions("SYN", "1h")] == [1, 3]
    assert closes(corrected.load("SYN", "1h", version=1)) == closes(hours(20))
    assert closes(corrected.load("SYN", "1h", as_of_ns=DAY_2 - 1))[:20] == closes(hours(20))
    assert corrected.damaged(one) == corrected.damaged(three) == ()
    with pytest.raises(UsageError, match="no version 2"):
        corrected.load("SYN", "1h", version=2)
    with pytest.raises(StoreError, match=f"no version of SYN 1h has the content {two.digest}"):
        corrected.find("SYN", "1h", Kind.BARS, two.digest)
    corrected.prune()
    assert not (corrected.root / "bars/SYN/1h/versions").exists()
    with pytest.raises(StoreError, match="what was known before version 2 has been pruned"):
        corrected.load("SYN", "1h", as_of_ns=DAY_1)


def test_a_store_of_format_1_opens_and_goes_on(store: BarStore) -> None:
    path = store.root / "bars/SYN/1h/catalogue.json"
    entry = json.loads(path.read_text())
    for later in ("version", "parent", "recorded_ns", "corrections"):
        del entry[later]
    path.write_text(json.dumps(entry | {"format": 1}))
    assert equal(store.load("SYN", "1h"), hours(20_000))
    old = store.describe("SYN", "1h")
    assert (old.version, old.format) == (1, 1)
    after = store.write(imported(hours(5, seed=2)), PARAMS, replace=True).dataset
    assert (after.version, after.parent, after.format) == (2, old.digest, FORMAT)
    assert equal(store.load("SYN", "1h", version=1), hours(20_000))


@pytest.mark.parametrize("step", range(7))
def test_a_killed_writer_leaves_the_old_version_or_the_new_one(
    store: BarStore, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """A process that dies at a move of a file: nothing of it cleans up."""
    old = store.fingerprint("SYN", "1h")
    real = Path.replace
    calls = 0

    def move(self: Path, target: Path) -> Path:
        nonlocal calls
        calls += 1
        if calls == step + 1:
            raise _StopError
        return real(self, target)

    new = imported(hours(20_000, seed=2))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", move)
        patch.setattr(Commit, "__exit__", lambda *_: None)
        with suppress(_StopError):
            store.write(new, PARAMS, replace=True)
    is_done = step >= 5  # three files, the replaced catalogue, the new one
    assert (store.fingerprint("SYN", "1h") != old) == is_done
    assert equal(store.load("SYN", "1h"), hours(20_000, seed=2 if is_done else 1))
    assert store.damaged(store.describe("SYN", "1h")) == ()
    assert [v.version for v in store.versions("SYN", "1h")] == ([1, 2] if is_done else [1])
    store.write(new, PARAMS, replace=True)  # writing again finishes the work, whatever lies around
    assert equal(store.load("SYN", "1h"), hours(20_000, seed=2))
    assert equal(store.load("SYN", "1h", version=1), hours(20_000))
    store.prune({old})
    assert equal(store.load("SYN", "1h", version=1), hours(20_000))
    assert not list(store.root.glob("bars/*/.writing-*"))
