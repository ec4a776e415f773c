"""Fingerprints of every built-in strategy on the packaged real data: a fill rule cannot change unnoticed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tradewright.core.types.bar import Bars
from tradewright.core.types.forecast import Forecasts
from tradewright.core.types.instrument import Instrument
from tradewright.data.sample import sample_instrument, sample_store
from tradewright.data.store import BarStore
from tradewright.engine.backtest import BacktestResult, run_backtest
from tradewright.engine.plan import AccountParams, plan_of_bars
from tradewright.execution.sim_venue import SimVenueParams
from tradewright.risk.limits import Limits
from tradewright.strategies.registry import built_in, names

ANSWERS = Path(__file__).with_name("runs.json")
STOCKS = ("AAPL", "GOOG", "IBM", "MSFT")

#: What each run is of: symbols, parameters, limits, venue.
RUNS: dict[str, tuple[str, tuple[str, ...], dict[str, Any], Limits, SimVenueParams]] = {
    **{f"{name} on EURUSD": (name, ("EURUSD",), {}, Limits(), SimVenueParams()) for name in names()},
    **{f"{name} on stocks": (name, STOCKS, {"weight": 0.2}, Limits(), SimVenueParams()) for name in names()},
    "confidence in tiers": (
        "confidence",
        ("EURUSD",),
        {"low": 0.505, "medium": 0.51, "high": 0.515, "low_share": 0.2, "medium_share": 0.5},
        Limits(),
        SimVenueParams(),
    ),
    "ema_cross with brackets": (
        "ema_cross",
        ("EURUSD",),
        {"fast": 5, "slow": 20, "stop_loss": 0.003, "take_profit": 0.006, "allow_short": True},
        Limits(),
        SimVenueParams(),
    ),
    "ema_cross with brackets from the next bar": (
        "ema_cross",
        ("EURUSD",),
        {"fast": 5, "slow": 20, "stop_loss": 0.003, "take_profit": 0.006, "allow_short": True},
        Limits(),
        SimVenueParams(protect_from="next_bar", limit_gap="open", touch_fills=True),
    ),
    "ema_cross within limits": (
        "ema_cross",
        STOCKS,
        {"fast": 5, "slow": 20, "weight": 0.5, "allow_short": True},
        Limits(max_open_positions=2, intraday_loss=0.02, max_drawdown=0.3),
        SimVenueParams(),
    ),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> BarStore:
    return sample_store(tmp_path_factory.mktemp("sample"))


def _forecasts(bars: list[Bars]) -> tuple[Forecasts, ...]:
    """Made-up probabilities from whole numbers, so that they are the same on every machine."""
    series = []
    for j, one in enumerate(bars):
        n = len(one)
        up = (np.arange(n, dtype=np.int64) * 7919 + 31 * j) % 1000 / 1000.0
        up[np.arange(n) % 5 != 0] = 0.52
        series.append(Forecasts(one.instrument, one.ts_event, np.vstack([up, 1.0 - up, 0.0 * up, up - 0.5])))
    return tuple(series)


def _run(name: str, store: BarStore) -> BacktestResult:
    strategy_name, symbols, params, limits, venue = RUNS[name]
    strategy = built_in(strategy_name)
    instruments: list[Instrument] = [sample_instrument(symbol).instrument() for symbol in symbols]
    bars = [_bars(store, symbol) for symbol in symbols]
    given = {key: value for key, value in params.items() if key in strategy.params.model_fields}
    plan = plan_of_bars(instruments, bars, strategy, strategy.params(**given))
    return run_backtest(
        replace(
            plan,
            account=AccountParams(100_000.0),
            limits=limits,
            venue=venue,
            forecasts=_forecasts(bars) if strategy.uses_forecast else (),
        )
    )


def _bars(store: BarStore, symbol: str) -> Bars:
    return store.load(symbol, "1h" if symbol == "EURUSD" else "1d")


def _answer(result: BacktestResult) -> dict[str, Any]:
    digest = hashlib.sha256()
    for array in (result.fills, result.orders, result.ledger, result.stamps, result.equity):
        digest.update(array.tobytes())
    return {
        "sha256": digest.hexdigest(),
        "final_equity": result.final_equity,
        "fills": len(result.fills),
        "orders": len(result.orders),
        **{key: result.counters[key] for key in ("denials", "liquidations", "round_trips", "wins")},
    }


def _known() -> dict[str, Any]:
    if not ANSWERS.exists():
        return {}
    answers: dict[str, Any] = json.loads(ANSWERS.read_text(encoding="utf-8"))
    return answers


@pytest.mark.parametrize("name", sorted(RUNS))
def test_a_run_gives_what_it_always_gave(name: str, store: BarStore, remake_golden: bool) -> None:
    answer = _answer(_run(name, store))
    known = _known()
    if remake_golden:
        known[name] = answer
        kept = {key: known[key] for key in sorted(known) if key in RUNS}
        ANSWERS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        return
    assert answer == known.get(name), (
        "results changed. If that is meant: `make golden`, look at the difference of tests/golden/runs.json, and add a "
        "line under `Behaviour` in CHANGELOG.md that says what users will see"
    )


def test_every_answer_belongs_to_a_run(remake_golden: bool) -> None:
    if not remake_golden:
        assert sorted(_known()) == sorted(RUNS)


def test_a_changed_fill_is_noticed(store: BarStore) -> None:
    one = _answer(_run("ema_cross with brackets", store))
    other = _answer(_run("ema_cross with brackets from the next bar", store))
    assert one["sha256"] != other["sha256"]
