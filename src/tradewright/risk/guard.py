"""The guard as arrays for compiled code: what its controls allow, written out for one account and its instruments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.dtypes import window_dtype
from tradewright.core.types.guard_dtypes import RING, TIERS, guard_dtype, guarded_dtype, trace_dtype
from tradewright.core.types.instrument import Instrument
from tradewright.risk.limits import Limits
from tradewright.risk.prop.schema import RuleSet
from tradewright.risk.prop.watch import RuleWatch
from tradewright.risk.rules_in_force import rules_in_force
from tradewright.risk.windows import merged_windows

_NEVER = 2**63 - 1
_LONG_AGO = -(2**62)
_NO_FLOOR = -9_000_000_000_000_000_000
_SECOND = 1_000_000_000
MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class GuardPlace:
    """What the guard is set up for. ``first_ns`` and ``last_ns`` bound the time to be watched, ns UTC.

    ``rules``: the rule sets of ``limits.prop``, where somebody has read them already.
    """

    instruments: tuple[Instrument, ...]
    initial_cash: float
    first_ns: int
    last_ns: int
    rules: tuple[RuleSet, ...] | None = None


class Guard:
    """The memory of one guard; ``address`` is its record's, and its arrays live as long as it does.

    Raises
    ------
    ConfigError
        Where prop rules ask for controls that are not on, or do not fit the account.
    """

    def __init__(self, limits: Limits, place: GuardPlace) -> None:
        n = len(place.instruments)
        self.record = np.zeros(1, guard_dtype)
        self.arrays: dict[str, NDArray[Any]] = {
            "instruments": _instruments(limits, place.instruments),
            "orders": np.zeros((n, RING), trace_dtype),
            "fills": np.zeros((n, RING), trace_dtype),
            "signals": np.zeros((TIERS, RING), np.int64),
            "losses": np.zeros(RING, np.int64),
        }
        self._allow(limits)
        self._lay_windows(limits, place)
        self._lay_rules(limits, place)
        micro = limits.micro_lots
        if micro is not None:
            self.record["least_equity_micro"] = _micro(place.initial_cash) - _micro(micro.max_loss)
        for name, array in self.arrays.items():
            self.record[name] = array.ctypes.data
        self.record["scale"] = 1.0
        self.record["drift_ns"] = math.nan
        self.record["wake_at"] = self.record["headroom_micro"] = self.record["headroom_reset_micro"] = _NEVER
        self.address = int(self.record.ctypes.data)

    @property
    def changing(self) -> list[NDArray[Any]]:
        """Arrays that change while trading and must be put back for another run; rings begin anew with their counts."""
        return [self.record, self.arrays["instruments"], *([self.arrays["states"]] if "states" in self.arrays else [])]

    def _allow(self, limits: Limits) -> None:
        """Write what each control allows; one that is off allows everything."""
        record = self.record
        for name, value in _allowances(limits).items():
            record[name] = value
        data, collar = limits.data, limits.collar
        record["needs_each_event"] = data is not None or (collar is not None and collar.atr is not None)
        for n, tier in enumerate(limits.signals_per_hour):
            record["tier_least"][0, n], record["tier_most"][0, n] = tier.confidence, tier.per_hour
        record["n_tiers"] = len(limits.signals_per_hour)

    def _lay_windows(self, limits: Limits, place: GuardPlace) -> None:
        blackouts, closings = merged_windows(limits.windows, place.first_ns, place.last_ns)
        for name, windows in (("blackouts", blackouts), ("closings", closings)):
            if len(windows):
                self.arrays[name] = np.array(windows, window_dtype)
                self.record[f"n_{name}"] = len(windows)

    def _lay_rules(self, limits: Limits, place: GuardPlace) -> None:
        self.watch: RuleWatch | None = None
        if limits.prop is None:
            return
        rule_sets = rules_in_force(limits) if place.rules is None else place.rules
        initial = Decimal(repr(place.initial_cash)).normalize()
        self.watch = RuleWatch(rule_sets, initial, place.first_ns, place.last_ns)
        self.arrays["rules"], self.arrays["states"] = self.watch.rules, self.watch.states
        self.record["n_rules"] = len(rule_sets)
        self.record["reset_lead_ns"] = round(limits.prop.reset_lead_minutes * 60 * _SECOND)


def _allowances(limits: Limits) -> dict[str, float | int]:
    """Fields of guard_dtype by name, off where a control is not configured."""
    collar, span, throttle = limits.collar, limits.collar_over_time, limits.throttle
    repeat, streak, model, canary = limits.repeated_execution, limits.loss_streak, limits.model, limits.canary
    data, micro = limits.data, limits.micro_lots
    token = 0 if throttle is None else round(_SECOND / throttle.per_second)
    return {
        "collar_share": math.inf if collar is None or collar.share is None else collar.share,
        "collar_atr": 0.0 if collar is None or collar.atr is None else collar.atr,
        "collar_span_share": math.inf if span is None else span.share,
        "collar_span_ns": 0 if span is None else _ns(span.seconds),
        "volume_share": _or(limits.max_volume_share, math.inf),
        "max_gross_micro": _micro(limits.max_gross_value),
        "max_net_micro": _micro(limits.max_net_value),
        "token_ns": token,
        "token_burst_ns": 0 if throttle is None else token * throttle.burst,
        "token_reserve_ns": 0 if throttle is None else token * math.ceil(throttle.burst * throttle.cancel_share),
        "max_orders_day": min(
            _or(limits.max_orders_per_day, _NEVER), _NEVER if micro is None else micro.max_orders_per_day
        ),
        "least_equity_micro": _NO_FLOOR,
        "repeat_most": _NEVER if repeat is None else repeat.fills,
        "repeat_ns": 0 if repeat is None else _ns(repeat.seconds),
        "duplicate_ns": 0 if limits.duplicate_seconds is None else _ns(limits.duplicate_seconds),
        "max_age_ns": _NEVER if limits.max_data_age_seconds is None else _ns(limits.max_data_age_seconds),
        "checks_data": data is not None,
        "max_jump": math.inf if data is None or data.max_jump is None else data.max_jump,
        "max_frozen": _NEVER if data is None or data.max_frozen is None else data.max_frozen,
        "max_drift_ns": math.inf if limits.max_clock_drift_ms is None else limits.max_clock_drift_ms * 1e6,
        "has_self_match": limits.prevent_self_match,
        "naked_ns": _NEVER if limits.naked_seconds is None else _ns(limits.naked_seconds),
        "latches_day": limits.intraday_loss_needs_reset,
        "streak_most": _NEVER if streak is None else streak.losses,
        "streak_ns": 0 if streak is None else round(streak.within_minutes * 60 * _SECOND),
        "streak_share": 1.0 if streak is None else 1.0 - streak.reduce_by,
        "max_forecast_ns": _NEVER if model is None or model.max_age_seconds is None else _ns(model.max_age_seconds),
        "least_confidence": 0.0 if model is None or model.min_confidence is None else model.min_confidence,
        "watches_drift": model is not None and model.stop_on_drift,
        "canary_orders_day": _NEVER if canary is None else canary.max_orders_per_day,
        "canary_order_value": math.inf if canary is None else canary.max_order_value,
        "canary_position_value": math.inf if canary is None else canary.max_position_value,
    }


def _instruments(limits: Limits, instruments: Sequence[Instrument]) -> NDArray[np.void]:
    """Return guarded_dtype[n]."""
    table = np.zeros(len(instruments), guarded_dtype)
    for row, instrument in zip(table, instruments, strict=True):
        row["max_order_lots"] = _lots(limits.max_order_size, instrument)
        row["max_position_lots"] = _lots(limits.max_position_size, instrument)
        row["max_added_lots"] = _NEVER
        if limits.micro_lots is not None:
            least = max(instrument.min_lots, 1)
            row["max_added_lots"] = least
            row["max_position_lots"] = min(row["max_position_lots"], limits.micro_lots.max_open_lots * least)
        row["is_allowed"] = limits.allowed is None or instrument.symbol in limits.allowed
        row["is_canary"] = limits.canary is None or instrument.symbol in limits.canary.symbols
    for name in ("price", "atr", "buy_size", "sell_size", "p_up", "p_down"):
        table[name] = math.nan
    table["ts_newest"] = table["forecast_ts"] = _LONG_AGO
    table["naked_since"] = _NEVER
    return table


def _lots(size: float | None, instrument: Instrument) -> int:
    """Return whole lots that a size in units allows; what is no whole lot is not allowed."""
    return _NEVER if size is None else math.floor(Decimal(repr(size)) / Decimal(instrument.lot_size))


def _micro(amount: float | None) -> int:
    return _NEVER if amount is None else round(amount * MICRO)


def _ns(seconds: float) -> int:
    return round(seconds * _SECOND)


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value
