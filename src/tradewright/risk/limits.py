"""The limits in the order path: what a configuration's section ``limits`` may say."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from tradewright.core.types.dtypes import limits_dtype
from tradewright.risk.control_params import (
    Amount,
    Canary,
    Collar,
    CollarOverTime,
    DataChecks,
    LossStreak,
    MicroLots,
    ModelGate,
    PropLimits,
    RepeatedExecution,
    Seconds,
    Share,
    Throttle,
    Tiers,
)
from tradewright.risk.windows import Windows

#: What every configuration has written out since the first version; the others stand there only where they are on.
FIRST = ("max_order_value", "max_position_value", "max_leverage", "max_open_positions", "intraday_loss", "max_drawdown")
#: Limits of which the larger number is the looser one, and that may change while trading.
CHANGEABLE = ("max_order_value", "max_position_value", "max_leverage", "intraday_loss", "max_drawdown")


class Ceilings(BaseModel):
    """What no limit may be raised above while trading (`risk.limit_changes`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    max_order_value: Amount | None = None
    max_position_value: Amount | None = None
    max_leverage: Amount | None = None
    intraday_loss: Share | None = None
    max_drawdown: Share | None = None


class Limits(BaseModel):
    """Limits of one account; a limit left out does not bind. The table of them is `risk.controls`.

    Amounts are in account currency, sizes in units of the instrument. ``intraday_loss`` is a share of the equity at the
    start of the trading day and counts floating losses; when it is broken, everything is closed and nothing is opened
    until the next day, nor then before a person lifts it with ``intraday_loss_needs_reset``. ``max_drawdown`` is a
    share of the highest equity so far; when it is broken, nothing is opened again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_order_value: Amount | None = None
    max_position_value: Amount | None = None
    max_leverage: Amount | None = None
    max_open_positions: Annotated[int, Field(ge=0)] | None = None
    intraday_loss: Share | None = None
    max_drawdown: Share | None = None
    intraday_loss_needs_reset: bool = False
    collar: Collar | None = None
    collar_over_time: CollarOverTime | None = None
    max_order_size: Amount | None = None
    max_volume_share: Share | None = None
    max_position_size: Amount | None = None
    max_gross_value: Amount | None = None
    max_net_value: Amount | None = None
    throttle: Throttle | None = None
    max_orders_per_day: Annotated[int, Field(ge=1)] | None = None
    signals_per_hour: Tiers = ()
    repeated_execution: RepeatedExecution | None = None
    duplicate_seconds: Seconds | None = None
    max_data_age_seconds: Seconds | None = None
    data: DataChecks | None = None
    max_clock_drift_ms: Amount | None = None
    windows: Windows | None = None
    allowed: tuple[str, ...] | None = None
    prevent_self_match: bool = False
    naked_seconds: Seconds | None = None
    prop: PropLimits | None = None
    loss_streak: LossStreak | None = None
    model: ModelGate | None = None
    canary: Canary | None = None
    micro_lots: MicroLots | None = None
    ceilings: Ceilings = Ceilings()

    @field_validator("signals_per_hour")
    @classmethod
    def _ascends(cls, tiers: Tiers) -> Tiers:
        begins = [tier.confidence for tier in tiers]
        if begins != sorted(set(begins)):
            msg = "tiers must ascend by `confidence`, each above the one before"
            raise ValueError(msg)
        return tiers

    @model_validator(mode="after")
    def _agree(self) -> Limits:
        for narrow, wide in (
            ("max_order_size", "max_position_size"),
            ("max_net_value", "max_gross_value"),
        ):
            inner, outer = getattr(self, narrow), getattr(self, wide)
            if inner is not None and outer is not None and inner > outer:
                msg = (
                    f"contradictory limits: `{narrow}` {inner:g} is above `{wide}` {outer:g} and never binds; lower it"
                )
                raise ValueError(msg)
        for name in CHANGEABLE:
            limit, ceiling = getattr(self, name), getattr(self.ceilings, name)
            if ceiling is not None and (limit is None or limit > ceiling):
                msg = f"contradictory limits: `ceilings.{name}` {ceiling:g} needs a `{name}` that is not above it"
                raise ValueError(msg)
        if self.intraday_loss_needs_reset and self.intraday_loss is None:
            msg = "`intraday_loss_needs_reset` needs `intraday_loss`: there is no limit to be reset"
            raise ValueError(msg)
        if self.canary is not None:
            self._agree_with_canary(self.canary)
        return self

    def _agree_with_canary(self, canary: Canary) -> None:
        """Refuse a canary that may do more than the account; its caps would not be the ones that bind."""
        strange = sorted(set(canary.symbols) - set(self.allowed)) if self.allowed is not None else []
        if strange:
            msg = f"contradictory limits: `canary.symbols` names {', '.join(strange)}, which `allowed` does not"
            raise ValueError(msg)
        for name in ("max_order_value", "max_position_value", "max_orders_per_day"):
            cap, limit = getattr(canary, name), getattr(self, name)
            if limit is not None and cap > limit:
                msg = f"contradictory limits: `canary.{name}` {cap:g} is above `{name}` {limit:g}; lower it"
                raise ValueError(msg)

    @model_serializer(mode="wrap")
    def _sparse(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out controls that are off, so that a configuration without them keeps the identity it always had."""
        written: dict[str, Any] = handler(self)
        return {name: value for name, value in written.items() if name in FIRST or self._is_on(name)}

    def _is_on(self, name: str) -> bool:
        return bool(getattr(self, name) != type(self).model_fields[name].default)

    @property
    def has_guard(self) -> bool:
        """Whether any control is on that the first six limits are not."""
        return any(self._is_on(name) for name in type(self).model_fields if name not in (*FIRST, "ceilings"))

    def ceiling(self, name: str) -> float:
        """Return what a limit may be raised to while trading: its ceiling, or else itself."""
        return float(getattr(self.ceilings, name) or getattr(self, name))

    @property
    def is_limited(self) -> bool:
        """Whether any limit is set at all."""
        return any(self._is_on(name) for name in type(self).model_fields)

    def to_record(self) -> NDArray[np.void]:
        """Return limits_dtype[1]; infinity where nothing binds (for shares of loss too: equity may turn negative)."""
        record = np.zeros(1, limits_dtype)
        for name in ("max_order_value", "max_position_value", "max_leverage", "intraday_loss", "max_drawdown"):
            value = getattr(self, name)
            record[name] = math.inf if value is None else value
        record["max_open_positions"] = 2**62 if self.max_open_positions is None else self.max_open_positions
        return record
