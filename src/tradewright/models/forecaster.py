"""The contract of every forecaster: it learns from rows and labels, and predicts from rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from tradewright.core.types.rows import FeatureRows, Targets

#: Columns of what `Forecaster.predict` returns, in the order of `core.types.forecast.ForecastRow`.
P_UP, P_DOWN, P_FLAT, EXPECTED = range(4)


class ForecasterParams(BaseModel):
    """Parameters of a forecaster; each kind has its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    seed: int = 0


@dataclass(frozen=True, slots=True)
class Lesson:
    """Rows with what became of them."""

    rows: FeatureRows
    targets: Targets


class Forecaster(ABC):
    """A model that is trained.

    ``predict`` of many rows equals ``predict`` of each one given the ``lookback`` rows of its instrument that end with
    it: to the bit where the library allows it, else within `tolerance`.
    """

    #: Name on the command line and in artefacts, for example ``xgboost``.
    kind: ClassVar[str]
    params_type: ClassVar[type[ForecasterParams]]
    #: Largest difference between predicting many and predicting one.
    tolerance: ClassVar[float] = 0.0
    #: Folder in which `learn` keeps how far it is, to go on after a kill; kinds that learn in seconds ignore it.
    #: Whoever sets it removes it when the model is saved.
    checkpoints: Path | None = None

    def __init__(self, params: ForecasterParams) -> None:
        self.params = params

    @property
    def lookback(self) -> int:
        """Rows of an instrument that a prediction reads, the newest included; earlier rows get NaN."""
        return 1

    @abstractmethod
    def learn(
        self, train: Lesson, validation: Lesson | None = None, progress: Callable[[str], None] | None = None
    ) -> None:
        """Fit to the training rows; ``validation`` decides when to stop, where the kind can stop early.

        Rows with NaN features are for the forecaster to handle: it imputes, it skips, or its trees read them.

        Raises
        ------
        ModelError
            With too few rows, one class only, or a feature without any value; says what to do.
        """

    @abstractmethod
    def predict(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return f8[n, 4] in the order of `ForecastRow`; probabilities sum to 1; NaN rows where it cannot say.

        Raises
        ------
        ModelError
            Before `learn` or `load`, or where the columns are not those it learned from.
        """

    @abstractmethod
    def save(self, folder: Path) -> tuple[str, ...]:
        """Write everything `load` needs, in safe formats only; return the names of the files."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, params: ForecasterParams) -> Self:
        """Read back what `save` wrote.

        Raises
        ------
        ModelError
            If a file is missing or not in the format it should have.
        """
