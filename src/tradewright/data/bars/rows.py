"""Trades and bars as the two arrays that the bar-making steps read and write."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.core.types.bar import Bar, Bars, blank_fields
from tradewright.core.types.trade import Trade
from tradewright.data.kinds import LAYOUTS, TIME_COLUMNS, Kind

#: Rows of ``values``: prices, traded units, number of trades (0: unknown), units bought by takers (NaN: unknown).
VALUE_COLUMNS = ("open", "high", "low", "close", "volume", "trades", "buy_volume")
N_TIMES, N_VALUES = len(TIME_COLUMNS), len(VALUE_COLUMNS)
#: Every column of a frame of made bars, in order.
BAR_COLUMNS = (*TIME_COLUMNS, *VALUE_COLUMNS)

Times = NDArray[np.int64]
Values = NDArray[np.float64]
_BAR_HAS = {name for name in ("trades", "buy_volume") if name in Bar.__dataclass_fields__}


def arrays_of(frame: pl.DataFrame, kind: Kind) -> tuple[Times, Values]:
    """Return a canonical frame of bars or trades as ``times`` i8[3, n] (TIME_COLUMNS) and ``values`` f8[7, n].

    A trade is a bar of one price: its side decides ``buy_volume``, which is NaN where the side is unknown.
    """
    times = np.empty((N_TIMES, len(frame)), np.int64)
    for row, name in enumerate(TIME_COLUMNS):
        times[row] = frame[name].to_numpy()
    values = np.empty((N_VALUES, len(frame)))
    if kind is Kind.TRADES:
        side = frame["aggressor"].to_numpy()
        values[:4] = frame["price"].to_numpy()
        values[4] = frame["size"].to_numpy()
        values[5] = 1.0
        values[6] = np.where(side > 0, values[4], np.where(side < 0, 0.0, np.nan))
        return times, values
    for row, name in enumerate(VALUE_COLUMNS[:5]):
        values[row] = frame[name].to_numpy()
    values[5] = frame["trades"].to_numpy() if "trades" in frame.columns else 0.0
    values[6] = frame["buy_volume"].to_numpy() if "buy_volume" in frame.columns else np.nan
    return times, values


def put_event(event: Trade | Bar, times: Times, values: Values) -> None:
    """Write one event into ``times`` i8[3, 1] and ``values`` f8[7, 1], as `arrays_of` does for a frame."""
    if isinstance(event, Trade):
        size = event.size
        bought = size if event.aggressor > 0 else 0.0 if event.aggressor < 0 else np.nan
        times[0, 0], times[1, 0], times[2, 0] = event.ts_event, event.ts_event, event.ts_seen
        price = event.price
        values[:, 0] = (price, price, price, price, size, 1.0, bought)
        return
    times[0, 0], times[1, 0], times[2, 0] = event.ts_open, event.ts_event, event.ts_event
    trades, bought = getattr(event, "trades", 0.0), getattr(event, "buy_volume", np.nan)
    values[:, 0] = (event.open, event.high, event.low, event.close, event.volume, trades, bought)


def frame_of(times: Times, values: Values) -> pl.DataFrame:
    """Return arrays as a frame with BAR_COLUMNS."""
    columns: dict[str, NDArray[np.int64] | NDArray[np.float64]] = dict(zip(TIME_COLUMNS, times, strict=True))
    columns |= dict(zip(VALUE_COLUMNS, values, strict=True))
    return pl.DataFrame(columns)


def bar_of(instrument: str, times: Times, values: Values, column: int) -> Bar:
    """Return one column of the arrays as the core noun."""
    numbers = dict(zip(VALUE_COLUMNS, values[:, column].tolist(), strict=True))
    known = {name: numbers[name] for name in (*VALUE_COLUMNS[:5], *sorted(_BAR_HAS))}
    return Bar(instrument, int(times[0, column]), int(times[1, column]), **known)


def bars_of(instrument: str, frame: pl.DataFrame) -> Bars:
    """Return a frame of made bars as the core noun; what a calendar would add (the trading day) is left at 0."""
    ts_event = frame["ts_event"].to_numpy().copy()
    fields = blank_fields(ts_event)
    for name, row in LAYOUTS[Kind.BARS].rows.items():
        fields[row] = frame[name].to_numpy()
    return Bars(instrument, frame["ts_open"].to_numpy().copy(), ts_event, fields)
