"""Files into frames: what is read, what is refused, and that a refusal names the place and the fix."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from tradewright.core.types.errors import DataError, UsageError
from tradewright.data.importer import Imported
from tradewright.data.kinds import Kind, schema

Write = Callable[..., Path]
Load = Callable[..., Imported]

GOOD = (
    "2024-03-05T14:30:00Z,10,12,9,11,100",
    "2024-03-05T14:31:00Z,11,13,10,12,200",
    "2024-03-05T14:32:00Z,12,14,11,13,300",
)


def utc(*parts: int) -> int:
    """Return a UTC time in ns."""
    return int(datetime(*parts, tzinfo=ZoneInfo("UTC")).timestamp()) * 10**9  # type: ignore[arg-type,misc]


def test_a_good_file(write: Write, load: Load) -> None:
    done = load(write(*GOOD))
    assert done.timeframe == "1m"
    assert done.frame.schema == pl.Schema(schema(Kind.BARS))
    assert done.frame["ts_open"].to_list()[0] == utc(2024, 3, 5, 14, 30)
    assert done.frame["ts_event"].to_list()[0] == utc(2024, 3, 5, 14, 31)
    assert done.frame["ts_seen"].to_list() == done.frame["ts_event"].to_list()
    assert done.frame.select("open", "high", "low", "close", "volume").rows()[0] == (10, 12, 9, 11, 100)
    assert len(done.findings.frame) == 0
    assert len(done.digest) == 64


def test_stamps_at_the_end_of_the_bar(write: Write, load: Load) -> None:
    done = load(write(*GOOD), label="close")
    assert done.frame["ts_open"].to_list()[0] == utc(2024, 3, 5, 14, 29)
    assert done.frame["ts_event"].to_list()[0] == utc(2024, 3, 5, 14, 30)
    with pytest.raises(UsageError, match=r"--label: 'end' is not allowed\. Allowed: open, close"):
        load(write(*GOOD), label="end")


def test_length_given(write: Write, load: Load) -> None:
    done = load(write(GOOD[0]), interval="5m")
    assert done.frame["ts_event"].item() - done.frame["ts_open"].item() == 300 * 10**9
    with pytest.raises(DataError, match="--interval"):
        load(write(GOOD[0]))
    with pytest.raises(UsageError, match=r"--interval: 'tick' is not a length of bars"):
        load(write(*GOOD), interval="tick")


def test_dates_need_whole_days(write: Write, load: Load) -> None:
    path = write("2024-03-05,1,1,1,1,1", "2024-03-06,1,1,1,1,1")
    assert load(path, "us_equity").timeframe == "1d"
    with pytest.raises(UsageError, match=r"--interval: bars of '1h' cannot carry dates"):
        load(path, interval="1h")


def test_daily_dates_are_days_of_the_calendar(write: Write, load: Load) -> None:
    done = load(write("2024-03-09,1,1,1,1,1", "2024-03-10,1,1,1,1,1"), "us_equity")
    assert done.frame["ts_open"].to_list()[1] == utc(2024, 3, 10, 5)
    assert done.frame["ts_event"].to_list()[1] == utc(2024, 3, 11, 4)
    assert any("America/New_York" in n for n in done.notes)


def test_without_volume(write: Write, load: Load) -> None:
    rows = [r.rsplit(",", 1)[0] for r in GOOD]
    done = load(write(*rows, header="time,open,high,low,close"))
    assert done.frame["volume"].to_list() == [0, 0, 0]
    assert "no column for volume: taken as 0" in done.notes
    assert done.findings.counts() == {"zero_volume": 1}


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_separators(write: Write, load: Load, separator: str) -> None:
    rows = [r.replace(",", separator) for r in GOOD]
    assert len(load(write(*rows, header="time,open,high,low,close,volume".replace(",", separator))).frame) == 3


def test_split_date_and_time_columns(write: Write, load: Load) -> None:
    header = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>"
    path = write("2024.03.05\t14:30\t1\t2\t1\t2\t5", "2024.03.05\t14:31\t1\t2\t1\t2\t5", header=header)
    assert load(path, timezone="UTC").frame["ts_open"].to_list()[1] == utc(2024, 3, 5, 14, 31)


def test_windows_line_ends_and_empty_lines_at_the_end(write: Write, load: Load) -> None:
    path = write(*GOOD, "", "")
    assert len(load(path).frame) == 3
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(load(path).frame) == 3
    with pytest.raises(DataError, match=r"row 3, field time: the time is missing"):
        load(write(GOOD[0], "", GOOD[1]))


def test_byte_order_mark_and_quotes(tmp_path: Path, load: Load) -> None:
    path = tmp_path / "bom.csv"
    path.write_bytes(b'\xef\xbb\xbf"time","open","high","low","close"\n2024-03-05T14:30:00Z,1,2,1,2\n')
    assert load(path, interval="1m").frame["close"].to_list() == [2]


def test_gzip_zip_and_parquet_hold_the_same(write: Write, load: Load, tmp_path: Path) -> None:
    path = write(*GOOD)
    plain = load(path).frame
    packed = tmp_path / "prices.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    archive = tmp_path / "prices.zip"
    with zipfile.ZipFile(archive, "w") as z:
        z.write(path, "inside.csv")
    table = tmp_path / "prices.parquet"
    pl.read_csv(path).write_parquet(table)
    for other in (packed, archive, table):
        assert load(other).frame.equals(plain)


def test_archive_of_two_files(load: Load, tmp_path: Path) -> None:
    archive = tmp_path / "two.zip"
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("a.csv", "x")
        z.writestr("b.csv", "x")
    with pytest.raises(DataError, match=r"two\.zip: the archive holds 2 files.*one by one"):
        load(archive)


@pytest.mark.parametrize("name", ["bad.zip", "bad.csv.gz", "bad.parquet"])
def test_damaged_files(load: Load, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"\x1f\x8bPK this is nothing")
    with pytest.raises(DataError, match=name.replace(".", r"\.")):
        load(path)


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_a_packed_file_under_a_plain_name(
    write: Write, load: Load, tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    path = write(*GOOD)
    packed = tmp_path / "packed.csv"
    packed.write_bytes(pack(path.read_bytes()))
    assert load(packed).frame.equals(load(path).frame)


def test_a_first_line_longer_than_one_look(write: Write, load: Load, tmp_path: Path) -> None:
    lines = write(*GOOD).read_text().splitlines()
    extra = "x" * 100_000
    long = tmp_path / "long.csv"
    long.write_text("\n".join([f"{lines[0]},{extra}", *(f"{line},1" for line in lines[1:])]) + "\n")
    assert load(long).frame.equals(load(write(*GOOD)).frame)


def test_cut_off_gzip(write: Write, load: Load, tmp_path: Path) -> None:
    packed = tmp_path / "cut.csv.gz"
    packed.write_bytes(gzip.compress(write(*GOOD * 50).read_bytes())[:-30])
    with pytest.raises(DataError, match=r"cut\.csv\.gz"):
        load(packed)


def test_no_file_and_unknown_type(load: Load, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.csv: no such file"):
        load(tmp_path / "none.csv")
    (tmp_path / "a.xlsx").write_text("x")
    with pytest.raises(UsageError, match=r"'\.xlsx' are not known.*\.csv"):
        load(tmp_path / "a.xlsx")


def test_empty_file(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_text("")
    with pytest.raises(DataError, match=r"empty\.csv: the file is empty\. Give"):
        load(path)


def test_names_without_rows(write: Write, load: Load) -> None:
    with pytest.raises(DataError, match=r"prices\.csv: the file has column names but no rows"):
        load(write())


def test_missing_column(write: Write, load: Load) -> None:
    with pytest.raises(DataError, match=r"prices\.csv: no column for low;.*--column low=NAME"):
        load(write("2024-03-05,1,2,1", header="time,open,high,close"))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2024-03-05T14:33:00Z,x,15,11,13,1", r"row 5, field open: 'x' is not a number"),
        ("2024-03-05T14:33:00Z,12,15,11,13,many", r"row 5, field volume: 'many' is not a number"),
        (
            "2024-03-05T14:33:00Z,12,15,11,,1",
            r"row 5, field close: an empty cell is not a finite number.*Fill in",
        ),
        ("2024-03-05T14:33:00Z,12,15,11,NaN,1", r"row 5, field close: .*not a finite number"),
        ("2024-03-05T14:33:00Z,12,inf,11,13,1", r"row 5, field high: inf is not a finite number"),
        ("2024-03-05T14:33:00Z,12,15,11,13,", r"row 5, field volume: an empty cell"),
        ("2024-03-05T14:33:00Z,12,15,0,13,1", r"row 5, field low: price 0\.0 is not positive.*above zero"),
        ("2024-03-05T14:33:00Z,12,15,-11,13,1", r"row 5, field low: price -11\.0 is not positive"),
        (
            "2024-03-05T14:33:00Z,12,10,11,13,1",
            r"row 5, field high: high 10\.0 is below low 11\.0.*high must be",
        ),
        (
            "2024-03-05T14:33:00Z,16,15,11,13,1",
            r"row 5, field open: open 16\.0 is outside low 11\.0 to high 15\.0",
        ),
        ("2024-03-05T14:33:00Z,12,15,11,9,1", r"row 5, field close: close 9\.0 is outside"),
        ("2024-03-05T14:33:00Z,12,15,11,13,-1", r"row 5, field volume: -1\.0 is negative.*zero or more"),
        ("2024-03-05T14:31:30Z,12,15,11,13,1", r"row 5, field time: .*comes after a later time.*--sort"),
        ("2024-03-05T14:32:00Z,12,15,11,13,1", r"row 5, field time: .*is there twice.*--drop-duplicates"),
        (",12,15,11,13,1", r"row 5, field time: the time is missing"),
        ("2024-03-05T14:33:00,12,15,11,13,1", r"row 5, field time: mixed time zones"),
        ("2024-03-05T14:33:00Z,12,15,11,13,1,7", r"cannot be read as CSV: found more fields.*as many fields"),
    ],
)
def test_bad_rows_are_refused_by_place_and_fix(write: Write, load: Load, row: str, message: str) -> None:
    with pytest.raises(DataError, match=r"prices\.csv.*" + message):
        load(write(*GOOD, row))


def test_the_first_error_is_told_with_the_number_of_others(write: Write, load: Load) -> None:
    rows = (
        "2024-03-05T14:33:00Z,12,10,11,13,1",
        "2024-03-05T14:34:00Z,12,15,11,13,-1",
        "2024-03-05T14:35:00Z,0,15,0,13,1",
    )
    with pytest.raises(DataError, match=r"row 5, field high: .*, and 3 more errors\."):
        load(write(*GOOD, *rows))


def test_bad_parquet_row_counts_from_one(tmp_path: Path, load: Load) -> None:
    path = tmp_path / "p.parquet"
    stamps = [datetime(2024, 3, 5, 14, m, tzinfo=ZoneInfo("UTC")) for m in (30, 31)]
    pl.DataFrame({"t": stamps, "o": ["1", "x"], "h": [2, 2], "l": [1, 1], "c": [1, 2]}).write_parquet(path)
    with pytest.raises(DataError, match=r"p\.parquet, row 2, field o: 'x' is not a number"):
        load(path, columns={"time": "t"})


def test_sorting_and_dropping_on_request(write: Write, load: Load) -> None:
    path = write(GOOD[2], GOOD[0], GOOD[1], "2024-03-05T14:31:00Z,11,13,10,10.5,7")
    with pytest.raises(DataError, match="--sort"):
        load(path, drops_duplicates=True)
    with pytest.raises(DataError, match=r"row 5, .*--drop-duplicates"):
        load(path, is_sorted_here=True)
    done = load(path, is_sorted_here=True, drops_duplicates=True)
    assert done.frame["close"].to_list() == [11, 10.5, 13]  # the later row of 14:31 is the correction
    assert "rows were put in time order" in done.notes
    assert any(n.startswith("1 rows with a time already taken") for n in done.notes)


def test_quotes(write: Write, load: Load) -> None:
    header = "time,bid,ask,bid_size,ask_size"
    rows = ("2024-03-05T14:30:00.5Z,10,10.1,5,6", "2024-03-05T14:30:00.5Z,10,10.2,5,6")
    done = load(write(*rows, header=header), kind=Kind.QUOTES)
    assert done.timeframe == "tick"
    assert done.frame["ts_open"].to_list() == done.frame["ts_event"].to_list()
    with pytest.raises(DataError, match=r"row 3, field ask: ask 9\.9 is below bid 10\.0"):
        load(write(rows[0], "2024-03-05T14:30:01Z,10,9.9,5,6", header=header), kind=Kind.QUOTES)


def test_trades(write: Write, load: Load) -> None:
    header = "time,price,qty,side"
    rows = ("1709649000000,10,5,buy", "1709649000001,10.1,6,SELL", "1709649000002,10.1,6,")
    done = load(write(*rows, header=header), kind=Kind.TRADES)
    assert done.frame["aggressor"].to_list() == [1, -1, 0]
    assert done.frame["size"].to_list() == [5, 6, 6]
    with pytest.raises(DataError, match=r"row 2, field side: 'up' is not a side\. Allowed: buy, sell"):
        load(write("1709649000000,10,5,up", header=header), kind=Kind.TRADES)


def test_values_keep_their_bits(write: Write, load: Load) -> None:
    price = 1.0716000000000001
    done = load(write(f"2024-03-05T14:30:00Z,{price!r},{price!r},{price!r},{price!r},1"), interval="1m")
    assert np.float64(done.frame["open"].item()).tobytes() == np.float64(price).tobytes()


@pytest.mark.parametrize("cell", ["nan", "NA", "", "x", "1700000180.0"])
def test_epochs_read_at_once_meet_the_same_rules_as_text(write: Write, load: Load, cell: str) -> None:
    """The quick way reads whole numbers only; whatever else comes goes the long way and says what it always said."""
    rows = [f"{1_700_000_000 + 60 * i},1,2,0.5,1,5" for i in range(6)]
    sound = load(write(*rows, name="sound.csv"))
    slow = load(write(*[r.replace(",1,2", ".0,1,2", 1) for r in rows], name="slow.csv"))
    assert sound.frame.equals(slow.frame, null_equal=True)
    assert sound.notes == slow.notes
    if cell.startswith("17"):
        rows[3] = rows[3].replace("1700000180", cell)
        assert load(write(*rows)).frame.equals(sound.frame, null_equal=True)
        return
    rows[3] = f"1700000180,1,2,0.5,{cell},5"
    with pytest.raises(DataError, match=r"row 5, field close: .*(not a finite number|is not a number)") as quick:
        load(write(*rows))
    with pytest.raises(DataError) as slow_one:
        load(write(*[r.replace(",1,2", ".0,1,2", 1) for r in rows]))
    assert str(quick.value) == str(slow_one.value)
    rows[3] = f"{cell},1,2,0.5,1,5"
    with pytest.raises(DataError, match=r"row 5, field time: "):
        load(write(*rows))
