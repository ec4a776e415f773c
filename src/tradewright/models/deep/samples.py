"""What a network learns from: windows beside what became of the row each ends with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from tradewright.core.types.errors import ModelError
from tradewright.models.deep.sequences import Scaling, Sequences
from tradewright.models.forecaster import P_DOWN, P_FLAT, P_UP, Lesson

#: Class of each direction, asked with the direction itself as the index: 0, 1 and -1.
_CLASS_OF = np.array([P_FLAT, P_UP, P_DOWN])
_MIN_WINDOWS = 2


class GrowthScale(BaseModel):
    """Root mean square of the growth of each instrument's training labels: growth divided by it is strength.

    Strengths of a calm and of a wild instrument can be learned by one network.

    Parameters
    ----------
    symbols : tuple of str
        Instruments that were learned from.
    scales : tuple of float
        One for each.
    pooled : float
        Of all, for instruments to come.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    symbols: tuple[str, ...]
    scales: tuple[float, ...]
    pooled: float

    @classmethod
    def fit(cls, lesson: Lesson) -> Self:
        """Measure the training labels; an instrument without any growth gets the pooled scale."""
        growth, instrument = lesson.targets.growth, lesson.rows.instrument
        moved = growth != 0.0

        def size(chosen: NDArray[np.bool_], otherwise: float) -> float:
            return float(np.sqrt(np.mean(growth[chosen] ** 2))) if chosen.any() else otherwise

        pooled = size(moved, 1.0)
        present = np.unique(instrument)
        scales = tuple(size(moved & (instrument == i), pooled) for i in present)
        return cls(symbols=tuple(lesson.rows.symbols[i] for i in present), scales=scales, pooled=pooled)

    def of(self, symbols: tuple[str, ...]) -> NDArray[np.float64]:
        """Return f8[len(symbols)]: the scale of each."""
        known = dict(zip(self.symbols, self.scales, strict=True))
        return np.array([known.get(symbol, self.pooled) for symbol in symbols])

    def numbers(self, symbols: tuple[str, ...]) -> NDArray[np.int64]:
        """Return i8[len(symbols)]: how a network numbers them: from 1, and 0 for those it never saw."""
        known = {symbol: i for i, symbol in enumerate(self.symbols, start=1)}
        return np.array([known.get(symbol, 0) for symbol in symbols], np.int64)


@dataclass(frozen=True, slots=True)
class Samples:
    """Windows with answers.

    Parameters
    ----------
    sequences : Sequences
        The windows, [m].
    instrument : ndarray of int64, [m]
        As `GrowthScale.numbers` has it.
    target : ndarray of int64, [m]
        Class: column of `ForecastRow`.
    strength : ndarray of float32, [m]
        Growth in units of its instrument's scale.
    weight : ndarray of float32, [m]
        Above 0.
    """

    sequences: Sequences
    instrument: NDArray[np.int64]
    target: NDArray[np.int64]
    strength: NDArray[np.float32]
    weight: NDArray[np.float32]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.target)

    @classmethod
    def of(cls, lesson: Lesson, scaling: Scaling, growth: GrowthScale, length: int) -> Self:
        """Cut the windows of a lesson; rows without weight are read inside windows but not learned from."""
        sequences = Sequences.cut(lesson.rows, scaling, length)
        weighted = lesson.targets.weight[sequences.rows] > 0
        sequences = Sequences(sequences.table, length, sequences.starts[weighted], sequences.rows[weighted])
        instrument = lesson.rows.instrument[sequences.rows]
        targets = lesson.targets.take(sequences.rows)
        return cls(
            sequences=sequences,
            instrument=growth.numbers(lesson.rows.symbols)[instrument],
            target=_CLASS_OF[targets.direction],
            strength=(targets.growth / growth.of(lesson.rows.symbols)[instrument]).astype(np.float32),
            weight=targets.weight.astype(np.float32),
        )

    def verify(self, what: str) -> None:
        """Check that there is something to learn from, or to judge by.

        Raises
        ------
        ModelError
            If there are too few windows.
        """
        if len(self) < _MIN_WINDOWS:
            raise ModelError(
                f"too few {what} rows: {len(self.sequences.table)} give {len(self)} windows of "
                f"{self.sequences.length} rows",
                fix="Use more rows for each instrument, or a smaller length.",
            )

    def verify_classes(self, what: str) -> None:
        """Check that there is more than one answer to learn.

        Raises
        ------
        ModelError
            If all directions are the same.
        """
        if len(np.unique(self.target)) < 2:
            word = {P_UP: "up", P_DOWN: "down", P_FLAT: "flat"}[int(self.target[0])]
            raise ModelError(
                f"all {len(self)} {what} windows have one direction: {word}",
                fix="Use more rows, another horizon or a narrower flat zone of the label.",
            )

    def class_shares(self) -> NDArray[np.float64]:
        """Return f8[3]: weighted shares of the classes, none of them quite 0."""
        counts = np.bincount(self.target, self.weight, minlength=3) + 1.0
        return np.asarray(counts / counts.sum())

    def class_strengths(self) -> tuple[float | None, ...]:
        """Return the weighted mean strength of each class; None where a class is absent."""
        weight = self.weight.astype(np.float64)
        total = np.bincount(self.target, weight * self.strength, minlength=3)
        count = np.bincount(self.target, weight, minlength=3)
        return tuple(float(t / c) if c else None for t, c in zip(total, count, strict=True))
