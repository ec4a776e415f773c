"""The limits in the order path."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from tradewright.core.types.dtypes import limits_dtype

Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1)]


class Limits(BaseModel):
    """Limits of one account; a limit left out does not bind.

    Amounts are in account currency. ``intraday_loss`` is a share of the equity at the start of the trading day and
    counts floating losses; when it is broken, everything is closed and nothing is opened until the next day.
    ``max_drawdown`` is a share of the highest equity so far; when it is broken, nothing is opened again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_order_value: Amount | None = None
    max_position_value: Amount | None = None
    max_leverage: Amount | None = None
    max_open_positions: Annotated[int, Field(ge=0)] | None = None
    intraday_loss: Share | None = None
    max_drawdown: Share | None = None

    def to_record(self) -> NDArray[np.void]:
        """Return limits_dtype[1]; infinity where nothing binds (for shares of loss too: equity may turn negative)."""
        record = np.zeros(1, limits_dtype)
        for name in ("max_order_value", "max_position_value", "max_leverage", "intraday_loss", "max_drawdown"):
            value = getattr(self, name)
            record[name] = math.inf if value is None else value
        record["max_open_positions"] = 2**62 if self.max_open_positions is None else self.max_open_positions
        return record
