"""Measured costs, sizes by rule and allocation, from the command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def quoted(tw: Run, place: Path) -> Path:
    """The folder, with two days of quotes of ACME: 10 bps wide, and 30 while New York works."""
    lines = ["time,bid,ask"]
    for k in range(2880):
        moment = datetime(2024, 1, 2, tzinfo=UTC) + timedelta(minutes=k)
        half = 0.15 if 13 <= moment.hour < 22 else 0.05
        lines.append(f"{moment.strftime('%Y-%m-%dT%H:%M:%SZ')},{100 - half},{100 + half}")
    (place / "quotes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = tw("data", "import", "quotes.csv", "--symbol", "ACME", "--kind", "quotes")
    assert done.returncode == 0, done.stderr
    return place


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_costs_are_measured_used_and_refused_once_edited(tw: Run, quoted: Path) -> None:
    model = document(tw("costs", "measure", "--json"))
    cells = model["instruments"]["ACME"]["cells"]
    assert cells["new_york"]["half_spread_bps"]["p50"] == pytest.approx(15.0)
    assert cells["tokyo"]["half_spread_bps"]["p50"] == pytest.approx(5.0)
    assert document(tw("costs", "show", "--json"))["digest"] == model["digest"]

    run = ("backtest", "run.yaml", "--set", "costs.model=measured", "--json")
    loop = document(tw(*run, "--out", "loop"))
    session = document(tw(*run, "--path", "session", "--out", "session"))
    again = document(tw("backtest", "loop/config.yaml", "--json", "--out", "again"))
    fixed = document(tw("backtest", "run.yaml", "--json", "--no-report", "--out", "fixed"))
    assert loop["fingerprint"] == session["fingerprint"] == again["fingerprint"] != fixed["fingerprint"]
    assert loop["manifest"]["costs"]["digest"] == model["digest"]
    assert loop["manifest"]["costs"]["assumed"] == ["slippage of ACME"]
    assert "costs" not in fixed["manifest"]
    assert "ASSUMED COSTS: slippage of ACME" in (quoted / "loop" / "report.html").read_text("utf-8")

    partly = document(tw(*run, "--set", "costs.partial_fills=true", "--out", "partly", "--no-report"))
    assert partly["fingerprint"] != loop["fingerprint"]
    assert "fill ratio in shares" in partly["manifest"]["costs"]["instruments"]["ACME"]

    second = document(tw("costs", "measure", "--run", "loop", "--json"))
    assert second["simulated"]
    assert document(tw("costs", "compare", model["version"], "--json", "--page", "both.html"))["changes"]
    assert tw("costs", "show", model["version"], "--page", "one.html").returncode == 0
    for name, said in (("both.html", "SIMULATED"), ("one.html", "half_spread_bps-0")):
        page = (quoted / name).read_text("utf-8")
        assert said in page
        assert 'src="http' not in page
    manifest = json.loads((quoted / "loop" / "manifest.json").read_text("utf-8"))
    assert manifest["venue"] == "simulated"
    (quoted / "loop" / "manifest.json").write_text(json.dumps(manifest | {"venue": "alpaca"}), encoding="utf-8")
    assert not document(tw("costs", "measure", "--run", "loop", "--json"))["simulated"]
    assert tw("costs", "rollback", second["version"]).returncode == 0
    assert document(tw("costs", "rollback", "--json"))["version"] == model["version"]
    file = Path(quoted / model["file"])
    file.write_text(file.read_text("utf-8").replace('"p50": 15.0', '"p50": 1.0'), encoding="utf-8")
    refused = tw(*run, "--out", "edited")
    assert refused.returncode == 1
    assert "was changed after it was measured" in refused.stderr
    assert not (quoted / "edited").exists()


def test_a_first_run_takes_the_shipped_table_and_says_so(tw: Run, place: Path) -> None:
    asked = tw("backtest", "run.yaml", "--set", "costs.model=measured")
    assert asked.returncode == 2
    assert "costs measure" in asked.stderr
    done = document(tw("backtest", "run.yaml", "--set", "costs.model=assumed", "--json", "--out", "run"))
    assert done["manifest"]["costs"]["version"] == "assumed-1"
    assert "ASSUMED COSTS" in (place / "run" / "report.html").read_text(encoding="utf-8")
    text = tw("backtest", "run.yaml", "--set", "costs.model=assumed", "--out", "run2").stdout
    assert "ASSUMED COSTS" in text


def test_nothing_to_measure_is_said(tw: Run) -> None:
    done = tw("costs", "measure")
    assert done.returncode == 1
    assert "nothing to measure" in done.stderr


def test_sizes_by_rule(tw: Run, place: Path) -> None:
    stops = ("--set", "stop_loss=0.02", "--set", "take_profit=0.05")
    base = ("backtest", "run.yaml", *stops, "--json", "--no-report")
    risk = document(tw(*base, "--set", "sizing.method=fixed_risk", "--set", "sizing.risk=0.01", "--out", "a"))
    plain = document(tw(*base, "--out", "b"))
    assert risk["manifest"]["sizing"]["amount"] == 0.01
    assert "sizing" not in plain["manifest"]
    # 1 % at a stop 2 % away is half of equity; the strategy itself would take 95 %
    traded = [d["metrics"]["performance"]["traded_value"] for d in (risk, plain)]
    assert 0.45 < traded[0] / traded[1] < 0.6
    (place / "b").rename(place / "record")
    ahead = tw(*base, "--set", "sizing.method=kelly", "--set", "sizing.record=record", "--out", "c")
    assert ahead.returncode == 2
    assert "know the future" in ahead.stderr
    percent = tw(*base, "--set", "sizing.method=fixed_risk", "--set", "sizing.risk=5")
    assert percent.returncode == 2
    assert "sizing.risk" in percent.stderr


def test_weights_are_allocated_and_traded(tw: Run, place: Path) -> None:
    rng = np.random.default_rng(2)
    for name, deviation in (("CALM", 0.005), ("WILD", 0.02)):
        closes = 100.0 * np.exp(np.cumsum(rng.normal(0.0, deviation, 160)))
        days = [(datetime(2023, 1, 1, tzinfo=UTC) + timedelta(days=k)).strftime("%Y-%m-%d") for k in range(160)]
        lines = [f"{d},{c:.4f},{c:.4f},{c:.4f},{c:.4f},5" for d, c in zip(days, closes.tolist(), strict=True)]
        (place / "bars.csv").write_text("time,open,high,low,close,volume\n" + "\n".join(lines) + "\n", encoding="utf-8")
        done = tw("data", "import", "bars.csv", "--symbol", name)
        assert done.returncode == 0, done.stderr
    words = ("allocate", "CALM", "WILD", "--method", "inverse_volatility", "--window", "60", "--out", "weights.csv")
    found = document(tw(*words, "--json"))
    assert found["weights"][0]["CALM"] > 0.6
    assert set(found["figures"]["portfolio"]["sharpe"]) == {"value", "low", "high"}
    (place / "weights.yaml").write_text(
        "strategy: {name: target_weights}\ndata: {symbols: [CALM, WILD]}\nforecasts: {file: weights.csv}\n",
        encoding="utf-8",
    )
    run = document(tw("backtest", "weights.yaml", "--json", "--no-report", "--out", "run"))
    assert run["metrics"]["counters"]["fills"] >= 2
    assert tw("allocate", "CALM", "--window", "60").returncode == 2
