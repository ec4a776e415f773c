"""Fitting and judging a model on time that it has not seen: learn, stop, calibrate, each on rows of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tradewright.core.types.errors import ModelError
from tradewright.core.types.forecast import ForecastTable
from tradewright.core.types.rows import FeatureRows
from tradewright.data.timeframe import DAY
from tradewright.data.times import moment_ns
from tradewright.models.calibration import Calibration, fit_calibration
from tradewright.models.forecaster import Lesson
from tradewright.models.model import FittedModel
from tradewright.models.registry import make_forecaster
from tradewright.models.splits import CombinatorialPurged, DatedSplit, Fold, PurgedKFold, WalkForward
from tradewright.research.dataset import Dataset

Numbers = NDArray[np.int64]
Floats = NDArray[np.float64]
Progress = Callable[[str], None]
#: Naive forecasters that stand beside every model.
BASELINES = ("base_rate", "last_sign")


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
    of ``embargo_bars``. ``walk_forward``: each stretch is forecast by a model of what came before: all of it
    (``anchored``), or a window that rolls. Windows are ``train``, ``validate``, ``test`` and ``step`` long (``3y``,
    ``6mo``, ``90d``); without ``train``, ``first_share`` of the time comes before ``folds`` equal stretches. ``dated``:
    one division at ``dates``: train from, validate from, test from. ``path_folds`` choose ``path_tests``: combinatorial
    purged cross-validation for the spread of paths; 0: no paths.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)

    method: Literal["walk_forward", "purged_kfold", "dated"] = "walk_forward"
    folds: int = Field(default=5, ge=2, le=100)
    anchored: bool = True
    first_share: float = Field(default=0.4, gt=0, lt=1)
    train: str = ""
    validate_for: str = Field(default="", alias="validate")
    test: str = ""
    step: str = ""
    dates: tuple[str, ...] = ()
    embargo_bars: int = Field(default=0, ge=0)
    path_folds: int = Field(default=6, ge=0, le=20)
    path_tests: int = Field(default=2, ge=1, le=10)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.method == "dated") != (len(self.dates) == 3):
            msg = (
                "`method: dated` needs three `dates`: train from, validate from, test from; no other method takes them"
            )
            raise ValueError(msg)
        if bool(self.train) != bool(self.test):
            msg = "give both `train` and `test`, or neither"
            raise ValueError(msg)
        if self.path_folds and self.path_tests >= self.path_folds:
            msg = f"path_tests < path_folds is needed, got {self.path_tests} of {self.path_folds}"
            raise ValueError(msg)
        return self


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
    if params.method == "dated":
        begin, late, test = (moment_ns(date) for date in params.dates)
        return tuple(DatedSplit(begin, late, test, None, embargo).split(stamps, ends))
    if params.train:
        windows = WalkForward(
            params.train, params.test, params.step or None, params.anchored, params.validate_for or None, embargo
        )
        return tuple(windows.split(stamps, ends))
    start, end = int(stamps[0]) // DAY * DAY, int(stamps[-1])  # windows begin with the day of the first row
    first = int(params.first_share * (end - start))
    size = (end - start - first) // params.folds + 1
    return tuple(WalkForward(first, size, None, params.anchored, None, embargo).split(stamps, ends))


def paths_of(data: Dataset, params: ValidationParams) -> tuple[Fold, ...]:
    """Return the folds of combinatorial purged cross-validation; none where it is not asked for."""
    if not params.path_folds:
        return ()
    embargo = params.embargo_bars * data.interval_ns
    made = CombinatorialPurged(params.path_folds, params.path_tests, embargo)
    return tuple(made.split(data.rows.ts_event, data.targets.ts_end))


def fit(
    choice: ModelChoice,
    data: Dataset,
    rows: Numbers,
    progress: Progress | None = None,
    late: Numbers | None = None,
    checkpoints: Path | None = None,
) -> FittedModel:
    """Fit a model to some rows of a data set: learn, stop and calibrate on three stretches in order of time.

    ``late`` are rows of their own to stop and calibrate on, newer than the others; where there are none, the newest of
    ``rows`` are taken. ``checkpoints`` is a folder of this fit alone, from which one that was killed goes on, where the
    kind of model keeps any.

    Raises
    ------
    ModelError
        If there are too few rows, one class only, or a feature without any value.
    """
    learn, stop, calibrate = _stretches(choice, data, rows, late)
    forecaster = make_forecaster(choice.kind, choice.params)
    forecaster.checkpoints = checkpoints
    forecaster.learn(lesson_of(data, learn), lesson_of(data, stop) if len(stop) else None, progress)
    fitted = FittedModel(
        forecaster,
        data.rows.names,
        data.rows.feature_set_hash,
        data.targets.horizon_ns,
        None,
    )
    if choice.calibration == "none":
        return replace(fitted, calibration=Calibration(bias=choice.bias))
    said = forecast_rows(fitted, data.rows, calibrate).values
    known = ~np.isnan(said[:, 0])
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


def forecast_fold(choice: ModelChoice, data: Dataset, fold: Fold, checkpoints: Path | None = None) -> FoldForecasts:
    """Fit to a fold's training rows and forecast its test rows, beside the naive forecasters.

    Raises
    ------
    ModelError
        As `fit`; names the fold.
    """
    try:
        model = fit(choice, data, fold.train, None, fold.validation, checkpoints)
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


def _stretches(
    choice: ModelChoice, data: Dataset, rows: Numbers, late: Numbers | None
) -> tuple[Numbers, Numbers, Numbers]:
    """Cut rows into those to learn from, to stop by and to calibrate on; no label reaches into the next stretch."""
    calibrates = choice.calibration_share if choice.calibration != "none" else 0.0
    if late is not None and len(late):
        learn, whole = np.sort(rows), np.sort(late)
        cut = round(len(whole) * choice.stop_share / (choice.stop_share + calibrates)) if calibrates else len(whole)
        stop, calibrate = whole[:cut], whole[cut:]
    else:
        rows = np.sort(rows)
        first_calibrate = len(rows) - int(calibrates * len(rows))
        first_stop = first_calibrate - int(choice.stop_share * len(rows))
        learn, stop, calibrate = rows[:first_stop], rows[first_stop:first_calibrate], rows[first_calibrate:]
    stamps, ends = data.rows.ts_event, data.targets.ts_end
    if len(calibrate):
        stop = stop[ends[stop] <= stamps[calibrate[0]]]
    following = stop if len(stop) else calibrate
    if len(following):
        learn = learn[ends[learn] <= stamps[following[0]]]
    return learn, stop, calibrate
