"""Settings of several strategies on one account: what they say, what is refused, and what a run folder keeps."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from tradewright.core.types.errors import TradewrightError
from tradewright.data.importer import import_file
from tradewright.data.instruments import InstrumentParams
from tradewright.data.store import BarStore
from tradewright.services.runs.execute import Place, execute
from tradewright.services.runs.prepare import PreparedRun, prepare
from tradewright.services.runs.read import find_run
from tradewright.services.runs.rerender import rerender
from tradewright.services.settings import RunSettings

Members = tuple[dict[str, Any], ...]
TWO: Members = (
    {"name": "ema_cross", "params": {"fast": 3, "slow": 8, "weight": 0.4}, "symbols": ["ACME"]},
    {"name": "ema_cross", "label": "slow", "params": {"fast": 8, "slow": 20, "weight": 0.4}, "symbols": "BOLT"},
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    start = int(datetime(2024, 1, 1, 5, tzinfo=UTC).timestamp())
    for k, symbol in enumerate(("ACME", "BOLT")):
        close = 100 + 5 * np.sin(np.arange(240) / 9 + k)
        rows = [f"{start + i * 3600},{c:.2f},{c + 1:.2f},{c - 1:.2f},{c:.2f},10" for i, c in enumerate(close)]
        path = root / f"{symbol}.csv"
        path.write_text("time,open,high,low,close,volume\n" + "\n".join(rows) + "\n", encoding="utf-8")
        params = InstrumentParams.model_validate({"symbol": symbol, "tick_size": "0.01"})
        BarStore(root / "store").write(import_file(path, params.instrument().calendar), params)
    return root / "store"


def prepared(store: Path, members: Members = TWO, **more: object) -> PreparedRun:
    return prepare(RunSettings.model_validate({"strategies": members, "data": {"store": store}} | more))


def test_the_symbols_are_the_strategies_and_resolved_settings_start_the_same_run(store: Path) -> None:
    run = prepared(store)
    assert run.settings.data.symbols == ("ACME@1h", "BOLT@1h")
    assert [m.symbols for m in run.settings.strategies] == [("ACME@1h",), ("BOLT@1h",)]
    assert run.settings.strategies[1].params["allow_short"] is False
    assert [run.plan.strategy.of(j).name for j in range(2)] == ["ema_cross", "slow"]
    again = prepare(RunSettings.model_validate(json.loads(run.settings.model_dump_json())))
    assert (again.identity, again.config_yaml) == (run.identity, run.config_yaml)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "give `strategy`, or several `strategies`"),
        ({"strategies": TWO, "strategy": {"name": "ema_cross"}}, "give it or `strategies`"),
        ({"strategies": (TWO[0], TWO[1] | {"symbols": ["ACME@1d"]})}, "both trade ACME"),
        ({"strategies": TWO, "data": {"symbols": ["ACME"]}}, "leave data.symbols out"),
        ({"strategies": (TWO[0] | {"label": "a b"}, TWO[1])}, "label"),
        ({"strategies": ({"name": "ema_cross"},)}, "symbols"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(document: dict[str, Any], said: str) -> None:
    data = {} if "strategies" in document else {"data": {"symbols": ["ACME"]}}
    with pytest.raises(ValidationError, match=said):
        RunSettings.model_validate(data | document)


@pytest.mark.parametrize(
    ("members", "more", "said"),
    [
        ((TWO[0], TWO[1] | {"label": ""}), {}, "two strategies are called 'ema_cross'"),
        ((TWO[0], {"name": "momentum_rotation", "symbols": ["BOLT"]}), {}, "account of its own"),
        ((TWO[0] | {"params": {"fast": 0}}, TWO[1]), {}, "strategies[0].params.fast"),
        ((TWO[0], {"name": "probability", "symbols": ["BOLT"]}), {}, "needs forecasts"),
    ],
)
def test_strategies_that_cannot_share_an_account_are_refused(
    store: Path,
    members: Members,
    more: dict[str, Any],
    said: str,
) -> None:
    with pytest.raises(TradewrightError) as caught:
        prepared(store, members, **more)
    assert said in str(caught.value)


def test_a_list_of_one_is_the_strategy_itself(store: Path, tmp_path: Path) -> None:
    run = prepared(store, (TWO[1],), report={"enabled": False})
    assert (run.strategy.name, run.strategy.members) == ("slow", ())
    finished = execute(run, Place(tmp_path / "runs"), lambda _: None)
    assert "members" not in finished.manifest["strategy"]
    alone = {"name": "ema_cross", "params": TWO[1]["params"]}
    same = prepare(RunSettings.model_validate({"strategy": alone, "data": {"store": store, "symbols": ["BOLT"]}}))
    assert run.plan.params == same.plan.params


def _forecasts(folder: Path, symbol: str) -> Path:
    start = datetime(2024, 1, 1, 5, tzinfo=UTC)
    frame = pl.DataFrame({"symbol": [symbol], "ts_seen": [start], "p_up": [0.9]})
    frame.with_columns(pl.col("ts_seen").cast(pl.Datetime("ns", "UTC"))).write_parquet(folder / "forecasts.parquet")
    return folder / "forecasts.parquet"


def test_forecasts_have_to_be_about_those_who_read_them(store: Path, tmp_path: Path) -> None:
    members = (TWO[0], {"name": "forecast_threshold", "symbols": ["BOLT"]})
    with pytest.raises(TradewrightError, match="no forecast of BOLT, by which 'forecast_threshold' decides"):
        prepared(store, members, forecasts={"file": _forecasts(tmp_path, "ACME")})
    known = {"file": _forecasts(tmp_path, "BOLT")}
    assert prepared(store, members, forecasts=known).plan.strategy.uses_forecast
    with pytest.raises(TradewrightError, match="refuses all that 'ema_cross' wants"):
        prepared(store, members, forecasts=known, limits={"model": {"max_age_seconds": 60}})


def test_a_run_folder_tells_what_each_contributed(store: Path, tmp_path: Path) -> None:
    source = tmp_path / "own.py"
    example = Path(__file__).parents[4] / "examples/strategies/my_strategy.py"
    source.write_bytes(example.read_bytes())
    members = (TWO[0], {"file": source, "symbols": ["BOLT"]})
    finished = execute(prepared(store, members), Place(tmp_path / "runs"), lambda _: None)
    stored = find_run("latest", tmp_path / "runs")
    parts = stored.metrics["strategies"]
    assert [p["strategy"] for p in parts] == ["ema_cross", "own"]
    account = stored.metrics["account"]
    assert sum(p["result"] for p in parts) == pytest.approx(account["final_equity"] - account["initial_cash"], abs=1e-4)
    assert [m["symbols"] for m in stored.manifest["strategy"]["members"]] == [["ACME"], ["BOLT"]]
    assert (finished.folder / "strategy-own.py").read_bytes() == source.read_bytes()
    page = (finished.folder / "report.html").read_bytes()
    assert b"Result by strategy" in page
    assert rerender(stored).read_bytes() == page
