"""Volatility per bar, from closes and from ranges; none of them is annualised."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.parameters import number_within, whole_number
from tradewright.features.sorted_nb import ordered_nb, push_sorted_nb, quantile_nb, sorted_window
from tradewright.features.window_nb import moments_window, push_moments_nb, push_sum_nb, sum_window


@inlined
def volatility_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: last close, then a window of log returns."""
    n = int(params[0])
    x = fields[CLOSE, i]
    last = state[0]
    state[0] = x
    if math.isnan(last):
        return math.nan
    _, squares = push_moments_nb(state, 1, n, math.log(x / last))
    return math.sqrt(squares / (n - 1))


def rolling_volatility(period: int = 20) -> Feature:
    """Sample standard deviation (ddof = 1) of the last ``period`` one-bar log returns.

    It is per bar, not annualised. The first value stands at index ``period``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 2.
    """
    n = whole_number("period", period, 2)
    state = (math.nan, *moments_window(n))
    return Feature("volatility.log_return.ddof1.v1", volatility_step_nb, (float(n),), state, n)


@inlined
def realised_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: last close, then a window of squared log returns."""
    n = int(params[0])
    x = fields[CLOSE, i]
    last = state[0]
    state[0] = x
    if math.isnan(last):
        return math.nan
    move = math.log(x / last)
    return math.sqrt(push_sum_nb(state, 1, n, move * move) / n)


def realised_volatility(period: int = 20) -> Feature:
    """Root of the mean squared one-bar log return over ``period`` returns; the mean return counts as 0.

    First value at index ``period``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    n = whole_number("period", period, 1)
    return Feature("volatility.realised.v1", realised_step_nb, (float(n),), (math.nan, *sum_window(n)), n)


_PARKINSON, _GARMAN_KLASS, _ROGERS_SATCHELL = 0.0, 1.0, 2.0
_LOG_4 = 4.0 * math.log(2.0)
_LOG_41 = 2.0 * math.log(2.0) - 1.0


@inlined
def range_variance_nb(fields: Floats, i: int, kind: float) -> float:
    """Return one bar's estimate of its variance."""
    high = math.log(fields[HIGH, i] / fields[OPEN, i])
    low = math.log(fields[LOW, i] / fields[OPEN, i])
    close = math.log(fields[CLOSE, i] / fields[OPEN, i])
    if kind == _PARKINSON:
        return (high - low) * (high - low) / _LOG_4
    if kind == _GARMAN_KLASS:
        return 0.5 * (high - low) * (high - low) - _LOG_41 * close * close
    return high * (high - close) + low * (low - close)


@inlined
def range_volatility_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: a window of the bars' variances."""
    n = int(params[0])
    total = push_sum_nb(state, 0, n, range_variance_nb(fields, i, params[1]))
    return math.sqrt(total / n) if not total <= 0.0 else 0.0


def _of_range(name: str, kind: float, period: int) -> Feature:
    n = whole_number("period", period, 1)
    return Feature(f"volatility.{name}.v1", range_volatility_step_nb, (float(n), kind), sum_window(n), n - 1)


def parkinson_volatility(period: int = 20) -> Feature:
    """Root of the mean of ln(high / low)^2 / (4 ln 2) over ``period`` bars (Parkinson, 1980).

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    return _of_range("parkinson", _PARKINSON, period)


def garman_klass_volatility(period: int = 20) -> Feature:
    """Root of the mean of ln(high / low)^2 / 2 - (2 ln 2 - 1) ln(close / open)^2 over ``period`` bars.

    Garman and Klass, 1980, as it is usually computed. Gaps between bars do not count.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    return _of_range("garman_klass", _GARMAN_KLASS, period)


def rogers_satchell_volatility(period: int = 20) -> Feature:
    """Root of the mean of ln(h/o) ln(h/c) + ln(l/o) ln(l/c) over ``period`` bars; a trend does not disturb it.

    Rogers and Satchell, 1991.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    return _of_range("rogers_satchell", _ROGERS_SATCHELL, period)


@inlined
def yang_zhang_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: last close, then windows of jumps to the open, of moves from it, and of Rogers-Satchell variances."""
    n = int(params[0])
    last = state[0]
    state[0] = fields[CLOSE, i]
    if math.isnan(last):
        return math.nan
    _, jumps = push_moments_nb(state, 1, n, math.log(fields[OPEN, i] / last))
    _, moves = push_moments_nb(state, 5 + 2 * n, n, math.log(fields[CLOSE, i] / fields[OPEN, i]))
    inside = push_sum_nb(state, 9 + 4 * n, n, range_variance_nb(fields, i, _ROGERS_SATCHELL)) / n
    weight = 0.34 / (1.34 + (n + 1.0) / (n - 1.0))
    variance = jumps / (n - 1) + weight * moves / (n - 1) + (1.0 - weight) * inside
    return math.sqrt(variance) if not variance <= 0.0 else 0.0


def yang_zhang_volatility(period: int = 20) -> Feature:
    """Root of: variance of the jumps between bars, and a weighted sum of that of open to close and Rogers-Satchell.

    Yang and Zhang, 2000, with k = 0.34 / (1.34 + (n + 1) / (n - 1)). First value at index ``period``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 2.
    """
    n = whole_number("period", period, 2)
    state = (math.nan, *moments_window(n), *moments_window(n), *sum_window(n))
    return Feature("volatility.yang_zhang.v1", yang_zhang_step_nb, (float(n),), state, n)


@inlined
def regime_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: as of `volatility_step_nb`, then a sorted window of volatilities."""
    n, window = int(params[0]), int(params[1])
    at = 5 + 2 * n
    volatility = volatility_step_nb(state, params, fields, i)
    if math.isnan(volatility) or not push_sorted_nb(state, at, window, volatility):
        return math.nan
    begin = ordered_nb(at, window)
    if volatility > quantile_nb(state, begin, window, params[3]):
        return 2.0
    return 1.0 if volatility > quantile_nb(state, begin, window, params[2]) else 0.0


def volatility_regime(period: int = 20, window: int = 250, low: float = 1 / 3, high: float = 2 / 3) -> Feature:
    """0, 1 or 2 (calm, usual, wild): where `rolling_volatility` stands among its last ``window`` values.

    2 above their quantile ``high``, 1 above ``low``, else 0; the present value is one of them, quantiles are linear
    between neighbours. First value at index ``period + window - 1``.

    Raises
    ------
    ValueError
        If ``period`` or ``window`` is not a whole number of at least 2, or not 0 <= low <= high <= 1.
    """
    n, m = whole_number("period", period, 2), whole_number("window", window, 2)
    bounds = number_within("low", low, 0.0, 1.0), number_within("high", high, low, 1.0)
    state = (math.nan, *moments_window(n), *sorted_window(m))
    name = "volatility_regime.log_return.ddof1.v1"
    return Feature(name, regime_step_nb, (float(n), float(m), *bounds), state, n + m - 1)
