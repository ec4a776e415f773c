"""`tradewright data rolls` and `symbols`, without a process of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from tradewright.data.symbols import stored_symbols, symbols_path
from tradewright.services.cli.app import app

Run = Callable[..., Result]
START = date(2024, 1, 1)


@pytest.fixture
def tw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run commands where a store holds forty days of two contracts: FH at 100 and FM at 110, larger from day 12 on."""
    monkeypatch.chdir(tmp_path)
    for name, price, volumes in (("FH", 100, [50] * 40), ("FM", 110, [10] * 12 + [60] * 28)):
        days = [START + timedelta(days=n) for n in range(40)]
        rows = [f"{d},{price},{price + 1},{price - 1},{price},{v}" for d, v in zip(days, volumes, strict=True)]
        Path(f"{name}.csv").write_text("time,open,high,low,close,volume\n" + "\n".join(rows) + "\n", encoding="utf-8")
        assert CliRunner().invoke(app, ["data", "import", f"{name}.csv", "--symbol", name]).exit_code == 0
    Path("f.csv").write_text("symbol,last_day\nFH,2024-02-01\nFM,2024-05-01\n", encoding="utf-8")
    return lambda *words: CliRunner().invoke(app, list(words))


def test_rolls_by_expiry_and_by_volume(tw: Run) -> None:
    done = tw("data", "rolls", "f.csv", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout) == [{"day": "2024-01-27", "old": "FH", "new": "FM"}]
    crossed = tw("data", "rolls", "f.csv", "--rule", "volume_crossover", "--json")
    assert [r["day"] for r in json.loads(crossed.stdout)] == ["2024-01-14"]  # the 13th was the first larger one
    later = tw("data", "rolls", "f.csv", "--rule", "volume_crossover", "--confirm-days", "3", "--lag-days", "2")
    assert "2024-01-17" in later.stdout


def test_a_day_that_is_not_over_does_not_count(tw: Run) -> None:
    words = ("data", "rolls", "f.csv", "--rule", "volume_crossover", "--json", "--as-of")
    assert [r["day"] for r in json.loads(tw(*words, "2024-01-13 23:59").stdout)] == ["2024-01-27"]
    assert [r["day"] for r in json.loads(tw(*words, "2024-01-14").stdout)] == ["2024-01-14"]


def test_figures_from_a_file(tw: Run) -> None:
    words = ("data", "rolls", "f.csv", "--rule", "open_interest", "--json")
    refused = tw(*words)
    assert (refused.exit_code, "needs daily open_interest" in refused.stderr) == (2, True)
    Path("oi.csv").write_text("symbol,date,open_interest\nFH,2024-01-05,10\nFM,2024-01-05,11\n", encoding="utf-8")
    assert [r["day"] for r in json.loads(tw(*words, "--figures", "oi.csv").stdout)] == ["2024-01-06"]


def test_contracts_are_joined_and_can_be_brought_in(tw: Run) -> None:
    done = tw("data", "rolls", "f.csv", "--join", "F", "--out", "joined.parquet", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["contracts"] == 2
    made = pl.read_parquet("joined.parquet")
    assert made["close"].round(9).to_list() == [110.0] * 40
    assert made["contract"].to_list() == ["FH"] * 26 + ["FM"] * 14
    assert made["is_roll"].arg_true().to_list() == [26]
    brought = tw("data", "import", "joined.parquet", "--symbol", "F", "--column", "time=ts_open", "--json")
    assert (brought.exit_code, json.loads(brought.stdout)["timeframe"]) == (0, "1d"), brought.stderr
    plain = tw("data", "rolls", "f.csv", "--join", "F", "--method", "unadjusted")
    assert "contracts 2" in plain.stdout


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("f.csv", "--out", "x.parquet"), "--join"),
        (("f.csv", "--join", "F", "--out", "x.xlsx"), "cannot be written"),
        (("f.csv", "--timeframe", "1h"), "no 1h bars of FH"),
        (("f.csv", "--calendar", "CMEX"), "Did you mean"),
        (("g.csv",), "no such file"),
        (("f.csv", "--days", "-1"), "-1 is not possible"),
    ],
)
def test_wrong_calls(tw: Run, words: tuple[str, ...], what: str) -> None:
    done = tw("data", "rolls", *words)
    assert done.exit_code == 2
    assert what in done.stderr
    assert not list(Path().glob("x.*"))


def test_names_are_brought_in_and_asked_for(tw: Run) -> None:
    assert tw("data", "symbols").exit_code == 2
    rows = ["id,symbol,from,to", "META,FB,2012-05-18,2022-06-09", "META,META,2022-06-09,", "T,T,2000-01-01,"]
    Path("names.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert len(json.loads(tw("data", "symbols", "names.csv", "--json").stdout)) == 3
    asked = json.loads(tw("data", "symbols", "--of", "FB", "--json").stdout)
    assert [row["symbol"] for row in asked] == ["FB", "META"]
    then = tw("data", "symbols", "--of", "META", "--at", "2020-01-01")
    assert "FB" in then.stdout
    assert "2022-06-09 00:00:00" in then.stdout
    unknown = tw("data", "symbols", "--of", "GOOG")
    assert (unknown.exit_code, "ever called 'GOOG'" in unknown.stderr) == (2, True)


def test_a_file_replaces_the_names_of_its_own_securities_only(tw: Run) -> None:
    Path("names.csv").write_text("id,symbol,from,to\nA,AA,2010-01-01,\nB,BB,2010-01-01,\n", encoding="utf-8")
    assert tw("data", "symbols", "names.csv").exit_code == 0
    Path("map.csv").write_text("20100101,old,Q\n20150101,old,Q\n20501231,new,Q\n", encoding="utf-8")
    told = json.loads(tw("data", "symbols", "map.csv", "--lean", "B", "--json").stdout)
    assert [(row["id"], row["symbol"]) for row in told] == [("A", "AA"), ("B", "OLD"), ("B", "NEW")]
    Path("bad.csv").write_text("id,symbol,from,to\nC,AA,2012-01-01,\n", encoding="utf-8")
    refused = tw("data", "symbols", "bad.csv")
    assert (refused.exit_code, "begins while an earlier row of it still holds" in refused.stderr) == (1, True)
    assert len(stored_symbols(symbols_path(Path(".tradewright/store"))).spans) == 3
