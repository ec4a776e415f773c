"""Gradient-boosted trees by LightGBM, kept in its text format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tradewright.core.types.rows import FeatureRows
from tradewright.models.forecaster import Forecaster, ForecasterParams, Lesson
from tradewright.models.lgbm_shares import OneRow
from tradewright.models.outcomes import Outcomes, shares_of, unreadable, untrained

if TYPE_CHECKING:
    import lightgbm as lgb

_FILE = "lightgbm.txt"
_LAST = "pandas_categorical:null"


class LightGBMParams(ForecasterParams):
    """The parameters that matter for noisy rows, under LightGBM's names.

    ``early_stopping``: rounds without a better validation log loss after which it stops and keeps the best; 0: never.
    ``threads``: 0 takes every core.
    """

    rounds: Annotated[int, Field(ge=1)] = 300
    num_leaves: Annotated[int, Field(ge=2, le=4096)] = 15
    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 0.05
    min_data_in_leaf: Annotated[int, Field(ge=1)] = 40
    bagging_fraction: Annotated[float, Field(gt=0.0, le=1.0)] = 0.8
    feature_fraction: Annotated[float, Field(gt=0.0, le=1.0)] = 0.8
    lambda_l2: Annotated[float, Field(ge=0.0)] = 1.0
    lambda_l1: Annotated[float, Field(ge=0.0)] = 0.0
    max_bin: Annotated[int, Field(ge=2, le=65535)] = 255
    early_stopping: Annotated[int, Field(ge=0)] = 30
    threads: Annotated[int, Field(ge=0)] = 1

    def native(self, classes: int) -> dict[str, Any]:
        """Return what ``lightgbm.train`` takes as its parameters."""
        own = self.model_dump(exclude={"rounds", "early_stopping", "threads"})
        goal: dict[str, Any] = {"objective": "binary"}
        if classes > 2:
            goal = {"objective": "multiclass", "num_class": classes}
        # One layout of the histograms and no race between threads: the same trees every time.
        exact = {"deterministic": True, "force_row_wise": True, "bagging_freq": 1, "feature_pre_filter": False}
        return {**goal, **own, **exact, "num_threads": self.threads, "verbosity": -1}


class LightGBM(Forecaster):
    """Trees grown leaf by leaf over histograms of the features; NaN goes the way that served best in training."""

    kind = "lightgbm"
    params_type: ClassVar[type[ForecasterParams]] = LightGBMParams
    params: LightGBMParams

    def __init__(self, params: LightGBMParams) -> None:
        super().__init__(params)
        self._outcomes: Outcomes | None = None
        self._booster: lgb.Booster | None = None
        self._one_row: OneRow | None = None

    def learn(
        self, train: Lesson, validation: Lesson | None = None, progress: Callable[[str], None] | None = None
    ) -> None:
        """Grow trees; with validation rows until they no longer get better on them."""
        import lightgbm as lgb  # noqa: PLC0415 - heavy; the command line starts without it

        outcomes = Outcomes.of(train)
        native = self.params.native(len(outcomes.directions))
        targets = train.targets
        data = lgb.Dataset(train.rows.values, outcomes.places(targets.direction), weight=targets.weight, params=native)
        judged: list[lgb.Dataset] = []
        stops: list[Callable[..., None]] = []
        if validation is not None and self.params.early_stopping:
            known = outcomes.known(validation)
            outcome = outcomes.places(known.targets.direction)
            judged = [data.create_valid(known.rows.values, outcome, weight=known.targets.weight)]
            stops = [lgb.early_stopping(self.params.early_stopping, verbose=False)]
        booster = lgb.train(native, data, self.params.rounds, valid_sets=judged, callbacks=stops)
        # Through its text, the rounds after the best one are gone, and a loaded model is the same to the bit.
        self._booster = lgb.Booster(model_str=_text(booster))
        self._outcomes, self._one_row = outcomes, None
        if progress:
            progress(f"lightgbm: {self._booster.current_iteration()} rounds of trees")

    def predict(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return f8[n, 4] in the order of `ForecastRow`."""
        outcomes, booster = self._trained()
        outcomes.check_columns(rows)
        if not len(rows):
            return np.empty((0, 4))
        if len(rows) > 1:
            raw = np.asarray(booster.predict(rows.values, num_threads=self.params.threads))
        else:
            self._one_row = self._one_row or OneRow(booster)
            raw = self._one_row.shares(rows.values)
        return outcomes.forecasts(shares_of(raw))

    def contributions(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return the SHAP value of each feature for the score of each outcome, f8[n, outcomes, k]: exact, for trees."""
        outcomes, booster = self._trained()
        outcomes.check_columns(rows)
        found = np.asarray(booster.predict(rows.values, pred_contrib=True, num_threads=self.params.threads))
        return found.reshape(len(rows), -1, len(rows.names) + 1)[:, :, :-1]

    def save(self, folder: Path) -> tuple[str, ...]:
        """Write the files of the model."""
        outcomes, booster = self._trained()
        (folder / _FILE).write_text(_text(booster), encoding="utf-8")
        return (_FILE, outcomes.write(folder))

    @classmethod
    def load(cls, folder: Path, params: ForecasterParams) -> Self:
        """Read the files of the model."""
        import lightgbm as lgb  # noqa: PLC0415

        model = cls(LightGBMParams.model_validate(params.model_dump()))
        outcomes = Outcomes.read(folder)
        try:
            text = (folder / _FILE).read_text(encoding="utf-8")
            if not text.rstrip().endswith(_LAST):  # half a file crashes the library's parser, and the process with it
                raise unreadable(folder / _FILE, ValueError("its end is missing"))
            booster = lgb.Booster(model_str=text)
        except (OSError, UnicodeDecodeError, lgb.basic.LightGBMError) as error:
            raise unreadable(folder / _FILE, error) from error
        expected = len(outcomes.directions) if len(outcomes.directions) > 2 else 1
        if booster.num_feature() != len(outcomes.names) or booster.num_model_per_iteration() != expected:
            raise unreadable(folder / _FILE, ValueError("its trees do not fit the features and outcomes"))
        model._outcomes, model._booster = outcomes, booster
        return model

    def _trained(self) -> tuple[Outcomes, lgb.Booster]:
        if self._outcomes is None or self._booster is None:
            raise untrained(self.kind)
        return self._outcomes, self._booster


def _text(booster: lgb.Booster) -> str:
    best = booster.best_iteration
    return str(booster.model_to_string(num_iteration=best if best > 0 else None))
