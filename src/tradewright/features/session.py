"""Where the market stands in its session: the trading day, or the exchange's hours where the data know them."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN, SESSION, SESSION_CLOSE, SESSION_OPEN, TIME
from tradewright.core.types.feature import Feature, Floats

_MINUTE_S = 60.0
_RETURN, _PLACE = 0.0, 1.0


@inlined
def session_clock_step_nb(_state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """Return the minutes since the opening, or until the close."""
    if params[0] == 0.0:
        return float((fields[TIME, i] - fields[SESSION_OPEN, i]) / _MINUTE_S)
    return float((fields[SESSION_CLOSE, i] - fields[TIME, i]) / _MINUTE_S)


def minutes_since_open() -> Feature:
    """Minutes from the opening of the session to the end of the event; an early close does not change it."""
    return Feature("session.minutes_since_open.v1", session_clock_step_nb, (0.0,), (), 0, reads=None)


def minutes_until_close() -> Feature:
    """Minutes from the end of the event to the planned close of its session, which half days and holidays shorten."""
    return Feature("session.minutes_until_close.v1", session_clock_step_nb, (1.0,), (), 0, reads=None)


@inlined
def overnight_gap_step_nb(state: Floats, _params: Floats, fields: Floats, i: int) -> float:
    """State: session, last close, gap."""
    if fields[SESSION, i] != state[0]:
        state[0] = fields[SESSION, i]
        state[2] = fields[OPEN, i] / state[1] - 1.0
    state[1] = fields[CLOSE, i]
    return float(state[2])


def overnight_gap() -> Feature:
    """Return the trading day's first price over the last close before it, less 1: the same for all bars of a day.

    It has no value during the first day of the data.
    """
    state = (math.nan, math.nan, math.nan)
    return Feature("session.overnight_gap.v1", overnight_gap_step_nb, (), state, 0, has_gaps=True)


@inlined
def session_place_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: session, its opening price, high and low so far."""
    if fields[SESSION, i] != state[0]:
        state[0], state[1] = fields[SESSION, i], fields[OPEN, i]
        state[2], state[3] = fields[HIGH, i], fields[LOW, i]
    state[2] = max(state[2], fields[HIGH, i])
    state[3] = min(state[3], fields[LOW, i])
    if params[0] == _RETURN:
        return float(fields[CLOSE, i] / state[1] - 1.0)
    width = state[2] - state[3]
    return float((fields[CLOSE, i] - state[3]) / width) if width > 0.0 else 0.5


def session_return() -> Feature:
    """Close against the opening price of the trading day, as a share."""
    return Feature("session.return.v1", session_place_step_nb, (_RETURN,), (math.nan, 0.0, 0.0, 0.0), 0)


def session_range_position() -> Feature:
    """Place of the close between the trading day's low (0) and high (1) so far; 0.5 where they are equal."""
    return Feature("session.range_position.v1", session_place_step_nb, (_PLACE,), (math.nan, 0.0, 0.0, 0.0), 0)
