"""Plain numbers read by compiled code: what polars reads, to the bit, or nothing at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewright.core.kernel.cache_folder import cache_folder
from tradewright.core.kernel.decimals_nb import read_lines_nb  # with Numba, which compiles it where none is kept
from tradewright.data import plain_csv
from tradewright.data.kinds import Kind
from tradewright.data.plain_csv import is_worth_it, read_plain
from tradewright.data.reading import read_raw

NAMES = ["time", "name", "price", "size"]
TYPES = {"size": pl.Float64(), "time": pl.Int64(), "price": pl.Float64()}
HEAD = b"time,name,price,size\n"

NUMBERS = st.one_of(
    st.from_regex(r"-?[0-9]{1,8}(\.[0-9]{0,7})?", fullmatch=True),
    st.from_regex(r"0\.0{0,5}[0-9]{1,12}", fullmatch=True),
    st.sampled_from(["-0", "-0.0", "9007199254740992", "0.9007199254740992", "900719925474.0991", "000012.50"]),
)
ODD = st.text("0123456789.-+eE \"'\r,nanif", max_size=6)


def by_polars(content: bytes) -> pl.DataFrame:
    """Read the same columns as the slow path does."""
    return pl.read_csv(content, columns=list(TYPES), schema_overrides=TYPES, infer_schema=False).select(list(TYPES))


def bits(frame: pl.DataFrame) -> list[list[int]]:
    """Return every cell as the integer of its eight bytes, so that -0.0 is not 0.0."""
    return [frame[name].to_numpy().view(np.int64).tolist() for name in frame.columns]


@settings(deadline=None)  # the first call loads compiled code
@given(st.lists(st.tuples(st.integers(-(10**17), 10**17), NUMBERS, NUMBERS), min_size=1, max_size=20), st.booleans())
def test_what_is_written_is_read_to_the_bit(rows: list[tuple[int, str, str]], is_ended: bool) -> None:
    content = HEAD + b"\n".join(f"{t},abc,{p},{s}".encode() for t, p, s in rows) + b"\n" * is_ended
    found = read_plain(content, ",", NAMES, TYPES)
    assert found is not None
    assert found.columns == list(TYPES)
    assert bits(found) == bits(by_polars(content))


@settings(deadline=None)  # the first call loads compiled code
@given(st.lists(st.one_of(NUMBERS, ODD), min_size=4, max_size=4))
def test_anything_else_is_refused_or_read_alike(cells: list[str]) -> None:
    content = HEAD + b"1,a,2.5,3\n" + ",".join(cells).encode() + b"\n4,b,5,6\n"
    found = read_plain(content, ",", NAMES, TYPES)
    if found is not None:
        assert bits(found) == bits(by_polars(content))


@pytest.mark.parametrize(
    "line",
    [
        "1,a,,2",
        "1,a,nan,2",
        "1,a,1e5,2",
        "1,a, 1.5,2",
        '1,"a,b",1.5,2',
        '1,a,"1.5",2',
        "1,a,1.5",
        "1,a,1.5,2,3",
        "1,a,9007199254740993,2",
        "1,a,0.1000000000000000055511151231257827,2",
        "1234567890123456789,a,1.5,2",
        "1.0,a,1.5,2",
        "1,a,1.5,2\r",
        "1,é,1.5,2",
        "",
        "-,a,1.5,2",
        "1,a,.,2",
    ],
)
def test_lines_that_are_not_plain(line: str) -> None:
    assert read_plain(HEAD + f"1,a,1.5,2\n{line}\n3,c,4.5,6\n".encode(), ",", NAMES, TYPES) is None


def test_times_that_are_text() -> None:
    assert read_plain(HEAD + b"1,a,1.5,2\n", ",", NAMES, {"time": pl.String(), "price": pl.Float64()}) is None


@pytest.mark.parametrize("is_ended", [True, False])
def test_a_file_in_many_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_ended: bool) -> None:
    monkeypatch.setattr(plain_csv, "_PART", 100)
    monkeypatch.setattr(plain_csv, "_LOOK", 7)
    lines = "\n".join(f"{n};{'x' * (n % 150)};{n / 8};{n / 1000}" for n in range(3_000))
    path = tmp_path / "long.csv"
    path.write_text("time;name;price;size\n" + lines + "\n" * is_ended)
    found = read_plain(path, ";", NAMES, TYPES)
    assert found is not None
    assert found["time"].to_list() == list(range(3_000))
    assert found["price"].to_list() == [n / 8 for n in range(3_000)]
    assert found["size"].to_list() == [n / 1000 for n in range(3_000)]


def test_an_odd_line_in_the_last_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_csv, "_PART", 100)
    assert read_plain(HEAD + b"1,a,2,3\n" * 1_000 + b"1,a,x,3\n", ",", NAMES, TYPES) is None


def test_a_file_without_rows() -> None:
    found = read_plain(HEAD, ",", NAMES, TYPES)
    assert found is not None
    assert len(found) == 0


def test_the_importer_reads_alike_either_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "prices.csv"
    rows = pl.DataFrame({n: np.arange(1.0, 200.0) / 8 for n in ("open", "high", "low", "close", "volume")})
    rows.insert_column(0, pl.Series("time", 1_577_836_800_000 + 60_000 * np.arange(199))).write_csv(path)
    expected = read_raw(path, Kind.BARS, {}, reads_epochs=True)
    asked: list[Path] = []

    def always(source: Path) -> bool:
        asked.append(source)
        return True

    monkeypatch.setattr("tradewright.data.reading.is_worth_it", always)
    found = read_raw(path, Kind.BARS, {}, reads_epochs=True)
    assert asked == [path]
    assert found.frame.equals(expected.frame)
    assert found.frame.schema == expected.frame.schema


def test_short_files_are_left_to_polars_and_middling_ones_where_there_is_no_compiler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = bytes(1 << 21)
    assert is_worth_it(content)
    assert not is_worth_it(b"short")
    monkeypatch.delitem(sys.modules, "numba")
    assert not is_worth_it(content)
    assert is_worth_it(bytes(1 << 25))


_SCRIPT = """
import sys, polars as pl
from tradewright.data.plain_csv import read_plain
found = read_plain(b"price\\n1.5\\n-2.25\\n", ",", ["price"], {"price": pl.Float64()})
print(None if found is None else found["price"].to_list(), "numba" in sys.modules)
"""


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_fresh_process_reads_without_importing_the_compiler(tmp_path: Path, *, is_kept: bool) -> None:
    assert f"{read_lines_nb.__module__}.{read_lines_nb.__qualname__}" == plain_csv._STEP
    assert read_plain(HEAD, ",", NAMES, TYPES) is not None, "the step is kept now"
    folder = cache_folder()
    assert folder is not None
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder.parent if is_kept else tmp_path)}
    said = subprocess.run([sys.executable, "-c", _SCRIPT], env=environment, capture_output=True, check=True, timeout=60)
    assert said.stdout.decode().strip() == ("[1.5, -2.25] False" if is_kept else "None False")
