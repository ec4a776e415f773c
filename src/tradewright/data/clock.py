"""What the market's clock says at each event: the rows of an event table that depend on zone and session hours."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.core.types.calendar import Calendar
from tradewright.core.types.dtypes import LOCAL_TIME, SESSION, SESSION_CLOSE, SESSION_OPEN, TIME
from tradewright.core.types.errors import UsageError
from tradewright.data.sessions import ALWAYS, FX, Sessions, sessions_between, sessions_name

_SECOND_NS = 1e9
_MINUTE_NS = 60 * 10**9
#: An event this long spans a session: its bounds are those of the trading day.
_INTRADAY_NS = 12 * 3600 * 10**9


def fill_clock(
    fields: NDArray[np.float64], ts_open: NDArray[np.int64], ts_event: NDArray[np.int64], calendar: Calendar
) -> None:
    """Fill SESSION, TIME, LOCAL_TIME, SESSION_OPEN and SESSION_CLOSE in place.

    Parameters
    ----------
    fields : ndarray of float64, shape (N_FIELDS, n)
        The event table.
    ts_open, ts_event : ndarray of int64, shape (n,)
        When each event began and ended, ns UTC, ascending.
    calendar : Calendar
        Trading days and time zone. Where it is an exchange's, an event that begins while the exchange is open has the
        bounds of that session, early closes included. All others have those of their trading day: events outside the
        hours, daily bars, markets that never close, and years for which the exchange's holidays are not known.
    """
    if len(ts_open) == 0:
        return
    starts = calendar.day_starts(int(ts_open[0]), int(ts_open[-1]))
    day = np.searchsorted(starts, ts_open, side="right") - 1
    opens, closes = starts[day], starts[day + 1]
    sessions = _exchange_sessions(ts_open, ts_event, calendar)
    if sessions is not None and len(sessions):
        place = sessions.at(ts_open)
        opens = np.where(place >= 0, sessions.opens[place], opens)
        closes = np.where(place >= 0, sessions.closes[place], closes)
    fields[SESSION] = calendar.day_numbers(ts_open)
    fields[TIME] = ts_event / _SECOND_NS
    fields[LOCAL_TIME] = local_clock(ts_event, calendar.zone) / _SECOND_NS
    fields[SESSION_OPEN] = opens / _SECOND_NS
    fields[SESSION_CLOSE] = closes / _SECOND_NS


class EventClock:
    """The same rows for one event at a time, as a live feed brings them: what a minute has in common is kept."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._minutes = (-1, -1)
        self._known = (0.0, 0.0, 0.0, 0)  # session, its bounds, local clock less UTC in ns

    def fill(self, fields: NDArray[np.float64], ts_open: int, ts_event: int) -> None:
        """Fill the rows of one event's ``fields``, f8[N_FIELDS], in place."""
        minutes = (ts_open // _MINUTE_NS, ts_event // _MINUTE_NS)  # sessions and zones change on whole minutes
        if minutes != self._minutes:
            whole = np.zeros((len(fields), 1))
            fill_clock(whole, np.array([ts_open]), np.array([ts_event]), self._calendar)
            shown = local_clock(np.array([ts_event]), self._calendar.zone)
            bounds = (float(whole[row, 0]) for row in (SESSION, SESSION_OPEN, SESSION_CLOSE))
            self._minutes, self._known = minutes, (*bounds, int(shown[0]) - ts_event)  # type: ignore[assignment]
        session, opens, closes, ahead = self._known
        fields[SESSION], fields[SESSION_OPEN], fields[SESSION_CLOSE] = session, opens, closes
        fields[TIME], fields[LOCAL_TIME] = ts_event / _SECOND_NS, (ts_event + ahead) / _SECOND_NS


def _exchange_sessions(ts_open: NDArray[np.int64], ts_event: NDArray[np.int64], calendar: Calendar) -> Sessions | None:
    """Return the sessions of an exchange for events within the day, None where the trading day is all there is."""
    if ts_event[0] - ts_open[0] >= _INTRADAY_NS:
        return None
    name = sessions_name(calendar)
    if name in ("", ALWAYS, FX):
        return None
    try:
        return sessions_between(name, int(ts_open[0]), int(ts_open[-1]))
    except UsageError:
        return None


def local_clock(ts: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """Return what a clock in ``zone`` shows at times given in ns UTC, as ns since 1970 of that clock."""
    if zone == "UTC":
        return ts
    moments = pl.Series(ts).cast(pl.Datetime("ns", "UTC"))
    shown = moments.dt.convert_time_zone(zone).dt.replace_time_zone(None)
    return shown.cast(pl.Int64).to_numpy()
