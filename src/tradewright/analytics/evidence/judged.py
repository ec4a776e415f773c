"""Forecasts beside what became of them, in columns: one scope of the table ``forecasts``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.analytics.sample_size import uniqueness

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Place of each direction among the classes up, down, flat.
_UP, _DOWN, _FLAT = range(3)


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows of one scope in which the model said something.

    ``start``, ``end`` i8[n]: life of each label, ns; ``forecast``, ``base`` f8[n, 3]: probabilities of up, down and
    flat by the model and by the base rates known then; ``last_sign``, ``outcome`` i8[n]: classes; ``unique`` f8[n]:
    average uniqueness within the instrument; ``asked``: rows in which the model was asked.
    """

    start: Ints
    end: Ints
    forecast: Floats
    base: Floats
    last_sign: Ints
    outcome: Ints
    unique: Floats
    session: NDArray[np.str_]
    regime: NDArray[np.str_]
    asked: int

    def __len__(self) -> int:
        """Return the number of forecasts."""
        return len(self.start)


def judged_rows(frame: pl.DataFrame) -> Judged:
    """Return the rows of one scope, in which forecasts are not NaN."""
    said = frame.filter(pl.all_horizontal(pl.col("p_up", "p_down", "p_flat").is_not_nan())).sort("ts_event", "symbol")
    start, end = said["ts_event"].to_numpy(), said["ts_end"].to_numpy()
    symbol = said["symbol"].rank("dense").cast(pl.Int64).to_numpy()
    return Judged(
        start=start,
        end=end,
        forecast=said.select("p_up", "p_down", "p_flat").to_numpy(),
        base=said.select("base_up", "base_down", "base_flat").to_numpy(),
        last_sign=classes(said["last_sign"].to_numpy()),
        outcome=classes(said["direction"].to_numpy()),
        unique=uniqueness(start, end, symbol),
        session=said["session"].to_numpy().astype(np.str_),
        regime=said["regime"].to_numpy().astype(np.str_),
        asked=len(frame),
    )


def classes(sign: Ints) -> Ints:
    """Return the class of each direction: 0 up, 1 down, 2 flat."""
    return np.select([sign > 0, sign < 0], [_UP, _DOWN], _FLAT).astype(np.int64)
