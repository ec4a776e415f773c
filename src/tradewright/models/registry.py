"""Kinds of forecasters by name; each is imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from pydantic import ValidationError

from tradewright.core.types.errors import ConfigError
from tradewright.models.forecaster import Forecaster

_PLACES: Final[Mapping[str, str]] = {
    "base_rate": "baseline:BaseRate",
    "ensemble": "ensemble:Ensemble",
    "last_sign": "baseline:LastSign",
    "lightgbm": "lgbm:LightGBM",
    "logistic": "logistic:Logistic",
    "lstm": "deep.lstm:LstmForecaster",
    "transformer": "deep.transformer:TransformerForecaster",
    "xgboost": "xgb:XGBoost",
}

#: Every kind, in alphabetical order.
KINDS: Final = tuple(sorted(_PLACES))


def forecaster_class(kind: str) -> type[Forecaster]:
    """Return the class of a kind.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    if kind not in _PLACES:
        close = get_close_matches(kind.lower().replace("-", "_"), KINDS, n=1)
        hint = f"Did you mean {close[0]}? " if close else ""
        raise ConfigError(
            f"there is no model named {kind!r}", where="model", fix=f"{hint}There are {', '.join(KINDS)}."
        )
    module, name = _PLACES[kind].split(":")
    found = getattr(importlib.import_module(f"tradewright.models.{module}"), name)
    if not (isinstance(found, type) and issubclass(found, Forecaster)):
        msg = f"{found} is not a Forecaster"
        raise TypeError(msg)
    return found


def make_forecaster(kind: str, params: Mapping[str, Any] | None = None) -> Forecaster:
    """Return an untrained forecaster.

    Raises
    ------
    ConfigError
        If there is no such kind, or a parameter is unknown or out of range.
    """
    made = forecaster_class(kind)
    try:
        return made(made.params_type.model_validate(dict(params or {})))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        fix = f"It has {', '.join(made.params_type.model_fields)}."
        raise ConfigError(f"{field or 'parameters'}: {first['msg']}", where=f"parameters of {kind}", fix=fix) from error
