"""The guard decides the same in the compiled loop and in the session, and writes down the same, byte for byte."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.parity.random_scripts import Market, assert_same, random_plan
from tests.parity.test_quiet_bars import _plan as cross_plan

from tradewright.core.types.forecast import Forecasts
from tradewright.core.types.order import Reason
from tradewright.engine.backtest import BacktestResult, run_backtest
from tradewright.engine.plan import BacktestPlan
from tradewright.engine.sweep import run_sweep
from tradewright.risk.limits import Limits

BUFFER = Path(__file__).parents[1] / "golden" / "buffer_rules.yaml"
RULES = ("ftmo.2step.challenge", "ftmo.1step.challenge", "quantum.standard", "fundednext.instant", "test.buffer")
QUIET = range(40)
CASES: tuple[tuple[Market, bool, range], ...] = (
    ("bars", False, range(120)),
    ("ticks", False, range(120, 240)),
    ("bars", True, range(240, 280)),
    ("ticks", True, range(280, 320)),
)


def random_limits(rng: np.random.Generator, plan: BacktestPlan, *, everything: bool = False) -> Limits:
    """Draw about half of all controls, or all of them, tight enough to refuse something."""
    cash, symbols = plan.account.initial_cash, [i.symbol for i in plan.instruments]
    day = np.datetime64(plan.first_ns, "ns").astype("datetime64[D]")
    choices: dict[str, Any] = {
        "max_order_value": cash * 0.6,
        "max_position_value": cash * 1.2,
        "max_leverage": 2.0,
        "intraday_loss": 0.05,
        "max_drawdown": 0.3,
        "intraday_loss_needs_reset": True,
        "collar": {"share": 0.02, "atr": 1.0} if rng.random() < 0.5 else {"share": 0.005},
        "collar_over_time": {"share": 0.02, "seconds": 7200},
        "max_order_size": float(rng.choice([10, 300, 5000])),
        "max_volume_share": 0.5,
        "max_position_size": 10_000.0,
        "max_gross_value": cash,
        "max_net_value": cash * 0.7,
        "throttle": {"per_second": float(rng.choice([0.0005, 0.01, 5])), "burst": 10},
        "max_orders_per_day": int(rng.integers(3, 30)),
        "signals_per_hour": [{"per_hour": 2}, {"confidence": 0.6, "per_hour": 5}],
        "repeated_execution": {"fills": int(rng.integers(4, 30)), "seconds": 86_400},
        "duplicate_seconds": 7200.0,
        "max_data_age_seconds": float(rng.choice([1, 7200])),
        "data": {"max_jump": 0.02, "max_frozen": 3},
        "max_clock_drift_ms": 500.0,
        "windows": {
            "dates": [{"start": f"{day + 2}T03:00:00Z", "end": f"{day + 2}T09:00:00Z", "close": True}],
            "weekly": [{"start": "Wed 12:00", "end": "Wed 15:00", "tz": "Europe/Prague", "close": True}],
            "news": {"times": [f"{day + 1}T04:00:00Z"], "before_seconds": 3600, "after_seconds": 3600},
        },
        "allowed": symbols[: int(rng.integers(1, len(symbols) + 1))],
        "prevent_self_match": True,
        "naked_seconds": float(rng.choice([1, 30_000])),
        "prop": {
            "rules": sorted(rng.choice(RULES, 2, replace=False).tolist()),
            "files": str(BUFFER),
            "gap": 0.01,
            "reset_lead_minutes": 130,
        },
        "loss_streak": {"losses": 2, "within_minutes": 600, "reduce_by": float(rng.choice([0.5, 1.0]))},
        "model": {"max_age_seconds": 20_000, "min_confidence": 0.55},
        "canary": {
            "symbols": symbols,
            "max_orders_per_day": 2,
            "max_order_value": cash * 0.3,
            "max_position_value": cash * 0.5,
        },
    }  # fmt: skip
    chosen = {name: value for name, value in choices.items() if everything or rng.random() < 0.3}
    if "allowed" in chosen and "canary" in chosen:
        chosen["canary"] = {**choices["canary"], "symbols": chosen["allowed"]}
    if "intraday_loss" not in chosen:
        chosen.pop("intraday_loss_needs_reset", None)
    return Limits.model_validate(chosen)


def random_forecasts(rng: np.random.Generator, plan: BacktestPlan) -> tuple[Forecasts, ...]:
    """Forecasts of the first instrument, some hours apart."""
    seen = np.sort(rng.integers(plan.first_ns, plan.last_ns, 40))
    up = rng.random(40)
    values = np.vstack([up, 1.0 - up, np.zeros(40), np.zeros(40)])
    return (Forecasts(plan.instruments[0].symbol, seen, np.ascontiguousarray(values)),)


def guarded_plan(seed: int, kind: Market, *, is_cross_section: bool) -> BacktestPlan:
    """Return a random run under random controls."""
    rng = np.random.default_rng(1_000 + seed)
    plan = random_plan(seed, kind, is_cross_section=is_cross_section)
    limits = random_limits(rng, plan, everything=seed % 8 == 0)
    return replace(plan, limits=limits, forecasts=random_forecasts(rng, plan))


@lru_cache(maxsize=1)
def _looped() -> dict[int, BacktestResult]:
    return {
        seed: run_backtest(guarded_plan(seed, kind, is_cross_section=cross))
        for kind, cross, seeds in CASES
        for seed in seeds
    }


@pytest.mark.parametrize(("kind", "is_cross_section", "seeds"), CASES)
def test_loop_and_session_decide_the_same(kind: Market, is_cross_section: bool, seeds: range) -> None:
    for seed in seeds:
        plan = guarded_plan(seed, kind, is_cross_section=is_cross_section)
        assert_same(_looped()[seed], run_backtest(plan, "session"), (kind, is_cross_section, seed))


def test_the_scripts_meet_every_control() -> None:
    met: Counter[int] = Counter()
    for result in (*_looped().values(), *(run_backtest(prop_plan(seed)) for seed in QUIET)):
        met.update(result.decisions["reason"].tolist())
        met.update(result.orders["reason"].tolist())
    # a simulated clock does not drift, no model raises its alarm, no person says anything; a target that was reached is
    # met in `tests/properties/test_prop_guard`
    silent = {
        Reason.TRADING_REDUCING, Reason.TRADING_HALTED, Reason.TRADING_KILLED, Reason.GUARD_ERROR,
        Reason.CLOCK_DRIFT, Reason.MODEL_DRIFT, Reason.INSTRUMENT_HALTED, Reason.PROP_ENDED,
    }  # fmt: skip
    missing = {r for r in Reason if r >= Reason.TRADING_REDUCING and met[r] == 0} - silent
    assert not missing, f"the scripts no longer meet {missing}: they test less than they claim"


def prop_plan(seed: int) -> BacktestPlan:
    """A cross strategy on hourly bars, most of them quiet, under random prop rules."""
    rng = np.random.default_rng(seed)
    plan = cross_plan(seed)
    prop = {
        "rules": sorted(rng.choice(RULES, int(rng.integers(1, 4)), replace=False).tolist()),
        "files": str(BUFFER),
        "reset_lead_minutes": 130,
        "gap": float(rng.choice([0.001, 0.01, 0.03])),
    }
    naked = (None, 1e5)[rng.integers(2)]
    return replace(
        plan, limits=Limits.model_validate({**plan.limits.model_dump(), "prop": prop, "naked_seconds": naked})
    )


@pytest.mark.parametrize("seed", QUIET)
def test_quiet_bars_change_nothing_under_prop_rules(seed: int) -> None:
    plan = prop_plan(seed)
    whole = run_backtest(plan)
    assert len(whole.decisions) > 0
    assert_same(whole, run_backtest(plan, "session"), f"seed {seed}")
    plain = replace(plan, strategy=replace(plan.strategy, is_compiled=False))
    assert_same(whole, run_backtest(plain), f"seed {seed}, plain Python")
    bare = run_backtest(replace(plan, keeps_equity=False))
    assert whole.decisions.tobytes() == bare.decisions.tobytes()


@pytest.mark.parametrize("seed", range(0, 40, 8))
def test_a_sweep_obeys_the_same_guard(seed: int) -> None:
    plan = guarded_plan(seed, "bars", is_cross_section=False)
    sets = [plan.params, plan.params.model_copy(update={"haste": 0.9}), plan.params]
    scores = run_sweep(plan, sets)
    assert repr(scores[0]) == repr(scores[2]), "what one set did stayed in the guard's memory"
    run = run_backtest(plan)
    assert (scores[0].total_return, scores[0].denials) == (run.score["total_return"], run.counters["denials"])
