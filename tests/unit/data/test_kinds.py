"""Columns of which most sources know nothing: taken in, kept, and no difference where they say nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradewright.core.types.dtypes import BUY_VOLUME, TRADES
from tradewright.core.types.errors import DataError
from tradewright.data.importer import export_csv, import_file
from tradewright.data.instruments import InstrumentParams
from tradewright.data.kinds import Kind, canonical, known_columns, schema
from tradewright.data.presets import CALENDARS
from tradewright.data.store import BarStore

ROWS = ["2024-01-01T00:00Z,1,2,1,2,10", "2024-01-01T00:01Z,2,3,2,3,20", "2024-01-01T00:02Z,3,3,1,1,30"]
HEADER = "time,open,high,low,close,volume"
PARAMS = InstrumentParams(symbol="X", tick_size="1")


def file_of(folder: Path, header: str, rows: list[str]) -> Path:
    path = folder / "bars.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_binances_names_are_recognised_and_reach_the_event_table(tmp_path: Path) -> None:
    extra = [f"{row},{trades},{bought}" for row, trades, bought in zip(ROWS, (3, 4, 5), (1, "", 30), strict=True)]
    path = file_of(tmp_path, HEADER + ",count,taker_buy_volume", extra)
    imported = import_file(path, CALENDARS["24/7"])
    store = BarStore(tmp_path / "store")
    store.write(imported, PARAMS)
    bars = store.load("X", "1m")
    assert bars.fields[TRADES].tolist() == [3.0, 4.0, 5.0]
    assert bars.fields[BUY_VOLUME].tolist() == pytest.approx([1.0, np.nan, 30.0], nan_ok=True)  # empty: unknown


def test_columns_that_say_nothing_are_as_if_absent(tmp_path: Path) -> None:
    plain = import_file(file_of(tmp_path, HEADER, ROWS), CALENDARS["24/7"])
    silent = import_file(file_of(tmp_path, HEADER + ",trades,buy_volume", [f"{r},0," for r in ROWS]), CALENDARS["24/7"])
    assert plain.frame.equals(silent.frame)
    assert known_columns(plain.frame, Kind.BARS) == list(schema(Kind.BARS))[:8]
    one, other = BarStore(tmp_path / "one"), BarStore(tmp_path / "other")
    one.write(plain, PARAMS)
    other.write(silent, PARAMS)
    assert one.fingerprint("X", "1m") == other.fingerprint("X", "1m")
    bars = one.load("X", "1m")
    assert bars.fields[TRADES].tolist() == [0.0] * 3
    assert np.isnan(bars.fields[BUY_VOLUME]).all()


def test_what_is_known_changes_the_fingerprint(tmp_path: Path) -> None:
    plain = import_file(file_of(tmp_path, HEADER, ROWS), CALENDARS["24/7"])
    counted = import_file(file_of(tmp_path, HEADER + ",trades", [f"{r},1" for r in ROWS]), CALENDARS["24/7"])
    one, other = BarStore(tmp_path / "one"), BarStore(tmp_path / "other")
    one.write(plain, PARAMS)
    other.write(counted, PARAMS)
    assert one.fingerprint("X", "1m") != other.fingerprint("X", "1m")


def test_an_export_holds_what_is_known(tmp_path: Path) -> None:
    for header, rows in ((HEADER, ROWS), (HEADER + ",trades", [f"{r},1" for r in ROWS])):
        imported = import_file(file_of(tmp_path, header, rows), CALENDARS["24/7"])
        export_csv(imported.frame, tmp_path / "again.csv")
        assert (tmp_path / "again.csv").read_text().startswith(header + "\n")
        assert import_file(tmp_path / "again.csv", CALENDARS["24/7"]).frame.equals(imported.frame)


def test_numbers_below_zero_are_refused(tmp_path: Path) -> None:
    path = file_of(tmp_path, HEADER + ",buy_volume", [f"{r},-1" for r in ROWS])
    with pytest.raises(DataError, match="negative"):
        import_file(path, CALENDARS["24/7"])


def test_a_frame_without_the_columns_is_completed_and_one_without_prices_is_not() -> None:
    times = {name: pl.Series([1, 2], dtype=pl.Int64) for name in ("ts_open", "ts_event", "ts_seen")}
    values = {name: [1.0, 2.0] for name in ("open", "high", "low", "close", "volume")}
    frame = canonical(pl.DataFrame(times | values), Kind.BARS)
    assert dict(frame.schema) == schema(Kind.BARS)
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        canonical(frame.drop("close"), Kind.BARS)
