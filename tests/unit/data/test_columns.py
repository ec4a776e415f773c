"""Column names and the fields they stand for."""

from __future__ import annotations

import pytest

from tradewright.core.types.errors import DataError, UsageError
from tradewright.data.columns import clock_column, recognise
from tradewright.data.kinds import Kind


@pytest.mark.parametrize(
    "names",
    [
        ["timestamp", "o", "h", "l", "c", "v"],
        ["Date", "Open", "High", "Low", "Close", "Volume"],
        ["DATETIME", "OPEN", "HIGH", "LOW", "CLOSE", "VOL"],
        ["open_time", "open", "high", "low", "close", "volume"],
        ["Open time", " Open ", "High", "Low", "Close", "Volume"],
        ["", "Open", "High", "Low", "Close", "Volume"],
        ["Unnamed: 0", "Open", "High", "Low", "Close", "Volume"],
        ["<DATE>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>"],
    ],
)
def test_common_spellings(names: list[str]) -> None:
    found = recognise(names, Kind.BARS, {}, "f.csv")
    assert found == dict(zip(("time", "open", "high", "low", "close", "volume"), names, strict=True))


def test_adjusted_close_and_close_time_are_not_taken() -> None:
    names = ["Open time", "Open", "High", "Low", "Close", "Adj Close", "Volume", "Close time"]
    found = recognise(names, Kind.BARS, {}, "f.csv")
    assert (found["close"], found["time"]) == ("Close", "Open time")


def test_given_columns_win() -> None:
    names = ["date", "open", "high", "low", "close", "adjusted"]
    assert recognise(names, Kind.BARS, {"close": "adjusted"}, "f.csv")["close"] == "adjusted"


def test_missing_column_is_named_with_what_there_is_and_the_flag() -> None:
    with pytest.raises(DataError) as caught:
        recognise(["date", "open", "hi", "low", "close"], Kind.BARS, {}, "f.csv")
    assert str(caught.value).startswith("f.csv: no column for high; the file has 'date', 'open', 'hi'")
    assert "--column high=NAME" in str(caught.value)


def test_volume_may_be_absent() -> None:
    assert "volume" not in recognise(["date", "open", "high", "low", "close"], Kind.BARS, {}, "f.csv")


def test_given_column_that_is_not_there() -> None:
    with pytest.raises(UsageError, match=r"no column 'x'.*'date'.*--column close=x"):
        recognise(["date"], Kind.BARS, {"close": "x"}, "f.csv")


def test_given_field_that_is_none() -> None:
    with pytest.raises(UsageError, match=r"'closing' is not a field.*open, high, low, close"):
        recognise(["date"], Kind.BARS, {"closing": "date"}, "f.csv")


def test_file_without_names() -> None:
    with pytest.raises(DataError, match=r"f\.csv, row 1: the first line holds values.*Add a line of names"):
        recognise(["1704067200000", "42283.58", "42298.62", "42261.02", "42298.61"], Kind.BARS, {}, "f.csv")


def test_quotes_and_trades() -> None:
    quotes = recognise(["ts", "Bid", "Ask", "bid size", "AskSize"], Kind.QUOTES, {}, "q")
    assert quotes == {"time": "ts", "bid": "Bid", "ask": "Ask", "bid_size": "bid size", "ask_size": "AskSize"}
    trades = recognise(["time", "price", "qty", "side"], Kind.TRADES, {}, "t")
    assert trades == {"time": "time", "price": "price", "size": "qty", "aggressor": "side"}


def test_split_date_and_time() -> None:
    names = ["<DATE>", "<TIME>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>"]
    assert clock_column(names, recognise(names, Kind.BARS, {}, "f")) == ("<DATE>", "<TIME>")
    assert clock_column(["date"], {"time": "date"}) is None
