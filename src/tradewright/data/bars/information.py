"""Tick, volume, dollar and imbalance bars: a bar ends when enough has happened, not when time has passed.

Source: M. López de Prado, *Advances in Financial Machine Learning*, Wiley 2018, chapter 2 (2.3.1.2 to 2.3.1.4 and
2.3.2.1, 2.3.2.2). A trade is never split: the one that reaches the size belongs to the bar it completes, and what it
brings beyond the size is not carried over. ``ts_event`` is the time of that trade.

Imbalance bars, exactly. Trade ``t`` has the sign ``b[t]``: +1 or -1 by its aggressor; where that is unknown by the
tick rule, sign of the price change, an unchanged price repeating the sign before it (0 until the first change). Its
signed amount is ``i[t] = b[t] * w[t]`` with ``w`` = 1 (tick), size (volume) or price times size (dollar). Bar ``k``
ends at the first trade at which it has ``T`` trades, ``T >= min_trades``, and::

    |sum of i over the bar| >= E_T[k] * |E_i[k]|

or at ``T == max_trades`` where that is set. Both expectations are fixed at the bar's first trade. Over each trade,
``E_i <- E_i + a_i * (i[t] - E_i)`` with ``a_i = 2 / (span_trades + 1)``; over each bar,
``E_T <- E_T + a_T * (T - E_T)`` with ``a_T = 2 / (span_bars + 1)``. The first bar has ``size`` trades, and both
expectations begin as its means.

Without bounds the recursion is known to run away: a long bar raises ``E_T``, which makes the next one longer.
``max_trades`` stops that, and ``min_trades`` the opposite, where a balanced market brings the threshold to 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.core.types.bar import Bar
from tradewright.core.types.errors import DataError, UsageError
from tradewright.core.types.trade import Trade
from tradewright.data.bars import information_nb as step
from tradewright.data.bars.resample import moment_text, room
from tradewright.data.bars.rows import Times, Values, bar_of, frame_of
from tradewright.data.kinds import TIME_COLUMNS

_BLOCK = 262_144


class InformationKind(StrEnum):
    """What is counted, and whether all of it or the imbalance between buyers and sellers."""

    TICK = "tick"
    VOLUME = "volume"
    DOLLAR = "dollar"
    TICK_IMBALANCE = "tick_imbalance"
    VOLUME_IMBALANCE = "volume_imbalance"
    DOLLAR_IMBALANCE = "dollar_imbalance"


_UNITS = {"tick": step.TICK, "volume": step.VOLUME, "dollar": step.DOLLARS}


@dataclass(frozen=True, slots=True)
class InformationBarParams:
    """How bars are cut.

    Parameters
    ----------
    kind : InformationKind
        What is counted.
    size : float
        Trades, units or price times units in a bar; of imbalance bars the number of trades in the first bar.
    span_bars, span_trades : float
        Imbalance: spans of the averages of bar length and of signed amount, one or more.
    min_trades, max_trades : int
        Imbalance: bounds of a bar's trades; 0 for ``max_trades`` is none.
    """

    kind: InformationKind
    size: float
    span_bars: float = 20.0
    span_trades: float = 1_000.0
    min_trades: int = 1
    max_trades: int = 0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.size) and self.size > 0):
            raise UsageError(f"{self.size} is not possible", where="size", fix="Give a number above zero.")
        for name in ("span_bars", "span_trades", "min_trades"):
            if not getattr(self, name) >= 1:
                raise UsageError(f"{getattr(self, name)} is not possible", where=name, fix="Give one or more.")
        if self.max_trades and self.max_trades < self.min_trades:
            what = f"{self.max_trades} is below min_trades, {self.min_trades}"
            raise UsageError(what, where="max_trades", fix="Give more, or 0 for no bound.")

    def array(self) -> NDArray[np.float64]:
        """Return f8[7] as the compiled step reads it."""
        unit, _, imbalance = self.kind.value.partition("_")
        weights = 2.0 / (self.span_bars + 1.0), 2.0 / (self.span_trades + 1.0)
        bounds = float(self.min_trades), float(self.max_trades)
        return np.array([_UNITS[unit], float(bool(imbalance)), self.size, *weights, *bounds])


class _Fold:
    """The memory of one stream of information bars."""

    def __init__(self, params: InformationBarParams) -> None:
        self.params = params.array()
        self.state = np.zeros(step.N_STATE, np.int64)
        self.state[step.LAST] = np.iinfo(np.int64).min
        self.held = np.zeros(step.N_VALUE_STATE)

    def push(self, times: Times, values: Values, out: tuple[Times, Values]) -> int:
        """Take trades; return how many bars they completed."""
        return int(step.push_trades_nb(self.params, (self.state, self.held), times, values, out))


def information_bars(frames: Iterable[pl.DataFrame], params: InformationBarParams) -> pl.DataFrame:
    """Make bars from trades, a block of rows at a time.

    Parameters
    ----------
    frames : iterable of polars.DataFrame
        Canonical frames of trades in order of time.
    params : InformationBarParams
        How bars are cut.

    Returns
    -------
    polars.DataFrame
        Columns as `rows.BAR_COLUMNS`; ``ts_open`` and ``ts_event`` are the first and last trade's times. Trades
        after the last complete bar are in none. Several bars may share a time where trades do.

    Raises
    ------
    DataError
        If a trade is earlier than the one before it.
    """
    fold = _Fold(params)
    out = room(_BLOCK)
    parts = [frame_of(*room(0))]
    for frame in frames:
        for at in range(0, len(frame), _BLOCK):
            times, values = _trade_arrays(frame[at : at + _BLOCK])
            made = fold.push(times, values, out)
            if fold.state[step.FAULT]:
                row = int(fold.state[step.FAULT]) - 1
                what = f"the trade of {moment_text(times[1, row])} is earlier than the one before it"
                raise DataError(what, where=f"{params.kind} bars", fix="Put the trades in order of time.")
            parts.append(frame_of(out[0][:, :made].copy(), out[1][:, :made].copy()))
    return pl.concat(parts)


def _trade_arrays(frame: pl.DataFrame) -> tuple[Times, Values]:
    times = np.empty((3, len(frame)), np.int64)
    for row, name in enumerate(TIME_COLUMNS):
        times[row] = frame[name].to_numpy()
    values = np.empty((4, len(frame)))
    for row, name in enumerate(("price", "size", "aggressor")):
        values[row] = frame[name].to_numpy()
    values[3] = np.where(values[2] > 0, values[1], np.where(values[2] < 0, 0.0, np.nan))
    return times, values


class InformationBarBuilder:
    """Makes information bars from a live stream of trades: the same bars as `information_bars`, to the bit.

    Attributes
    ----------
    late : int
        Trades that came after newer ones; they are in no bar.
    """

    def __init__(self, instrument: str, params: InformationBarParams) -> None:
        self.instrument = instrument
        self.late = 0
        self._fold = _Fold(params)
        self._times, self._values = np.empty((3, 1), np.int64), np.empty((4, 1))
        self._out = room(1)

    def update(self, trade: Trade) -> Bar | None:
        """Take one trade; return the bar that it completes, if any."""
        size, side = trade.size, trade.aggressor
        bought = size if side > 0 else 0.0 if side < 0 else np.nan
        self._times[:, 0] = (trade.ts_event, trade.ts_event, trade.ts_seen)
        self._values[:, 0] = (trade.price, size, side, bought)
        made = self._fold.push(self._times, self._values, self._out)
        if self._fold.state[step.FAULT]:
            self._fold.state[step.FAULT] = 0
            self.late += 1
        return bar_of(self.instrument, *self._out, 0) if made else None
