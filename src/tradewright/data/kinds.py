"""The kinds of market rows, and the columns each has once imported."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from tradewright.core.types.dtypes import (
    AGGRESSOR,
    ASK,
    ASK_SIZE,
    BID,
    BID_SIZE,
    CLOSE,
    HIGH,
    LOW,
    OPEN,
    PRICE,
    SIZE,
    VOLUME,
)
from tradewright.core.types.events import EventKind


class Kind(StrEnum):
    """What a row of a data set is; also the name of its folder in the store."""

    BARS = "bars"
    QUOTES = "quotes"
    TRADES = "trades"


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of one kind in its canonical frame.

    Parameters
    ----------
    event : EventKind
        What its rows are in an event stream.
    rows : dict of str to int
        Column name to row of the ``fields`` array.
    prices : tuple of str
        Columns that must be positive numbers.
    amounts : tuple of str
        Columns that must be numbers not below zero.
    optional : tuple of str
        Columns that may be absent from a file; then 0.
    """

    event: EventKind
    rows: dict[str, int]
    prices: tuple[str, ...]
    amounts: tuple[str, ...]
    optional: tuple[str, ...]


#: Times of every kind, i8 ns UTC: start (ticks: the event), end, and when we knew.
TIME_COLUMNS = ("ts_open", "ts_event", "ts_seen")

LAYOUTS: dict[Kind, Layout] = {
    Kind.BARS: Layout(
        event=EventKind.BAR,
        rows={"open": OPEN, "high": HIGH, "low": LOW, "close": CLOSE, "volume": VOLUME},
        prices=("open", "high", "low", "close"),
        amounts=("volume",),
        optional=("volume",),
    ),
    Kind.QUOTES: Layout(
        event=EventKind.QUOTE,
        rows={"bid": BID, "ask": ASK, "bid_size": BID_SIZE, "ask_size": ASK_SIZE},
        prices=("bid", "ask"),
        amounts=("bid_size", "ask_size"),
        optional=("bid_size", "ask_size"),
    ),
    Kind.TRADES: Layout(
        event=EventKind.TRADE,
        rows={"price": PRICE, "size": SIZE, "aggressor": AGGRESSOR},
        prices=("price",),
        amounts=("size",),
        optional=("aggressor",),
    ),
}


def schema(kind: Kind) -> dict[str, pl.DataType]:
    """Return the canonical frame's columns and types: times i8, values f8."""
    times: dict[str, pl.DataType] = {name: pl.Int64() for name in TIME_COLUMNS}
    return times | {name: pl.Float64() for name in LAYOUTS[kind].rows}
