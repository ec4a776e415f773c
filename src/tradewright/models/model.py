"""A fitted model: forecaster, columns, calibration; rows of features in, a table of forecasts out."""

from __future__ import annotations

from dataclasses import dataclass

from tradewright.core.types.errors import ModelError
from tradewright.core.types.forecast import ForecastTable
from tradewright.core.types.rows import FeatureRows
from tradewright.models.calibration import Calibration
from tradewright.models.forecaster import Forecaster
from tradewright.models.outcomes import check_columns


@dataclass(frozen=True, slots=True)
class FittedModel:
    """A forecaster that has learned, with all that its forecasts depend on.

    Parameters
    ----------
    forecaster : Forecaster
        Trained or loaded.
    names : tuple of str
        The features, in order.
    feature_set_hash : str
        Of the features that it learned from; rows of another set are refused.
    horizon_ns : int
        How far its forecasts look, ns.
    calibration : Calibration, optional
        What the forecaster's probabilities go through, the conservative bias included; as they are if not given.
    version : str
        What its forecasts are signed with.
    """

    forecaster: Forecaster
    names: tuple[str, ...]
    feature_set_hash: str
    horizon_ns: int
    calibration: Calibration | None = None
    version: str = ""

    def predict(self, rows: FeatureRows) -> ForecastTable:
        """Return the forecasts of the rows: forecaster, then calibration, then conservative bias.

        Raises
        ------
        ModelError
            If the rows are not made of the features that the model learned from, in their order.
        """
        check_columns(self.names, rows.names)
        if rows.feature_set_hash != self.feature_set_hash:
            what = f"the rows are of the feature set {_short(rows.feature_set_hash)}, the model learned from "
            fix = "Build the features with the code and parameters of the training, or train the model again."
            raise ModelError(what + _short(self.feature_set_hash), where="features", fix=fix)
        values = self.forecaster.predict(rows)
        if self.calibration is not None:
            values = self.calibration.apply(values)
        return ForecastTable(
            values=values,
            symbols=rows.symbols,
            instrument=rows.instrument,
            ts_event=rows.ts_event,
            ts_seen=rows.ts_seen,
            horizon_ns=self.horizon_ns,
            model_version=self.version,
            feature_set_hash=self.feature_set_hash,
        )


def _short(digest: str) -> str:
    return digest[:12] or "(none given)"
