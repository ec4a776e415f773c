"""Where a run's forecasts come from: a file, a model of the registry, or a model that another process serves.

The three are interchangeable: the same model gives the same forecasts, to the bit, so the same fills.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from tradewright.core.types.bar import Bars
from tradewright.core.types.errors import ConfigError
from tradewright.core.types.forecast import Forecasts
from tradewright.services.settings import ForecastSettings

if TYPE_CHECKING:
    from tradewright.adapters.inference.remote_model import RemoteDescription
    from tradewright.services.predict_api.served import LoadedModel

#: What the inference service wants to see, from the environment or a file.
TOKEN = "TRADEWRIGHT_PREDICT_TOKEN"  # noqa: S105 -- the name of a variable


@dataclass(frozen=True, slots=True)
class FoundForecasts:
    """The forecasts of the traded instruments; ``identity`` is a hash of where they come from.

    ``origin`` tells the model's name, version and digest, and whether it is unproven.
    """

    series: tuple[Forecasts, ...]
    identity: str
    origin: dict[str, str | bool] = field(default_factory=dict)


def find_forecasts(settings: ForecastSettings, bars: Sequence[Bars]) -> FoundForecasts:
    """Return the forecasts for bars.

    Raises
    ------
    ConfigError
        If they hold nothing about these instruments.
    DataError, ModelError, StoreError, UsageError
        If the file cannot be read, or the model is not there or not what it should be.
    """
    if settings.file is not None:
        found = _of_file(settings, bars)
    elif settings.url:
        found = _of_service(settings, bars)
    else:
        found = _of_registry(settings, bars)
    where = str(settings.file or settings.model)
    if not found.series:
        what = f"holds no forecast of {', '.join(one.instrument for one in bars)}"
        raise ConfigError(what, where=where, fix="Check the instrument names, and that the bars outlast the warm-up.")
    if all(np.isnan(series.values).all() for series in found.series):
        raise ConfigError("holds no number", where=where, fix="Check the file.")
    if settings.patterns:
        from tradewright.services.runs.patterned import with_patterns

        series, conditions = with_patterns(found.series, settings.patterns, bars)
        identity = hashlib.blake2b("\0".join([found.identity, *conditions]).encode(), digest_size=16).hexdigest()
        found = replace(found, series=series, identity=identity)
    return found


def _of_file(settings: ForecastSettings, bars: Sequence[Bars]) -> FoundForecasts:
    from tradewright.data.forecasts import read_forecasts

    assert settings.file is not None  # noqa: S101 -- for the type checker
    symbols = {one.instrument for one in bars}
    series = tuple(one for one in read_forecasts(settings.file) if one.instrument in symbols)
    return FoundForecasts(series, hashlib.blake2b(settings.file.read_bytes(), digest_size=16).hexdigest())


def _of_registry(settings: ForecastSettings, bars: Sequence[Bars]) -> FoundForecasts:
    from tradewright.engine.feature_rows import rows_of_bars
    from tradewright.services.predict_api.registered import RegisteredModels, features_of

    loaded = RegisteredModels(settings.registry).load(settings.model)
    features = features_of(loaded.features, loaded.model.feature_set_hash, settings.model)
    table = loaded.model.predict(rows_of_bars(bars, features))
    return FoundForecasts(table.series(), loaded.digest, _origin(settings, loaded))


def _of_service(settings: ForecastSettings, bars: Sequence[Bars]) -> FoundForecasts:
    from tradewright.adapters.inference.remote_model import RemoteModel, RemoteParams
    from tradewright.engine.feature_rows import rows_of_bars
    from tradewright.services.predict_api.registered import features_of
    from tradewright.services.secrets import secret

    with RemoteModel(RemoteParams(settings.url, secret(os.environ, TOKEN)), settings.model) as model:
        told = model.description
        features = features_of(told.features, told.feature_set_hash, settings.model)
        table = model.predict(rows_of_bars(bars, features))
    return FoundForecasts(table.series(), told.digest, _origin(settings, told))


def _origin(settings: ForecastSettings, model: LoadedModel | RemoteDescription) -> dict[str, str | bool]:
    name = settings.model.partition("@")[0]
    return {"name": name, "version": model.version, "digest": model.digest, "unproven": model.is_unproven}
