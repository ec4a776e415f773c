"""Parameters of single controls, as a configuration writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tradewright.core.types.errors import ConfigError
from tradewright.core.types.guard_dtypes import RING, TIERS

_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
_PERCENT = 100


def _share(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool) and 1 < value <= _PERCENT:
        msg = f"{value} is not a share; for {value} % write {value / _PERCENT:g}"
        raise ValueError(msg)
    return value


Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, BeforeValidator(_share), Field(gt=0, le=1)]
Seconds = Annotated[float, Field(gt=0, le=1e8, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=RING)]


class Collar(BaseModel):
    """How far an order's price may be from the mark: a ``share`` of it, ``atr`` times its true range, or the wider."""

    model_config = _STRICT

    share: Share | None = None
    atr: Amount | None = None

    @model_validator(mode="after")
    def _has_a_width(self) -> Collar:
        if self.share is None and self.atr is None:
            msg = "give a width: `share` (0.02 = 2 % of the mark), `atr` (times the average true range), or both"
            raise ValueError(msg)
        return self


class CollarOverTime(BaseModel):
    """The strategy is disabled once two of its fills within ``seconds`` are more than ``share`` apart."""

    model_config = _STRICT

    share: Share
    seconds: Seconds


class Throttle(BaseModel):
    """A bucket of ``burst`` messages that fills up at ``per_second``; ``cancel_share`` of it is kept for cancels."""

    model_config = _STRICT

    per_second: Annotated[float, Field(gt=0, le=1e6)]
    burst: Annotated[int, Field(ge=1, le=1_000_000)]
    cancel_share: Annotated[float, Field(ge=0, lt=1)] = 0.2

    @model_validator(mode="after")
    def _leaves_room(self) -> Throttle:
        if self.burst * (1 - self.cancel_share) < 1:
            msg = f"`cancel_share` {self.cancel_share} of `burst` {self.burst} leaves no message for orders"
            raise ValueError(msg)
        return self


class SignalTier(BaseModel):
    """At most ``per_hour`` entries while the newest forecast's confidence is at least ``confidence``."""

    model_config = _STRICT

    confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    per_hour: Annotated[int, Field(ge=0, le=RING)]


Tiers = Annotated[tuple[SignalTier, ...], Field(max_length=TIERS)]


class RepeatedExecution(BaseModel):
    """The strategy is disabled after ``fills`` fills of one side of an instrument within ``seconds``."""

    model_config = _STRICT

    fills: Count
    seconds: Seconds


class DataChecks(BaseModel):
    """Prices must be prices; they may not jump by more than ``max_jump`` nor stand still for ``max_frozen`` events."""

    model_config = _STRICT

    max_jump: Share | None = None
    max_frozen: Annotated[int, Field(ge=1)] | None = None


class LossStreak(BaseModel):
    """After ``losses`` losing round trips within ``within_minutes``, sizes are smaller by ``reduce_by`` that day."""

    model_config = _STRICT

    losses: Count = 2
    within_minutes: Annotated[float, Field(gt=0, le=1e6)] = 60.0
    reduce_by: Share = 0.5


class ModelGate(BaseModel):
    """No new risk on a forecast that is too old, not sure enough, or of a model whose drift alarm is on."""

    model_config = _STRICT

    max_age_seconds: Seconds | None = None
    min_confidence: Share | None = None
    stop_on_drift: bool = True


class Canary(BaseModel):
    """The caps of a strategy that trades real money for the first time, as one object."""

    model_config = _STRICT

    symbols: Annotated[tuple[str, ...], Field(min_length=1)]
    max_orders_per_day: Annotated[int, Field(ge=1)]
    max_order_value: Amount
    max_position_value: Amount
    venues: tuple[str, ...] = ()

    def refuse_venue(self, venue: str) -> None:
        """Refuse a venue that is not named, where any is; raises ConfigError."""
        if self.venues and venue not in self.venues:
            fix = f"Use one of: {', '.join(self.venues)}."
            raise ConfigError(f"'{venue}' is no venue of the canary", where="limits.canary.venues", fix=fix)


class MicroLots(BaseModel):
    """Trading at the smallest size: every order that opens or adds is cut to the smallest lot of its instrument.

    ``max_orders_per_day``: of the account. ``max_loss``: money, of the equity that the session began with; beyond it
    everything is closed for good. ``max_open_lots``: smallest lots of one instrument held at once, working orders
    included. All three must be given.
    """

    model_config = _STRICT

    max_orders_per_day: Annotated[int, Field(ge=1)]
    max_loss: Amount
    max_open_lots: Annotated[int, Field(ge=1)]


class PropLimits(BaseModel):
    """Rule sets that hold at once: a firm's, and perhaps the trader's own stricter one from ``files``.

    ``gap`` is the share of gross exposure that a jump of the price may cost, kept free of every floor whose rule set
    names none itself (`tradewright controls gap` measures it). Within ``reset_lead_minutes`` before a reset, or before
    the close after which it comes, floating losses are held against the floor of the next day too.
    """

    model_config = _STRICT

    rules: Annotated[tuple[str, ...], Field(min_length=1)]
    files: Path | None = None
    gap: Share | None = None
    reset_lead_minutes: Annotated[float, Field(gt=0, le=10_080)] = 60.0
