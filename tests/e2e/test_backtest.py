from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.architecture.test_readme_commands import command_lines

from tradewright.services.demo import import_sample

Run = Callable[..., subprocess.CompletedProcess[str]]

OWN = """
from tradewright.strategies.signals import WEIGHT, target

def decide(row, forecast, account, params, signals):
    if account.price < 97.0 and account.position == 0.0:
        target(signals, 0.5, WEIGHT)
    elif account.price > 103.0 and account.position > 0.0:
        target(signals, 0.0)
"""


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def without_clock(manifest: bytes) -> dict[str, Any]:
    values = json.loads(manifest)
    assert values.pop("wall_clock")
    return dict(values)


def test_the_same_run_twice_gives_the_same_bytes(tw: Run, place: Path) -> None:
    for name in ("a", "b"):
        done = tw("backtest", "run.yaml", "--out", name)
        assert done.returncode == 0, done.stderr
    a, b = files(place / "a"), files(place / "b")
    assert without_clock(a.pop("manifest.json")) == without_clock(b.pop("manifest.json"))
    assert a == b
    assert {"config.yaml", "metrics.json", "report.html", "orders.parquet", "trades.csv", "fingerprint"} <= set(a)


def test_both_paths_and_the_resolved_config_give_one_fingerprint(tw: Run) -> None:
    loop = tw("backtest", "run.yaml", "--json", "--no-report", "--out", "loop")
    session = tw("backtest", "run.yaml", "--json", "--no-report", "--path", "session", "--out", "session")
    again = tw("backtest", "loop/config.yaml", "--json", "--no-report", "--out", "again")
    documents = [json.loads(d.stdout) for d in (loop, session, again)]
    assert len({d["fingerprint"] for d in documents}) == 1
    assert documents[0]["metrics"]["performance"]["trades"] > 3
    assert documents[0]["manifest"]["inputs"] == documents[2]["manifest"]["inputs"]
    assert documents[0]["report"] is None


def test_a_strategy_of_ones_own_is_kept_with_the_run(tw: Run, place: Path) -> None:
    (place / "own.py").write_text(OWN, encoding="utf-8")
    done = tw("backtest", "--strategy", "own.py", "--data", "ACME@1h", "--json")
    document = json.loads(done.stdout)
    folder = place / document["run"]
    assert folder.parent.name == "runs"
    assert (folder / "strategy.py").read_text(encoding="utf-8") == OWN
    assert document["metrics"]["counters"]["fills"] > 2
    assert [p.name for p in (place / "runs").iterdir()] == [folder.name]


def test_option_beats_environment_beats_file(tw: Run, place: Path) -> None:
    set_twice = {"TRADEWRIGHT_STRATEGY__PARAMS__SLOW": "30", "TRADEWRIGHT_STRATEGY__PARAMS__FAST": "20"}
    done = tw("backtest", "run.yaml", "--set", "fast=5", "--no-report", "--out", "run", **set_twice)
    assert done.returncode == 0, done.stderr
    config = (place / "run" / "config.yaml").read_text(encoding="utf-8")
    assert "fast: 5" in config
    assert "slow: 30" in config


def test_compare_and_report_and_list(tw: Run, place: Path) -> None:
    tw("backtest", "run.yaml", "--out", "runs/a")
    tw("backtest", "run.yaml", "--out", "runs/b", "--set", "instruments.ACME.fees.taker_bps=80")
    assert tw("compare", "a", "a").returncode == 0
    worse = tw("compare", "a", "b", "--json")
    document = json.loads(worse.stdout)
    assert worse.returncode == 1
    assert document["regression"]
    assert "instruments.ACME.fees.taker_bps" in [i["name"] for i in document["inputs"]]
    assert tw("compare", "a", "b", "--tolerance", "1000").returncode == 0
    before = (place / "runs" / "a" / "report.html").read_bytes()
    assert tw("report", "runs/a").returncode == 0
    assert (place / "runs" / "a" / "report.html").read_bytes() == before
    listed = json.loads(tw("runs", "list", "--json").stdout)
    assert [Path(r["run"]).name for r in listed] == ["a", "b"]


def test_a_new_strategy_runs_as_it_is_in_both_kinds(tw: Run, place: Path) -> None:
    assert tw("new", "strategy", "one").returncode == 0
    assert tw("new", "strategy", "two", "--python").returncode == 0
    fingerprints = set()
    for name in ("one", "two"):
        text = (place / f"{name}.py").read_text(encoding="utf-8")
        assert len(text.splitlines()) < 40
        done = tw("backtest", "--strategy", f"{name}.py", "--data", "ACME", "--json", "--no-report")
        assert done.returncode == 0, done.stderr
        fingerprints.add(json.loads(done.stdout)["fingerprint"])
    assert len(fingerprints) == 1
    refused = tw("new", "strategy", "one")
    assert refused.returncode == 2
    assert "one.py" in refused.stderr


def test_the_strategy_of_the_readme_runs_as_shown(tw: Run, place: Path) -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    section = text.partition("## Your own strategy")[2].partition("\n## ")[0]
    import_sample(place / ".tradewright" / "store")
    shown = list(command_lines(section))
    assert len(shown) == 2
    for _, *words in shown:
        done = tw(*words)
        assert done.returncode == 0, done.stderr
    source = section.partition("```python\n")[2].partition("```")[0]
    (place / "shown.py").write_text(source, encoding="utf-8")
    done = tw("backtest", "--strategy", "shown.py", "--data", "EURUSD@1h", "--no-report", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metrics"]["counters"]["fills"] > 0


def test_data_commands_print_one_document(tw: Run) -> None:
    assert [d["symbol"] for d in json.loads(tw("data", "list", "--json").stdout)] == ["ACME"]
    assert json.loads(tw("data", "show", "ACME", "--json").stdout)[0]["rows"] == 240
    assert json.loads(tw("data", "check", "ACME", "--json").stdout)["findings"] == []
    assert json.loads(tw("strategies", "list", "--json").stdout)[0]["parameters"]
