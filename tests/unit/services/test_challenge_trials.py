"""How many configurations were tried before a run is what its folder's neighbours and its model say."""

from __future__ import annotations

import json
from pathlib import Path

from tradewright.services.challenge.trials import Trials, trials_of
from tradewright.services.runs.read import read_run

CONFIG = "strategy: {name: ema_cross}\ndata: {symbols: [X@1h]}\n"


def make_run(folder: Path, inputs: str, fingerprint: str = "aa", config: str = CONFIG) -> Path:
    folder.mkdir()
    data = [{"symbol": "X", "timeframe": "1h", "fingerprint": fingerprint}]
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "inputs": inputs, "data": data}))
    (folder / "metrics.json").write_text("{}")
    (folder / "config.yaml").write_text(config)
    return folder


def test_runs_of_other_inputs_over_the_same_bars_count_once_each(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path / "a", "one"))
    make_run(tmp_path / "b", "two")
    make_run(tmp_path / "c", "two")  # the same again
    make_run(tmp_path / "d", "three", fingerprint="bb")  # other bars
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "manifest.json").write_text("broken")
    found = trials_of(run)
    assert (found.runs, found.model, found.count) == (2, 0, 2)
    assert found.told == "2: 2 runs over these bars"


def test_what_is_behind_a_file_of_forecasts_nobody_knows(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path / "a", "one", config=CONFIG + "forecasts: {file: forecasts.csv}\n"))
    assert trials_of(run).told == "at least 1: 1 run over these bars; those behind its forecasts are not known"


def test_a_models_trials_are_added() -> None:
    found = Trials(runs=3, model=40)
    assert found.count == 42
    assert found.told == "42: 3 runs over these bars, 40 of its model"
