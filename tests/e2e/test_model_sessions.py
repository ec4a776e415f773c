"""A session whose forecasts come from a model: warm, in step with its backtest, stopped or not, served or not."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.e2e.conftest import HEADER, bar_lines, run_in
from tests.e2e.trained import WRITTEN, learn
from tests.venues.asgi_server import serving

from tradewright.features.feature_set import FeatureSet
from tradewright.models.deep.lstm import LstmForecaster, LstmParams
from tradewright.models.forecaster import Forecaster
from tradewright.models.logistic import Logistic, LogisticParams
from tradewright.services.feature_sets import written_set
from tradewright.services.http_service.answers import Clocks
from tradewright.services.predict_api.app import make_app
from tradewright.services.predict_api.registered import RegisteredModels
from tradewright.services.predict_api.served import ServedModels

RUN = """
strategy: {name: forecast_threshold, params: {enter_above: 0.5, leave_below: 0.5, stop_loss: 0, take_profit: 0}}
data: {symbols: [ACME@1h]}
forecasts: {model: acme}
"""
KINDS: dict[str, Callable[[], Forecaster]] = {
    "logistic": lambda: Logistic(LogisticParams()),
    "lstm": lambda: LstmForecaster(LstmParams(length=6, hidden=8, epochs=8, batch=32, learning_rate=0.01, threads=1)),
}


def learned(folder: Path, kind: str) -> None:
    """Promote a model, and write what a session with it is told."""
    learn(folder, KINDS[kind]())
    (folder / "run.yaml").write_text(RUN, encoding="utf-8")


def stored(folder: Path, count: int) -> None:
    """Import the first bars of ACME."""
    folder.mkdir(exist_ok=True)
    (folder / "acme.csv").write_text("\n".join([HEADER, *bar_lines()[:count]]) + "\n", encoding="utf-8")
    done = run_in(folder, "data", "import", "acme.csv", "--symbol", "ACME", "--fees", "crypto_spot")
    assert done.returncode == 0, done.stderr


def told(folder: Path, *words: str) -> dict[str, Any]:
    done = run_in(folder, *words, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def outcome(document: dict[str, Any]) -> tuple[object, ...]:
    return document["fills"], document["equity"], document["positions"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_that_was_stopped_forecasts_as_if_it_had_not(kind: str, place: Path, tmp_path: Path) -> None:
    learned(place, kind)
    whole = told(place, "paper", "run.yaml")
    assert whole["fills"] > 4
    expected = told(place, "backtest", "run.yaml", "--no-report")["metrics"]
    if kind == "logistic":  # a network's last bits depend on how many rows it is asked for
        assert whole["equity"] == expected["account"]["final_equity"]
    else:
        assert whole["equity"] == pytest.approx(expected["account"]["final_equity"], rel=0.01)
    half = tmp_path / "half"
    stored(half, 150)
    shutil.copytree(place / ".tradewright/models", half / ".tradewright/models")
    shutil.copy(place / "run.yaml", half)
    assert told(half, "paper", "run.yaml")["rows"] == 150
    stored(half, 240)
    again = told(half, "paper", "run.yaml")
    assert (again["continued"], again["rows"]) == (True, 90)
    assert outcome(again) == outcome(whole)
    assert told(half, "replay", "paper")["differences"] == []


def test_a_session_is_warm_with_the_rows_that_its_model_needs(place: Path) -> None:
    """The strategy has no features of its own: what the model reads decides how much history comes first."""
    learned(place, "lstm")
    assert told(place, "paper", "run.yaml", "--set", "feed.start=2024-01-08")["rows"] < 200
    exported = run_in(place, "journal", "export", ".tradewright/accounts/paper/journal", "--out", "all.jsonl")
    assert exported.returncode == 0, exported.stderr
    rows = [json.loads(line) for line in (place / "all.jsonl").read_text(encoding="utf-8").splitlines()]
    market = [row["payload"] for row in rows if row["kind"] == "market"]
    first = next(row for row in market if row["d"])
    assert first["t"] > 0, "the first decision had no forecast"
    assert sum(not row["d"] for row in market) == 5 * (FeatureSet(written_set(WRITTEN, "test")).warmup + 6 - 1)


class Fading:
    """Answers 503 from a number of questions on."""

    def __init__(self, app: ASGIApp, works: int) -> None:
        self.app, self.left = app, works

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            self.left -= 1
            if self.left < 0:
                await JSONResponse({"what": "the model is looked after"}, 503)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def test_a_session_outlives_the_service_of_its_model(place: Path) -> None:
    learned(place, "logistic")
    local = told(place, "paper", "run.yaml", "--set", "trading.account=local")
    models = ServedModels(RegisteredModels(place / ".tradewright/models"), 10**12, time.monotonic_ns)
    app = make_app(models, Clocks(time.time_ns, time.monotonic_ns))
    words = ("paper", "run.yaml", "--json", "--set", "trading.account=served", "--set")
    with serving(Fading(app, 1_000)) as url:
        done = run_in(place, *words, f"forecasts.url={url}")
    assert outcome(json.loads(done.stdout)) == outcome(local), done.stderr
    words = (*words[:-2], "trading.account=fading", "--set")
    fading = Fading(app, 120)
    with serving(fading) as url:
        done = run_in(place, *words, f"forecasts.url={url}")
        fading.left = 1_000  # a replay looks at the model, too
        retold = run_in(place, "replay", "fading", "--json")
    assert done.returncode == 0, done.stderr
    assert "no forecasts" in done.stderr
    assert "the model is looked after" in done.stderr
    found = json.loads(done.stdout)
    assert found["rows"] == 240
    assert 0 < found["fills"] < local["fills"], "what was held stays held, and nothing new is bought"
    assert json.loads(retold.stdout)["differences"] == [], retold.stderr
