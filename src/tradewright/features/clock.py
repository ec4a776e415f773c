"""The market's own clock as pairs of sine and cosine, so that midnight is next to midnight."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import LOCAL_TIME
from tradewright.core.types.feature import Feature, Floats

_DAY_S, _WEEK_D = 86_400.0, 7.0
_THURSDAY = 3.0  # what 1970-01-01 was, Monday being 0
_OF_DAY, _OF_WEEK = 0.0, 1.0


@inlined
def clock_step_nb(_state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """Return the sine of the share of the day or week gone by, plus ``params[1]`` quarter turns."""
    days = fields[LOCAL_TIME, i] / _DAY_S
    day = math.floor(days)
    gone = days - day
    if params[0] == _OF_WEEK:
        of_week = day + _THURSDAY
        gone = (of_week - _WEEK_D * math.floor(of_week / _WEEK_D)) / _WEEK_D
    angle = 2.0 * math.pi * gone
    return math.sin(angle) if params[1] == 0.0 else math.cos(angle)


def _clock(name: str, unit: float, is_cosine: float) -> Feature:
    return Feature(f"clock.{name}.v1", clock_step_nb, (unit, is_cosine), (), 0, reads=None)


def time_of_day_sin() -> Feature:
    """Sine of 2 pi x the share of the local day gone by when the event ended; daylight saving is followed.

    Midnight is 0, 06:00 is 1. Reads every kind of event, as the other three.
    """
    return _clock("time_of_day_sin", _OF_DAY, 0.0)


def time_of_day_cos() -> Feature:
    """Cosine beside `time_of_day_sin`: midnight is 1, noon is -1."""
    return _clock("time_of_day_cos", _OF_DAY, 1.0)


def day_of_week_sin() -> Feature:
    """Sine of 2 pi x local weekday / 7, Monday 0 to Sunday 6, when the event ended."""
    return _clock("day_of_week_sin", _OF_WEEK, 0.0)


def day_of_week_cos() -> Feature:
    """Cosine beside `day_of_week_sin`: Monday is 1."""
    return _clock("day_of_week_cos", _OF_WEEK, 1.0)
