"""Questions and answers of the inference API, and how rows become one and forecasts the other."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tradewright.core.types.forecast import ForecastTable
from tradewright.core.types.rows import FeatureRows

_MOST_ROWS = 100_000
_STRICT = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
Moments = Annotated[list[int], Field(max_length=_MOST_ROWS)]


class Question(BaseModel):
    """Rows of features, ascending in time; null where a feature has no value.

    ``instrument`` is the place in ``symbols`` of each row; ``feature_set_hash`` may be left empty where the names say
    enough. A model that looks back needs the rows before the first one it shall answer.
    """

    model_config = _STRICT

    names: list[str]
    symbols: Annotated[list[str], Field(min_length=1)]
    instrument: Moments
    ts_event: Moments
    ts_seen: Moments
    values: Annotated[list[list[float | None]], Field(max_length=_MOST_ROWS)]
    feature_set_hash: str = ""

    @model_validator(mode="after")
    def _fits(self) -> Question:
        n = len(self.values)
        if not len(self.instrument) == len(self.ts_event) == len(self.ts_seen) == n:
            msg = "instrument, ts_event, ts_seen and values must be of one length"
            raise ValueError(msg)
        if any(len(row) != len(self.names) for row in self.values):
            msg = f"each row must hold {len(self.names)} values, one for each name"
            raise ValueError(msg)
        if any(not 0 <= number < len(self.symbols) for number in self.instrument):
            msg = "instrument holds a number that is no place in symbols"
            raise ValueError(msg)
        return self

    def rows(self, feature_set_hash: str) -> FeatureRows:
        """Return the rows; of the given set of features where the question does not name it."""
        values = [[np.nan if value is None else value for value in row] for row in self.values]
        return FeatureRows(
            tuple(self.names),
            np.array(values, np.float64).reshape(len(values), len(self.names)),
            tuple(self.symbols),
            np.array(self.instrument, np.int64),
            np.array(self.ts_event, np.int64),
            np.array(self.ts_seen, np.int64),
            self.feature_set_hash or feature_set_hash,
        )


class Answer(BaseModel):
    """Forecasts row by row: ``p_up, p_down, p_flat, expected_return``; null where the model cannot say."""

    model_config = _STRICT

    version: str
    digest: str
    is_unproven: bool
    feature_set_hash: str
    horizon_ns: int
    values: list[list[float] | None]


class Description(BaseModel):
    """What a model is and what it wants to see; ``features`` are expressions by the names of the columns."""

    model_config = _STRICT

    name: str
    version: str
    digest: str
    is_unproven: bool
    kind: str
    features: dict[str, str]
    feature_set_hash: str
    horizon_ns: int
    lookback: int


class Health(BaseModel):
    """Whether all is well: ``trouble`` tells by model why an older version answers."""

    model_config = _STRICT

    status: str
    trouble: dict[str, str] = Field(default_factory=dict)


def forecast_lists(table: ForecastTable) -> list[list[float] | None]:
    """Return the forecasts as JSON can say them."""
    rows: list[list[float]] = table.values.tolist()
    return [None if any(value != value for value in row) else row for row in rows]  # noqa: PLR0124  # NaN
