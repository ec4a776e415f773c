"""Which future a model is to foresee: labels by name and numbers, for any instrument."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tradewright.core.types.bar import Bars
from tradewright.features.batch import compute
from tradewright.features.labels import BarrierParams, Labels, fixed_horizon, triple_barrier
from tradewright.features.volatility import rolling_volatility


class LabelParams(BaseModel):
    """What a model learns to foresee.

    ``horizon``: the change of the close after ``bars`` bars, flat up to ``threshold`` (a share of the price).
    ``barrier``: which of two prices comes first within ``bars`` bars: ``profit`` above or ``loss`` below, both in units
    of the deviation of the last ``volatility_bars`` one-bar returns times the root of ``bars``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["horizon", "barrier"] = "horizon"
    bars: int = Field(default=15, ge=1, le=10_000)
    threshold: float = Field(default=0.0, ge=0, lt=1)
    profit: float = Field(default=1.0, gt=0, le=100)
    loss: float = Field(default=1.0, gt=0, le=100)
    volatility_bars: int = Field(default=50, ge=2, le=10_000)

    @model_validator(mode="after")
    def _threshold_of_horizon(self) -> Self:
        if self.kind == "barrier" and self.threshold:
            msg = "threshold belongs to labels of the kind horizon"
            raise ValueError(msg)
        return self

    @property
    def target(self) -> str:
        """What is foreseen, in one word: part of the name that trials are counted under."""
        if self.kind == "horizon":
            return f"horizon({self.bars},{self.threshold:g})"
        return f"barrier({self.bars},{self.profit:g},{self.loss:g},{self.volatility_bars})"


def label(bars: Bars, params: LabelParams) -> Labels:
    """Return the labels of all bars that have one: the last ``params.bars`` never do."""
    if params.kind == "horizon":
        return fixed_horizon(bars, params.bars, params.threshold)
    scale = compute(rolling_volatility(params.volatility_bars), bars) * np.sqrt(params.bars)
    return triple_barrier(bars, scale, BarrierParams(params.profit, params.loss, params.bars))
