from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradewright.core.types.errors import DataError, StoreError, UsageError
from tradewright.core.types.forecast import Forecasts
from tradewright.data.forecasts import read_forecasts, with_expiry, write_forecasts, write_weights
from tradewright.data.times import TimeRule

Write = Callable[..., Path]
HEADER = "symbol,ts_seen,p_up,p_down,p_flat,expected_return"
T0 = 1_704_103_200_000_000_000  # 2024-01-01 10:00 UTC
HOUR = 3_600_000_000_000


def _forecasts(symbol: str, n: int, seed: int) -> Forecasts:
    rng = np.random.default_rng(seed)
    up = rng.random(n)
    down = (1.0 - up) * rng.random(n)
    values = np.stack([up, down, 1.0 - up - down, rng.normal(0.0, 0.01, n)])
    return Forecasts(symbol, T0 + HOUR * np.arange(n) + rng.integers(0, 1000, n), values)


def test_reads_every_symbol_in_time_order(write: Write) -> None:
    path = write(
        "B,2024-01-01T10:00:00Z,0.6,0.3,0.1,0.01",
        "A,2024-01-01T10:00:00Z,0.2,0.7,0.1,",
        "B,2024-01-01T11:00:00Z,0.5,0.25,0.25,-0.02",
        header=HEADER,
    )
    a, b = read_forecasts(path)
    assert (a.instrument, b.instrument) == ("A", "B")
    assert b.ts_seen.tolist() == [T0, T0 + HOUR]
    assert b.ts_seen.dtype == np.int64
    assert b.values.tolist() == [[0.6, 0.5], [0.3, 0.25], [0.1, 0.25], [0.01, -0.02]]
    assert b.values.flags.c_contiguous
    assert a.values[:3, 0].tolist() == [0.2, 0.7, 0.1]
    assert np.isnan(a.values[3, 0])


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        ("symbol,ts_seen,p_up", "A,2024-01-01T10:00:00Z,0.75", [0.75, 0.25, 0.0]),
        ("symbol,ts_seen,p_up,p_down", "A,2024-01-01T10:00:00Z,0.5,0.25", [0.5, 0.25, 0.25]),
        ("symbol,ts_seen,p_up,p_flat", "A,2024-01-01T10:00:00Z,0.5,0.125", [0.5, 0.375, 0.125]),
        # rounding of a model that works with 4-byte floats is not an error, and does not reach the strategy
        ("symbol,ts_seen,p_up,p_down", "A,2024-01-01T10:00:00Z,1.0000001,0", [1.0, 0.0, 0.0]),
        ("p_up,note,ts_seen,symbol", "0.75,x,1704103200,A", [0.75, 0.25, 0.0]),
    ],
)
def test_fills_in_what_the_given_probabilities_leave(
    write: Write, header: str, row: str, expected: list[float]
) -> None:
    (only,) = read_forecasts(write(row, header=header))
    assert only.values[:3, 0].tolist() == expected
    assert only.ts_seen.tolist() == [T0]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["A,2024-01-01T10:00:00Z,1.2,0,0,0"], "row 2, field p_up: 1.2 is not a probability"),
        (["A,2024-01-01T10:00:00Z,0.5,-0.1,0.6,0"], "row 2, field p_down: -0.1 is not a probability"),
        (["A,2024-01-01T10:00:00Z,0.5,0.5,0.1,0"], "field p_up, p_down, p_flat: .*add up to 1.1, not to 1"),
        (["A,2024-01-01T10:00:00Z,0.5,0.2,0.1,0"], "add up to 0.8, not to 1"),
        (["A,2024-01-01T10:00:00Z,,0.2,0.1,0"], "row 2, field p_up: an empty cell is not a probability"),
        (["A,2024-01-01T10:00:00Z,nan,0.2,0.1,0"], "row 2, field p_up: .* is not a probability"),
        (["A,2024-01-01T10:00:00Z,0.5,0.5,0,inf"], "row 2, field expected_return: inf is not finite"),
        (["A,2024-01-01T10:00:00Z,0.5,0.5,0,up"], "row 2, field expected_return: 'up' is not a number"),
        ([",2024-01-01T10:00:00Z,0.5,0.5,0,0"], "row 2, field symbol: the symbol is missing"),
        (["A,,0.5,0.5,0,0"], "row 2, field ts_seen: the time is missing"),
        (["A,2024-01-01,0.5,0.5,0,0"], "row 2, field ts_seen: a date does not say when"),
        (
            [f"{symbol},2024-01-01T10:00:00Z,0.5,0.5,0,0" for symbol in "ABA"],
            "row 4, field ts_seen: A: the same time as row 2",
        ),
        (
            ["A,2024-01-01T10:00:00Z,0.5,0.5,0,0", "A,2024-01-01T09:00:00Z,0.6,0.4,0,0"],
            "row 3, field ts_seen: A: earlier than row 2",
        ),
        ([], "column names but no rows"),
    ],
)
def test_broken_rows_are_named(write: Write, rows: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_forecasts(write(*rows, header=HEADER))
    assert str(caught.value).startswith("prices.csv")


def test_missing_column_names_what_the_file_has(write: Write) -> None:
    path = write("A,2024-01-01T10:00:00Z,0.5", header="symbol,ts_event,p_up")
    with pytest.raises(DataError, match=r"no column ts_seen; the file has 'symbol', 'ts_event', 'p_up'"):
        read_forecasts(path)


def test_times_without_zone_need_one(write: Write) -> None:
    path = write("A,2024-01-01 05:00:00,0.5", header="symbol,ts_seen,p_up")
    with pytest.raises(UsageError, match="zone"):
        read_forecasts(path)
    (only,) = read_forecasts(path, TimeRule(timezone="America/New_York"))
    assert only.ts_seen.tolist() == [T0]


def test_file_that_is_not_there_or_of_another_type(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_forecasts(tmp_path / "none.csv")
    (tmp_path / "f.json").write_text("{}")
    with pytest.raises(UsageError, match=r"Allowed: \.csv"):
        read_forecasts(tmp_path / "f.json")
    (tmp_path / "f.csv").write_text("")
    with pytest.raises(DataError, match="the file is empty"):
        read_forecasts(tmp_path / "f.csv")
    (tmp_path / "f.parquet").write_bytes(b"no parquet")
    with pytest.raises(DataError, match="cannot be read"):
        read_forecasts(tmp_path / "f.parquet")


@pytest.mark.parametrize("name", ["f.csv", "f.parquet"])
def test_written_forecasts_come_back_to_the_bit(tmp_path: Path, name: str) -> None:
    written = (_forecasts("A", 50, 1), _forecasts("B", 20, 2))
    written[0].values[3, 7] = np.nan
    write_forecasts(tmp_path / name, written)
    for before, after in zip(written, read_forecasts(tmp_path / name), strict=True):
        assert after.instrument == before.instrument
        assert after.ts_seen.tobytes() == before.ts_seen.tobytes()
        assert np.array_equal(after.values, before.values, equal_nan=True)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_nothing_is_written_when_the_forecasts_break_a_rule(tmp_path: Path) -> None:
    bad = _forecasts("A", 5, 1)
    bad.values[0, 3] = 2.0
    with pytest.raises(DataError, match=r"f\.csv, row 5, field p_up: 2\.0 is not a probability"):
        write_forecasts(tmp_path / "f.csv", [bad])
    good = _forecasts("A", 5, 1)
    with pytest.raises(DataError, match="the same time as row 2"):
        write_forecasts(tmp_path / "f.csv", [Forecasts("A", np.repeat(good.ts_seen[:1], 5), good.values)])
    with pytest.raises(DataError, match="no forecasts"):
        write_forecasts(tmp_path / "f.csv", [])
    with pytest.raises(UsageError, match="cannot be written"):
        write_forecasts(tmp_path / "f.txt", [good])
    with pytest.raises(StoreError, match="cannot be written"):
        write_forecasts(tmp_path / "none" / "f.csv", [good])
    assert list(tmp_path.iterdir()) == []


def test_parquet_with_other_types(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"symbol": pl.Series(["A", "A"], dtype=pl.Categorical), "ts_seen": [T0, T0 + HOUR], "p_up": [1, 0]}
    ).with_columns(pl.col("p_up").cast(pl.Float32))
    frame.write_parquet(tmp_path / "f.parquet")
    (only,) = read_forecasts(tmp_path / "f.parquet")
    assert only.ts_seen.tolist() == [T0, T0 + HOUR]
    assert only.values[:3].tolist() == [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]


def test_expiry_ends_a_forecast_unless_a_newer_one_came() -> None:
    stamps = np.array([10, 14, 30], dtype=np.int64)
    values = np.array([[0.1, 0.2, 0.3], [0.9, 0.8, 0.7], [0.0] * 3, [0.0] * 3])
    ended = with_expiry(Forecasts("A", stamps, values), 4)
    assert ended.ts_seen.tolist() == [10, 14, 18, 30, 34]
    assert ended.values[0, [0, 1, 3]].tolist() == [0.1, 0.2, 0.3]
    assert np.isnan(ended.values[:, [2, 4]]).all()
    with pytest.raises(UsageError, match="more than 0"):
        with_expiry(Forecasts("A", stamps, values), 0)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_of_weights_stands_where_an_expected_return_does(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights.{suffix}"
    stamps = np.array([T0, T0 + HOUR])
    write_weights(path, ("A", "B"), stamps, np.array([[0.25, -0.75], [0.5, 0.0]]))
    a, b = read_forecasts(path)
    assert (a.instrument, b.instrument) == ("A", "B")
    assert a.ts_seen.tolist() == stamps.tolist()
    assert (a.values[3].tolist(), b.values[3].tolist()) == ([0.25, 0.5], [-0.75, 0.0])
    assert np.isnan(a.values[:3]).all()


def test_a_weight_that_is_no_number_is_named(write: Write) -> None:
    with pytest.raises(DataError) as error:
        read_forecasts(write("A,2024-01-01T10:00:00Z,much", header="symbol,ts_seen,weight"))
    assert "row 2, field weight" in error.value.where


def test_weights_go_into_a_known_kind_of_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        write_weights(tmp_path / "w.json", ("A",), np.array([T0]), np.ones((1, 1)))
