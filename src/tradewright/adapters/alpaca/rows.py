"""Rows as Alpaca writes them, into columns; a row that cannot be one is named with its reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from tradewright.adapters.alpaca.conditions import joined
from tradewright.adapters.alpaca.request import BarLength
from tradewright.adapters.alpaca.stamps import ns_of
from tradewright.data.kinds import Kind

#: One row as it came from JSON, and as columns.
Wire = Mapping[str, Any]
Row = dict[str, float | int | str]
ReadRow = Callable[[Wire], Row]

_SIDES = {"B": 1, "S": -1}  # the taker's side, crypto only
_UNDONE = {"canceled": "the trade was cancelled later", "incorrect": "the trade was corrected later"}
_CORRECTED = {"corrected": "the trade is a later correction of another"}
_TIMES: dict[str, Any] = dict.fromkeys(("ts_open", "ts_event", "ts_seen"), pl.Int64)

#: Columns of a page, before the canonical ones are chosen: what tells rows apart, and what bars of seconds need.
WIDE: dict[Kind, dict[str, Any]] = {
    Kind.BARS: _TIMES
    | dict.fromkeys(("open", "high", "low", "close", "volume"), pl.Float64)
    | {"trades": pl.Int64, "buy_volume": pl.Float64},
    Kind.TRADES: _TIMES
    | {"price": pl.Float64, "size": pl.Float64, "aggressor": pl.Int64}
    | dict.fromkeys(("trade_id", "exchange", "tape", "conditions"), pl.String),
    Kind.QUOTES: _TIMES | dict.fromkeys(("bid", "ask", "bid_size", "ask_size"), pl.Float64) | {"detail": pl.String},
}


class MalformedRowError(ValueError):
    """A row that cannot be taken; says why."""


def number(row: Wire, field: str) -> float:
    """Return a field that must be a finite number."""
    value = row.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        msg = f"'{field}' is not a number"
        raise MalformedRowError(msg)
    return float(value)


def price(row: Wire, field: str) -> float:
    """Return a field that must be a number above zero."""
    value = number(row, field)
    if value <= 0:
        msg = f"'{field}' is not above zero"
        raise MalformedRowError(msg)
    return value


def amount(row: Wire, field: str) -> float:
    """Return a field that must be a number not below zero."""
    value = number(row, field)
    if value < 0:
        msg = f"'{field}' is below zero"
        raise MalformedRowError(msg)
    return value


def text(row: Wire, field: str) -> str:
    """Return a field that may be absent and is otherwise text or a whole number; empty where absent."""
    value = row.get(field)
    if value is None:
        return ""
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    msg = f"'{field}' is neither text nor a whole number"
    raise MalformedRowError(msg)


def stamp(row: Wire) -> int:
    """Return the row's time, ns UTC."""
    value = row.get("t")
    try:
        return ns_of(value) if isinstance(value, str) else ns_of("")
    except ValueError as error:
        msg = "'t' is not an RFC 3339 time"
        raise MalformedRowError(msg) from error


def codes(row: Wire, field: str = "c") -> str:
    """Return the condition codes joined to one text."""
    value = row.get(field)
    if value is None:
        return ""
    if not isinstance(value, list) or not all(isinstance(code, str) and code for code in value):
        msg = f"'{field}' is not a list of condition codes"
        raise MalformedRowError(msg)
    return joined(value)


def trade_key(row: Wire, field: str = "i") -> str:
    """Return what names a trade of one symbol: exchange, tape and the exchange's number; empty without a number."""
    identity = text(row, field)
    return f"{text(row, 'x')}:{text(row, 'z')}:{identity}" if identity else ""


def read_trade(row: Wire) -> Row:
    """Return a trade's columns, whatever became of it later.

    Raises
    ------
    MalformedRowError
        If a field is missing or not what it should be.
    """
    ts = stamp(row)
    side = text(row, "tks")
    if side not in {"", "-", *_SIDES}:
        msg = "'tks' is neither B nor S"
        raise MalformedRowError(msg)
    return {
        "ts_open": ts,
        "ts_event": ts,
        "ts_seen": ts,
        "price": price(row, "p"),
        "size": amount(row, "s"),
        "aggressor": _SIDES.get(side, 0),
        "trade_id": text(row, "i"),
        "exchange": text(row, "x"),
        "tape": text(row, "z"),
        "conditions": codes(row),
    }


def trade_reader(*, is_corrected_kept: bool) -> ReadRow:
    """Return the reader of past trades: one that did not stand is refused, with what became of it.

    Source: the API's description of ``u``: ``canceled``, ``incorrect`` (replaced by another trade) and ``corrected``
    (that other trade).
    """
    reasons = _UNDONE if is_corrected_kept else _UNDONE | _CORRECTED

    def read_standing(row: Wire) -> Row:
        columns = read_trade(row)
        update = text(row, "u")
        if update in reasons:
            raise MalformedRowError(reasons[update])
        if update and update not in _CORRECTED:
            msg = f"an unknown mark '{update[:20]}'"
            raise MalformedRowError(msg)
        return columns

    return read_standing


def read_quote(row: Wire) -> Row:
    """Return a quote's columns; sizes as sent.

    Raises
    ------
    MalformedRowError
        If a field is missing or not what it should be, or one side of the book is empty (price 0).
    """
    ts = stamp(row)
    if row.get("bp") == 0 or row.get("ap") == 0:
        msg = "a quote with one side only"
        raise MalformedRowError(msg)
    return {
        "ts_open": ts,
        "ts_event": ts,
        "ts_seen": ts,
        "bid": price(row, "bp"),
        "ask": price(row, "ap"),
        "bid_size": amount(row, "bs"),
        "ask_size": amount(row, "as"),
        "detail": f"{text(row, 'bx')}:{text(row, 'ax')}:{text(row, 'z')}:{codes(row)}",
    }


def bar_reader(length: BarLength, symbol: str) -> ReadRow:
    """Return the reader of bars of one length: `stamp` is the opening, the end follows from the length."""

    def read_bar(row: Wire) -> Row:
        ts_open = stamp(row)
        end = length.end_of(ts_open, symbol)
        if end is None:
            msg = "'t' is not the start of a day"
            raise MalformedRowError(msg)
        return {
            "ts_open": ts_open,
            "ts_event": end,
            "ts_seen": end,
            "open": price(row, "o"),
            "high": price(row, "h"),
            "low": price(row, "l"),
            "close": price(row, "c"),
            "volume": amount(row, "v"),
            "trades": int(amount(row, "n")) if row.get("n") is not None else 0,
            "buy_volume": math.nan,
        }

    return read_bar
