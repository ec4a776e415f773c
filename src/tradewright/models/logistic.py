"""Logistic regression: the plain model that every other has to beat."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tradewright.core.types.rows import FeatureRows
from tradewright.models.forecaster import Forecaster, ForecasterParams, Lesson
from tradewright.models.outcomes import Outcomes, unreadable, untrained

_FILE = "logistic.json"


class LogisticParams(ForecasterParams):
    """``c``: inverse strength of the L2 penalty on standardised features; smaller is simpler."""

    c: Annotated[float, Field(gt=0.0)] = 0.1
    max_iterations: Annotated[int, Field(ge=1)] = 300


class _Weights(BaseModel):
    """Numbers of a fitted model: ``medians``, ``means``, ``scales`` [k]; ``slopes`` [c][k]; ``intercepts`` [c]."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    medians: tuple[float, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    slopes: tuple[tuple[float, ...], ...]
    intercepts: tuple[float, ...]

    def fits(self, outcomes: Outcomes) -> bool:
        columns, classes = len(outcomes.names), len(outcomes.directions)
        wide = {len(self.medians), len(self.means), len(self.scales), *(len(s) for s in self.slopes)}
        return wide == {columns} and len(self.slopes) == len(self.intercepts) == classes


class Logistic(Forecaster):
    """Multinomial logistic regression over standardised features; a missing value counts as the training median.

    It is fitted by scikit-learn, kept as numbers, and predicts with sums written out feature by feature, so that a row
    has the same bits alone and among others.
    """

    kind = "logistic"
    params_type: ClassVar[type[ForecasterParams]] = LogisticParams
    params: LogisticParams

    def __init__(self, params: LogisticParams) -> None:
        super().__init__(params)
        self._outcomes: Outcomes | None = None
        self._weights: _Weights | None = None

    def learn(
        self,
        train: Lesson,
        validation: Lesson | None = None,  # noqa: ARG002 - it has nothing to stop early
        progress: Callable[[str], None] | None = None,
    ) -> None:
        """Fit medians, scales and weights."""
        from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - heavy, and not needed to predict
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

        outcomes = Outcomes.of(train)
        values = train.rows.values
        medians = np.nanmedian(values, axis=0)
        filled = np.where(np.isnan(values), medians, values)
        means, scales = filled.mean(axis=0), filled.std(axis=0)
        scales[scales <= 1e-12 * np.abs(means)] = 1.0  # a constant feature says nothing, and must not be divided by
        scales[scales == 0.0] = 1.0
        model = LogisticRegression(C=self.params.c, max_iter=self.params.max_iterations)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            model.fit((filled - means) / scales, outcomes.places(train.targets.direction), train.targets.weight)
        if caught and progress:
            progress(f"logistic: stopped after {self.params.max_iterations} iterations, before it had settled")
        slopes, intercepts = model.coef_, model.intercept_
        if len(outcomes.directions) == 2:  # scikit-learn then keeps the second outcome's odds only
            slopes, intercepts = np.vstack([0.0 * slopes, slopes]), np.array([0.0, intercepts[0]])
        self._outcomes = outcomes
        self._weights = _Weights(
            medians=medians.tolist(),
            means=means.tolist(),
            scales=scales.tolist(),
            slopes=slopes.tolist(),
            intercepts=intercepts.tolist(),
        )

    def predict(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return f8[n, 4] in the order of `ForecastRow`."""
        if self._outcomes is None or self._weights is None:
            raise untrained(self.kind)
        self._outcomes.check_columns(rows)
        w = self._weights
        slopes = np.array(w.slopes)
        scores = np.repeat(np.array(w.intercepts)[:, None], len(rows), axis=1)
        for k in range(len(rows.names)):
            column = np.ascontiguousarray(rows.values[:, k])
            column = np.where(np.isfinite(column), column, w.medians[k])
            # One product and one sum at a time: a matrix product rounds one row and many rows differently.
            scores += slopes[:, k, None] * ((column - w.means[k]) / w.scales[k])
        scores -= scores.max(axis=0)
        return self._outcomes.forecasts(list(np.exp(scores)))

    def save(self, folder: Path) -> tuple[str, ...]:
        """Write the files of the model."""
        if self._outcomes is None or self._weights is None:
            raise untrained(self.kind)
        (folder / _FILE).write_text(json.dumps(self._weights.model_dump(), indent=1), encoding="utf-8")
        return (_FILE, self._outcomes.write(folder))

    @classmethod
    def load(cls, folder: Path, params: ForecasterParams) -> Self:
        """Read the files of the model."""
        model = cls(LogisticParams.model_validate(params.model_dump()))
        model._outcomes = Outcomes.read(folder)
        try:
            model._weights = _Weights.model_validate_json((folder / _FILE).read_bytes())
        except (OSError, ValidationError) as error:
            raise unreadable(folder / _FILE, error) from error
        if not model._weights.fits(model._outcomes):
            raise unreadable(folder / _FILE, ValueError("its numbers do not fit the features"))
        return model
