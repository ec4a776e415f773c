"""Dated membership and dated symbols."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tradewright.core.types.errors import DataError, StoreError, UsageError
from tradewright.data.lean_tables import read_factor_file, read_map_file
from tradewright.data.symbols import read_symbols
from tradewright.data.timeframe import DAY
from tradewright.data.universe import (
    Membership,
    Survivorship,
    read_universe,
    stored_universe,
    survivorship,
    universe_of,
)

HEADER = "symbol,from,to,source"


def write(folder: Path, *rows: str, header: str = HEADER, name: str = "top.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_members_are_those_of_the_moment(tmp_path: Path) -> None:
    universe = read_universe(
        write(
            tmp_path, "ENRN,1970-01-02,1970-01-11,index", "AAPL,1970-01-06,,index", "ENRN,1970-01-21,1970-01-22,index"
        )
    )
    seen = {day: universe.members(day * DAY) for day in (0, 1, 5, 9, 10, 20, 21)}
    none, one = ("AAPL",), ("AAPL", "ENRN")
    assert seen == {0: (), 1: ("ENRN",), 5: one, 9: one, 10: none, 20: one, 21: none}
    assert universe.ever() == one
    assert universe.name == "top"


@pytest.mark.parametrize(
    ("row", "place", "what"),
    [
        ("AAPL,1970-01-06,1970-01-05,x", "row 3, field from", "ends before it begins"),
        ("A,1970-01-06,,x", "row 3, field from", r"begins while an earlier row of it still holds \(top.csv, row 2"),
        ("AAPL,yesterday,,x", "row 3, field from", "'yesterday' is not a date"),
        ("AAPL,1970-01-06,soon,x", "row 3, field to", "'soon' is not a date"),
        ("AAPL,1970-01-06,,", "row 3, field source", "empty"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: str, place: str, what: str) -> None:
    with pytest.raises(DataError, match=what) as caught:
        read_universe(write(tmp_path, "A,1970-01-02,1970-01-11,x", row))
    assert caught.value.where == f"top.csv, {place}"


def test_a_universe_is_stored_and_read_back(tmp_path: Path) -> None:
    universe = universe_of([Membership("B", 5, None, "x"), Membership("A", 1, 7, "y")], "mine")
    path = tmp_path / "universe" / "mine.parquet"
    assert stored_universe(path) is None
    universe.write(path)
    assert stored_universe(path) == universe
    path.write_bytes(b"PAR1")
    with pytest.raises(StoreError, match="cannot be read"):
        stored_universe(path)


def test_a_parquet_file_with_dates_is_read(tmp_path: Path) -> None:
    frame = pl.DataFrame({"symbol": ["A"], "from": ["1970-01-02"], "source": ["x"]})
    frame.with_columns(pl.col("from").str.to_date()).write_parquet(tmp_path / "u.parquet")
    assert read_universe(tmp_path / "u.parquet").memberships == (Membership("A", DAY, None, "x"),)


def test_the_badge_says_unknown_unless_a_table_covers_the_run() -> None:
    universe = universe_of([Membership("A", 5, None, "x"), Membership("B", 9, 12, "x")])
    assert survivorship(None, ["A"], 10) is Survivorship.UNKNOWN
    assert survivorship(universe_of([]), ["A"], 10) is Survivorship.UNKNOWN
    assert survivorship(universe, ["A", "C"], 10) is Survivorship.UNKNOWN
    assert survivorship(universe, ["A"], 4) is Survivorship.UNKNOWN
    assert survivorship(universe, ["A", "B"], 10) is Survivorship.DATED


def test_symbols_change_and_are_used_again(tmp_path: Path) -> None:
    header = "id,symbol,from,to"
    rows = ("meta,FB,2012-05-18,2022-06-09", "meta,META,2022-06-09,", "roundhill,META,2021-06-30,2022-01-31")
    symbols = read_symbols(write(tmp_path, *rows, header=header))
    day = {y: (y - 1970) * 365 * DAY + 20 * DAY for y in (2010, 2015, 2023)}
    assert [symbols.symbol_at("meta", day[y]) for y in (2010, 2015, 2023)] == [None, "FB", "META"]
    in_2021 = 18_900 * DAY
    assert (symbols.id_at("META", in_2021), symbols.id_at("META", day[2023])) == ("roundhill", "meta")
    assert symbols.id_at("META", day[2015]) is None
    assert [s.symbol for s in symbols.history("meta")] == ["FB", "META"]
    with pytest.raises(UsageError, match="unknown id 'x'"):
        symbols.symbol_at("x", 0)


@pytest.mark.parametrize("clash", ["meta,MVRS,2020-01-01,2020-02-01", "other,FB,2020-01-01,2020-02-01"])
def test_one_symbol_has_one_security_at_a_time(tmp_path: Path, clash: str) -> None:
    with pytest.raises(DataError, match="still holds"):
        read_symbols(write(tmp_path, "meta,FB,2012-05-18,2022-06-09", clash, header="id,symbol,from,to"))


def test_a_lean_map_file(tmp_path: Path) -> None:
    path = tmp_path / "meta.csv"
    path.write_text("20120518,fb,Q\n20220608,fb,Q\n20501231,meta,Q\n")
    first, second = read_map_file(path, "meta").spans
    assert (first.symbol, first.begin, first.end) == ("FB", 15478 * DAY, 19152 * DAY)  # through 2022-06-08
    assert (second.symbol, second.begin, second.end) == ("META", 19152 * DAY, None)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("20120518,1\n", "f.csv, row 1, field 3"),
        ("20120518,1,1,5\nnever,1,1,5\n", "f.csv, row 2, field date"),
        ("20120518,0,1,5\n20120519,1,1,5\n", "f.csv, row 1, field price_factor"),
        ("20120518,1,1,5\n20120518,1,1,5\n", "f.csv, row 2, field date"),
        ("20120518,1,1,5\n", "f.csv"),
    ],
)
def test_a_damaged_lean_file_is_named(tmp_path: Path, text: str, where: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        read_factor_file(path, "X")
    assert caught.value.where == where


def test_simple_ratios_come_out_of_rounded_factors(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("20120518,1,0.0952381,5\n20130517,1,0.6666667,5\n20140516,1,1.0456,5\n20501231,1,1,0\n")
    ratios = read_factor_file(path, "X").frame["value"].to_list()
    assert ratios == [7.0, 1.0456 / 0.6666667, 1 / 1.0456]
