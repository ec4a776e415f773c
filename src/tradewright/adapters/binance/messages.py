"""Messages of Binance's streams to nouns.

Fields: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams and
https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams .
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tradewright.core.types.bar import Bar
from tradewright.core.types.quote import Quote
from tradewright.core.types.trade import Trade
from tradewright.data.timeframe import interval_ns

Noun = Bar | Quote | Trade
_FIRST_MICROSECOND = 10**14


@dataclass(frozen=True, slots=True)
class Numbered:
    """A noun with its place in its stream: update id, aggregate trade id, or the opening time of a bar in ns."""

    number: int
    noun: Noun


def read_message(data: Mapping[str, Any], symbol: str, interval: str, seen_ns: int) -> Numbered | None:
    """Return what a message says; None for a bar that is not complete yet.

    Parameters
    ----------
    data : mapping
        The message without its envelope.
    symbol, interval : str
        What its stream was subscribed for; ``interval`` is empty for trades and quotes.
    seen_ns : int
        When it was received, ns UTC.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it is not what its stream should hold.
    """
    if data["s"] != symbol:
        msg = f"a message about {data['s']} in a stream of {symbol}"
        raise ValueError(msg)
    if interval:
        return _bar(data["k"], symbol, interval)
    if data.get("e") == "aggTrade":
        return _trade(data, symbol, seen_ns)
    return _quote(data, symbol, seen_ns)


def _bar(kline: Mapping[str, Any], symbol: str, interval: str) -> Numbered | None:
    if kline["i"] != interval:
        msg = f"a bar of {kline['i']} in a stream of {interval}"
        raise ValueError(msg)
    if kline["x"] is not True:
        return None
    ts_open = _nanoseconds(kline["t"])
    bar = Bar(
        instrument=symbol,
        ts_open=ts_open,
        ts_event=ts_open + interval_ns(interval),
        open=_price(kline["o"]),
        high=_price(kline["h"]),
        low=_price(kline["l"]),
        close=_price(kline["c"]),
        volume=_amount(kline["v"]),
        trades=float(_whole(kline["n"])),
        buy_volume=_amount(kline["V"]),
    )
    if not (bar.high >= max(bar.open, bar.close) and bar.low <= min(bar.open, bar.close)):
        msg = "high and low do not enclose open and close"
        raise ValueError(msg)
    return Numbered(ts_open, bar)


def _trade(data: Mapping[str, Any], symbol: str, seen_ns: int) -> Numbered:
    """Return a trade; ``m`` says that the buyer was the maker, so that a seller took."""
    if not isinstance(data["m"], bool):
        msg = "m is neither true nor false"
        raise TypeError(msg)
    aggressor = -1 if data["m"] else 1
    trade = Trade(symbol, _nanoseconds(data["T"]), seen_ns, _price(data["p"]), _amount(data["q"]), aggressor)
    return Numbered(_whole(data["a"]), trade)


def _quote(data: Mapping[str, Any], symbol: str, seen_ns: int) -> Numbered:
    """Return a quote; in spot the venue gives no time, then it is that of receipt."""
    ts_event = _nanoseconds(data["T"]) if "T" in data else seen_ns
    bid, ask = _price(data["b"]), _price(data["a"])
    quote = Quote(symbol, ts_event, seen_ns, bid, ask, _amount(data["B"]), _amount(data["A"]))
    return Numbered(_whole(data["u"]), quote)


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        msg = f"{value!r} is not a whole number"
        raise TypeError(msg)
    return value


def _nanoseconds(value: object) -> int:
    """Return a time in milliseconds or microseconds, told apart by their size, in ns."""
    number = _whole(value)
    return number * (1_000_000 if number < _FIRST_MICROSECOND else 1_000)


def _amount(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and value >= 0):
        msg = f"{text!r} is not an amount"
        raise ValueError(msg)
    return value


def _price(text: str) -> float:
    value = _amount(text)
    if value == 0:
        msg = "a price of 0"
        raise ValueError(msg)
    return value
