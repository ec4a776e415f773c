"""One strategy, three places that forecasts come from: the same fills."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.e2e.conftest import PROGRAM, clean_environment, run_in
from tests.e2e.trained import learn

from tradewright.models.logistic import Logistic, LogisticParams

RUN = """
strategy: {name: forecast_threshold, params: {enter_above: 0.5, leave_below: 0.5, stop_loss: 0, take_profit: 0}}
data: {symbols: [ACME@1h]}
"""


@pytest.fixture
def folder(place: Path) -> Path:
    """A store with bars of ACME, and a registry with a promoted model of them."""
    learn(place, Logistic(LogisticParams()))
    (place / "run.yaml").write_text(RUN, encoding="utf-8")
    return place


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[str]:
    """The inference API on a free port."""
    process = subprocess.Popen(
        [*PROGRAM, "models", "serve", "--port", "0"],
        cwd=folder,
        env=clean_environment(PYTHONUNBUFFERED="1", **environment),
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield next(word for word in line.split() if word.startswith("http://"))
    finally:
        process.terminate()
        process.communicate(timeout=30)


def backtest(folder: Path, *words: str, **environment: str) -> dict[str, object]:
    done = run_in(folder, "backtest", "run.yaml", *words, "--json", **environment)
    assert done.returncode == 0, done.stderr
    run = folder / str(json.loads(done.stdout)["run"])
    manifest: dict[str, object] = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    return manifest | {"fills": (run / "fills.parquet").read_bytes()}


@pytest.mark.skipif(sys.platform == "win32", reason="terminate does not stop the service cleanly there")
def test_in_process_cached_and_served_forecasts_give_the_same_fills(folder: Path) -> None:
    done = run_in(folder, "models", "forecast", "acme", "ACME", "--out", "acme.parquet")
    assert done.returncode == 0, done.stderr
    cached = backtest(folder, "--set", "forecasts.file=acme.parquet")
    local = backtest(folder, "--set", "forecasts.model=acme")
    with serving(folder) as url:
        remote = backtest(folder, "--set", "forecasts.model=acme", "--set", f"forecasts.url={url}")
    assert len(cached["fills"]) > 0  # type: ignore[arg-type]
    assert cached["fingerprint"] == local["fingerprint"] == remote["fingerprint"]
    assert cached["fills"] == local["fills"] == remote["fills"]
    assert local["model"] == remote["model"]
    assert local["model"]["unproven"] is True  # type: ignore[index]
    pattern = "{name: high, feature: rsi_wilder(14), above: 60, bars: 3}"
    moved = [
        backtest(folder, "--set", f"forecasts.{place}", "--set", f"forecasts.patterns=[{pattern}]")
        for place in ("file=acme.parquet", "model=acme")
    ]
    assert moved[0]["fills"] == moved[1]["fills"] != local["fills"]
    assert moved[1]["fingerprint"] != local["fingerprint"]


def test_a_service_with_a_token_wants_it(folder: Path) -> None:
    token = {"TRADEWRIGHT_PREDICT_TOKEN": "0123456789abcdef-herring"}
    with serving(folder, **token) as url:
        words = ("--set", "forecasts.model=acme", "--set", f"forecasts.url={url}")
        refused = run_in(folder, "backtest", "run.yaml", *words)
        assert refused.returncode == 1
        assert "token" in refused.stderr
        assert backtest(folder, *words, **token)["model"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "forecasts.model=other"), "no model is called 'other'"),
        (("--set", "forecasts.model=acme@9.9.9"), "has no version"),
        (("--set", "forecasts.model=acme", "--set", "forecasts.url=http://127.0.0.1:1"), "cannot be reached"),
        (("--set", "forecasts.url=http://127.0.0.1:1"), "give either `file` or `model`"),
        (("--set", "forecasts.model=acme", "--set", "forecasts.file=x.csv"), "not both"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(folder: Path, words: tuple[str, ...], said: str) -> None:
    done = run_in(folder, "backtest", "run.yaml", *words)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "runs").exists()


def test_a_changed_model_file_is_never_used(folder: Path) -> None:
    victim = next((folder / ".tradewright/models/artefacts").glob("*/logistic.json"))
    victim.write_bytes(victim.read_bytes().replace(b"0.", b"1.", 1))
    done = run_in(folder, "backtest", "run.yaml", "--set", "forecasts.model=acme")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
