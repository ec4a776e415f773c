"""Which tactic works which order, and its times and prices."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Bps = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Tactic(StrEnum):
    """How a market order of a strategy is worked; every other order is sent as it is."""

    AS_IS = "as_is"  # one order at the venue, equal to the one wanted
    QUOTED = "quoted"  # limits near the mid first, a marketable limit at last


class TacticParams(BaseModel):
    """Prices are basis points of the price, times seconds.

    ``market``: entries at the market; ``market_exit``: a strategy's own exits at the market. What protects is never
    delayed. ``buffer_bps``: how far inside the mid a quote begins; ``min_bps`` and ``max_bps`` bound what adaptation
    makes of it, towards ``fill_target``, the share of an order that quotes are to fill, by at most ``adapt_bps`` an
    order (0 = it stays). ``requote_bps``: the mid's move, ``requote_s``: the age, after which a quote gives way to a
    new one, and no sooner than ``min_requote_s``. ``patience_s``: then the rest crosses the spread, up to ``cross_bps``
    beyond the far touch. ``give_up_s``: then it is cancelled. ``stale_s``: the same for limit orders of a strategy;
    None: they stay. ``stuck_s``: so long an order may take to end before a person is told.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    market: Tactic = Tactic.AS_IS
    market_exit: Tactic = Tactic.AS_IS
    buffer_bps: Bps = 1.0
    min_bps: Bps = 0.0
    max_bps: Bps = 10.0
    fill_target: Annotated[float, Field(gt=0, lt=1)] = 0.7
    adapt_bps: Bps = 0.2
    requote_bps: Bps = 2.0
    requote_s: Seconds = 15.0
    min_requote_s: Seconds = 1.0
    patience_s: Seconds = 30.0
    cross_bps: Bps = 5.0
    give_up_s: Seconds = 60.0
    stale_s: Seconds | None = None
    stuck_s: Seconds = 60.0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.min_bps <= self.buffer_bps <= self.max_bps:
            msg = f"buffer_bps must lie between min_bps {self.min_bps:g} and max_bps {self.max_bps:g}"
            raise ValueError(msg)
        if not self.min_requote_s <= self.requote_s:
            msg = "requote_s must not be below min_requote_s"
            raise ValueError(msg)
        if not self.patience_s < self.give_up_s:
            msg = "give_up_s must be above patience_s, or nothing would ever cross"
            raise ValueError(msg)
        return self
