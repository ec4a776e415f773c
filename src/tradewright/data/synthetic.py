"""Seeded random markets on a tick grid, for tests and benchmarks. Never evidence about a strategy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.calendar import Calendar
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
from tradewright.core.types.events import EventKind, MarketEvents
from tradewright.data.clock import fill_clock

#: 2024-01-01 00:00 UTC.
START = 1_704_067_200_000_000_000


@dataclass(frozen=True, slots=True)
class WalkParams:
    """Shape of a random walk.

    Prices are whole ticks, ``ticks / ticks_per_unit``: the nearest doubles of the decimal prices.
    ``volatility`` is the standard deviation of one step in parts of the price.
    """

    symbol: str = "SYN"
    start: int = START
    interval: int = 60_000_000_000
    price: float = 100.0
    volatility: float = 0.0005
    ticks_per_unit: int = 100


def synthetic_bars(n: int, seed: int, params: WalkParams | None = None) -> Bars:
    """Return ``n`` bars without gaps whose highs and lows enclose opens and closes.

    Parameters
    ----------
    n : int
        Number of bars.
    seed : int
        Equal seeds give equal bars.
    params : WalkParams, optional
        Shape of the walk.
    """
    params = params or WalkParams()
    rng = np.random.default_rng(seed)
    steps = rng.normal(0.0, params.volatility, (4, n))
    close = params.price * np.exp(np.cumsum(steps[0]))
    # A small jump between one close and the next open keeps the two from being the same number.
    opens = np.concatenate([[params.price], close[:-1]]) * np.exp(0.1 * steps[1])
    high = np.maximum(opens, close) * np.exp(0.5 * np.abs(steps[2]))
    low = np.minimum(opens, close) * np.exp(-0.5 * np.abs(steps[3]))
    ts_open = params.start + params.interval * np.arange(n, dtype=np.int64)
    ts_event = ts_open + params.interval
    fields = blank_fields(ts_event)
    for row, values in ((OPEN, opens), (HIGH, high), (LOW, low), (CLOSE, close)):
        fields[row] = np.maximum(1.0, np.rint(values * params.ticks_per_unit)) / params.ticks_per_unit
    fields[VOLUME] = np.floor(rng.lognormal(6.0, 1.0, n)) + 1.0
    fill_clock(fields, ts_open, ts_event, Calendar())
    return Bars(params.symbol, ts_open, ts_event, fields)


def synthetic_ticks(n: int, seed: int, params: WalkParams | None = None, *, trade_share: float = 0.3) -> MarketEvents:
    """Return ``n`` quotes and trades in one stream; a trade prints at the bid or ask of the quote before.

    Parameters
    ----------
    n : int
        Number of events; the first is a quote.
    seed : int
        Equal seeds give equal events.
    params : WalkParams, optional
        Shape of the walk; ``interval`` is the mean time between events.
    trade_share : float
        Share of events that are trades, 0 to 1.
    """
    params = params or WalkParams(interval=100_000_000, volatility=0.00005)
    rng = np.random.default_rng(seed)
    is_trade = rng.random(n) < trade_share
    is_trade[:1] = False
    mid = params.price * np.exp(np.cumsum(rng.normal(0.0, params.volatility, n) * ~is_trade))
    bid = np.maximum(1.0, np.floor(mid * params.ticks_per_unit))
    ask = bid + rng.integers(1, 4, n)
    last_quote = np.maximum.accumulate(np.where(is_trade, 0, np.arange(n)))
    bid, ask = bid[last_quote], ask[last_quote]
    side = rng.choice(np.array([-1.0, 1.0]), n)
    sizes = np.floor(rng.lognormal(2.0, 1.0, (2, n))) + 1.0
    # Times keep microseconds, as venues send them; two events may share one.
    waits = np.floor(rng.exponential(params.interval / 1000, n)).astype(np.int64) * 1000
    ts = params.start + np.cumsum(waits)
    fields = blank_fields(ts)
    fields[BID] = bid / params.ticks_per_unit
    fields[ASK] = ask / params.ticks_per_unit
    fields[BID_SIZE], fields[ASK_SIZE] = sizes
    trades = blank_fields(ts)
    trades[PRICE] = np.where(side > 0, ask, bid) / params.ticks_per_unit
    trades[SIZE] = np.ceil(sizes[0] / 3)
    trades[AGGRESSOR] = side
    fields[:, is_trade] = trades[:, is_trade]
    fill_clock(fields, ts, ts, Calendar())
    kind = np.where(is_trade, int(EventKind.TRADE), int(EventKind.QUOTE)).astype(np.int64)
    return MarketEvents(fields, ts, ts, ts, kind=kind)
