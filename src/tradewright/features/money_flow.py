"""Volume together with the direction of the price."""

from __future__ import annotations

import math

from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, VOLUME
from tradewright.core.types.feature import Feature, Floats
from tradewright.features.parameters import whole_number
from tradewright.features.window_nb import push_sum_nb, sum_window


@inlined
def signed_volume_nb(state: Floats, fields: Floats, i: int) -> float:
    """Return the bar's volume with the sign of the close's change, NaN for the first. ``state[0]``: last close."""
    x = fields[CLOSE, i]
    last = state[0]
    state[0] = x
    if math.isnan(last):
        return math.nan
    if x > last:
        return float(fields[VOLUME, i])
    return -float(fields[VOLUME, i]) if x < last else 0.0


@inlined
def obv_step_nb(state: Floats, _params: Floats, fields: Floats, i: int) -> float:
    """State: last close, sum."""
    is_first = math.isnan(state[0])
    signed = signed_volume_nb(state, fields, i)
    state[1] += fields[VOLUME, i] if is_first else signed
    return float(state[1])


@inlined
def obv_change_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: last close, then a window of signed volumes."""
    signed = signed_volume_nb(state, fields, i)
    if math.isnan(signed):
        return math.nan
    return push_sum_nb(state, 1, int(params[0]), signed)


@inlined
def mfi_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """State: last typical price, then windows of the money that flowed in and out."""
    n = int(params[0])
    typical = (fields[HIGH, i] + fields[LOW, i] + fields[CLOSE, i]) / 3.0
    last = state[0]
    state[0] = typical
    if math.isnan(last):
        return math.nan
    money = typical * fields[VOLUME, i]
    came = push_sum_nb(state, 1, n, money if typical > last else 0.0)
    went = push_sum_nb(state, 4 + n, n, money if typical < last else 0.0)
    total = came + went
    return 50.0 if total == 0.0 else float(100.0 * came / total)


def on_balance_volume() -> Feature:
    """Sum of the volume since the first bar, counted up or down with the close; it depends on where the data begin.

    The first bar counts upwards, as in TA-Lib. Use `obv_change` where a value must mean the same everywhere.
    """
    return Feature("obv.first_up.v1", obv_step_nb, (), (math.nan, 0.0), 0)


def obv_change(period: int = 20) -> Feature:
    """Change of `on_balance_volume` over ``period`` bars: their volumes, each with the sign of the close's change.

    First value at index ``period``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    n = whole_number("period", period, 1)
    return Feature("obv_change.v1", obv_change_step_nb, (float(n),), (math.nan, *sum_window(n)), n)


def money_flow_index(period: int = 14) -> Feature:
    """Share, in per cent, of the last ``period`` bars' money (typical price x volume) that came with a rising price.

    A bar whose typical price did not change counts for neither side. 50 where no money moved. First value at index
    ``period``.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 1.
    """
    n = whole_number("period", period, 1)
    state = (math.nan, *sum_window(n), *sum_window(n))
    return Feature("money_flow_index.v1", mfi_step_nb, (float(n),), state, n)
