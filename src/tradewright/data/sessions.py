"""Trading sessions: when a market was really open, with holidays, early closes and lunch breaks.

A `Calendar` (core) says where one trading day ends and the next begins; it is cheap and knows no holidays. A `Sessions`
table says when trading went on. Exchanges come from the package exchange_calendars, which is imported only when an
exchange is asked for; ``24/7`` and ``fx`` are made here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.calendar import Calendar
from tradewright.core.types.errors import UsageError
from tradewright.data.presets import CALENDARS
from tradewright.data.timeframe import DAY, SECOND

ALWAYS, FX = "24/7", "fx"

#: Name of a trading-day calendar (`presets.CALENDARS`) -> name of its sessions.
SESSIONS_OF: dict[str, str] = {
    "24/7": ALWAYS,
    "fx": FX,
    "us_equity": "XNYS",
    "lse": "XLON",
    "xetra": "XETR",
    "tse": "XTKS",
}

#: Currencies: from 17:00 New York to 17:00 of the next day, Sunday evening to Friday.
_FX_ZONE, _FX_START = "America/New_York", time(17, 0)
#: Days on which brokers differ: some quote currencies for hours, some not at all (month, day). Where Christmas or New
#: Year falls on a weekend the days beside it take its place.
_FX_OPTIONAL = frozenset({(12, 24), (12, 25), (12, 26), (12, 31), (1, 1), (1, 2)})
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions of one market in order of time; all arrays have one entry a session.

    Parameters
    ----------
    name : str
        Calendar name such as ``XNYS``, ``fx`` or ``24/7``.
    zone : str
        IANA zone of the market.
    days : i8[n]
        The date the session is called by, in days since 1970.
    opens, closes : i8[n]
        First and last moment, ns UTC.
    break_starts, break_ends : i8[n]
        Lunch break, ns UTC; both 0 where there is none.
    is_early : bool[n]
        The market closed earlier than usual (half days).
    is_optional : bool[n]
        Trading is possible and its absence no fault (Christmas and New Year in currencies).
    """

    name: str
    zone: str
    days: NDArray[np.int64]
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]
    break_starts: NDArray[np.int64]
    break_ends: NDArray[np.int64]
    is_early: NDArray[np.bool_]
    is_optional: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of sessions."""
        return len(self.days)

    def last_complete(self, now_ns: int) -> int:
        """Return the index of the newest session that is over at ``now_ns`` and not optional; -1 if none."""
        over = np.flatnonzero((self.closes <= now_ns) & ~self.is_optional)
        return int(over[-1]) if len(over) else -1

    def at(self, ts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return for each time (ns UTC) the session whose ``[open, close)`` holds it, breaks included; -1 if none."""
        index = np.searchsorted(self.opens, ts, side="right") - 1
        return np.where((index >= 0) & (ts < self.closes[np.maximum(index, 0)]), index, -1)


def sessions_name(calendar: Calendar) -> str:
    """Return the name of the sessions of a trading-day calendar; empty where none is known."""
    if calendar.name in SESSIONS_OF:
        return SESSIONS_OF[calendar.name]
    return calendar.name if _is_exchange(calendar.name) else ""


def calendar_named(name: str) -> Calendar:
    """Return the trading days of a preset (``us_equity``) or of an exchange (``XNYS``).

    An exchange's day begins at midnight of its zone, or where it opens in the evening before at that hour.

    Raises
    ------
    UsageError
        If there is no such calendar.
    """
    if name in CALENDARS:
        return CALENDARS[name]
    sessions = _table(name, 2024, 2024)
    zone = ZoneInfo(sessions.zone)
    opens = datetime.fromtimestamp(int(sessions.opens[len(sessions) // 2]) // SECOND, tz=zone)
    is_evening = opens.hour >= 12 and int(sessions.days[len(sessions) // 2]) > (opens.date() - _EPOCH).days
    return Calendar(name, sessions.zone, opens.time() if is_evening else time(0, 0))


def sessions_between(name: str, first_ns: int, last_ns: int) -> Sessions:
    """Return the sessions that touch ``[first_ns, last_ns]``, ns UTC.

    Parameters
    ----------
    name : str
        ``24/7``, ``fx``, or a name of exchange_calendars: XNYS, XNAS, XLON, XTKS, XETR, CMES, ...
    first_ns, last_ns : int
        The span; it may reach into the future as far as the exchange's holidays are known.

    Raises
    ------
    UsageError
        If there is no such calendar, or it does not reach that far.
    """
    first, last = _year(first_ns), _year(last_ns)
    whole = _table(name, first, last)
    return _picked(whole, (whole.closes > first_ns) & (whole.opens <= last_ns))


def _picked(whole: Sessions, keep: NDArray[np.bool_]) -> Sessions:
    return replace(
        whole, **{f.name: getattr(whole, f.name)[keep] for f in fields(whole) if f.name not in ("name", "zone")}
    )


def _year(ns: int) -> int:
    return datetime.fromtimestamp(ns // SECOND, tz=UTC).year


@lru_cache(maxsize=64)
def _table(name: str, first_year: int, last_year: int) -> Sessions:
    """Build whole years, so that many series of one market share a table."""
    builders: dict[str, Callable[[date, date], Sessions]] = {ALWAYS: _always, FX: _fx}
    start, end = date(first_year, 1, 1) - timedelta(days=7), date(last_year, 12, 31) + timedelta(days=7)
    if name in builders:
        return builders[name](start, end)
    return _exchange(name, start, end)


def _days(start: date, end: date) -> NDArray[np.int64]:
    return np.arange((start - _EPOCH).days, (end - _EPOCH).days + 1, dtype=np.int64)


def _always(start: date, end: date) -> Sessions:
    days = _days(start, end)
    none, zero = np.zeros(len(days), np.bool_), np.zeros(len(days), np.int64)
    return Sessions(ALWAYS, "UTC", days, days * DAY, (days + 1) * DAY, zero, zero, none, none)


def _fx(start: date, end: date) -> Sessions:
    days = _days(start, end)
    days = days[(days + 3) % 7 < 5]  # 1970-01-01 was a Thursday; Monday is 0
    dates = [_EPOCH + timedelta(days=int(d)) for d in days]
    opens = np.array([_local_ns(d - timedelta(days=1), _FX_START, _FX_ZONE) for d in dates], np.int64)
    closes = np.array([_local_ns(d, _FX_START, _FX_ZONE) for d in dates], np.int64)
    optional = np.array([(d.month, d.day) in _FX_OPTIONAL for d in dates], np.bool_)
    zero = np.zeros(len(days), np.int64)
    return Sessions(FX, _FX_ZONE, days, opens, closes, zero, zero, np.zeros(len(days), np.bool_), optional)


def _local_ns(day: date, clock: time, zone: str) -> int:
    local = datetime.combine(day, clock, tzinfo=ZoneInfo(zone))
    return int(local.timestamp()) * SECOND


@lru_cache(maxsize=256)
def _is_exchange(name: str) -> bool:
    if not name.isascii() or not (name[:1].isupper() or name == "24/5"):
        return False  # saves the import for made-up names such as "my market"
    import exchange_calendars  # noqa: PLC0415  # brings pandas: half a second

    return name in exchange_calendars.get_calendar_names(include_aliases=True)


def _exchange(name: str, start: date, end: date) -> Sessions:
    import exchange_calendars  # noqa: PLC0415
    from exchange_calendars.errors import CalendarError  # noqa: PLC0415

    if not _is_exchange(name):
        import difflib  # noqa: PLC0415

        known = [ALWAYS, FX, *sorted(exchange_calendars.get_calendar_names(include_aliases=False))]
        near = difflib.get_close_matches(name.upper(), known, n=3, cutoff=0.5)
        fix = f"Did you mean {' or '.join(near)}?" if near else "Known: 24/7, fx, XNYS, XNAS, XLON, XTKS, XETR, ..."
        raise UsageError(f"'{name}' is not a session calendar", where="calendar", fix=fix)
    with warnings.catch_warnings():
        # exchange_calendars 4.13 uses what pandas 3.1 deprecates, and says when it rounds a bound.
        warnings.simplefilter("ignore")
        try:
            table = _calendar(name, start, end)
        except (CalendarError, ValueError) as error:
            what = f"the calendar {name} does not hold {start} to {end}: {str(error).splitlines()[0]}"
            raise UsageError(what, where="calendar", fix="Use a shorter span, or another calendar.") from error
        schedule = table.schedule
        early = np.asarray(table.sessions.isin(table.early_closes), np.bool_)
        opens, closes, starts, ends = (
            _stamps(schedule[c].to_list()) for c in ("open", "close", "break_start", "break_end")
        )
        days = _stamps(table.sessions.to_list()) // DAY
    return Sessions(name, str(table.tz), days, opens, closes, starts, ends, early, np.zeros(len(days), np.bool_))


def _calendar(name: str, start: date, end: date) -> Any:  # noqa: ANN401  # the package has no types
    """Return an exchange's calendar, cut to the span its holidays are known for."""
    import exchange_calendars  # noqa: PLC0415

    try:
        return exchange_calendars.get_calendar(name, start=start.isoformat(), end=end.isoformat())
    except ValueError:
        known = type(exchange_calendars.get_calendar(name))
        low, high = known.bound_min(), known.bound_max()
        start = start if low is None else max(start, low.date())
        end = end if high is None else min(end, high.date())
        return exchange_calendars.get_calendar(name, start=start.isoformat(), end=end.isoformat())


def _stamps(values: list[object]) -> NDArray[np.int64]:
    """Return pandas timestamps as i8 ns UTC, missing ones as 0."""
    stamps = np.array([0 if v != v else int(v.timestamp()) for v in values], np.int64)  # type: ignore[attr-defined]  # noqa: PLR0124
    return stamps * SECOND
