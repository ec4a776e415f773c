"""Whether the newest session that is over is there."""

from __future__ import annotations

import numpy as np

from tradewright.data.kinds import Kind
from tradewright.data.quality.findings import Findings, Spot, Subject, gathered, moment, plural
from tradewright.data.quality.slots import coordinates
from tradewright.data.sessions import ALWAYS, sessions_between, sessions_name
from tradewright.data.timeframe import DAY


def freshness(subject: Subject, now_ns: int) -> Findings:
    """Return a finding ``stale`` unless the last complete session is present; rows ascend in time.

    A session is present when the newest bar ends at or after its close, or would be followed by a bar past it.
    Calendars of which no sessions are known are taken as open every day.

    Parameters
    ----------
    subject : Subject
        What is checked.
    now_ns : int
        The time to judge by, ns UTC.
    """
    if len(subject.frame) == 0:
        return gathered(subject, [])
    last = len(subject.frame) - 1
    start, end = (int(subject.frame[n][last]) for n in ("ts_open", "ts_event"))
    sessions = sessions_between(sessions_name(subject.calendar) or ALWAYS, min(start, now_ns) - 14 * DAY, now_ns)
    newest = sessions.last_complete(now_ns)
    if newest < 0:
        return gathered(subject, [])
    if subject.interval >= DAY and subject.kind is Kind.BARS:
        day = int(coordinates(subject.frame["ts_open"].to_numpy()[last:], subject.interval, subject.calendar)[0] // DAY)
        covered = day + subject.interval // DAY - 1  # a weekly bar covers the days after its own
        missing = np.flatnonzero((sessions.days > covered) & (np.arange(len(sessions)) <= newest))
    else:
        reach = end + max(subject.interval, 1)
        missing = np.flatnonzero((sessions.closes >= reach) & (np.arange(len(sessions)) <= newest))
    missing = missing[~sessions.is_optional[missing]]
    if len(missing) == 0:
        return gathered(subject, [])
    day_text = np.datetime64(int(sessions.days[newest]), "D")
    detail = (
        f"the newest row ends {moment(end)} UTC, but the session of {day_text} is over: "
        f"{plural(len(missing), 'session')} not there or not complete"
    )
    return gathered(subject, [Spot("stale", "time", np.array([last], np.int64), [detail], np.array([now_ns]))])
