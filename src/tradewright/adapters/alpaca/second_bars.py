"""Bars of seconds from trades, since Alpaca's own begin at one minute.

There is one rule, `fold`, and one streaming step, `SecondBarBuilder`. History is the loop of that step, so that bars
of the past and bars of the live stream cannot disagree. Which trades set prices and which only count in the volume:
`adapters.alpaca.conditions`. A second without a trade that sets a price has no bar, as Alpaca makes no bar of a minute
then; its volume is in no bar.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

import polars as pl

from tradewright.adapters.alpaca.conditions import eligibility


class Print(NamedTuple):
    """One trade, with what decides its part in a bar; ``trade_id`` includes the exchange."""

    ts: int
    price: float
    size: float
    aggressor: int
    conditions: str = ""
    tape: str = ""
    trade_id: str = ""


class SecondBar(NamedTuple):
    """One bar: times ns UTC; ``trades`` counts those in the volume; ``buy_volume`` NaN where a side is unknown."""

    ts_open: int
    ts_event: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int
    buy_volume: float


def fold(prints: Sequence[Print], ts_open: int, interval: int) -> SecondBar | None:
    """Return the bar of the trades of ``[ts_open, ts_open + interval)``; None where none of them sets a price.

    Trades are taken in order of time, of equal times in the order given. Sums run in that order.
    """
    first = high = low = last = math.nan
    volume = buys = 0.0
    count = 0
    for trade in sorted(prints, key=attrgetter("ts")):
        rule = eligibility(trade.conditions, trade.tape)
        if rule.sets_price:
            if math.isnan(first):
                first = high = low = trade.price
            high, low, last = max(high, trade.price), min(low, trade.price), trade.price
        if rule.adds_volume:
            volume += trade.size
            count += 1
            buys += trade.size if trade.aggressor > 0 else 0.0 if trade.aggressor < 0 else math.nan
    if math.isnan(first) or volume == 0.0:
        return None
    return SecondBar(ts_open, ts_open + interval, first, high, low, last, volume, count, buys)


class SecondBarBuilder:
    """Trades in, complete bars out; each bar once, in order.

    Trades may come out of order for as long as their bar is open. One that comes later, or that belongs to a bar
    before `begin_at`, is refused.

    Parameters
    ----------
    interval : int
        Length of a bar, ns; divides a minute.
    """

    def __init__(self, interval: int) -> None:
        self._interval = interval
        self._open: dict[int, list[Print]] = {}  # bars that are not closed, by their start
        self._from = 0  # the first start that may still become a bar

    def push(self, trade: Print) -> bool:
        """Take a trade; False where its bar is closed or was not seen from its beginning."""
        start = trade.ts // self._interval * self._interval
        if start < self._from:
            return False
        self._open.setdefault(start, []).append(trade)
        return True

    def remove(self, trade_id: str) -> Print | None:
        """Take a trade back that was cancelled and return it; None where its bar is closed or never held it."""
        for prints in self._open.values():
            for i, trade in enumerate(prints):
                if trade.trade_id == trade_id:
                    return prints.pop(i)
        return None

    def earliest_open(self) -> int | None:
        """Return the start of the first bar that holds trades and is not closed, ns UTC."""
        return min(self._open, default=None)

    def close_until(self, ts: int) -> list[SecondBar]:
        """Close and return the bars that end at or before ``ts``, ns UTC."""
        bound = ts // self._interval * self._interval
        if bound <= self._from:
            return []
        self._from = bound
        ready = sorted(start for start in self._open if start < bound)
        bars = (fold(self._open.pop(start), start, self._interval) for start in ready)
        return [bar for bar in bars if bar is not None]

    def begin_at(self, ts: int) -> None:
        """Forget what is open, and make no bar that begins before ``ts``: trades before it may be missing."""
        self._open.clear()
        self._from = max(self._from, -(-ts // self._interval) * self._interval)


def second_bars(trades: pl.DataFrame, interval: int) -> pl.DataFrame:
    """Return the bars of a frame of trades.

    Parameters
    ----------
    trades : polars.DataFrame
        Ascending in ``ts_event`` (i8, ns UTC), with ``price``, ``size``, ``aggressor`` and, where known,
        ``conditions`` and ``tape`` (text, see `conditions.eligibility`).
    interval : int
        Length of a bar, ns.

    Returns
    -------
    polars.DataFrame
        The columns of `SecondBar`; times i8, ``trades`` i8, others f8; ascending, no row where nothing was traded.
    """
    builder = SecondBarBuilder(interval)
    bars: list[SecondBar] = []
    for trade in _prints(trades):
        bars += builder.close_until(trade.ts)
        builder.push(trade)
    bars += builder.close_until(2**62)
    columns = list(zip(*bars, strict=True)) or [()] * len(SecondBar._fields)
    return pl.DataFrame(dict(zip(SecondBar._fields, columns, strict=True)), schema=_SCHEMA)


_SCHEMA = {name: pl.Int64 if name in {"ts_open", "ts_event", "trades"} else pl.Float64 for name in SecondBar._fields}


def _prints(trades: pl.DataFrame) -> Iterable[Print]:
    texts = [
        trades[name] if name in trades.columns else pl.repeat("", len(trades), eager=True)
        for name in ("conditions", "tape")
    ]
    numbers = [trades[name] for name in ("ts_event", "price", "size", "aggressor")]
    return map(Print, *numbers, *texts)
