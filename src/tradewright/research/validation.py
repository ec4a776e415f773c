"""Fitting and judging a model on time that it has not seen: one fit is learn, stop, calibrate, each on rows of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from tradewright.core.types.errors import ModelError
from tradewright.core.types.forecast import ForecastTable
from tradewright.core.types.rows import FeatureRows
from tradewright.models.calibration import fit_calibration
from tradewright.models.forecaster import Lesson
from tradewright.models.model import FittedModel
from tradewright.models.registry import make_forecaster
from tradewright.models.splits import CombinatorialPurged, Fold, PurgedKFold, WalkForward
from tradewright.research.dataset import Dataset

Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]
Progress = Callable[[str], None]
#: Naive forecasters that stand beside every model.
BASELINES = ("base_rate", "last_sign")
_FEWEST = 30


class ModelChoice(BaseModel):
    """A kind of model with its parameters, and how it is calibrated.

    Of the rows it is fitted on, ordered by time, the newest ``calibration_share`` choose and fit the calibration, and
    the ``stop_share`` before them decide when to stop learning; the model learns from the rest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: str = "xgboost"
    params: dict[str, Any] = Field(default_factory=dict)
    calibration: Literal["best", "platt", "isotonic", "beta", "none"] = "best"
    calibration_share: float = Field(default=0.2, gt=0, lt=0.9)
    stop_share: float = Field(default=0.1, ge=0, lt=0.9)
    bias: float = Field(default=-0.05, ge=-0.9, le=0)


class ValidationParams(BaseModel):
    """How out-of-sample forecasts are made.

    ``purged_kfold``: each of ``folds`` stretches of time is forecast by a model of all others, purged, with an embargo
    of ``embargo_bars``. ``walk_forward``: each of ``folds`` stretches in the newer part is forecast by a model of what
    came before: all of it (``anchored``), or as much as before the first. ``first_share`` is the part before the first
    stretch. ``path_folds`` choose ``path_tests``: combinatorial purged cross-validation for the spread of paths; 0: no
    paths.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: Literal["walk_forward", "purged_kfold"] = "walk_forward"
    folds: int = Field(default=5, ge=2, le=100)
    anchored: bool = True
    first_share: float = Field(default=0.4, gt=0, lt=1)
    embargo_bars: int = Field(default=0, ge=0)
    path_folds: int = Field(default=6, ge=0, le=20)
    path_tests: int = Field(default=2, ge=1, le=10)


@dataclass(frozen=True, slots=True)
class FoldForecasts:
    """What one fold's models said about its test rows, beside the number of each in the data set.

    ``values`` f8[n, 4] of the model, ``base_rate`` and ``last_sign`` f8[n, 4] of the naive ones.
    """

    number: int
    rows: Numbers
    values: Floats
    base_rate: Floats
    last_sign: Floats


def folds_of(data: Dataset, params: ValidationParams) -> tuple[Fold, ...]:
    """Return the folds of a data set.

    Raises
    ------
    ModelError
        If the rows are too few for the folds, or the embargo is longer than the data.
    """
    stamps, ends = data.rows.ts_event, data.targets.ts_end
    embargo = params.embargo_bars * data.interval_ns
    if params.method == "purged_kfold":
        return tuple(PurgedKFold(params.folds, embargo).split(stamps, ends))
    first = int(params.first_share * len(data))
    size = max((len(data) - first) // params.folds, 1)
    return tuple(WalkForward(first, size, size, params.anchored).split(stamps, ends))


def paths_of(data: Dataset, params: ValidationParams) -> tuple[Fold, ...]:
    """Return the folds of combinatorial purged cross-validation; none where it is not asked for."""
    if not params.path_folds:
        return ()
    embargo = params.embargo_bars * data.interval_ns
    made = CombinatorialPurged(params.path_folds, params.path_tests, embargo)
    return tuple(made.split(data.rows.ts_event, data.targets.ts_end))


def fit(choice: ModelChoice, data: Dataset, rows: Numbers, progress: Progress | None = None) -> FittedModel:
    """Fit a model to some rows of a data set: learn, stop and calibrate on three stretches in order of time.

    Raises
    ------
    ModelError
        If there are too few rows, one class only, or a feature without any value.
    """
    learn, stop, calibrate = _stretches(choice, data, rows)
    forecaster = make_forecaster(choice.kind, choice.params)
    forecaster.learn(lesson_of(data, learn), lesson_of(data, stop) if len(stop) else None, progress)
    fitted = FittedModel(
        forecaster,
        data.rows.names,
        data.rows.feature_set_hash,
        data.targets.horizon_ns,
        None,
    )
    if choice.calibration == "none":
        return fitted
    said = forecast_rows(fitted, data.rows, calibrate).values
    known = ~np.isnan(said[:, 0])
    if known.sum() < _FEWEST:
        what = f"{int(known.sum())} rows are left to calibrate on, at least {_FEWEST} are needed"
        raise ModelError(what, where="model.calibration_share", fix="Give more rows or a larger share, or `none`.")
    targets = data.targets.take(calibrate[known])
    calibration = fit_calibration(said[known], targets, choice.calibration, bias=choice.bias)
    return replace(fitted, calibration=calibration)


def forecast_rows(model: FittedModel, rows: FeatureRows, wanted: Numbers) -> ForecastTable:
    """Return the forecasts of some rows; a model that looks back gets the rows before them, too."""
    needed = wanted
    lookback = model.forecaster.lookback
    if lookback > 1 and len(wanted):
        is_needed = np.zeros(len(rows), np.bool_)
        for number in np.unique(rows.instrument[wanted]):
            mine = np.flatnonzero(rows.instrument == number)
            place = np.searchsorted(mine, wanted[rows.instrument[wanted] == number])
            marks = np.zeros(len(mine) + lookback, np.int64)
            np.add.at(marks, np.maximum(place - lookback + 1, 0), 1)
            np.add.at(marks, place + 1, -1)
            is_needed[mine[np.cumsum(marks)[: len(mine)] > 0]] = True
        needed = np.flatnonzero(is_needed)
    table = model.predict(rows.take(needed))
    if len(needed) == len(wanted):
        return table
    keep = np.searchsorted(needed, wanted)
    return replace(
        table,
        values=table.values[keep],
        instrument=table.instrument[keep],
        ts_event=table.ts_event[keep],
        ts_seen=table.ts_seen[keep],
    )


def forecast_fold(choice: ModelChoice, data: Dataset, fold: Fold, progress: Progress | None = None) -> FoldForecasts:
    """Fit to a fold's training rows and forecast its test rows, beside the naive forecasters.

    Raises
    ------
    ModelError
        As `fit`; names the fold.
    """
    try:
        model = fit(choice, data, fold.train, progress)
    except ModelError as error:
        where = f"fold {fold.number}" + (f", {error.where}" if error.where else "")
        raise ModelError(error.what, where=where, fix=error.fix) from error
    said = forecast_rows(model, data.rows, fold.test).values
    naive = naive_forecasts(data, fold.train, data, fold.test)
    return FoldForecasts(fold.number, fold.test, said, naive["base_rate"], naive["last_sign"])


def naive_forecasts(known: Dataset, train: Numbers, asked: Dataset, test: Numbers) -> dict[str, Floats]:
    """Return what the naive forecasters, having learned from some rows, say of others: f8[n, 4] by name."""
    found = {}
    lesson = Lesson(_sign_rows(known, train), known.targets.take(train))
    for name in BASELINES:
        forecaster = make_forecaster(name)
        forecaster.learn(lesson)
        found[name] = forecaster.predict(_sign_rows(asked, test))
    return found


def lesson_of(data: Dataset, rows: Numbers) -> Lesson:
    """Return some rows with what became of them."""
    return Lesson(data.rows.take(rows), data.targets.take(rows))


def table_of(data: Dataset, rows: Numbers, values: Floats) -> ForecastTable:
    """Return forecasts f8[n, 4] of some rows as a table."""
    source = data.rows
    return ForecastTable(
        values=values,
        symbols=source.symbols,
        instrument=source.instrument[rows],
        ts_event=source.ts_event[rows],
        ts_seen=source.ts_seen[rows],
        horizon_ns=data.targets.horizon_ns,
        feature_set_hash=source.feature_set_hash,
    )


def _sign_rows(data: Dataset, rows: Numbers) -> FeatureRows:
    """Return rows whose one feature is the sign of the newest return: all that the naive forecasters read."""
    taken = data.rows.take(rows)
    sign = data.context.last_sign[rows].astype(np.float64)
    return replace(taken, names=("last_return",), values=sign[:, np.newaxis], feature_set_hash="")


def _stretches(choice: ModelChoice, data: Dataset, rows: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Cut rows into those to learn from, to stop by and to calibrate on; no label reaches into the next stretch."""
    rows = np.sort(rows)
    n = len(rows)
    share = choice.calibration_share if choice.calibration != "none" else 0.0
    first_calibrate = n - int(share * n)
    first_stop = first_calibrate - int(choice.stop_share * n)
    stamps, ends = data.rows.ts_event, data.targets.ts_end
    calibrate, stop, learn = rows[first_calibrate:], rows[first_stop:first_calibrate], rows[:first_stop]
    if len(calibrate):
        stop = stop[ends[stop] <= stamps[calibrate[0]]]
    if len(stop) or len(calibrate):
        following = stop if len(stop) else calibrate
        learn = learn[ends[learn] <= stamps[following[0]]]
    return learn, stop, calibrate
