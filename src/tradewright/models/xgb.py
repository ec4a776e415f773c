"""Gradient-boosted trees by XGBoost, kept in its JSON format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tradewright.core.types.errors import ModelError
from tradewright.core.types.rows import FeatureRows
from tradewright.models.forecaster import Forecaster, ForecasterParams, Lesson
from tradewright.models.outcomes import Outcomes, shares_of, unreadable, untrained
from tradewright.models.xgb_shares import shares_in

if TYPE_CHECKING:
    import xgboost as xgb

_FILE = "xgboost.json"


class XGBoostParams(ForecasterParams):
    """The parameters that matter for noisy rows, under XGBoost's names.

    ``early_stopping``: rounds without a better validation log loss after which it stops and keeps the best; 0: never.
    ``threads``: 0 takes every core; the trees then depend on how many there are.
    """

    rounds: Annotated[int, Field(ge=1)] = 300
    max_depth: Annotated[int, Field(ge=1, le=16)] = 4
    learning_rate: Annotated[float, Field(gt=0.0, le=1.0)] = 0.05
    min_child_weight: Annotated[float, Field(ge=0.0)] = 20.0
    subsample: Annotated[float, Field(gt=0.0, le=1.0)] = 0.8
    colsample_bytree: Annotated[float, Field(gt=0.0, le=1.0)] = 0.8
    reg_lambda: Annotated[float, Field(ge=0.0)] = 1.0
    reg_alpha: Annotated[float, Field(ge=0.0)] = 0.0
    gamma: Annotated[float, Field(ge=0.0)] = 0.0
    max_bin: Annotated[int, Field(ge=2, le=65536)] = 256
    early_stopping: Annotated[int, Field(ge=0)] = 30
    threads: Annotated[int, Field(ge=0)] = 1

    def native(self, classes: int) -> dict[str, Any]:
        """Return what ``xgboost.train`` takes as its parameters."""
        own = self.model_dump(exclude={"rounds", "early_stopping", "threads"})
        goal: dict[str, Any] = {"objective": "binary:logistic", "eval_metric": "logloss"}
        if classes > 2:
            goal = {"objective": "multi:softprob", "num_class": classes, "eval_metric": "mlogloss"}
        return {**goal, **own, "tree_method": "hist", "nthread": self.threads, "verbosity": 0}


class XGBoost(Forecaster):
    """Trees over histograms of the features; NaN goes the way that served best in training."""

    kind = "xgboost"
    params_type: ClassVar[type[ForecasterParams]] = XGBoostParams
    params: XGBoostParams

    def __init__(self, params: XGBoostParams) -> None:
        super().__init__(params)
        self._outcomes: Outcomes | None = None
        self._booster: xgb.Booster | None = None

    def learn(
        self, train: Lesson, validation: Lesson | None = None, progress: Callable[[str], None] | None = None
    ) -> None:
        """Grow trees; with validation rows until they no longer get better on them."""
        import xgboost as xgb  # noqa: PLC0415 - heavy; the command line starts without it

        outcomes = Outcomes.of(train)
        bins = self.params.max_bin
        data = xgb.QuantileDMatrix(
            train.rows.values,
            outcomes.places(train.targets.direction),
            weight=train.targets.weight,
            max_bin=bins,
            nthread=self.params.threads,
        )
        judged, patience = [], None
        if validation is not None and self.params.early_stopping:
            known = outcomes.known(validation)
            held = xgb.QuantileDMatrix(
                known.rows.values,
                outcomes.places(known.targets.direction),
                weight=known.targets.weight,
                max_bin=bins,
                ref=data,
                nthread=self.params.threads,
            )
            judged, patience = [(held, "validation")], self.params.early_stopping
        native = self.params.native(len(outcomes.directions))
        booster = xgb.train(
            native, data, self.params.rounds, evals=judged, early_stopping_rounds=patience, verbose_eval=False
        )
        if judged:
            booster = booster[: booster.best_iteration + 1]
        if progress:
            progress(f"xgboost: {booster.num_boosted_rounds()} rounds of trees")
        self._outcomes, self._booster = outcomes, booster

    def predict(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return f8[n, 4] in the order of `ForecastRow`."""
        outcomes, booster = self._trained()
        outcomes.check_columns(rows)
        if not len(rows):
            return np.empty((0, 4))
        return outcomes.forecasts(shares_of(shares_in(booster, rows.values)))

    @property
    def booster(self) -> xgb.Booster:
        """The trees themselves.

        Raises
        ------
        ModelError
            Before there are any.
        """
        return self._trained()[1]

    def contributions(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return the SHAP value of each feature for the score of each outcome, f8[n, outcomes, k]: exact, for trees."""
        import xgboost as xgb  # noqa: PLC0415

        outcomes, booster = self._trained()
        outcomes.check_columns(rows)
        data = xgb.DMatrix(rows.values, nthread=self.params.threads)
        found = np.asarray(booster.predict(data, pred_contribs=True), np.float64)
        return found.reshape(len(rows), -1, len(rows.names) + 1)[:, :, :-1]

    def save(self, folder: Path) -> tuple[str, ...]:
        """Write the files of the model."""
        outcomes, booster = self._trained()
        (folder / _FILE).write_bytes(booster.save_raw("json"))
        return (_FILE, outcomes.write(folder))

    @classmethod
    def load(cls, folder: Path, params: ForecasterParams) -> Self:
        """Read the files of the model."""
        import xgboost as xgb  # noqa: PLC0415

        model = cls(XGBoostParams.model_validate(params.model_dump()))
        model._outcomes = Outcomes.read(folder)
        try:
            booster = xgb.Booster({"nthread": model.params.threads})
            booster.load_model(bytearray((folder / _FILE).read_bytes()))
        except (OSError, xgb.core.XGBoostError) as error:
            raise unreadable(folder / _FILE, error) from error
        if booster.num_features() != len(model._outcomes.names):
            raise unreadable(folder / _FILE, ValueError(f"its trees read {booster.num_features()} features"))
        model._booster = booster
        model._check_outcomes(folder)
        return model

    def _trained(self) -> tuple[Outcomes, xgb.Booster]:
        if self._outcomes is None or self._booster is None:
            raise untrained(self.kind)
        return self._outcomes, self._booster

    def _check_outcomes(self, folder: Path) -> None:
        outcomes, booster = self._trained()
        probe = shares_in(booster, np.zeros((1, len(outcomes.names))))
        if len(shares_of(probe)) != len(outcomes.directions):
            what = "its trees know another number of outcomes"
            raise ModelError(what, where=str(folder / _FILE), fix="Train the model again.")
