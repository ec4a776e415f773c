"""What the guard costs: one order through each control in the session's path, and W1 under loss limits and prop rules.

``python -m benchmarks.guard`` prints a table: for each control the median time of one order through the check with that
control alone on, less the same with none; then the check with all of them on, and W1 with and without them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.data import make_bars
from benchmarks.ours import bar_plan
from benchmarks.ours_strategies import BarCross
from benchmarks.spec import DEFAULT_RULES
from tradewright.core.kernel.market_nb import check_alone_nb
from tradewright.core.kernel.records import instrument_records
from tradewright.core.types.instrument import Instrument
from tradewright.engine.backtest import run_backtest
from tradewright.engine.memory import AccountStart, SessionMemory, Shape
from tradewright.risk.controls import CONTROLS
from tradewright.risk.guard import Guard, GuardPlace
from tradewright.risk.limits import Limits
from tradewright.strategies.signals import limit

DAY = 86_400_000_000_000
NOW = 1_704_200_000_000_000_000
ORDERS = 20_000
_WIDE = 1e12

#: Every control on, and wide enough to refuse nothing: what passes meets all of them.
ALL: dict[str, Any] = {
    "max_order_value": _WIDE,
    "max_position_value": _WIDE,
    "max_leverage": 1e6,
    "max_open_positions": 1000,
    "intraday_loss": 0.5,
    "max_drawdown": 0.9,
    "intraday_loss_needs_reset": True,
    "collar": {"share": 0.5, "atr": 1e6},
    "collar_over_time": {"share": 0.5, "seconds": 60},
    "max_order_size": _WIDE,
    "max_volume_share": 1.0,
    "max_position_size": _WIDE,
    "max_gross_value": _WIDE,
    "max_net_value": _WIDE,
    "throttle": {"per_second": 1e6, "burst": 1_000_000},
    "max_orders_per_day": 2**60,
    "signals_per_hour": [{"per_hour": 64}],
    "repeated_execution": {"fills": 64, "seconds": 60},
    "duplicate_seconds": 1e-9,
    "max_data_age_seconds": 1e8,
    "data": {"max_jump": 1.0},
    "max_clock_drift_ms": 500.0,
    "windows": {"dates": [{"start": "2023-01-01T00:00:00Z", "end": "2023-01-02T00:00:00Z"}]},
    "allowed": ["X"],
    "prevent_self_match": True,
    "naked_seconds": 60.0,
    "prop": {"rules": ["ftmo.2step.challenge"], "gap": 0.01},
    "loss_streak": {"losses": 2},
    "model": {"max_age_seconds": 1e8, "min_confidence": 0.1},
    "canary": {"symbols": ["X"], "max_orders_per_day": 2**60, "max_order_value": _WIDE, "max_position_value": _WIDE},
    "ceilings": {},
}


def order_microseconds(limits: dict[str, Any]) -> float:
    """Median time of one order from the signal table through the check into the outbox, microseconds."""
    instrument = Instrument("X", margin_initial=0.01)
    allowed = Limits.model_validate(limits)
    place = GuardPlace((instrument,), 100_000.0, NOW - 10 * DAY, NOW + 100 * DAY)
    guard = Guard(allowed, place) if allowed.has_guard else None
    days = np.array([0, 2**62], np.int64)
    start = AccountStart(100_000.0, allowed, np.array([np.nan]), days, guard)
    memory = SessionMemory(Shape(1, 0, 16), start, instrument_records([instrument], "USD"))
    memory.arrays["positions"]["price"] = 100.0
    record, positions = memory.record, memory.arrays["positions"]
    if guard is not None:
        guard.record["drift_ns"] = 0.0
        rows = guard.arrays["instruments"]
        for name, value in (("price", 100.0), ("atr", 1.0), ("buy_size", _WIDE), ("sell_size", _WIDE), ("p_up", 0.9)):
            rows[name] = value
        rows["ts_newest"] = rows["forecast_ts"] = NOW
    signals, spent = memory.arrays["signals"], np.empty(ORDERS)
    for n in range(ORDERS):
        record["now"] = NOW + n * 120_000_000_000  # two minutes apart: rings neither fill nor run empty
        if guard is not None:
            guard.arrays["instruments"]["ts_newest"] = guard.arrays["instruments"]["forecast_ts"] = record["now"]
        limit(signals, 1.0, 99.0)
        begun = time.perf_counter_ns()
        check_alone_nb(memory.address, 0)
        spent[n] = time.perf_counter_ns() - begun
        if int(record["n_outbox"][0]) != 1:
            msg = f"the order was refused: {memory.taken('decisions', 'n_decisions')['reason'][-1:]}"
            raise RuntimeError(msg)
        record["n_outbox"] = record["reserved_micro"] = positions["working"] = 0
        if record["needs_room"][0]:
            memory.grow()
    return float(np.median(spent)) / 1e3


@dataclass(frozen=True)
class LoopCost:
    """Processor seconds of W1, the best of some runs: without limits, with loss limits, with prop rules besides."""

    bare: float
    losses: float
    prop: float


def loop_cost(repeats: int = 5) -> LoopCost:
    """Run W1 in turn without and with limits that are watched all the time and never broken."""
    plan = bar_plan(make_bars(), DEFAULT_RULES, BarCross)
    losses = {"intraday_loss": 0.5, "max_drawdown": 0.9, "max_leverage": 10.0, "naked_seconds": 1e7}
    prop = {"rules": ["ftmo.2step.challenge"], "gap": 0.01}
    limits = (Limits(), Limits.model_validate(losses), Limits.model_validate({**losses, "prop": prop}))
    plans = [replace(plan, limits=each) for each in limits]
    best = [float("inf")] * len(plans)
    for _ in range(repeats + 1):
        for n, each in enumerate(plans):
            begun = time.process_time()
            run_backtest(each)
            best[n] = min(best[n], time.process_time() - begun)
    return LoopCost(*best)


def main() -> None:
    """Print both."""
    nothing = order_microseconds({})
    print(f"one order, no control: {nothing:.2f} us")
    for control in CONTROLS:
        alone = {field: ALL[field] for field in control.fields if field in ALL}
        if control.id == "C20":
            alone["intraday_loss"] = ALL["intraday_loss"]
        extra = order_microseconds(alone) - nothing if alone else 0.0
        print(f"{control.id} {control.name:<20} {extra:+.2f} us")
    print(f"one order, all controls: {order_microseconds(ALL):.2f} us")
    cost = loop_cost()
    print(f"W1 without limits {cost.bare:.3f} s, all loss limits {cost.losses:.3f} s ({cost.losses / cost.bare:.2f}x), "
          f"prop rules too {cost.prop:.3f} s ({cost.prop / cost.bare:.2f}x)")  # fmt: skip


if __name__ == "__main__":
    main()
