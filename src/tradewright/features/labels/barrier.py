"""Triple-barrier labels and meta-labels (Lopez de Prado, Advances in Financial Machine Learning, 2018, chapter 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.core.kernel.compiled import compiled
from tradewright.core.types.bar import Bars
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN
from tradewright.core.types.feature import Floats
from tradewright.features.labels.table import Labels, starts_of
from tradewright.features.parameters import number_within, whole_number

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BarrierParams:
    """Where the barriers stand.

    Parameters
    ----------
    profit, loss : float
        Distances of the two price barriers from the entry, in units of the scale at the entry; infinity = none.
    max_bars : int
        Bars after which time is up.
    max_ns : int
        Time after which time is up, ns; 0 = ``max_bars`` alone decides. The label then ends with the last bar that ends
        in time.
    is_time_neutral : bool
        Whether a label ended by time is 0; else it is the sign of its change.
    """

    profit: float = 1.0
    loss: float = 1.0
    max_bars: int = 20
    max_ns: int = 0
    is_time_neutral: bool = False

    def __post_init__(self) -> None:
        number_within("profit", self.profit, 0.0)
        number_within("loss", self.loss, 0.0)
        whole_number("max_bars", self.max_bars, 1)
        whole_number("max_ns", self.max_ns, 0)


@compiled
def follow_nb(fields: Floats, start: Numbers, last: Numbers, side: Floats, distance: Floats, out: Floats) -> None:
    """Follow each label to its end.

    ``side`` f8[m] is 1 or -1; ``distance`` f8[2, m] are the relative distances of profit and loss; ``out`` f8[3, m]
    becomes the end, the growth in favour of the side, and what was touched.

    A bar that opens beyond a barrier touches it there. Where a bar reaches both later on, nobody knows which came first
    and it is the loss. A loss costs what the market gave, so at worst the opening price; a profit earns its barrier.
    """
    for k in range(len(start)):
        entry = fields[CLOSE, start[k]]
        profit = entry * (1.0 + side[k] * distance[0, k])
        loss = entry * (1.0 - side[k] * distance[1, k])
        touched = 0.0
        end = last[k]
        price = fields[CLOSE, end]
        for i in range(start[k] + 1, last[k] + 1):
            opened = fields[OPEN, i]
            best = fields[HIGH, i] if side[k] > 0.0 else fields[LOW, i]
            worst = fields[LOW, i] if side[k] > 0.0 else fields[HIGH, i]
            if side[k] * (opened - profit) >= 0.0:
                touched, price = 1.0, profit
            elif side[k] * (opened - loss) <= 0.0:
                touched, price = -1.0, opened
            elif side[k] * (worst - loss) <= 0.0:
                touched, price = -1.0, loss
            elif side[k] * (best - profit) >= 0.0:
                touched, price = 1.0, profit
            if touched != 0.0:
                end = i
                break
        out[0, k] = end
        out[1, k] = side[k] * (price / entry - 1.0)
        out[2, k] = touched


def triple_barrier(
    bars: Bars, scale: Floats, params: BarrierParams | None = None, starts: NDArray[np.int64] | None = None
) -> Labels:
    """Label bars by which barrier the price meets first: above (1), below (-1), or the end of time.

    Parameters
    ----------
    bars : Bars
        The market; a label enters at the close of its first bar and is followed from the next bar on.
    scale : ndarray of float64, shape (n,)
        Size of a usual move at each bar as a share of the price, known at that bar: a volatility feature. Bars where it
        is NaN or not above 0 have no label.
    params : BarrierParams, optional
        The barriers. ``profit`` is the one above and ``loss`` the one below.
    starts : ndarray of int64, optional
        Bars to label; all if not given. Where time is up only beyond the end of the data there is no label, touched or
        not: else the last labels would hold only what ended early.

    Raises
    ------
    ValueError
        If the scale does not fit the bars, or the starts make no sense.
    """
    params = params or BarrierParams()
    return _labels(bars, scale, np.ones(len(bars)), params, starts_of(bars, starts))


def meta_labels(bars: Bars, scale: Floats, side: Floats, params: BarrierParams | None = None) -> Labels:
    """Label the trades of a primary model: 1 where following its side earned something, else 0.

    Parameters
    ----------
    bars, scale, params
        As in `triple_barrier`; profit and loss are those of the side.
    side : ndarray of float64, shape (n,)
        What the primary model says at each bar: 1 buy, -1 sell, 0 or NaN nothing.

    Raises
    ------
    ValueError
        If scale or side do not fit the bars.
    """
    params = params or BarrierParams()
    if side.shape != (len(bars),) or not np.isin(side[~np.isnan(side)], (-1.0, 0.0, 1.0)).all():
        msg = f"side must hold -1, 0 or 1 for each of the {len(bars)} bars"
        raise ValueError(msg)
    labels = _labels(bars, scale, side, params, np.flatnonzero(np.abs(side) == 1.0).astype(np.int64))
    value = (labels.growth > 0.0).astype(np.float64)
    if params.is_time_neutral:
        value[labels.touched == 0] = 0.0
    return Labels(labels.start, labels.end, labels.ts_start, labels.ts_end, value, labels.growth, labels.touched)


def _labels(bars: Bars, scale: Floats, side: Floats, params: BarrierParams, start: Numbers) -> Labels:
    if scale.shape != (len(bars),):
        msg = f"the scale {scale.shape} does not fit {len(bars)} bars"
        raise ValueError(msg)
    start = start[scale[start] > 0.0]
    last = start + params.max_bars
    is_known = last < len(bars)
    if params.max_ns:
        until = bars.ts_event[start] + params.max_ns
        last = np.minimum(last, np.searchsorted(bars.ts_event, until, side="right") - 1)
        is_over = until <= bars.ts_event[-1] if len(bars) else np.zeros(0, np.bool_)
        is_known = (is_known | is_over) & (last > start)
    start, last = start[is_known], last[is_known]
    distance = np.outer([params.profit, params.loss], scale[start])
    out = np.empty((3, len(start)))
    follow_nb(np.ascontiguousarray(bars.fields), start, last, np.ascontiguousarray(side[start]), distance, out)
    end, touched = out[0].astype(np.int64), out[2].astype(np.int64)
    by_time = np.zeros(len(start)) if params.is_time_neutral else np.sign(out[1])
    value = np.where(touched == 0, by_time, touched)
    return Labels(start, end, bars.ts_event[start], bars.ts_event[end], value, out[1], touched)
