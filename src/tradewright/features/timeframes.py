"""Momentum in several timeframes at once; the higher bars are made from the events, and only complete ones are seen."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import CLOSE, TIME
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.parameters import whole_number
from tradewright.features.window_nb import push_delay_nb

_MINUTE_S = 60.0
_ALIGNMENT, _DIVERGENCE = 0.0, 1.0
#: 1m, 5m, 15m, 1h, 4h.
_FRAMES = 5
_HEADER = 3


def _frame(bars: int) -> tuple[float, ...]:
    """Return the initial memory of `push_frame_nb`: higher bar, its close so far, momentum, then complete closes."""
    return (math.nan, math.nan, math.nan, 0.0, *([math.nan] * bars))


@inlined
def push_frame_nb(state: Floats, at: int, seconds: float, bars: int, fields: Floats, i: int) -> float:
    """Take in a bar; return the growth of the close over the last ``bars`` complete higher bars, NaN before.

    A higher bar ends at a multiple of ``seconds`` since 1970 UTC. It is complete with the bar that ends there, or,
    where that one is missing, with the first that ends later.
    """
    number = math.ceil(fields[TIME, i] / seconds)
    if number > state[at] and not math.isnan(state[at + 1]):
        state[at + 2] = _complete_nb(state, at, bars)
    state[at] = number
    state[at + 1] = fields[CLOSE, i]
    if fields[TIME, i] == number * seconds:
        state[at + 2] = _complete_nb(state, at, bars)
    return float(state[at + 2])


@inlined
def _complete_nb(state: Floats, at: int, bars: int) -> float:
    """Close the higher bar; return its close over that of ``bars`` higher bars before, less 1."""
    close = state[at + 1]
    state[at + 1] = math.nan
    return float(close / push_delay_nb(state, at + _HEADER, bars, close) - 1.0)


@inlined
def _seconds_nb(frame: int) -> float:
    """Return the length of timeframe 0 to 4."""
    minutes = 1.0
    if frame == 1:
        minutes = 5.0
    elif frame == 2:
        minutes = 15.0
    elif frame == 3:
        minutes = 60.0
    elif frame == 4:
        minutes = 240.0
    return minutes * _MINUTE_S


@inlined
def frames_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: five timeframes, see `push_frame_nb`."""
    bars = int(params[0])
    size = _HEADER + 1 + bars
    fast = 0.0
    slow = 0.0
    middle = 0.0
    for frame in range(_FRAMES):
        growth = push_frame_nb(state, frame * size, _seconds_nb(frame), bars, fields, i)
        sign = growth
        if growth > 0.0:
            sign = 1.0
        elif growth < 0.0:
            sign = -1.0
        if frame < 2:
            fast += sign
        elif frame > 2:
            slow += sign
        else:
            middle = sign
    if params[1] == _ALIGNMENT:
        return (fast + middle + slow) / _FRAMES
    # what is not used must count too, or the two features would begin at different bars
    return (fast - slow) / 4.0 + 0.0 * middle


def _frames(name: str, output: float, bars: int) -> Feature:
    n = whole_number("bars", bars, 1)
    state = _frame(n) * _FRAMES
    return Feature(f"momentum.{name}.v1", frames_step_nb, (float(n), output), state, n, has_gaps=True)


def momentum_alignment(bars: int = 3) -> Feature:
    """Mean sign of momentum in 1m, 5m, 15m, 1h and 4h bars: 1 where all rise, -1 where all fall.

    Momentum is the change of the close over the last ``bars`` complete bars of a timeframe. Timeframes end at multiples
    of their length since 1970 UTC and are built from the events' own times; one shorter than the events is the events.
    It has no value until every timeframe has one: how many events that takes depends on the clock, at least ``bars``.

    Raises
    ------
    ValueError
        If ``bars`` is not a whole number of at least 1.
    """
    return _frames("alignment", _ALIGNMENT, bars)


def momentum_divergence(bars: int = 3) -> Feature:
    """Half the difference of the mean signs of momentum: (1m, 5m) less (1h, 4h), -1 to 1.

    1: the short timeframes rise within a fall of the long ones; -1: the opposite. See `momentum_alignment`.

    Raises
    ------
    ValueError
        If ``bars`` is not a whole number of at least 1.
    """
    return _frames("divergence", _DIVERGENCE, bars)


@inlined
def timeframe_return_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: one timeframe, see `push_frame_nb`."""
    return push_frame_nb(state, 0, params[0] * _MINUTE_S, int(params[1]), fields, i)


def timeframe_return(minutes: int = 60, bars: int = 1) -> Feature:
    """Relative change of the close over the last ``bars`` complete bars of ``minutes`` minutes.

    It changes only when such a bar is complete; built as in `momentum_alignment`. It has no value before ``bars + 1``
    of them are complete.

    Raises
    ------
    ValueError
        If a number is not a whole number of at least 1.
    """
    m, n = whole_number("minutes", minutes, 1), whole_number("bars", bars, 1)
    params = (float(m), float(n))
    return Feature("timeframe_return.v1", timeframe_return_step_nb, params, _frame(n), n, has_gaps=True)
