"""Instrument definitions as people write them in a config, and as the catalogue keeps them."""

from __future__ import annotations

from datetime import time
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator

from tradewright.core.types.calendar import Calendar
from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.data.presets import CALENDARS, FEES


class CalendarParams(BaseModel):
    """When trading days begin."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "24/7"
    zone: str = "UTC"
    day_start: time = time(0, 0)

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            msg = f"'{zone}' is not an IANA time zone such as America/New_York"
            raise ValueError(msg) from error
        return zone


class FeeParams(BaseModel):
    """Commission and execution costs; basis points of traded value, amounts in the instrument's currency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "free"
    maker_bps: float = 0.0  # below zero: a rebate
    taker_bps: float = Field(default=0.0, ge=0)
    per_unit: float = Field(default=0.0, ge=0)
    minimum: float = Field(default=0.0, ge=0)
    half_spread_bps: float = Field(default=0.0, ge=0)
    slippage_bps: float = Field(default=0.0, ge=0)
    borrow_bps_year: float = Field(default=0.0, ge=0)


class InstrumentParams(BaseModel):
    """One instrument; calendar and fees are given in full or by the name of a preset.

    ``tick_size`` may be left empty: then it is guessed from the decimals of the prices and said so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: str = Field(min_length=1, max_length=64)
    tick_size: str = ""
    lot_size: str = "1"
    multiplier: str = "1"
    currency: str = Field(default="USD", pattern=r"^[A-Z0-9]{2,10}$")
    min_lots: int = Field(default=1, ge=1)
    max_lots: int = Field(default=1_000_000_000_000, ge=1)
    margin_initial: float = Field(default=1.0, gt=0, le=1)
    margin_maintenance: float = Field(default=0.5, gt=0, le=1)
    is_shortable: bool = True
    participation: float = Field(default=0.0, ge=0, le=1)
    fees: FeeParams = FeeParams()
    calendar: CalendarParams = CalendarParams()

    @field_validator("tick_size", "lot_size", "multiplier", mode="before")
    @classmethod
    def _decimal(cls, value: object) -> object:
        """Take a number as its shortest decimal text: 0.01 means one hundredth, not the nearest double."""
        text = (
            format(Decimal(str(value)), "f")
            if isinstance(value, int | float) and not isinstance(value, bool)
            else value
        )
        if not isinstance(text, str) or text == "":
            return text
        try:
            number = Decimal(text)
        except InvalidOperation as error:
            msg = f"'{text}' is not a decimal number"
            raise ValueError(msg) from error
        if not number.is_finite() or number <= 0:
            msg = f"{text} must be above zero"
            raise ValueError(msg)
        return text

    @field_validator("lot_size", "multiplier")
    @classmethod
    def _given(cls, value: str) -> str:
        if not value:
            msg = "must be a decimal number above zero"
            raise ValueError(msg)
        return value

    @field_validator("calendar", mode="before")
    @classmethod
    def _named_calendar(cls, value: object) -> object:
        if isinstance(value, str):
            if value not in CALENDARS:
                allowed = f"{', '.join(CALENDARS)}, or name, zone and day_start"
                msg = f"'{value}' is not a calendar; allowed: {allowed}"
                raise ValueError(msg)
            known = CALENDARS[value]
            return CalendarParams(name=known.name, zone=known.zone, day_start=known.day_start)
        return value

    @field_validator("fees", mode="before")
    @classmethod
    def _named_fees(cls, value: object) -> object:
        if isinstance(value, str):
            if value not in FEES:
                msg = f"'{value}' is not a fee model; allowed: {', '.join(FEES)}, or its numbers"
                raise ValueError(msg)
            return fee_params(FEES[value])
        return value

    def instrument(self) -> Instrument:
        """Return the core noun; an empty tick size becomes 0.01."""
        return Instrument(
            symbol=self.symbol,
            tick_size=self.tick_size or "0.01",
            lot_size=self.lot_size,
            multiplier=self.multiplier,
            currency=self.currency,
            min_lots=self.min_lots,
            max_lots=self.max_lots,
            margin_initial=self.margin_initial,
            margin_maintenance=self.margin_maintenance,
            is_shortable=self.is_shortable,
            participation=self.participation,
            fees=FeeModel(**self.fees.model_dump()),
            calendar=Calendar(self.calendar.name, self.calendar.zone, self.calendar.day_start),
        )


def fee_params(model: FeeModel) -> FeeParams:
    """Return a fee model as params."""
    return FeeParams(**{name: getattr(model, name) for name in FeeParams.model_fields})


def guess_tick(frame: pl.DataFrame, names: tuple[str, ...]) -> str:
    """Return the smallest power of ten that nearly all prices are a multiple of, as a decimal string.

    One price in a hundred may be finer: sources hold averages and adjusted prices among exact ones. At most 8
    decimals are tried.
    """
    prices = np.concatenate([frame[n].to_numpy() for n in names])
    prices = prices[np.isfinite(prices)]
    for decimals in range(9):
        scaled = prices * 10.0**decimals
        off_grid = np.abs(scaled - np.rint(scaled)) > 1e-6 * np.maximum(1.0, np.abs(scaled) * 1e-9)
        if np.count_nonzero(off_grid) <= len(prices) // 100:
            return format(Decimal(1).scaleb(-decimals), "f")
    return format(Decimal(1).scaleb(-8), "f")


def with_tick(params: InstrumentParams, frame: pl.DataFrame, names: tuple[str, ...]) -> tuple[InstrumentParams, str]:
    """Return params with a tick size, and a note where it had to be guessed (else empty)."""
    if params.tick_size:
        return params, ""
    tick = guess_tick(frame, names)
    note = f"tick size {tick} guessed from the decimals of the prices; give --tick-size to set it"
    return params.model_copy(update={"tick_size": tick}), note
