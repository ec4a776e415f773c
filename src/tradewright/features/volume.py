"""Unusual volume and unusual numbers of trades."""

from __future__ import annotations

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import TRADES, VOLUME
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.parameters import whole_number
from tradewright.features.window_nb import moments_window, push_score_nb


@inlined
def volume_zscore_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: a window of volumes."""
    return push_score_nb(state, 0, int(params[0]), fields[VOLUME, i])


def volume_zscore(period: int = 20) -> Feature:
    """(volume - mean) / standard deviation (ddof = 1) over the last ``period`` bars.

    The present bar is included. Without dispersion in the window the value is 0. First value at index
    ``period - 1``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 2.
    """
    n = whole_number("period", period, 2)
    return Feature("volume_zscore.inclusive.ddof1.v1", volume_zscore_step_nb, (float(n),), moments_window(n), n - 1)


@inlined
def trade_count_zscore_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: a window of numbers of trades."""
    return push_score_nb(state, 0, int(params[0]), fields[TRADES, i])


def trade_count_zscore(period: int = 20) -> Feature:
    """(trades - mean) / standard deviation (ddof = 1) of the number of trades over the last ``period`` bars.

    The present bar is included. 0 without dispersion, so also where the source does not count trades. First value at
    index ``period - 1``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 2.
    """
    n = whole_number("period", period, 2)
    name = "trade_count_zscore.inclusive.ddof1.v1"
    return Feature(name, trade_count_zscore_step_nb, (float(n),), moments_window(n), n - 1)
