"""Rows as the interface sends them, text, into columns; what cannot be read is kept apart with its reason."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.core.types.calendar import Calendar
from tradewright.data.kinds import LAYOUTS, Kind, canonical
from tradewright.data.timeframe import DAY, SECOND
from tradewright.data.times import day_bounds

Row = Sequence[str]

#: Fields of a row on the wire; ``average`` is the volume-weighted price. Ticks begin with time and attribute mask.
BAR_FIELDS = ("time", "open", "high", "low", "close", "volume", "average", "trades")
TRADE_FIELDS = ("time", "mask", "price", "size", "exchange", "conditions")
QUOTE_FIELDS = ("time", "mask", "bid", "ask", "bid_size", "ask_size")
TICK_FIELDS = {Kind.TRADES: TRADE_FIELDS, Kind.QUOTES: QUOTE_FIELDS}
_EPOCH = date(1970, 1, 1)


@dataclass(slots=True)
class Read:
    """Rows that could be read: ``times`` (seconds since 1970, of dates days), ``values`` by column, and the rest."""

    times: list[int] = field(default_factory=list)
    values: dict[str, list[float]] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def refuse(self, reason: str, row: Row) -> None:
        """Keep a row apart."""
        self.refused.append((reason, ",".join(row)))

    def quarantined(self) -> pl.DataFrame | None:
        """Return the rows kept apart as `Fetched` wants them."""
        if not self.refused:
            return None
        return pl.DataFrame(self.refused, schema={"reason": pl.String, "row": pl.String}, orient="row")


def read_bars(rows: Iterable[Row], *, is_daily: bool) -> Read:
    """Read rows of `BAR_FIELDS`: in order of time, one row a time.

    Identical repetitions are dropped and counted in a note; of rows that contradict each other the first is kept and
    the others are quarantined. A volume or count of -1 means that there is none (MIDPOINT, BID, ASK): 0.
    """
    read = Read(values={n: [] for n in ("open", "high", "low", "close", "volume", "trades")})
    kept: dict[int, tuple[float, ...]] = {}
    order: list[int] = []
    repeated = 0
    for row in rows:
        try:
            at = _day(row[0]) if is_daily else _moment(row[0])
            numbers = _bar_numbers(row)
        except ValueError as error:
            read.refuse(str(error), row)
            continue
        if at not in kept:
            kept[at] = numbers
            order.append(at)
        elif kept[at] == numbers:
            repeated += 1
        else:
            read.refuse("contradicts an earlier row of the same time", row)
    if repeated:
        read.notes.append(f"{repeated} repeated rows removed")
    if order != sorted(order):
        read.notes.append("rows came out of order and were sorted")
    read.times = sorted(order)
    for i, name in enumerate(read.values):
        read.values[name] = [kept[at][i] for at in read.times]
    return read


def read_ticks(rows: Iterable[Row], kind: Kind) -> Read:
    """Read rows of ``TICK_FIELDS[kind]``, in order of time.

    Times are whole seconds; the order within a second is the order of arrival. Ticks have no number, so equal
    neighbours may be two real trades and are kept.
    """
    names = list(LAYOUTS[kind].rows)
    read = Read(values={n: [] for n in names})
    found: list[tuple[int, tuple[float, ...]]] = []
    for row in rows:
        try:
            found.append((_moment(row[0]), _tick_numbers(row, kind)))
        except ValueError as error:
            read.refuse(str(error), row)
    in_order = sorted(found, key=lambda tick: tick[0])
    if in_order != found:
        read.notes.append("ticks came out of order and were sorted")
    read.times = [at for at, _ in in_order]
    for i, name in enumerate(names):
        read.values[name] = [numbers[i] for _, numbers in in_order]
    return read


def bar_frame(read: Read, interval: int, calendar: Calendar) -> pl.DataFrame:
    """Return bars as ``schema(Kind.BARS)``.

    A bar of an hour or less closes at the next multiple of its length on the contract's clock: the hourly bar of
    09:30 closes at 10:00. Daily bars run from one start of the trading day to the next.
    """
    times = np.array(read.times, dtype=np.int64)
    if interval == DAY:
        opens, closes = day_bounds(times, 1, calendar)
    else:
        opens = times * SECOND
        offset = _clock_offset(opens, calendar)
        closes = ((opens + offset) // interval + 1) * interval - offset
    return _frame(Kind.BARS, {"ts_open": opens, "ts_event": closes, "ts_seen": closes}, read.values)


def tick_frame(read: Read, kind: Kind) -> pl.DataFrame:
    """Return ticks as ``schema(kind)``.

    The venue's time is cut to the second. ``ts_seen`` is the end of that second: the first moment at which all its
    ticks were surely known.
    """
    times = np.array(read.times, dtype=np.int64) * SECOND
    return _frame(kind, {"ts_open": times, "ts_event": times, "ts_seen": times + SECOND}, read.values)


def _frame(kind: Kind, times: Mapping[str, NDArray[np.int64]], values: Mapping[str, Sequence[float]]) -> pl.DataFrame:
    columns = [pl.Series(name, at, dtype=pl.Int64) for name, at in times.items()]
    columns += [pl.Series(name, numbers, dtype=pl.Float64) for name, numbers in values.items()]
    return canonical(pl.DataFrame(columns), kind)


def _clock_offset(opens: NDArray[np.int64], calendar: Calendar) -> NDArray[np.int64]:
    """Return how far the local clock is ahead of UTC within the hour, ns: 30 minutes in Kolkata."""
    hour = 3600 * SECOND
    if len(opens) == 0:
        return opens
    starts = calendar.day_starts(int(opens[0]), int(opens[-1]))
    day_start = calendar.day_start.minute * 60 * SECOND
    local = starts[np.searchsorted(starts, opens, side="right") - 1]
    return (day_start - local) % hour


def _bar_numbers(row: Row) -> tuple[float, ...]:
    if len(row) != len(BAR_FIELDS):
        raise ValueError(f"{len(row)} fields instead of {len(BAR_FIELDS)}")
    opened, high, low, close = (_number(row[i], BAR_FIELDS[i], above=0.0) for i in range(1, 5))
    if not low <= min(opened, close) <= max(opened, close) <= high:
        raise ValueError("open or close is outside high and low")
    volume, trades = (0.0 if row[i] in ("-1", "-1.0") else _number(row[i], BAR_FIELDS[i]) for i in (5, 7))
    return opened, high, low, close, volume, trades


def _tick_numbers(row: Row, kind: Kind) -> tuple[float, ...]:
    names = TICK_FIELDS[kind]
    if len(row) != len(names):
        raise ValueError(f"{len(row)} fields instead of {len(names)}")
    if kind is Kind.TRADES:
        return _number(row[2], "price", above=0.0), _number(row[3], "size"), 0.0
    bid, ask = (_number(row[i], names[i], above=0.0) for i in (2, 3))
    return bid, ask, _number(row[4], "bid_size"), _number(row[5], "ask_size")


def _number(text: str, name: str, *, above: float = -math.ulp(0.0)) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name} '{text}' is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{name} '{text}' is not a finite number")
    if not value > above:
        raise ValueError(f"{name} {text} is not {'positive' if above == 0.0 else 'zero or more'}")
    return value


def _moment(text: str) -> int:
    """Return seconds since 1970 of an epoch time."""
    if not (text.isascii() and text.isdigit()) or not 8 < len(text) < 11:
        raise ValueError(f"time '{text}' is not seconds since 1970")
    return int(text)


def _day(text: str) -> int:
    """Return days since 1970 of a date written YYYYMMDD."""
    try:
        if len(text) != 8:
            raise ValueError(text)
        return (date(int(text[:4]), int(text[4:6]), int(text[6:])) - _EPOCH).days
    except ValueError:
        raise ValueError(f"time '{text}' is not a date") from None
