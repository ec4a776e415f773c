"""Bars made from shorter ones are the bars that others made: Binance's days, LEAN's minutes."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradewright.data.bars.grid import utc_grid
from tradewright.data.bars.resample import resample
from tradewright.data.importer import ImportOptions, import_file
from tradewright.data.presets import CALENDARS
from tradewright.data.timeframe import DAY, SECOND


def present(name: str) -> Path:
    """A folder of the development data, which TRADEWRIGHT_DEV_DATA names."""
    folder = Path(os.environ.get("TRADEWRIGHT_DEV_DATA", "")) / name
    if not os.environ.get("TRADEWRIGHT_DEV_DATA") or not folder.is_dir():
        pytest.skip(f"the development data ({name}) is absent; TRADEWRIGHT_DEV_DATA names its folder")
    return folder


@pytest.fixture(scope="module")
def binance() -> Path:
    """The folder above Binance's bars."""
    return present("crypto_1m").parent


@pytest.fixture(scope="module")
def lean() -> Path:
    """The folder with LEAN's sample of equities."""
    return present("lean/equity")


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT", "BNBUSDT"])
def test_days_of_minutes_are_the_exchanges_days(binance: Path, symbol: str) -> None:
    options = ImportOptions(timezone="UTC")
    minutes = import_file(binance / "crypto_1m" / f"{symbol}_1min_sample.csv.gz", CALENDARS["24/7"], options).frame
    days = import_file(binance / "crypto_daily" / f"{symbol}.csv", CALENDARS["24/7"], options).frame
    made = resample([minutes], [utc_grid(DAY)])[0].frame
    told = days.filter(pl.col("ts_open").is_in(made["ts_open"].implode()))
    assert len(made) == len(told) == 31
    exact = ["ts_open", "ts_event", "open", "high", "low", "close"]
    assert made.select(exact).equals(told.select(exact))
    np.testing.assert_allclose(made["volume"].to_numpy(), told["volume"].to_numpy(), rtol=1e-9)


def trade_bars(path: Path, length: int) -> pl.DataFrame:
    """LEAN's trade bars of one day: ms since midnight, prices times 10,000 (left so: whole numbers), volume."""
    with zipfile.ZipFile(path) as archive:
        text = archive.read(archive.namelist()[0])
    frame = pl.read_csv(
        io.BytesIO(text), has_header=False, new_columns=["time", "open", "high", "low", "close", "volume"]
    )
    opens = pl.col("time").cast(pl.Int64) * 1_000_000
    return frame.select(
        opens.alias("ts_open"),
        (opens + length).alias("ts_event"),
        (opens + length).alias("ts_seen"),
        pl.col("open", "high", "low", "close", "volume").cast(pl.Float64),
    )


@pytest.mark.parametrize("day", ["20131007", "20131008", "20131009", "20131010", "20131011"])
def test_minutes_of_seconds_are_leans_minutes(lean: Path, day: str) -> None:
    """LEAN's two files come from one feed, but a print near a minute's edge stands in either minute: the opening price
    of one minute a day may differ, and volume is compared over the day.
    """
    seconds = trade_bars(lean / "second" / "spy" / f"{day}_trade.zip", SECOND)
    told = trade_bars(lean / "minute" / "spy" / f"{day}_trade.zip", 60 * SECOND)
    made = resample([seconds], [utc_grid(60 * SECOND)], complete_until_ns=DAY)[0].frame
    exact = ["ts_open", "ts_event", "high", "low", "close"]
    assert len(made) > 700
    assert made.select(exact).equals(told.select(exact))
    assert (made["open"] != told["open"]).sum() <= 1
    assert made["volume"].sum() == pytest.approx(told["volume"].sum(), rel=1e-5)
