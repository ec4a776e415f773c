"""Donchian channel: highest high and lowest low of a number of bars."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import HIGH, LOW
from tradewright.core.types.feature import Feature, Floats, Step
from tradewright.features.parameters import whole_number
from tradewright.features.window_nb import maximum_window, push_maximum_nb


@inlined
def highest_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: a window of highs."""
    return push_maximum_nb(state, 0, int(params[0]), fields[HIGH, i])


@inlined
def lowest_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: a window of negated lows."""
    return -push_maximum_nb(state, 0, int(params[0]), -fields[LOW, i])


@inlined
def highest_before_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: the answer for the next bar, then a window of highs."""
    answer = state[0]
    state[0] = push_maximum_nb(state, 1, int(params[0]), fields[HIGH, i])
    return float(answer)


@inlined
def lowest_before_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: the answer for the next bar, then a window of negated lows."""
    answer = state[0]
    state[0] = -push_maximum_nb(state, 1, int(params[0]), -fields[LOW, i])
    return float(answer)


def _before(name: str, step: Step, period: int) -> Feature:
    n = whole_number("period", period, 1)
    return Feature(name, step, (float(n),), (math.nan, *maximum_window(n)), n)


def _inclusive(name: str, step: Step, period: int) -> Feature:
    n = whole_number("period", period, 1)
    return Feature(name, step, (float(n),), maximum_window(n), n - 1)


def donchian_high(period: int = 20) -> Feature:
    """Highest high of the ``period`` bars **before** the present one, so that a close above it is a breakout.

    First value at index ``period``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    return _before("donchian_high.before.v1", highest_before_step_nb, period)


def donchian_low(period: int = 20) -> Feature:
    """Lowest low of the ``period`` bars **before** the present one; first value at index ``period``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    return _before("donchian_low.before.v1", lowest_before_step_nb, period)


def donchian_high_inclusive(period: int = 20) -> Feature:
    """Highest high of the last ``period`` bars, the present one included.

    First value at index ``period - 1``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    return _inclusive("donchian_high.inclusive.v1", highest_step_nb, period)


def donchian_low_inclusive(period: int = 20) -> Feature:
    """Lowest low of the last ``period`` bars, the present one included.

    First value at index ``period - 1``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    return _inclusive("donchian_low.inclusive.v1", lowest_step_nb, period)
