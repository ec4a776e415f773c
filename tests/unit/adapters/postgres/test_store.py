"""PostgreSQL and Parquet: the same writes give the same entries, frames, digests and errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sqlalchemy import text
from tests.services.postgres_server import PostgresServer
from tests.unit.data.format_2 import older

from tradewright.adapters.postgres.params import PostgresParams
from tradewright.adapters.postgres.store import PostgresStore
from tradewright.core.types.errors import StoreError, TradewrightError, UsageError
from tradewright.data.importer import Imported
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import Kind, canonical, schema
from tradewright.data.quality import Findings
from tradewright.data.store import BarStore, MarketStore

HOUR = 3600 * 10**9
START = 1_704_067_200 * 10**9
PARAMS = InstrumentParams(symbol="BRK.B", tick_size="0.01")
Write = tuple[Imported, InstrumentParams, bool]


def wrapped(frame: pl.DataFrame, kind: Kind = Kind.BARS, timeframe: str = "1h") -> Imported:
    none = Findings("f", pl.DataFrame(schema={"rule": pl.String, "severity": pl.String}))
    return Imported(kind, timeframe, canonical(frame, kind), none, ("a note",), "f.csv", "0" * 64)


def bars(n: int, seed: int = 1, start: int = START, step: int = HOUR, **extra: np.ndarray) -> pl.DataFrame:
    opens = start + step * np.arange(n, dtype=np.int64)
    close = 100.0 + np.random.default_rng(seed).normal(size=n).cumsum() / 7
    values = {"open": close, "high": close + 0.1, "low": close - 0.1, "close": close, "volume": np.arange(n) / 3.0}
    return pl.DataFrame({"ts_open": opens, "ts_event": opens + step, "ts_seen": opens + step} | values | extra)


def trades(n: int) -> pl.DataFrame:
    """Return trades of which up to three share a nanosecond, in an order that matters."""
    ts = START + np.sort(np.random.default_rng(4).integers(0, n // 2, n)) * 1_000_001
    price = np.random.default_rng(5).normal(100, 1, n)
    side = np.resize([1.0, -1.0, 0.0], n)
    values = {"price": price, "size": np.abs(price) / 9, "aggressor": side}
    return pl.DataFrame({"ts_open": ts, "ts_event": ts, "ts_seen": ts + 5} | values)


def odd_bars() -> pl.DataFrame:
    """Return bars with every value that a careless path would change."""
    frame = bars(400)
    odd = [np.nan, -0.0, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, 1e22, 123456789.123456789]
    volume = np.resize(np.array(odd), 400)
    bought = np.where(np.arange(400) % 3 == 0, np.nan, np.arange(400) / 11)
    return frame.with_columns(
        volume=pl.Series(volume), trades=pl.Series(np.arange(400) * 1.0), buy_volume=pl.Series(bought)
    )


_LONG = bars(10_000)
CASES: dict[str, list[Write]] = {
    "years": [(wrapped(_LONG), PARAMS, False)],
    "odd values and optional columns": [(wrapped(odd_bars()), PARAMS, False)],
    "minutes": [(wrapped(bars(50_000, step=60 * 10**9), timeframe="1m"), PARAMS, False)],
    "trades of one instant": [(wrapped(trades(5_000), Kind.TRADES, "tick"), PARAMS, False)],
    "before 1970": [(wrapped(bars(100, start=-(10**18))), PARAMS, False)],
    "in pieces": [(wrapped(_LONG[a:b]), PARAMS, False) for a, b in ((6_000, 10_000), (0, 2_500), (2_500, 6_000))],
    "a longer file": [(wrapped(_LONG[:100]), PARAMS, False), (wrapped(_LONG[:150]), PARAMS, False)],
    "a correction": [
        (wrapped(_LONG), PARAMS, False),
        (wrapped(bars(100, 2, START + 50 * HOUR)), PARAMS, True),
        (wrapped(bars(10, 3, START + 60 * HOUR)), PARAMS, True),
    ],
    "fewer rows": [(wrapped(_LONG), PARAMS, False), (wrapped(_LONG[[0, 9_999]]), PARAMS, True)],
    "nothing new": [(wrapped(_LONG), PARAMS, False), (wrapped(_LONG[5:500]), PARAMS, False)],
    "another definition": [
        (wrapped(_LONG), PARAMS, False),
        (wrapped(_LONG), PARAMS.model_copy(update={"lot_size": "10"}), True),
    ],
    "a tick to be guessed": [
        (wrapped(_LONG.with_columns(pl.col("close").round(2))), InstrumentParams(symbol="X"), False)
    ],
}


@pytest.mark.parametrize("name", CASES)
def test_both_stores_hold_the_same(postgres: PostgresStore, tmp_path: Path, name: str) -> None:
    parquet = BarStore(tmp_path, lambda: 1)
    stores: tuple[MarketStore, MarketStore] = (parquet, postgres)
    for imported, params, is_correction in CASES[name]:
        one, other = (s.write(imported, params, replace=is_correction) for s in stores)
        assert one == other
    assert parquet.list() == postgres.list()
    entry = parquet.list()[0]
    key = (entry.symbol, entry.timeframe, entry.kind)
    assert parquet.versions(*key) == postgres.versions(*key)
    for version in parquet.versions(*key):
        left, right = (s.frame(version) for s in stores)
        assert left.equals(right, null_equal=True)
        assert all(left[n].to_numpy().tobytes() == right[n].to_numpy().tobytes() for n in schema(entry.kind))
        assert parquet.damaged(version) == postgres.damaged(version) == ()


def test_ranges_blocks_and_past_knowledge_are_the_same(postgres: PostgresStore, tmp_path: Path) -> None:
    now = [0]
    postgres.now_ns = lambda: now[0]
    stores: tuple[MarketStore, MarketStore] = (BarStore(tmp_path, lambda: now[0]), postgres)
    for number, (imported, params, is_correction) in enumerate(CASES["a correction"]):
        now[0] = START + (30_000 + 10 * number) * HOUR
        for store in stores:
            store.write(imported, params, replace=is_correction)
    span = (START + 40 * HOUR, START + 9_000 * HOUR)
    for as_of in (START + 55 * HOUR, START + 30_005 * HOUR, START + 30_015 * HOUR, START + 40_000 * HOUR):
        one, other = (s.load("BRK.B", "1h", *span, as_of_ns=as_of) for s in stores)
        assert one.fields.tobytes() == other.fields.tobytes()
        assert one.ts_open.tobytes() == other.ts_open.tobytes()
    blocks = [[b.fields.tobytes() for b in s.blocks("BRK.B", "1h", *span, rows=777)] for s in stores]
    assert len(blocks[0]) > 5
    assert blocks[0] == blocks[1]


def test_trades_become_the_same_events(postgres: PostgresStore, tmp_path: Path) -> None:
    stores: tuple[MarketStore, MarketStore] = (BarStore(tmp_path), postgres)
    for store in stores:
        store.write(*CASES["trades of one instant"][0][:2])
    one, other = (s.load_events("BRK.B", Kind.TRADES) for s in stores)
    assert one.fields.tobytes() == other.fields.tobytes()
    assert one.ts_seen.tobytes() == other.ts_seen.tobytes()


@pytest.mark.parametrize(
    "ask",
    [
        lambda s: s.load("BRK.A", "1h"),
        lambda s: s.load("BRK.B", "5m"),
        lambda s: s.load("BRK.B", "1h", version=9),
        lambda s: s.find("BRK.B", "1h", Kind.BARS, "0" * 32),
        lambda s: s.write(wrapped(bars(100, 2)), PARAMS),
        lambda s: s.write(wrapped(_LONG), PARAMS.model_copy(update={"lot_size": "10"})),
        lambda s: s.write(wrapped(_LONG), PARAMS.model_copy(update={"symbol": " "})),
    ],
)
def test_both_stores_refuse_in_the_same_words(
    postgres: PostgresStore, tmp_path: Path, ask: Callable[[MarketStore], object]
) -> None:
    said = []
    for store in (BarStore(tmp_path), postgres):
        store.write(wrapped(_LONG), PARAMS)
        with pytest.raises(TradewrightError) as caught:
            ask(store)
        said.append((type(caught.value), caught.value.what, caught.value.fix))
    assert said[0] == said[1]


def test_an_empty_database_reads_as_an_empty_store(postgres: PostgresStore) -> None:
    assert postgres.list() == ()
    with pytest.raises(UsageError, match="store is empty"):
        postgres.load("SYN", "1h")


def test_a_write_that_fails_leaves_nothing(postgres: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    postgres.write(wrapped(_LONG[:100]), PARAMS)
    before = postgres.versions("BRK.B", "1h")
    with monkeypatch.context() as patch:
        patch.setattr("tradewright.adapters.postgres.store.encoded", _half)
        with pytest.raises(KeyboardInterrupt):
            postgres.write(wrapped(bars(100, 2)), PARAMS, replace=True)
    assert postgres.versions("BRK.B", "1h") == before
    assert postgres.frame(before[0]).equals(wrapped(_LONG[:100]).frame, null_equal=True)
    postgres.write(wrapped(bars(100, 2)), PARAMS, replace=True)


def _half(_: object) -> Iterator[bytes]:
    yield b"PGCOPY\n\xff\r\n\0" + bytes(8)
    raise KeyboardInterrupt


def test_rows_changed_by_others_are_noticed(postgres: PostgresStore, params: PostgresParams) -> None:
    entry = postgres.write(wrapped(_LONG[:100]), PARAMS).dataset
    with postgres._engine.begin() as connection:
        connection.execute(text(f"update {params.db_schema}.bars set close = close + 1"))  # noqa: S608
    assert postgres.damaged(entry) == (entry.partitions[0].file,)


def test_rows_lie_in_months(postgres: PostgresStore, params: PostgresParams) -> None:
    postgres.write(wrapped(_LONG[: 24 * 40]), PARAMS)
    query = "select inhrelid::regclass::text from pg_inherits where inhparent = '{}.bars'::regclass order by 1"
    with postgres._engine.begin() as connection:
        names = [row[0] for row in connection.execute(text(query.format(params.db_schema)))]
    assert names == [f"{params.db_schema}.bars_2024_01", f"{params.db_schema}.bars_2024_02"]


def test_a_table_of_an_older_program_gets_the_new_columns(
    postgres: PostgresStore, server: PostgresServer, params: PostgresParams
) -> None:
    entry = postgres.write(wrapped(_LONG[:100]), PARAMS).dataset
    with postgres._engine.begin() as connection:
        connection.execute(text(f"alter table {params.db_schema}.bars drop column buy_volume, drop column trades"))
    later = PostgresStore(params, server.password)
    later.write(wrapped(_LONG[:150]), PARAMS)
    assert later.damaged(entry) == ()
    assert later.frame(entry).equals(wrapped(_LONG[:100]).frame, null_equal=True)
    later.close()


def test_an_entry_of_an_older_format_goes_on_under_the_digests_of_today(
    postgres: PostgresStore, params: PostgresParams, tmp_path: Path
) -> None:
    writes = [(wrapped(_LONG), False), (wrapped(bars(100, 2, START + 9_950 * HOUR)), True)]
    parquet = BarStore(tmp_path)
    new = [parquet.write(rows, PARAMS, replace=is_correction).dataset for rows, is_correction in writes]
    before = older(postgres.write(writes[0][0], PARAMS).dataset, postgres.read)
    with postgres._engine.begin() as connection:
        change = text(f"update {params.db_schema}.dataset_version set entry = :entry")  # noqa: S608
        connection.execute(change, {"entry": before.model_dump_json()})
    assert postgres.describe("BRK.B", "1h") == before
    assert postgres.damaged(before) == ()
    after = postgres.write(writes[1][0], PARAMS, replace=True).dataset
    assert (after.digest, after.parent) == (new[1].digest, before.digest)
    assert postgres.damaged(after) == ()


def test_a_server_that_is_down_is_named_without_the_password(params: PostgresParams) -> None:
    nowhere = PostgresStore(params.model_copy(update={"port": 1}), "very-secret")
    with pytest.raises(
        StoreError, match=r"postgresql://tradewright@127\.0\.0\.1:1/postgres: the database does not answer"
    ) as caught:
        nowhere.list()
    assert "very-secret" not in f"{caught.value!r} {caught.value}"
    assert caught.value.__cause__ is None


def test_a_wrong_password_is_said(params: PostgresParams) -> None:
    store = PostgresStore(params, "not-it")
    with pytest.raises(StoreError, match="password authentication failed") as caught:
        store.write(wrapped(_LONG[:10]), PARAMS)
    assert "not-it" not in str(caught.value)


def test_writes_of_two_connections_follow_one_another(
    postgres: PostgresStore, server: PostgresServer, params: PostgresParams
) -> None:
    other = PostgresStore(params, server.password)
    postgres.write(wrapped(_LONG[:50]), PARAMS)
    other.write(wrapped(_LONG[50:80]), PARAMS)
    postgres.write(wrapped(_LONG[80:100]), PARAMS)
    assert [v.version for v in postgres.versions("BRK.B", "1h")] == [1, 2, 3]
    assert replace(wrapped(_LONG[:100])).frame.equals(other.frame(other.describe("BRK.B", "1h")), null_equal=True)
    other.close()
