"""`tradewright data snapshot | snapshots | diff | history | prune | dvc | query`, and runs that name a snapshot."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tradewright.core.types.errors import TradewrightError
from tradewright.services.cli.app import app
from tradewright.services.runs.prepare import bars_of
from tradewright.services.settings import RunSettings


class Data:
    """Runs `tradewright data` on one store."""

    def __init__(self, store: Path) -> None:
        self.store = store

    def __call__(self, *words: str, exit_code: int = 0) -> str:
        done = CliRunner().invoke(app, ["data", *words, "--store", str(self.store)])
        assert done.exit_code == exit_code, done.output
        return done.output

    def json(self, *words: str, exit_code: int = 0) -> Any:  # noqa: ANN401 -- a JSON document
        return json.loads(self(*words, "--json", exit_code=exit_code))

    def bring(self, symbol: str, closes: list[float], *words: str) -> None:
        path = self.store.parent / f"{symbol}.csv"
        rows = [f"{1_704_067_200 + 3600 * i},{c},{c + 1},{c - 1},{c},5" for i, c in enumerate(closes)]
        path.write_text("\n".join(["time,open,high,low,close,volume", *rows]) + "\n")
        self("import", str(path), "--symbol", symbol, "--tick-size", "0.01", *words)


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """Return a store of one symbol whose third bar was corrected after the snapshot `first`."""
    data = Data(tmp_path / "store")
    data.bring("ACME", [100.0, 101.0, 102.0, 103.0])
    data("snapshot", "first")
    data.bring("ACME", [100.0, 101.0, 102.5, 103.0], "--replace")
    return data


def test_a_difference_is_told_in_words_and_by_the_exit_code(data: Data) -> None:
    said = data("diff", "first", "now", exit_code=1)
    assert "ACME 1h, version 1 -> 2: 0 rows added, 0 removed, 1 changed" in said
    assert "2024-01-01 02:00:00 close: 102.0 -> 102.5" in said
    assert data("diff", "ACME@1h:1", exit_code=1).splitlines()[1:] == said.splitlines()[1:]
    assert "hold the same" in data("diff", "first", "ACME@1h:1")
    found = data.json("diff", "first", exit_code=1)
    assert found["changed"][0]["rows"] == {"added": 0, "removed": 0, "changed": 1}
    close = {"ts_open": 1_704_074_400 * 10**9, "field": "close", "before": 102.0, "after": 102.5}
    assert close in found["changed"][0]["examples"]
    assert data.json("diff", "now") == {"is_equal": True, "added": [], "removed": [], "changed": []}


def test_snapshots_are_listed_and_never_change(data: Data) -> None:
    (listed,) = data.json("snapshots")
    assert (listed["name"], [p["symbol"] for p in listed["pins"]]) == ("first", ["ACME"])
    said = data("snapshot", "first", exit_code=2)
    assert "never changes" in said
    assert data.json("snapshot", "second", "ACME@1h")["is_new"] is True
    assert "it was there already" in data("snapshot", "second")
    assert "second" in data("snapshots")


def test_history_says_what_each_write_was(data: Data) -> None:
    first, second = data.json("history", "ACME")
    assert (first["version"], first["is_correction"], second["version"], second["is_correction"]) == (1, False, 2, True)
    assert second["parent"] == first["digest"]
    assert second["recorded_ns"] >= first["recorded_ns"] > 1_700_000_000 * 10**9
    assert re.search(r"2 +20\d\d-.* correction", data("history", "ACME@1h"))


def test_prune_keeps_what_a_snapshot_names(data: Data) -> None:
    data.bring("ACME", [100.0, 101.0, 102.75, 103.0], "--replace")
    assert data.json("prune")["versions"] == 1
    assert [v["version"] for v in data.json("history", "ACME")] == [1, 3]
    assert "102.0 -> 102.75" in data("diff", "first", exit_code=1)


def test_a_stage_of_dvc_is_written_once(data: Data) -> None:
    out = data.store.parent
    data("dvc", "first", "--out", str(out))
    stages = yaml.safe_load((out / "dvc.yaml").read_text())["stages"]
    assert list(stages) == ["data-first"]
    assert all((out / path).is_file() for path in stages["data-first"]["deps"])
    assert yaml.safe_load((out / "dvc.lock").read_text())["schema"] == "2.0"
    data("dvc", "first", "--out", str(out))
    data("snapshot", "second")
    assert "is there already with other content" in data("dvc", "second", "--out", str(out), exit_code=2)
    assert "is no folder" in data("dvc", "first", "--out", str(out / "none"), exit_code=2)


def test_questions_in_sql(data: Data) -> None:
    found = data.json("query", "select symbol, max(close), sum(buy_volume) from bars group by symbol")
    assert found == {
        "columns": ["symbol", 'max("close")', "sum(buy_volume)"],
        "rows": [["ACME", 103.0, None]],
        "has_more": False,
    }
    assert "More rows follow the first 2" in data("query", "select * from bars", "--limit", "2")
    assert "only one SELECT" in data("query", "drop view bars", exit_code=2)


@pytest.mark.parametrize("word", ["nothing", "ACME:1", "ACME@1h:x", "ACME@1h:9", "NONE@1h:1"])
def test_states_that_are_not_there(data: Data, word: str) -> None:
    assert "error:" in data("diff", word, exit_code=2)


def _settings(store: Path, **more: str) -> RunSettings:
    document = {"strategy": {"name": "ema_cross"}, "data": {"store": store, "symbols": "ACME"} | more}
    return RunSettings.model_validate(document)


def test_a_run_reads_the_snapshot_it_names(data: Data) -> None:
    _, now, newest = bars_of(_settings(data.store), "ACME")
    _, then, pinned = bars_of(_settings(data.store, snapshot="first"), "ACME")
    assert now.close.tolist() == [100.0, 101.0, 102.5, 103.0]
    assert then.close.tolist() == [100.0, 101.0, 102.0, 103.0]
    assert newest.fingerprint != pinned.fingerprint == data.json("snapshots")[0]["pins"][0]["digest"]
    with pytest.raises(TradewrightError, match="no snapshot 'other'"):
        bars_of(_settings(data.store, snapshot="other"), "ACME")
