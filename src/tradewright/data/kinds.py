"""The kinds of market rows, and the columns each has once imported."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

from tradewright.core.types.dtypes import (
    AGGRESSOR,
    ASK,
    ASK_SIZE,
    BID,
    BID_SIZE,
    BUY_VOLUME,
    CLOSE,
    HIGH,
    LOW,
    OPEN,
    PRICE,
    SIZE,
    TRADES,
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
    defaults : dict of str to float
        Columns of which most sources know nothing, and the value that says so. One that says so
        throughout is not hashed: a data set without it hashes as it did before the column existed.
    """

    event: EventKind
    rows: dict[str, int]
    prices: tuple[str, ...]
    amounts: tuple[str, ...]
    optional: tuple[str, ...]
    defaults: dict[str, float] = field(default_factory=dict)


#: Times of every kind, i8 ns UTC: start (ticks: the event), end, and when we knew.
TIME_COLUMNS = ("ts_open", "ts_event", "ts_seen")

LAYOUTS: dict[Kind, Layout] = {
    Kind.BARS: Layout(
        event=EventKind.BAR,
        rows={
            "open": OPEN,
            "high": HIGH,
            "low": LOW,
            "close": CLOSE,
            "volume": VOLUME,
            "trades": TRADES,
            "buy_volume": BUY_VOLUME,
        },
        prices=("open", "high", "low", "close"),
        amounts=("volume", "trades", "buy_volume"),
        optional=("volume", "trades", "buy_volume"),
        defaults={"trades": 0.0, "buy_volume": math.nan},
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


def canonical(frame: pl.DataFrame, kind: Kind) -> pl.DataFrame:
    """Return a frame with exactly the columns of `schema`; those with a default may be absent or hold nulls.

    Raises
    ------
    polars.exceptions.PolarsError
        If another column is absent or cannot be cast.
    """
    defaults = LAYOUTS[kind].defaults
    columns = [
        (pl.col(name).cast(dtype).fill_null(defaults[name]) if name in defaults else pl.col(name).cast(dtype))
        if name in frame.columns or name not in defaults
        else pl.lit(defaults[name], dtype).alias(name)
        for name, dtype in schema(kind).items()
    ]
    return frame.select(columns)


def known_columns(frame: pl.DataFrame, kind: Kind) -> list[str]:
    """Return the canonical columns less those that are absent or hold their default throughout."""
    defaults = {n: unknown for n, unknown in LAYOUTS[kind].defaults.items() if n in frame.columns}
    says = {  # NaN equals NaN here
        n: (pl.col(n).is_not_nan() if math.isnan(unknown) else pl.col(n).ne_missing(unknown)).any()
        for n, unknown in defaults.items()
    }
    found = frame.select(**says).row(0, named=True) if says else {}
    return [n for n in schema(kind) if found.get(n, n not in LAYOUTS[kind].defaults)]
