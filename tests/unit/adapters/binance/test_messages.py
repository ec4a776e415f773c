"""Messages as the venue documents them, and as it really sent them on a day of 2024."""

from __future__ import annotations

import gzip
import json
import os
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tradewright.adapters.binance.messages import Numbered, read_message
from tradewright.core.types.bar import Bar
from tradewright.core.types.quote import Quote
from tradewright.core.types.trade import Trade

# the examples of the venue's documentation, with prices that are possible
TRADE = {
    "e": "aggTrade", "E": 1672515782136, "s": "BNBBTC", "a": 12345, "p": "0.001", "q": "100", "f": 100, "l": 105,
    "T": 1672515782136, "m": True, "M": True,
}  # fmt: skip
KLINE = {
    "e": "kline", "E": 1672515782136, "s": "BNBBTC",
    "k": {
        "t": 1672515780000, "T": 1672515839999, "s": "BNBBTC", "i": "1m", "f": 100, "L": 200, "o": "0.0010",
        "c": "0.0020", "h": "0.0025", "l": "0.0009", "v": "1000", "n": 100, "x": True, "q": "1.0000", "V": "500",
        "Q": "0.500", "B": "123456",
    },
}  # fmt: skip
BOOK = {"u": 400900217, "s": "BNBUSDT", "b": "25.35190000", "B": "31.21000000", "a": "25.36520000", "A": "40.66000000"}
MS = 1_000_000


def test_documented_messages() -> None:
    assert read_message(TRADE, "BNBBTC", "", 9) == Numbered(
        12345, Trade("BNBBTC", 1672515782136 * MS, 9, 0.001, 100.0, -1)
    )
    opens = 1672515780000 * MS
    assert read_message(KLINE, "BNBBTC", "1m", 9) == Numbered(
        opens, Bar("BNBBTC", opens, opens + 60_000 * MS, 0.001, 0.0025, 0.0009, 0.002, 1000.0, 100.0, 500.0)
    )
    assert read_message(BOOK, "BNBUSDT", "", 9) == Numbered(
        400900217, Quote("BNBUSDT", 9, 9, 25.3519, 25.3652, 31.21, 40.66)
    )
    futures = BOOK | {"e": "bookTicker", "E": 1568014460893, "T": 1568014460891}
    read = read_message(futures, "BNBUSDT", "", 9)
    assert read is not None
    assert isinstance(read.noun, Quote)
    assert read.noun.ts_event == 1568014460891 * MS


def test_an_open_bar_is_not_a_bar_yet() -> None:
    message = deepcopy(KLINE)
    message["k"]["x"] = False  # type: ignore[index]
    assert read_message(message, "BNBBTC", "1m", 9) is None


@pytest.mark.parametrize(
    ("message", "change"),
    [
        (TRADE, {"a": "12345"}),
        (TRADE, {"a": True}),
        (TRADE, {"p": "0"}),
        (TRADE, {"p": "x"}),
        (TRADE, {"p": None}),
        (TRADE, {"q": "-1"}),
        (TRADE, {"q": "nan"}),
        (TRADE, {"T": -1}),
        (TRADE, {"m": "true"}),
        (TRADE, {"s": "ETHBTC"}),
        (BOOK, {"s": "ETHBTC"}),
        (BOOK, {"b": ""}),
        (BOOK, {"u": 1.5}),
        (KLINE, {"k": None}),
        (KLINE, {"k": {}}),
        (KLINE, {"k": KLINE["k"] | {"i": "5m"}}),  # type: ignore[operator]
        (KLINE, {"k": KLINE["k"] | {"h": "0.0015"}}),  # type: ignore[operator]
    ],
)
def test_what_is_not_as_it_should_be(message: dict[str, Any], change: dict[str, Any]) -> None:
    symbol = "BNBUSDT" if message is BOOK else "BNBBTC"
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_message(message | change, symbol, "1m" if message is KLINE else "", 9)


@pytest.mark.parametrize(
    ("name", "symbol"), [("spot_btcusdt_20240808", "BTCUSDT"), ("usdm_ethusdt_20240808", "ETHUSDT")]
)
def test_real_quotes_are_understood(name: str, symbol: str) -> None:
    folder = os.environ.get("TRADEWRIGHT_DEV_DATA")
    path = Path(folder or "") / "binance_ws" / f"{name}.gz"
    if not folder or not path.exists():
        pytest.skip("real captures are not here; TRADEWRIGHT_DEV_DATA names their folder")
    last, n = -1, 0
    with gzip.open(path, "rt") as lines:
        for line in lines:
            seen, _, text = line.partition(" ")
            if "@bookTicker" not in text:
                continue
            read = read_message(json.loads(text)["data"], symbol, "", int(seen))
            assert read is not None
            assert isinstance(read.noun, Quote)
            assert read.number > last
            assert 0 < read.noun.bid < read.noun.ask
            last, n = read.number, n + 1
            if n == 20_000:
                break
    assert n > 1000
