"""`tradewright features` from outside."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.e2e.conftest import Run

MINE = """
from tradewright.core.kernel.compiled import inlined
from tradewright.core.types.feature import Feature


@inlined
def step(state, params, fields, i):
    return float(fields[3, i] * params[0])


def mine(factor):
    return Feature("mine.v1", step, (float(factor),), (), 0)
"""
SET = "features:\n  fast: ema(5)\n  z: zscore(20, log_return(1))\n  mine: mine.py:mine(2)\n"
PIPELINE = """
import polars as pl


def compute(frame):
    close = pl.col("close")
    return frame.with_columns(good=close.rolling_mean(5), bad=close.rolling_mean(5, center=True))
"""


def test_build_list_show_and_a_feature_whose_code_changed(tw: Run, place: Path) -> None:
    (place / "set.yaml").write_text(SET, encoding="utf-8")
    (place / "mine.py").write_text(MINE, encoding="utf-8")
    built = []
    for text in (MINE, MINE, MINE.replace("* params[0]", "/ params[0]")):
        (place / "mine.py").write_text(text, encoding="utf-8")
        done = tw("features", "build", "ACME", "--timeframe", "1h", "--set", "set.yaml", "--json")
        assert done.returncode == 0, done.stderr
        built.append(json.loads(done.stdout))
    assert [b["reused"] for b in built] == [False, True, False]
    assert built[0]["key"] == built[1]["key"] != built[2]["key"]
    assert built[0]["rows"] == 240
    assert abs(built[0]["built_ns"] - time.time_ns()) < 600 * 10**9
    listed = json.loads(tw("features", "list", "--json").stdout)
    assert {t["key"] for t in listed["tables"]} == {b["key"] for b in built}
    shown = json.loads(tw("features", "show", built[2]["key"][:8], "--json").stdout)
    assert [one["sound"] for one in shown] == [True]
    assert [c["feature"] for c in shown[0]["columns"]][-1] == "mine.v1(2)"
    last = float((place / "acme.csv").read_text().splitlines()[-1].split(",")[4])
    assert shown[0]["newest"]["mine"] == last / 2

    (file,) = (place / ".tradewright/store/features/ACME/1h").glob(f"{built[2]['key']}*")
    file.write_bytes(file.read_bytes()[:100])
    again = tw("features", "build", "ACME@1h", "--set", "set.yaml")
    assert "note: " in again.stdout
    assert "built again" in again.stdout


def test_check_passes_a_clean_set_and_names_feature_and_bar_of_a_leak(tw: Run, place: Path) -> None:
    (place / "set.yaml").write_text("features:\n  fast: ema(5)\n  ret: log_return(1)\n", encoding="utf-8")
    done = tw("features", "check", "ACME", "--set", "set.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no leak found" in done.stdout
    (place / "pipe.py").write_text(PIPELINE, encoding="utf-8")
    done = tw("features", "check", "ACME", "--pipeline", "pipe.py")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "leak: bad at bar 2" in done.stdout
    assert "good at bar" not in done.stdout
    done = tw("features", "check", "ACME", "--pipeline", "pipe.py", "--json", "--horizon", "0")
    (report,) = json.loads(done.stdout)
    found = {(f["feature"], v["detector"]) for v in report["verdicts"] for f in v["findings"]}
    assert ("bad", "truncation") in found
    assert {feature for feature, _ in found} == {"bad"}


def test_the_table_of_planted_leaks(tw: Run) -> None:
    done = tw("features", "check", "--demo-leaks", "--json")
    assert done.returncode == 0, done.stderr
    table = json.loads(done.stdout)
    assert len(table) == 9
    assert all(row["caught_by"] and not row["twin_accused_by"] for row in table)


def test_wrong_calls_are_told_and_leave_nothing(tw: Run, place: Path) -> None:
    for words, message in (
        (("build", "NOBODY"), "unknown instrument"),
        (("check", "ACME", "--pipeline", "pipe.py"), "no such Python file"),
    ):
        done = tw("features", *words)
        assert done.returncode == 2, (words, done.stderr)
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    assert not (place / ".tradewright/store/features").exists()
