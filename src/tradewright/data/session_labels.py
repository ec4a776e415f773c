"""Which sessions a moment lies in: Tokyo, London, New York by their own clocks; the exchange's auctions and half days.

Everything here is known in advance: opening hours are published, so a label is never a look ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.errors import UsageError
from tradewright.data.bars.grid import SessionTable
from tradewright.data.timeframe import SECOND

Stamps = NDArray[np.int64]
Flags = NDArray[np.bool_]
_MINUTE = 60 * SECOND
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class CityHours:
    """Business hours of a city's market, Monday to Friday on its own clock, holidays not taken out."""

    name: str
    zone: str
    opens: time
    closes: time


#: The usual hours of the three foreign-exchange centres (those of the dealers there, not of a stock exchange).
CITIES = (
    CityHours("tokyo", "Asia/Tokyo", time(9), time(18)),
    CityHours("london", "Europe/London", time(8), time(17)),
    CityHours("new_york", "America/New_York", time(8), time(17)),
)


@dataclass(frozen=True, slots=True)
class AuctionWindows:
    """How long before and after the open and the close an auction lasts, ns.

    The defaults are those of NYSE and Nasdaq in round numbers: orders for the opening cross are frozen from 9:28, and
    the closing imbalance is published from 15:50; https://www.nasdaqtrader.com (opening and closing crosses).
    """

    before_open_ns: int = 2 * _MINUTE
    after_open_ns: int = 0
    before_close_ns: int = 10 * _MINUTE
    after_close_ns: int = 0


@dataclass(frozen=True, slots=True)
class ExchangeLabels:
    """Where moments lie in the sessions of an exchange; arrays of length n.

    Parameters
    ----------
    session : NDArray[np.int64]
        Number of the session in the table, -1 outside all.
    since_open_ns, to_close_ns : NDArray[np.int64]
        Within the session; -1 outside all.
    is_open_auction, is_close_auction : NDArray[np.bool_]
        Within an auction window, which may begin before the open and end after the close.
    is_early_close : NDArray[np.bool_]
        The session is a half day; False outside all.
    """

    session: Stamps
    since_open_ns: Stamps
    to_close_ns: Stamps
    is_open_auction: Flags
    is_close_auction: Flags
    is_early_close: Flags

    @property
    def is_open(self) -> Flags:
        """Whether the exchange is open, bool[n]."""
        flags: Flags = self.session >= 0
        return flags


def city_hours(city: CityHours, first_ns: int, last_ns: int) -> tuple[Stamps, Stamps]:
    """Return opens and closes, i8[k] ns UTC, of every business day that touches ``[first_ns, last_ns]``."""
    zone = ZoneInfo(city.zone)
    day = _day(first_ns, zone) - timedelta(days=1)
    last = _day(last_ns, zone) + timedelta(days=1)
    opens, closes = [], []
    while day <= last:
        if day.weekday() < _SATURDAY:
            opens.append(_ns(day, city.opens, zone))
            closes.append(_ns(day, city.closes, zone))
        day += timedelta(days=1)
    return np.array(opens, np.int64), np.array(closes, np.int64)


def _day(ns: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(ns // SECOND, tz=zone).date()


def _ns(day: date, clock: time, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, clock, tzinfo=zone).astimezone(UTC).timestamp()) * SECOND


def open_cities(ts: Stamps, cities: tuple[CityHours, ...] = CITIES) -> dict[str, Flags]:
    """Return for each city whether it is open at each time, bool[n]; ``ts`` i8[n] ns UTC in any order.

    A city is open in ``[opens, closes)`` of its own clock, daylight saving included.
    """
    if len(ts) == 0:
        return {city.name: np.empty(0, np.bool_) for city in cities}
    first, last = int(ts.min()), int(ts.max())
    found = {}
    for city in cities:
        opens, closes = city_hours(city, first, last)
        found[city.name] = _within(ts, opens, closes) >= 0
    return found


def _within(ts: Stamps, opens: Stamps, closes: Stamps) -> Stamps:
    """Return the number of the span ``[opens, closes)`` each time lies in, i8[n]; -1 for none."""
    if len(opens) == 0:
        return np.full(len(ts), -1, np.int64)
    at = np.searchsorted(opens, ts, side="right").astype(np.int64) - 1
    return np.where((at >= 0) & (ts < closes[np.maximum(at, 0)]), at, -1)


def early_closes(sessions: SessionTable) -> Flags:
    """Return which sessions are half days, bool[k]: shorter than nine tenths of the most common length.

    A day that is an hour short because the clock changed is not one.
    """
    if len(sessions.opens) == 0:
        return np.empty(0, np.bool_)
    lengths = sessions.closes - sessions.opens
    values, counts = np.unique(lengths, return_counts=True)
    flags: Flags = lengths * 10 < int(values[np.argmax(counts)]) * 9
    return flags


def exchange_labels(
    ts: Stamps, sessions: SessionTable, windows: AuctionWindows | None = None, is_early: Flags | None = None
) -> ExchangeLabels:
    """Return where each time lies in an exchange's sessions.

    Parameters
    ----------
    ts : NDArray[np.int64]
        i8[n], ns UTC, in any order.
    sessions : SessionTable
        Regular hours of the exchange, over at least the range of ``ts``.
    windows : AuctionWindows, optional
        When the auctions are.
    is_early : NDArray[np.bool_], optional
        Which sessions are half days, bool[k], where the table knows; else as `early_closes` finds.

    Raises
    ------
    UsageError
        If sessions overlap or are out of order.
    """
    windows = windows or AuctionWindows()
    opens, closes = sessions.opens, sessions.closes
    if np.any(opens[1:] < closes[:-1]):
        raise UsageError("the sessions overlap or are out of order", where="sessions", fix="Sort and repair the table.")
    session = _within(ts, opens, closes)
    at = np.maximum(session, 0)
    is_open = session >= 0
    is_early = early_closes(sessions) if is_early is None else is_early
    if len(opens) == 0:
        none, no = np.full(len(ts), -1, np.int64), np.zeros(len(ts), np.bool_)
        return ExchangeLabels(session, none, none.copy(), no, no.copy(), no.copy())
    return ExchangeLabels(
        session,
        np.where(is_open, ts - opens[at], -1),
        np.where(is_open, closes[at] - ts, -1),
        _within(ts, opens - windows.before_open_ns, opens + windows.after_open_ns) >= 0,
        _within(ts, closes - windows.before_close_ns, closes + windows.after_close_ns) >= 0,
        is_open & is_early[at],
    )
