"""A forecaster that says what a test tells it to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.rows import FeatureRows
from tradewright.models.forecaster import Forecaster, ForecasterParams, Lesson

Answer = Callable[[FeatureRows], NDArray[np.float64]]


class ToyForecaster(Forecaster):
    """Answers with a function; it neither learns nor is stored."""

    kind = "toy"
    params_type = ForecasterParams

    def __init__(self, answer: Answer, lookback: int = 1) -> None:
        super().__init__(ForecasterParams())
        self._answer, self._lookback = answer, lookback

    @property
    def lookback(self) -> int:
        return self._lookback

    def predict(self, rows: FeatureRows) -> NDArray[np.float64]:
        return self._answer(rows)

    def learn(self, train: Lesson, validation: Lesson | None = None, progress: object = None) -> None:
        raise NotImplementedError

    def save(self, folder: Path) -> tuple[str, ...]:
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path, params: ForecasterParams) -> Self:
        raise NotImplementedError
