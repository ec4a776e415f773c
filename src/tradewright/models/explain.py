"""Which features a model listens to: what it loses without each, and, of trees, how far each moves its forecasts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.errors import ModelError
from tradewright.core.types.rows import FeatureRows
from tradewright.models.calibration import log_loss
from tradewright.models.forecaster import Forecaster, Lesson

Predict = Callable[[FeatureRows], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Importance:
    """How much one feature matters, with a 95 % interval over the repeats where there are any."""

    name: str
    value: float
    low: float
    high: float


@runtime_checkable
class _HasContributions(Protocol):
    def contributions(self, rows: FeatureRows) -> NDArray[np.float64]: ...


def permutation_importance(
    predict: Predict, lesson: Lesson, *, seed: int = 0, repeats: int = 5
) -> tuple[Importance, ...]:
    """Return by how many nats the log loss grows when a feature's values are dealt to other rows (Breiman, 2001).

    Largest first. The interval is Student's over the repeats: it tells the luck of the dealing, not of the sample. A
    feature that another one can stand in for gets little, however good it is.

    Parameters
    ----------
    predict : callable
        `Forecaster.predict`, or another function from rows to f8[n, 4].
    lesson : Lesson
        Rows that the model has not learned from, purged of labels that reach into the training.
    repeats : int
        How often each feature is dealt, 2 at least.

    Raises
    ------
    ModelError
        If the model has no forecast for any of the rows.
    """
    if repeats < 2:
        msg = f"{repeats} repeats have no spread"
        raise ValueError(msg)
    rng = np.random.default_rng(seed)
    rows = lesson.rows
    before = _loss(predict(rows), lesson)
    found = []
    for k, name in enumerate(rows.names):
        losses = []
        for _ in range(repeats):
            values = rows.values.copy()
            values[:, k] = rng.permutation(values[:, k])
            losses.append(_loss(predict(replace(rows, values=values)), lesson) - before)
        mean, spread = float(np.mean(losses)), float(np.std(losses, ddof=1)) / repeats**0.5
        reach = _student(repeats - 1) * spread
        found.append(Importance(name, mean, mean - reach, mean + reach))
    return tuple(sorted(found, key=lambda one: (-one.value, one.name)))


def shap_importance(forecaster: Forecaster, rows: FeatureRows, *, most: int = 5000) -> tuple[Importance, ...]:
    """Return the mean absolute SHAP value of each feature, in log odds; largest first (Lundberg et al., 2020).

    Exact for trees, by the libraries' own algorithm; over the outcomes it is summed. No interval: bounds equal values.

    Parameters
    ----------
    forecaster : Forecaster
        ``xgboost`` or ``lightgbm``.
    rows : FeatureRows
        Rows to explain.
    most : int
        Of more rows than this, as many evenly spaced ones are taken.

    Raises
    ------
    ModelError
        If the forecaster is not made of trees.
    """
    if not isinstance(forecaster, _HasContributions):
        what = f"SHAP values are for trees, and {forecaster.kind} has none"
        raise ModelError(what, where="explain", fix="Use the permutation importance.")
    if len(rows) > most:
        rows = rows.take(np.linspace(0, len(rows) - 1, most).astype(np.int64))
    moved = np.abs(forecaster.contributions(rows)).mean(axis=0).sum(axis=0)
    found = [Importance(name, float(v), float(v), float(v)) for name, v in zip(rows.names, moved, strict=True)]
    return tuple(sorted(found, key=lambda one: (-one.value, one.name)))


def _loss(values: NDArray[np.float64], lesson: Lesson) -> float:
    known = np.flatnonzero(~np.isnan(values[:, 0]))
    if not len(known):
        raise ModelError("the model has no forecast for any of the rows", where="explain", fix="Give more rows.")
    return log_loss(values[known], lesson.targets.take(known))


def _student(freedom: int) -> float:
    from scipy.stats import t  # noqa: PLC0415 - heavy, and not needed to predict

    return float(t.ppf(0.975, freedom))
