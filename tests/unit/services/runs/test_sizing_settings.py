"""From the settings of sizes and costs to numbers that were known before the run, or to a refusal."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tradewright.core.types.errors import ConfigError, StoreError
from tradewright.data.importer import import_file
from tradewright.data.instruments import InstrumentParams
from tradewright.data.store import BarStore
from tradewright.services.runs.prepare import PreparedRun, prepare
from tradewright.services.settings import RunSettings

START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ONE and TWO, 400 hourly bars, whose returns are the same until bar 200 and independent from then on."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(1)
    shared, own = rng.normal(0.0, 0.01, 400), rng.normal(0.0, 0.01, 400)
    for symbol, moves in (("ONE", shared), ("TWO", np.where(np.arange(400) < 200, shared, own))):
        closes = 100.0 * np.exp(np.cumsum(moves))
        times = [(START + timedelta(hours=k)).strftime("%Y-%m-%dT%H:%M:%SZ") for k in range(400)]
        rows = [f"{t},{c:.6f},{c:.6f},{c:.6f},{c:.6f},10" for t, c in zip(times, closes.tolist(), strict=True)]
        path = root / f"{symbol}.csv"
        path.write_text("time,open,high,low,close,volume\n" + "\n".join(rows) + "\n", encoding="utf-8")
        params = InstrumentParams.model_validate({"symbol": symbol, "tick_size": "0.000001"})
        BarStore(root / "store").write(import_file(path, params.instrument().calendar), params)
    return root / "store"


def record(folder: Path, wins: int, n: int, end: str = "2023-12-01") -> Path:
    """Write the trades of an earlier run: wins of 2 % and losses of 1 %."""
    rows = [f"{end}T00:00:00.000000000Z,{0.02 if k < wins else -0.01}" for k in range(n)]
    (folder / "trades.csv").write_text("exit_time,return\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return folder


def prepared(store: Path, sizing: dict[str, Any], **data: object) -> PreparedRun:
    return prepare(
        RunSettings.model_validate(
            {
                "strategy": {"name": "ema_cross"},
                "data": {"store": store, "symbols": ["ONE"], **data},
                "sizing": sizing,
            }
        )
    )


def amount(run: PreparedRun) -> float:
    return float(run.sizing["amount"])


def test_the_strategys_own_size_leaves_no_trace(store: Path) -> None:
    run = prepared(store, {})
    assert run.sizing == {}
    assert run.plan.strategy is run.strategy


def test_a_year_of_volatility_becomes_one_of_a_bar(store: Path) -> None:
    # 24 x 365.25 hourly bars a year
    run = prepared(store, {"method": "volatility_target", "volatility": 0.2})
    assert amount(run) == pytest.approx(0.2 / math.sqrt(24 * 365.25))
    assert run.plan.strategy.name == "ema_cross"


def test_kelly_of_a_record(store: Path, tmp_path: Path) -> None:
    # 60 of 100 at 2:1: Wilson's lower bound of 0.6 is 0.5020; half of 0.5020 - 0.4980/2 = 0.1265, capped
    asked = {"method": "kelly", "record": record(tmp_path, 60, 100)}
    assert amount(prepared(store, asked)) == 0.01
    assert amount(prepared(store, {**asked, "cap": 0.2})) == pytest.approx(0.1265, abs=1e-4)


def test_kelly_without_an_edge_trades_nothing_and_with_few_trades_falls_back(store: Path, tmp_path: Path) -> None:
    asked = {"method": "kelly", "record": record(tmp_path, 33, 100)}
    assert amount(prepared(store, asked)) == 0.0
    few = prepared(store, {"method": "kelly", "record": record(tmp_path, 15, 25), "risk": 0.004})
    assert amount(few) == 0.004
    assert "too few" in few.sizing["told"]


def test_a_record_of_the_future_is_refused(store: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="know the future"):
        prepared(store, {"method": "kelly", "record": record(tmp_path, 60, 100, "2024-01-05")})
    with pytest.raises(StoreError, match="no record of trades"):
        prepared(store, {"method": "kelly", "record": tmp_path / "none"})


def test_correlation_given_or_measured_before_the_run(store: Path) -> None:
    both = {"symbols": ["ONE", "TWO"], "start": "2024-01-09T08:00:00"}  # bar 200
    given = prepared(store, {"method": "fixed_fraction", "correlation": 0.5}, **both)
    assert given.sizing["scale"] == pytest.approx(math.sqrt(2 / 3))
    measured = prepared(store, {"method": "fixed_fraction", "correlation": "measured"}, **both)
    assert measured.sizing["scale"] == pytest.approx(math.sqrt(1 / 2), rel=1e-4)  # what comes later does not count
    with pytest.raises(ConfigError, match="share 0 bars"):
        prepared(store, {"method": "fixed_fraction", "correlation": "measured"}, symbols=["ONE", "TWO"])


@pytest.mark.parametrize(
    "sizing",
    [
        {"method": "fixed_risk", "risk": 5},
        {"method": "kelly"},
        {"method": "fixed_risk", "record": "runs/x"},
        {"method": "martingale"},
        {"method": "fixed_risk", "correlation": 1.5},
    ],
)
def test_settings_that_cannot_be_meant(sizing: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RunSettings.model_validate({"strategy": {"name": "ema_cross"}, "data": {"symbols": ["ONE"]}, "sizing": sizing})


def test_a_scale_for_the_strategys_own_sizes_is_refused(store: Path) -> None:
    with pytest.raises(ConfigError, match="not scaled"):
        prepared(store, {"correlation": 0.5})


@pytest.mark.parametrize("costs", [{"impact": 1.0}, {"version": "x"}, {"latency_budget_ms": 5}, {"model": "guessed"}])
def test_costs_that_fixed_terms_do_not_know(costs: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RunSettings.model_validate({"strategy": {"name": "ema_cross"}, "data": {"symbols": ["ONE"]}, "costs": costs})
