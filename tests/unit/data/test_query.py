"""Lazy frames and SQL over the store: the same rows as reading it, in bounded memory, and nothing but reading."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradewright.core.types.errors import DataError, UsageError
from tradewright.data.importer import Imported
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import Kind, canonical, schema
from tradewright.data.quality import Findings
from tradewright.data.query import QueryLimits, SqlView, scan
from tradewright.data.store import BarStore

HOUR = 3600 * 10**9
START = 1_704_067_200 * 10**9


def wrapped(frame: pl.DataFrame) -> Imported:
    none = Findings("f", pl.DataFrame(schema={"rule": pl.String, "severity": pl.String}))
    return Imported(Kind.BARS, "1h", canonical(frame, Kind.BARS), none, (), "f.csv", "")


def bars(n: int, first: float, **extra: pl.Series) -> pl.DataFrame:
    opens = START + HOUR * np.arange(n, dtype=np.int64)
    price = first + np.arange(n) % 11
    values = {"open": price, "high": price + 1, "low": price - 1, "close": price, "volume": price * 3}
    return pl.DataFrame({"ts_open": opens, "ts_event": opens + HOUR, "ts_seen": opens + HOUR} | values | extra)


@pytest.fixture
def store(tmp_path: Path) -> BarStore:
    """Return a store of two symbols; B's second year alone knows its trades, and C is called oddly."""
    store = BarStore(tmp_path / "it's a store")
    store.write(wrapped(bars(10_000, 100)), InstrumentParams(symbol="A", tick_size="0.01"))
    counted = bars(10_000, 200).with_columns(trades=pl.int_range(10_000).cast(pl.Float64).clip(9_000) - 9_000)
    store.write(wrapped(counted), InstrumentParams(symbol="B", tick_size="0.01"))
    store.write(wrapped(bars(10, 5)), InstrumentParams(symbol="C'; drop", tick_size="0.01"))
    return store


def test_a_scan_is_what_reading_gives(store: BarStore) -> None:
    found = scan(store, ["B", "A"], "1h").collect(engine="streaming")
    assert found.columns == ["symbol", *schema(Kind.BARS)]
    assert found["symbol"].unique(maintain_order=True).to_list() == ["B", "A"]
    for symbol in ("A", "B"):
        mine = found.filter(pl.col("symbol") == symbol).drop("symbol")
        assert mine.equals(store.frame(store.describe(symbol, "1h")), null_equal=True)


@pytest.mark.parametrize(("start", "end"), [(START + 5 * HOUR, START + 9_500 * HOUR), (START - HOUR, START), (None, 0)])
def test_a_scan_keeps_whole_rows_in_the_range(store: BarStore, start: int | None, end: int) -> None:
    found = scan(store, ["A"], "1h", start, end, ["ts_open", "trades", "buy_volume"]).collect()
    expected = store.frame(store.describe("A", "1h"), start, end).select("ts_open", "trades", "buy_volume")
    assert found.equals(expected, null_equal=True)


def test_a_scan_refuses_what_is_not_there(store: BarStore) -> None:
    with pytest.raises(UsageError, match="there is no column 'price'"):
        scan(store, ["A"], "1h", columns=["price"])
    with pytest.raises(UsageError, match="unknown instrument 'Z'"):
        scan(store, ["A", "Z"], "1h")
    with pytest.raises(UsageError, match="no instrument was named"):
        scan(store, [], "1h")


def test_sql_sees_every_data_set(store: BarStore) -> None:
    with SqlView(store) as view:
        sql = "select symbol, count(*), sum(close), sum(trades), count(*) filter (isnan(buy_volume)) from bars "
        columns, rows = view.columns_and_rows(sql + "where timeframe = '1h' group by symbol order by symbol")
        found = {row[0]: row[1:] for row in rows}
        assert columns[:2] == ("symbol", "count_star()")
        _, first = view.columns_and_rows("select ts, ts_open from bars where symbol = 'A' order by ts limit 1")
        assert [str(v) for v in next(first)] == ["2024-01-01 00:00:00", str(START)]
    a, b = (store.frame(store.describe(s, "1h")) for s in "AB")
    assert found["A"] == (10_000, a["close"].sum(), 0.0, 10_000)
    assert found["B"] == (10_000, b["close"].sum(), b["trades"].sum(), 10_000)
    assert found["C'; drop"][0] == 10


@pytest.mark.parametrize(
    "sql",
    [
        "create table t as select 1",
        "copy bars to 'x.csv'",
        "copy (select 1) to 'x.csv'",
        "drop view bars",
        "select 1; select 2",
        "set memory_limit = '9GB'",
        "attach 'other.db'",
        "install httpfs",
        "export database 'x'",
        "pragma version",
        "",
    ],
)
def test_only_one_select_is_let_through(store: BarStore, sql: str) -> None:
    with SqlView(store) as view, pytest.raises(UsageError, match="only one SELECT"):
        view.columns_and_rows(sql)


def test_other_files_are_out_of_reach(store: BarStore, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("password\nhunter2\n")
    with SqlView(store) as view:
        for source in (f"'{secret}'", f"read_text('{secret}')"):
            with pytest.raises((UsageError, DataError)) as caught:
                list(view.columns_and_rows(f"select * from {source}")[1])  # noqa: S608
            assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("selekt 1", "Parser Error"),
        ("select nope from bars", 'Referenced column "nope" not found'),
        ("select * from quotes", "Table with name quotes does not exist"),
    ],
)
def test_a_wrong_question_is_explained(store: BarStore, sql: str, what: str) -> None:
    with SqlView(store) as view, pytest.raises(UsageError, match=f"{what}.*Views: bars"):
        list(view.columns_and_rows(sql)[1])


def test_a_query_that_fails_while_it_runs_is_our_error(store: BarStore) -> None:
    with SqlView(store) as view, pytest.raises((DataError, UsageError), match="Conversion"):
        list(view.columns_and_rows("select cast(symbol as integer) from bars")[1])


def test_an_empty_store_has_no_views(tmp_path: Path) -> None:
    with SqlView(BarStore(tmp_path)) as view, pytest.raises(UsageError, match="none, the store is empty"):
        view.columns_and_rows("select * from bars")


#: More than what the process may grow by: 8 columns of 8 bytes.
_ROWS_PER_SYMBOL, _SYMBOLS, _BOUND_MB = 1_000_000, 6, 250
_MEASURE = """
import resource, sys
from pathlib import Path
import polars as pl
from tradewright.data.query import QueryLimits, SqlView, scan
from tradewright.data.store import BarStore
store = BarStore(Path(sys.argv[1]))
def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
if sys.argv[2] == "scan":
    warm = scan(store, ["S0"], "1s", None, 1_704_067_200 * 10**9 + 10**12)
    warm.group_by("symbol").agg(pl.all().sum()).collect(engine="streaming")
    before = peak_mb()
    names = [d.symbol for d in store.list()]
    found = scan(store, names, "1s").group_by("symbol").agg(pl.all().sum()).collect(engine="streaming")
    rows = sorted(found.select("symbol", "close").rows())
else:
    import duckdb
    before = peak_mb()
    with SqlView(store, QueryLimits(memory_mb=128, threads=2)) as view:
        sums = ", ".join(f"sum({n})" for n in ("close", "open", "high", "low", "volume", "ts_seen % 7"))
        sql = f"select symbol, {sums} from bars group by 1"
        rows = sorted((r[0], r[1]) for r in view.columns_and_rows(sql)[1])
print(peak_mb() - before, len(rows), sum(r[1] for r in rows))
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """Return a store of 6 million bars of a second, and the sum of their closes."""
    root = tmp_path_factory.mktemp("large")
    store, total = BarStore(root), 0.0
    for number in range(_SYMBOLS):
        opens = START + 10**9 * np.arange(_ROWS_PER_SYMBOL, dtype=np.int64)
        price = 100.0 + number + (np.arange(_ROWS_PER_SYMBOL) % 1000) * 0.25
        values = {"open": price, "high": price + 1, "low": price - 1, "close": price, "volume": price * 3}
        times = {"ts_open": opens, "ts_event": opens + 10**9, "ts_seen": opens + 10**9}
        imported = wrapped(pl.DataFrame(times | values))
        whole = Imported(Kind.BARS, "1s", imported.frame, imported.findings, (), "f", "")
        store.write(whole, InstrumentParams(symbol=f"S{number}", tick_size="0.01"))
        total += float(price.sum())
    return root, total


@pytest.mark.parametrize("way", ["scan", "sql"])
def test_questions_over_more_data_than_the_bound_stay_under_it(large: tuple[Path, float], way: str) -> None:
    root, total = large
    assert _ROWS_PER_SYMBOL * _SYMBOLS * 8 * 8 > _BOUND_MB * 2**20
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(root), way], capture_output=True, text=True, check=True, timeout=120
    )
    grown, symbols, found = (float(v) for v in done.stdout.split())
    assert (symbols, found) == (_SYMBOLS, total)
    assert grown < _BOUND_MB


def test_limits_are_taken(store: BarStore) -> None:
    with SqlView(store, QueryLimits(memory_mb=64, threads=1)) as view:
        _, rows = view.columns_and_rows("select current_setting('memory_limit'), current_setting('threads')")
        assert next(rows) == ("61.0 MiB", 1)
