"""Bars, quotes and trades as Alpaca writes them, in REST answers and on the stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import AGGRESSOR, ASK, ASK_SIZE, BID, BID_SIZE, PRICE, SIZE, TRADES
from tradewright.core.types.events import MarketEvents
from tradewright.execution.exchange.scenarios import FROZEN

Document = dict[str, Any]
Stamp = Callable[[int], Any]


def bar_row(bars: Bars, k: int, stamp: Stamp, *, is_crypto: bool) -> Document:
    """Return one bar; its time is its beginning."""
    volume = float(bars.volume[k])
    high, low, close = float(bars.high[k]), float(bars.low[k]), float(bars.close[k])
    return {
        "t": stamp(int(bars.ts_open[k])),
        "o": float(bars.open[k]),
        "h": high,
        "l": low,
        "c": close,
        "v": volume if is_crypto else int(volume),
        "n": int(bars.fields[TRADES, k]),
        "vw": round((high + low + close) / 3.0, 6),
    }


def quote_row(events: MarketEvents, i: int, stamp: Stamp, *, is_crypto: bool) -> Document:
    """Return one quote."""
    bid, ask, bid_size, ask_size = (float(events.fields[row, i]) for row in (BID, ASK, BID_SIZE, ASK_SIZE))
    row: Document = {"t": stamp(int(events.ts_event[i])), "bp": bid, "bs": bid_size, "ap": ask, "as": ask_size}
    if not is_crypto:
        row |= {"bx": "V", "ax": "V", "bs": int(bid_size), "as": int(ask_size), "c": ["R"], "z": "C"}
    return row


def trade_row(events: MarketEvents, i: int, stamp: Stamp, *, is_crypto: bool) -> Document:
    """Return one trade; its number is that of the event."""
    size, taker = float(events.fields[SIZE, i]), float(events.fields[AGGRESSOR, i])
    row: Document = {"t": stamp(int(events.ts_event[i])), "p": float(events.fields[PRICE, i]), "s": size, "i": i + 1}
    if is_crypto:
        return row | {"tks": "S" if taker < 0 else "B"}
    return row | {"s": int(size), "x": "V", "c": ["@"], "z": "C"}


def mangled(kind: str, message: Document, before: Document | None) -> Document:
    """Return a message with the prices of the one before it (``frozen``), or a quote with its sides exchanged."""
    if kind == FROZEN:
        return message if before is None else {**before, "t": message["t"]}
    return message if "bp" not in message else message | {"bp": message["ap"], "ap": message["bp"]}
