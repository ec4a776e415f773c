"""The table of splits and dividends: read, checked, stored, and never rewriting what was known."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewright.core.types.errors import DataError, StoreError, UsageError
from tradewright.data.actions import ActionStore, actions_of, read_actions
from tradewright.data.timeframe import DAY

HEADER = "symbol,ex_date,kind,value,known_from"


def write(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "actions.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_file_is_read(tmp_path: Path) -> None:
    path = write(
        tmp_path, "AAPL,2020-08-31,split,4,2020-07-30T16:30:00-04:00", "AAPL,2020-08-07,Dividend,0.82,2020-07-30"
    )
    rows = read_actions(path).frame.rows(named=True)
    assert [(r["ex_day"], r["kind"], r["value"]) for r in rows] == [(18481, "dividend", 0.82), (18505, "split", 4.0)]
    assert rows[1]["known_from"] == 1_596_141_000 * 10**9
    assert rows[0]["known_from"] == 18473 * DAY


@pytest.mark.parametrize(
    ("row", "field", "what"),
    [
        ("AAPL,2020-13-31,split,4,2020-07-30", "ex_date", "'2020-13-31' is not a date"),
        ("AAPL,2020-08-31,merger,4,2020-07-30", "kind", "'merger' is not a kind of action"),
        ("AAPL,2020-08-31,split,0,2020-07-30", "value", "'0.0' is not a ratio above zero"),
        ("AAPL,2020-08-31,dividend,-1,2020-07-30", "value", "below zero"),
        ("AAPL,2020-08-31,split,four,2020-07-30", "value", "'four' is not a number"),
        ("AAPL,2020-08-31,split,inf,2020-07-30", "value", "not finite"),
        ("AAPL,2020-08-31,split,4,2020-07-30 10:00", "known_from", "no time zone"),
        ("AAPL,2020-08-31,split,4,", "known_from", "empty"),
        (",2020-08-31,split,4,2020-07-30", "symbol", "empty"),
        ("IBM,2020-08-31,split,4,2020-07-30", "known_from", "repeats another row"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: str, field: str, what: str) -> None:
    path = write(tmp_path, "MSFT,2020-08-31,split,4,2020-07-30", row, "IBM,2020-08-31,split,2,2020-07-30")
    with pytest.raises(DataError, match=what) as caught:
        read_actions(path)
    assert caught.value.where == f"actions.csv, row 3, field {field}"


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_actions(tmp_path / "no.csv")
    with pytest.raises(DataError, match="no column known_from"):
        read_actions(write(tmp_path, "A,2020-01-01,split,2", header="symbol,ex_date,kind,value"))
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="cannot be read"):
        read_actions(tmp_path / "broken.parquet")


def row(known: int, value: float = 2.0, **more: object) -> dict[str, object]:
    return {"symbol": "X", "ex_day": 10, "kind": "split", "value": value, "known_from": known} | more


def test_a_reader_sees_the_newest_version_known_then() -> None:
    table = actions_of([row(5), row(9, 3.0), row(7, 1.5, kind="dividend")])
    seen = {t: table.known_at(t).frame["value"].to_list() for t in (4, 5, 8, 9)}
    assert seen == {4: [], 5: [2.0], 8: [1.5, 2.0], 9: [1.5, 3.0]}


def test_two_of_a_kind_on_a_day_are_told_apart() -> None:
    table = actions_of([row(5, kind="dividend"), row(5, kind="dividend", label="special")])
    assert len(table.known_at(5)) == 2


def test_the_store_keeps_rows_once_and_refuses_to_rewrite(tmp_path: Path) -> None:
    store = ActionStore(tmp_path / "store")
    assert len(store.read()) == 0
    first = actions_of([row(5), row(5, 0.1, kind="dividend")])
    assert (store.add(first), store.add(first)) == (2, 0)
    assert store.read().frame.equals(first.frame)
    bytes_before = store.path.read_bytes()
    with pytest.raises(StoreError, match=r"is there with 2.0, not 3.0"):
        store.add(actions_of([row(5, 3.0), row(11)]))
    assert store.path.read_bytes() == bytes_before
    assert store.add(actions_of([row(6, 3.0)])) == 1
    assert len(store.read()) == 3
    store.path.write_bytes(b"nothing")
    with pytest.raises(StoreError, match="cannot be read"):
        store.read()
