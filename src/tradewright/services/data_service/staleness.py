"""From when on a row is old news: its successor should be there by now."""

from __future__ import annotations

from tradewright.core.types.calendar import Calendar
from tradewright.core.types.errors import UsageError
from tradewright.data.sessions import ALWAYS, sessions_between, sessions_name
from tradewright.data.timeframe import DAY

_LONGEST_BREAK = 14 * DAY


def stale_from(ts_event: int, interval: int, calendar: Calendar, grace_ns: int) -> int:
    """Return the moment, ns UTC, from which a row that was true at ``ts_event`` is stale.

    The next bar is complete one interval later, or, where the market closes before that, one interval after it opens
    again (daily and longer bars: at the session's close). Markets whose sessions are not known are taken as always
    open.

    Parameters
    ----------
    ts_event : int
        Close of the newest bar, ns UTC.
    interval : int
        Length of a bar, ns.
    calendar : Calendar
        The market's.
    grace_ns : int
        What is added: a bar needs time to arrive.
    """
    name = sessions_name(calendar) or ALWAYS
    if name == ALWAYS:
        return ts_event + interval + grace_ns
    try:
        sessions = sessions_between(name, ts_event - DAY, ts_event + interval + _LONGEST_BREAK)
    except UsageError:
        return ts_event + interval + grace_ns
    # a longer bar ends with the last of the sessions it spans
    after = ts_event + max(interval - DAY, 0)
    for opens, closes in zip(sessions.opens.tolist(), sessions.closes.tolist(), strict=True):
        if closes > after:
            return int(closes if interval >= DAY else max(opens, ts_event) + interval) + grace_ns
    return ts_event + interval + grace_ns
